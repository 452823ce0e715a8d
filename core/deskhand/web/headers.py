"""What every answer carries, and from where the console may be asked at all."""

import ipaddress
import re
import secrets
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH = "/healthz"
CALLBACKS = "/callbacks/"
"""With HEALTH all that answers a client under any name: liveness and authentic callbacks."""
STATIC = "/static/"

NONCE = "deskhand.nonce"
FRAMERS = "deskhand.framers"
"""Keys of a request's scope: the nonce of its answer, and who may frame that answer."""

_PASSED_ON = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
"""A request with one of these was made somewhere else, whoever brought it here."""

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@/]+))(?::[0-9]{1,5})?", re.IGNORECASE)


def content_security_policy(nonce: str, framers: Sequence[str] = ()) -> str:
    """Return the policy of one answer: our own files, scripts that carry the nonce, and nothing inline."""
    framed_by = " ".join(framers) or "'none'"
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {framed_by}; "
        "require-trusted-types-for 'script'; trusted-types htmx"
    )


class SecurityHeaders:
    """Adds the security headers to every answer; nothing may be around it, so that errors have them too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a nonce, and add headers to the start of the answer."""
        scope[NONCE], scope[FRAMERS] = secrets.token_urlsafe(18), ()

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message), scope, message["status"])
            await send(message)

        await self._app(scope, receive, with_headers)


def _add(headers: MutableHeaders, scope: Scope, status: int) -> None:
    is_file = scope.get("path", "").startswith(STATIC) and status in {200, 304}
    headers["content-security-policy"] = content_security_policy(scope[NONCE], scope[FRAMERS])
    headers["referrer-policy"] = "same-origin"
    headers["x-content-type-options"] = "nosniff"
    headers["cache-control"] = "private, max-age=86400" if is_file else "no-store"
    headers["cross-origin-opener-policy"] = "same-origin"
    headers["cross-origin-resource-policy"] = "same-origin"
    if scope["scheme"] == "https":
        headers["strict-transport-security"] = "max-age=31536000"


class KnownHosts:
    """Answers 403 for anything but health and callbacks unless asked on this machine, or by HTTPS under a set name.

    The Host header is checked so that a web page elsewhere cannot read the console by rebinding its own name, and
    what a proxy passed on is refused, because a proxy on this machine would speak for the whole world.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(each.lower() for each in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on."""
        if scope["type"] != "http" or _is_open_to_all(scope["path"]) or is_local(scope) or self._is_known(scope):
            await self._app(scope, receive, send)
        else:
            await _REFUSAL(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        return scope["scheme"] == "https" and not _is_passed_on(scope) and _asked_for(scope) in self._hosts


def is_local(scope: Scope) -> bool:
    """Tell whether a request was made on this machine, under one of its own names, and passed on by nobody."""
    if scope.get("client") is None or _is_passed_on(scope):
        return False
    host = _asked_for(scope)
    return host is not None and _is_loopback(scope["client"][0]) and _is_loopback(host)


_REFUSAL = PlainTextResponse(
    "The console answers on this machine, and under the names in [web] hosts by HTTPS. Open it there, or through an "
    "SSH tunnel.\n",
    403,
)


def _asked_for(scope: Scope) -> str | None:
    """Return the name or address in the request's one Host header, in lower case."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    host = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    return None if host is None else (host["six"] or host["name"]).lower()


def _is_passed_on(scope: Scope) -> bool:
    return any(name in _PASSED_ON for name, _ in scope["headers"])


def _is_open_to_all(path: str) -> bool:
    return path == HEALTH or path.startswith(CALLBACKS)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
