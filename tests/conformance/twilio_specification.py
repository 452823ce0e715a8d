"""Twilio's OpenAPI documents as judges of requests and answers that went over a socket."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse
from tests.repository import SHARED

FOLDER = SHARED / "vendors" / "twilio"
DOCUMENTS = {"/2010-04-01": "openapi-v2010.json", "/v2": "openapi-verify-v2.json"}
needs_documents = pytest.mark.skipif(
    not all((FOLDER / name).is_file() for name in DOCUMENTS.values()), reason=f"{FOLDER} is not part of the repository"
)
FORM = "application/x-www-form-urlencoded"


class Specification:
    """One of the two documents; only the paths that are spoken to are kept, as reading all takes seconds."""

    def __init__(self, root: str) -> None:
        document = json.loads((FOLDER / DOCUMENTS[root]).read_text(encoding="utf-8"))
        wanted = ("/Messages.json", "/Messages/{Sid}.json", "/v2/Attempts", "/v2/Services/{")
        self._paths: Mapping[str, Any] = {
            path: value for path, value in document["paths"].items() if any(each in path for each in wanted)
        }
        self._host = next(iter(self._paths.values()))["servers"][0]["url"]
        kept = {**document, "paths": self._paths}
        self._api = OpenAPI.from_dict(kept, config=Config(spec_validator_cls=None))

    def operation(self, request: SimulatedRequest) -> str:
        """Name the operation a request is, as ``METHOD /path/{parameter}``."""
        given = request.path.split("/")
        fitting = [path for path in self._paths if _fits(path.split("/"), given)]
        assert fitting, f"{request.path} is not in the document"
        return f"{request.method} {min(fitting, key=lambda path: path.count('{'))}"

    def judge_request(self, request: SimulatedRequest) -> None:
        """Raise OpenAPIError where a request is not what the document says."""
        self._api.validate_request(self._as_request(request))
        method, _, path = self.operation(request).partition(" ")
        operation = self._paths[path][method.lower()]
        declared = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
        fields: set[str] = set()
        if "requestBody" in operation:
            fields = set(operation["requestBody"]["content"][FORM]["schema"]["properties"])
        undeclared = (request.query.keys() - declared) | (fields_of(request).keys() - fields)
        if undeclared:
            raise OpenAPIError(f"undeclared: {undeclared}")

    def judge_answer(self, request: SimulatedRequest, response: SimulatedResponse) -> None:
        """Raise OpenAPIError where an answer is not what the document says, or has a member it does not know."""
        answer = MockResponse(
            response.body, response.status, dict(response.headers), response.headers.get("Content-Type", "")
        )
        self._api.validate_response(self._as_request(request), answer)

    def _as_request(self, request: SimulatedRequest) -> MockRequest:
        return MockRequest(
            self._host,
            request.method.lower(),
            request.path,
            args={name: values[0] for name, values in request.query.items()},
            headers=dict(request.headers),
            data=request.body or None,
            content_type=request.headers.get("content-type", ""),
        )


def fields_of(request: SimulatedRequest) -> dict[str, str]:
    """Read the form a request carries."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


@cache
def _specification(root: str) -> Specification:
    return Specification(root)


def specification(request: SimulatedRequest) -> Specification:
    """Return the document a request is judged by."""
    return _specification(next(root for root in DOCUMENTS if request.path.startswith(f"{root}/")))


def _fits(pattern: list[str], given: list[str]) -> bool:
    if len(pattern) != len(given):
        return False
    return all(_is_same(one, other) for one, other in zip(pattern, given, strict=True))


def _is_same(pattern: str, given: str) -> bool:
    if not pattern.startswith("{"):
        return pattern == given
    ending = pattern.partition("}")[2]
    return given.endswith(ending) and (bool(ending) or not given.endswith(".json"))
