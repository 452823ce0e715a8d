"""ConnectWise's OpenAPI document as a judge of requests and answers that went over a socket."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse
from tests.repository import SHARED

DOCUMENT = SHARED / "vendors" / "connectwise" / "openapi.json"
needs_document = pytest.mark.skipif(not DOCUMENT.is_file(), reason=f"{DOCUMENT} is not part of the repository")
ROOT = "/apis/3.0"
MEDIA_TYPE = "application/vnd.connectwise.com+json"
UNDECLARED = {"POST /service/tickets/search": frozenset({"pageSize", "pageId"})}
"""The document, derived from a client, forgets that a search is paged like any other listing."""


class Specification:
    def __init__(self) -> None:
        document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        server = urlsplit(document["servers"][0]["url"])
        self._host, self._root = f"{server.scheme}://{server.netloc}", server.path
        self._paths: Mapping[str, Any] = document["paths"]
        self._api = OpenAPI.from_dict(
            document, config=Config(spec_validator_cls=None, extra_media_type_deserializers={MEDIA_TYPE: _loads})
        )

    def operation(self, request: SimulatedRequest) -> str:
        """Name the operation a request is, as ``METHOD /path/{parameter}``."""
        given = _inner(request).split("/")
        fitting = [path for path in self._paths if _fits(path.split("/"), given)]
        assert fitting, f"{_inner(request)} is not in the document"
        return f"{request.method} {min(fitting, key=lambda path: path.count('{'))}"

    def judge_request(self, request: SimulatedRequest) -> None:
        """Raise OpenAPIError where a request is not what the document says."""
        self._api.validate_request(self._as_request(request))
        method, _, path = self.operation(request).partition(" ")
        declared = {each["name"] for each in self._paths[path][method.lower()]["parameters"] if each["in"] == "query"}
        undeclared = request.query.keys() - declared - UNDECLARED.get(self.operation(request), frozenset())
        if undeclared:
            raise OpenAPIError(f"undeclared parameters: {undeclared}")

    def judge_answer(self, request: SimulatedRequest, response: SimulatedResponse) -> None:
        """Raise OpenAPIError where an answer is not what the document says."""
        answer = MockResponse(
            response.body, response.status, dict(response.headers), response.headers.get("Content-Type", "")
        )
        self._api.validate_response(self._as_request(request), answer)

    def _as_request(self, request: SimulatedRequest) -> MockRequest:
        return MockRequest(
            self._host,
            request.method.lower(),
            f"{self._root}{_inner(request)}",
            args={name: values[0] for name, values in request.query.items()},
            headers=dict(request.headers),
            data=request.body or None,
            content_type=request.headers.get("content-type", ""),
        )


@cache
def specification() -> Specification:
    return Specification()


def is_judged(request: SimulatedRequest) -> bool:
    """Tell API requests from those the document leaves out: company information and the signing key."""
    return ROOT in request.path


def _loads(body: bytes, **_parameters: str) -> Any:  # noqa: ANN401  # any JSON
    return json.loads(body)


def _inner(request: SimulatedRequest) -> str:
    return request.path.partition(ROOT)[2]


def _fits(pattern: list[str], given: list[str]) -> bool:
    if len(pattern) != len(given):
        return False
    return all(
        one == other or (one.startswith("{") and other.isdecimal()) for one, other in zip(pattern, given, strict=True)
    )
