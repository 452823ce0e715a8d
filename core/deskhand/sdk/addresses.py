"""Where a connector may connect to: public addresses only, checked on the very address that is dialled."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from ssl import SSLContext
from typing import TypeAlias

import httpcore
import httpx

from deskhand.sdk.errors import ConfigurationError

Address: TypeAlias = IPv4Address | IPv6Address

TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""Networks whose last 32 bits are an IPv4 address (RFC 6052, section 2.1; RFC 4291, section 2.5.5.1)."""


def is_public(address: Address) -> bool:
    """Tell whether an address is on the public internet, also where it hides an IPv4 address inside IPv6."""
    if isinstance(address, IPv6Address):
        if address.is_site_local:
            return False
        hidden = [each for each in _hidden(address) if each is not None]
        if hidden:
            return all(is_public(each) for each in hidden)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _hidden(address: IPv6Address) -> Iterator[IPv4Address | None]:
    yield address.ipv4_mapped
    yield address.sixtofour
    yield from address.teredo or ()
    for network in TRANSLATED:
        if address in network:
            yield IPv4Address(int(address) & 0xFFFFFFFF)


class GuardedBackend(httpcore.NetworkBackend):
    """Dials only what it has checked: a name is resolved once, and the address that passed is the one connected to.

    So a name that resolves to something else a moment later (DNS rebinding) gains nothing. TLS still verifies
    the name. Raises ConfigurationError for an address that is not public, unless those are allowed.
    """

    def __init__(self, *, allow_private_addresses: bool, answer_seconds: float) -> None:
        self._allow_private_addresses = allow_private_addresses
        self._answer_seconds = answer_seconds
        self._dialler = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first checked address that answers; all of them together have ``timeout`` seconds."""
        ends = time.monotonic() + (timeout if timeout is not None else self._answer_seconds)
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._checked(host, port):
            remaining = max(ends - time.monotonic(), 0.001)
            try:
                stream = self._dialler.connect_tcp(address, port, remaining, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return BoundedStream(stream, self._answer_seconds)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} does not resolve: {error}") from error
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not self._allow_private_addresses:
            for address in addresses:
                if not is_public(ip_address(address)):
                    raise ConfigurationError(
                        f"{host} is at {address}, which is not a public address; "
                        "set allow_private_addresses to true for this connector if that is meant"
                    )
        return addresses


class BoundedStream(httpcore.NetworkStream):
    """A connection on which a whole answer, not just each piece of it, arrives within ``seconds`` of the request."""

    def __init__(
        self, stream: httpcore.NetworkStream, seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._seconds = seconds
        self._monotonic = monotonic
        self._ends = monotonic() + seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read a piece; ReadTimeout once the time for the whole answer is over."""
        remaining = self._ends - self._monotonic()
        if remaining <= 0:
            raise httpcore.ReadTimeout(f"no complete answer within {self._seconds:g} s")
        return self._stream.read(max_bytes, remaining if timeout is None else min(timeout, remaining))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write a piece of a request, and start the clock of its answer."""
        self._stream.write(buffer, timeout)
        self._ends = self._monotonic() + self._seconds

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on under TLS, with the same bound."""
        return BoundedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._seconds)

    def get_extra_info(self, info: str) -> object:
        """Ask the connection underneath."""
        return self._stream.get_extra_info(info)


class GuardedTransport(httpx.BaseTransport):
    """An httpx transport that ignores proxies of the environment and dials through GuardedBackend."""

    def __init__(self, *, allow_private_addresses: bool, answer_seconds: float, secure: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context() if secure else None,
            max_connections=20,
            keepalive_expiry=30.0,
            network_backend=GuardedBackend(
                allow_private_addresses=allow_private_addresses, answer_seconds=answer_seconds
            ),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; errors are httpx's own."""
        url = request.url
        with _as_httpx_errors():
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=dict(answer.extensions)
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error)) from error
