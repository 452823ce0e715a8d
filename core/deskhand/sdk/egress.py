"""Which hosts a plugin may reach: those its manifest declares, and those an administrator wrote into its settings.

It keeps honest plugins to what they said and makes a change of mind visible. It is no wall around hostile code, which
runs in the desk's own process: what may be installed at all is decided by the allow-list and its hashes.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from threading import Lock

from deskhand.sdk.errors import ConfigurationError

HOST_PATTERN = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")
"""A host, or ``*.`` and a domain of two labels or more, in lower case."""

_lock = Lock()
_declared: dict[str, Counter[str]] = {}
_open: Counter[str] = Counter()


@contextmanager
def limited(package: str, hosts: Iterable[str]) -> Iterator[None]:
    """Let the modules of a package reach these hosts and no other, while this lasts; several such add up."""
    added = Counter(host.lower().rstrip(".") for host in hosts)
    with _lock:
        _declared[package] = _declared.get(package, Counter()) + added
        _open[package] += 1
    try:
        yield
    finally:
        with _lock:
            _declared[package] -= added
            _open[package] -= 1
            if not _open[package]:
                del _declared[package], _open[package]


def check(host: str, *, allow_private_addresses: bool, depth: int = 1) -> None:
    """Refuse a host that the package of the calling module may not reach. Raises ConfigurationError.

    ``depth`` is how many frames up the caller is whose module counts. Loopback is free to all who may reach private
    addresses: that is where a rehearsal's simulators are.
    """
    package = calling_package(depth + 1)
    with _lock:
        declared = _declared.get(package)
        allowed = None if declared is None else tuple(declared)
    name = host.lower().rstrip(".")
    if allowed is None or any(_fits(name, each) for each in allowed):
        return
    if allow_private_addresses and is_loopback(name):
        return
    raise ConfigurationError(
        f"{name} is not among the hosts {package} declares ({', '.join(sorted(allowed)) or 'none'}): "
        "if that is meant, its manifest has to say so"
    )


def calling_package(depth: int = 1) -> str:
    """Name the package of a calling module, ``depth`` frames above whoever asks."""
    return str(sys._getframe(depth + 1).f_globals.get("__name__", "")).partition(".")[0]  # noqa: SLF001  # as warnings does


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _fits(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
