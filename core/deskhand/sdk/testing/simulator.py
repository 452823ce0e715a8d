"""What a simulator is: the vendor in miniature, one function from a request to a response."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import ClassVar, Protocol, Self, TypeAlias, TypeVar
from urllib.parse import unquote

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A request as it came over the socket.

    ``path`` is still percent-encoded and has no query; header names are lower case; ``query`` keeps repeats and blanks.
    """

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> JsonValue:
        """Read the body as JSON; ValueError where it is none."""
        value: JsonValue = json.loads(self.body)
        return value

    def parameter(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        return self.query.get(name, (default,))[0]


@dataclass(frozen=True, slots=True)
class SimulatedResponse:
    """A response as it goes over the socket; the host adds Content-Length and Date."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, value: object, headers: Mapping[str, str] | None = None) -> Self:
        """Answer with a value as JSON, ``Content-Type: application/json``."""
        body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})


class Simulator(Protocol):
    """Anything that can stand for a vendor. The host calls it from one thread at a time: it needs no locks."""

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        """Answer a request and change the simulator's state as the vendor would change its own."""
        ...


Deliver: TypeAlias = Callable[[str, Mapping[str, str], bytes], None]
"""Posts a callback: address, headers, body. Returns at once; the host sends it after the answer under way."""

Handler: TypeAlias = Callable[..., SimulatedResponse]
H = TypeVar("H", bound=Handler)

ROUTES = "__simulated_routes__"


def route(method: str, pattern: str) -> Callable[[H], H]:
    """Mark a method of a RoutedSimulator as the answer to ``method`` on ``pattern``.

    ``{name}`` in the pattern stands for one path segment, given to the method, decoded, by that name. Marks stack.
    """

    def mark(handler: H) -> H:
        setattr(handler, ROUTES, (*getattr(handler, ROUTES, ()), (method, pattern)))
        return handler

    return mark


@dataclass(frozen=True, slots=True)
class Route:
    """One marked method: the segments it answers to and its name."""

    method: str
    segments: tuple[str, ...]
    handler: str

    def parameters(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the pattern's parameters, or None where the path is another one."""
        found = {}
        for expected, given in zip(self.segments, segments, strict=True):
            if expected.startswith("{"):
                found[expected[1:-1]] = unquote(given)
            elif expected != given:
                return None
        return found


def _lose(_url: str, _headers: Mapping[str, str], _body: bytes) -> None:
    """Stand in for a host while there is none."""


class RoutedSimulator:
    """A simulator made of marked methods: ``method(self, request, **path_parameters)``.

    Fixed segments win over parameters. An unknown path is 404 and an unknown method 405, both in the vendor's words
    where ``refuse`` is overridden. ``deliver`` posts callbacks once a host runs the simulator; before, they are lost.
    """

    routes: ClassVar[Mapping[int, tuple[Route, ...]]] = {}
    deliver: Deliver = staticmethod(_lose)

    def __init_subclass__(cls) -> None:
        """Collect the marked methods, those of parents included, the most specific first."""
        handlers = {name: getattr(cls, name) for name in dir(cls) if name != "routes"}
        marked = [
            Route(method, tuple(pattern.strip("/").split("/")), name)
            for name, handler in handlers.items()
            for method, pattern in getattr(handler, ROUTES, ())
        ]
        marked.sort(key=lambda each: [segment.startswith("{") for segment in each.segments])
        lengths = {len(each.segments) for each in marked}
        cls.routes = {length: tuple(each for each in marked if len(each.segments) == length) for length in lengths}

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        """Answer by the marked method that fits."""
        segments = tuple(request.path.strip("/").split("/"))
        allowed = []
        for each in self.routes.get(len(segments), ()):
            parameters = each.parameters(segments)
            if parameters is not None and each.method == request.method:
                handler: Handler = getattr(self, each.handler)
                return handler(request, **parameters)
            if parameters is not None:
                allowed.append(each.method)
        return self.refuse(request, tuple(sorted(allowed)))

    def refuse(self, request: SimulatedRequest, allowed: tuple[str, ...]) -> SimulatedResponse:
        """Answer what no method fits; ``allowed`` are the methods this path knows, empty where it knows none."""
        if allowed:
            headers = {"Allow": ", ".join(allowed)}
            return SimulatedResponse.json(
                HTTPStatus.METHOD_NOT_ALLOWED, {"message": f"{request.method} is not allowed"}, headers
            )
        return SimulatedResponse.json(HTTPStatus.NOT_FOUND, {"message": "no such resource"})
