"""Requests to the application from any address under any name, without a socket."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Browser:
    """Sends each request on a connection of its own; an error of the application becomes its answer."""

    app: ASGIApp
    address: str = "127.0.0.1"
    name: str = "127.0.0.1:8484"

    def request(
        self, method: str, path: str, *, headers: Headers | None = None, content: bytes | None = None
    ) -> httpx.Response:
        return asyncio.run(self._request(method, path, headers, content))

    def get(self, path: str, *, headers: Headers | None = None) -> httpx.Response:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, *, content: bytes, headers: Headers | None = None) -> httpx.Response:
        return self.request("POST", path, headers=headers, content=content)

    async def _request(self, method: str, path: str, headers: Headers | None, content: bytes | None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.address, 50_000))
        written = "".join(each if each.isascii() else quote(each) for each in path)
        url = httpx.URL(f"http://{self.name}").copy_with(raw_path=written.encode())
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            return await client.request(method, url, headers=headers, content=content)
