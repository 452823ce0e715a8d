"""Requests to the application from any address under any name, without a socket."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import httpx
from starlette.types import ASGIApp

Headers = Mapping[str, str] | Sequence[tuple[str, str]]

DOCUMENT = {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": "none"}
"""What a browser says of an address that a person typed."""


@dataclass(frozen=True)
class Browser:
    """Sends each request on a connection of its own, as a browser does; an error of the application is its answer."""

    app: ASGIApp
    address: str = "127.0.0.1"
    name: str = "127.0.0.1:8484"
    token: str = ""
    csrf: str = ""
    scheme: str = "http"

    def request(
        self, method: str, path: str, *, headers: Headers | None = None, content: bytes | None = None
    ) -> httpx.Response:
        """Send a request with no more than the session's cookie and these headers."""
        return asyncio.run(self._request(method, path, headers, content))

    def get(self, path: str, *, headers: Headers | None = None) -> httpx.Response:
        """Go to an address."""
        return self.request("GET", path, headers=DOCUMENT if headers is None else headers)

    def post(self, path: str, *, content: bytes, headers: Headers | None = None) -> httpx.Response:
        """Send a body."""
        return self.request("POST", path, headers=headers, content=content)

    def submit(
        self, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a form of one of our own pages."""
        body = urlencode({"csrf": self.csrf, **(fields or {})}).encode()
        return self.request("POST", path, headers={**self.own_page, **(headers or {})}, content=body)

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.name}"

    @property
    def own_page(self) -> dict[str, str]:
        """What a browser says of a form on one of our own pages."""
        return {
            **DOCUMENT,
            "sec-fetch-site": "same-origin",
            "origin": self.origin,
            "content-type": "application/x-www-form-urlencoded",
        }

    async def _request(self, method: str, path: str, headers: Headers | None, content: bytes | None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.address, 50_000))
        written = "".join(each if each.isascii() else quote(each) for each in path)
        url = httpx.URL(f"{self.origin}").copy_with(raw_path=written.encode())
        sent = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
        if self.token:
            cookie = "__Host-deskhand" if self.scheme == "https" else "deskhand-session"
            sent.append(("cookie", f"{cookie}={self.token}"))
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            return await client.request(method, url, headers=sent, content=content)
