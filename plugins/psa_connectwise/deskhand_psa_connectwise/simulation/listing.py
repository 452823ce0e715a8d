"""Listings as the vendor pages them: numbered pages with Link headers, or forward-only by id."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import TypeAlias
from urllib.parse import urlencode

from pydantic import JsonValue

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse
from deskhand_psa_connectwise.simulation.filter_syntax import FilterError
from deskhand_psa_connectwise.simulation.filters import Predicate, compiled, compiled_for_children, field_reader
from deskhand_psa_connectwise.simulation.refusals import malformed
from deskhand_psa_connectwise.simulation.tables import Record, identifier

DEFAULT_PAGE, LARGEST_PAGE = 25, 1000
_NAMES = {
    name.lower(): name for name in ("conditions", "childConditions", "orderBy", "fields", "page", "pageSize", "pageId")
}
Rows: TypeAlias = Callable[[int], Iterable[Record]]
"""Goes through the records with a higher id than the one given, by ascending id."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a listing was asked for; ``address`` is where its pages are."""

    address: str
    parameters: dict[str, str]
    is_forward_only: bool

    @property
    def size(self) -> int:
        """Return how many records a page holds."""
        size = self.number("pageSize", DEFAULT_PAGE)
        if not 1 <= size <= LARGEST_PAGE:
            raise malformed(f"pageSize must be between 1 and {LARGEST_PAGE}")
        return size

    def number(self, name: str, default: int) -> int:
        """Read a whole number that is not negative."""
        text = self.parameters.get(name, "")
        if text and not text.isdecimal():
            raise malformed(f"{name} must be a number")
        return int(text) if text else default

    def link(self, relation: str, **parameters: int) -> str:
        """Return one entry of the Link header; the page's own parameter stands last, as clients expect."""
        others = {name: value for name, value in self.parameters.items() if name not in {"page", "pageId"}}
        return f'<{self.address}?{urlencode({**others, **parameters})}>; rel="{relation}"'

    def passes(self) -> Predicate:
        """Return the filter: all conditions given must hold."""
        try:
            return _all_of(
                [
                    compile_filter(self.parameters[name])
                    for name, compile_filter in (("conditions", compiled), ("childConditions", compiled_for_children))
                    if self.parameters.get(name)
                ]
            )
        except FilterError as error:
            raise malformed(f"conditions: {error}") from None


def query_of(request: SimulatedRequest, origin: str, path: str) -> Query:
    """Read a listing's query; parameter names have any case, as at the vendor's."""
    parameters = {_NAMES.get(name.lower(), name): values[0] for name, values in request.query.items()}
    return Query(origin + path, parameters, request.headers.get("pagination-type", "").lower() == "forward-only")


def listed(query: Query, rows: Rows, *, status: int = HTTPStatus.OK) -> SimulatedResponse:
    """Answer with one page."""
    if query.is_forward_only:
        return _forward_only(query, rows, status)
    passes = query.passes()
    found = _ordered(query, [record for record in rows(0) if passes(record)])
    size, page = query.size, max(1, query.number("page", 1))
    last = max(1, -(-len(found) // size))
    links = [query.link("next", page=page + 1), query.link("last", page=last)] if page < last else []
    links += [query.link("first", page=1), query.link("prev", page=page - 1)] if page > 1 else []
    return _answer(query, found[(page - 1) * size : page * size], status, links)


def counted(query: Query, rows: Rows) -> SimulatedResponse:
    """Answer how many records pass."""
    passes = query.passes()
    return SimulatedResponse.json(HTTPStatus.OK, {"count": sum(1 for record in rows(0) if passes(record))})


def _forward_only(query: Query, rows: Rows, status: int) -> SimulatedResponse:
    if query.parameters.get("orderBy"):
        raise malformed("orderBy cannot be used with forward-only pagination")
    after = query.number("pageId", 0)
    found: list[Record] = list(islice(filter(query.passes(), rows(after)), query.size))
    following = identifier(found[-1]) if found else after
    return _answer(query, found, status, [query.link("next", pageId=following)])


def _answer(query: Query, found: list[Record], status: int, links: list[str]) -> SimulatedResponse:
    fields = [each.strip() for each in query.parameters.get("fields", "").split(",") if each.strip()]
    shown = [_only(record, fields) for record in found] if fields else found
    return SimulatedResponse.json(status, shown, {"Link": ", ".join(links)} if links else None)


def _only(record: Record, fields: Iterable[str]) -> Record:
    shown: Record = {}
    for field in fields:
        first, _, rest = field.partition("/")
        value = record.get(first)
        if rest and isinstance(value, dict):
            known = shown.setdefault(first, {})
            if isinstance(known, dict):
                known.update(_only(value, [rest]))
        elif value is not None:
            shown[first] = value
    return shown


def _ordered(query: Query, found: list[Record]) -> list[Record]:
    for part in reversed([each for each in query.parameters.get("orderBy", "").split(",") if each.strip()]):
        field, _, direction = part.strip().partition(" ")
        found.sort(key=_sort_key(field), reverse=direction.strip().lower() == "desc")
    return found


def _sort_key(field: str) -> Callable[[Record], tuple[int, float, str]]:
    read = field_reader(field)
    return lambda record: _sortable(read(record))


def _sortable(value: JsonValue) -> tuple[int, float, str]:
    if isinstance(value, (bool, int, float)):
        return (1, float(value), "")
    return (2, 0.0, value.casefold()) if isinstance(value, str) else (0, 0.0, "")


def _all_of(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda record: all(passes(record) for passes in predicates)
