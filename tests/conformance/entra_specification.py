"""Graph's OpenAPI document as a judge of requests and answers that went over a socket."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse
from tests.repository import SHARED

DOCUMENT = SHARED / "vendors" / "entra" / "openapi.json"
needs_document = pytest.mark.skipif(not DOCUMENT.is_file(), reason=f"{DOCUMENT} is not part of the repository")
HOST, ROOT = "https://graph.microsoft.com", "/v1.0"
PASSES = "/users/{user-id}/authentication/temporaryAccessPassMethods"
ONE_PASS = PASSES + "/{temporaryAccessPassAuthenticationMethod-id}"
ONE_CODE_APP = "/users/{user-id}/authentication/softwareOathMethods/{softwareOathAuthenticationMethod-id}"
ONE_METHOD = "/users/{user-id}/authentication/phoneMethods/{phoneAuthenticationMethod-id}"
FOLLOWED = frozenset({"$skiptoken"})
"""Part of the address of a next page, which the vendor wrote and a client follows as it is."""
EMPTY = "PATCH /users/{user-id}"
"""The document, of 2023, has a user's change answered with the user; the service answers 204 with nothing."""


class Specification:
    def __init__(self) -> None:
        document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        self._paths: dict[str, Any] = document["paths"]
        for path in (ONE_PASS, ONE_CODE_APP):
            self._paths[path] = _deletion_of(path, self._paths[ONE_METHOD]["delete"])
        self._shared: dict[str, Any] = document["components"]["parameters"]
        _ignore_discriminators(document["components"]["schemas"])
        self._api = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))

    def operation(self, request: SimulatedRequest) -> str:
        """Name the operation a request is, as ``METHOD /path/{parameter}``."""
        given = request.path.removeprefix(ROOT).split("/")
        fitting = [path for path in self._paths if _fits(path.split("/"), given)]
        assert fitting, f"{request.path} is not in the document"
        return f"{request.method} {min(fitting, key=lambda path: path.count('{'))}"

    def judge_request(self, request: SimulatedRequest) -> None:
        """Raise OpenAPIError where a request is not what the document says."""
        self._api.validate_request(self._as_request(request))
        method, _, path = self.operation(request).partition(" ")
        undeclared = request.query.keys() - FOLLOWED - self._declared(path, method.lower())
        if undeclared:
            raise OpenAPIError(f"undeclared parameters: {undeclared}")

    def judge_answer(self, request: SimulatedRequest, response: SimulatedResponse) -> None:
        """Raise OpenAPIError where an answer is not what the document, or the service, says."""
        if self.operation(request) == EMPTY and response.status < 300:
            if response.status != 204 or response.body:
                raise OpenAPIError("a user's change is answered with nothing")
            return
        if response.status == 204 and response.body:
            raise OpenAPIError("204 has no body")
        answer = MockResponse(
            response.body, response.status, dict(response.headers), response.headers.get("Content-Type", "")
        )
        self._api.validate_response(self._as_request(request), answer)

    def _declared(self, path: str, method: str) -> set[str]:
        every = self._paths[path][method].get("parameters", []) + self._paths[path].get("parameters", [])
        described = [self._shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in every]
        return {each["name"] for each in described if each["in"] == "query"}

    def _as_request(self, request: SimulatedRequest) -> MockRequest:
        return MockRequest(
            HOST,
            request.method.lower(),
            request.path,
            args={name: values[0] for name, values in request.query.items()},
            headers=dict(request.headers),
            data=request.body or None,
            content_type=request.headers.get("content-type", ""),
        )


@cache
def specification() -> Specification:
    return Specification()


def is_judged(request: SimulatedRequest) -> bool:
    """Tell Graph's requests from those to the authority, which another document describes."""
    return request.path.startswith(f"{ROOT}/")


def _deletion_of(path: str, deletion: Mapping[str, Any]) -> dict[str, Any]:
    """Write an operation the document of 2023 lacks, after the deletion of its sister, the phone method."""
    parameter = {"in": "path", "name": path.rpartition("{")[2][:-1], "required": True, "schema": {"type": "string"}}
    user = {"in": "path", "name": "user-id", "required": True, "schema": {"type": "string"}}
    return {"delete": {"parameters": [parameter], "responses": deletion["responses"]}, "parameters": [user]}


def _ignore_discriminators(schemas: dict[str, Any]) -> None:
    """Judge each record by the type its operation declares: the field that would tell another is mostly left out."""
    for schema in schemas.values():
        for part in [schema, *schema.get("allOf", [])]:
            part.pop("discriminator", None)


def _fits(pattern: list[str], given: list[str]) -> bool:
    if len(pattern) != len(given):
        return False
    return all(one == other or one.startswith("{") for one, other in zip(pattern, given, strict=True))
