"""What every answer carries, and who may see the console."""

import ipaddress
import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types deskhand"
)

_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

HEALTH = "/healthz"
CALLBACKS = "/callbacks/"
"""With HEALTH all that answers a client that is not on this machine: liveness and authentic callbacks."""

_PASSED_ON = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
"""A request with one of these was made somewhere else, whoever brought it here."""

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@/]+))(?::[0-9]{1,5})?", re.IGNORECASE)


class SecurityHeaders:
    """Adds the security headers to every answer; nothing may be around it, so that errors have them too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add headers to the start of the answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)


class LoopbackConsole:
    """Answers 403 for anything but health and callbacks unless the request is this machine's own.

    The Host header is checked so that a web page elsewhere cannot read the console by rebinding its own name, and
    what a proxy passed on is refused, because a proxy on this machine would speak for the whole world.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on."""
        if scope["type"] != "http" or _is_open_to_all(scope["path"]) or is_local(scope):
            await self._app(scope, receive, send)
        else:
            await _REFUSAL(scope, receive, send)


def is_local(scope: Scope) -> bool:
    """Tell whether a request was made on this machine, under one of its own names, and passed on by nobody."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if scope.get("client") is None or len(hosts) != 1 or any(name in _PASSED_ON for name, _ in headers):
        return False
    host = _HOST.fullmatch(hosts[0])
    return host is not None and _is_loopback(scope["client"][0]) and _is_loopback(host["six"] or host["name"])


_REFUSAL = PlainTextResponse("The console answers on this machine only. Open it through an SSH tunnel.\n", 403)


def _is_open_to_all(path: str) -> bool:
    return path == HEALTH or path.startswith(CALLBACKS)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
