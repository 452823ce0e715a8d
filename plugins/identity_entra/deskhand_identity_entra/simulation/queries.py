"""OData queries as Graph answers them: $filter, $select, $top, pages, and what needs ConsistencyLevel: eventual."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from urllib.parse import urlencode

from pydantic import JsonValue

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse
from deskhand_identity_entra.simulation.filters import FilterError, predicate_of
from deskhand_identity_entra.simulation.refusals import bad_request, refusal
from deskhand_identity_entra.simulation.tenants import Record

DEFAULT_PAGE, LARGEST_PAGE = 100, 999
OPTIONS = frozenset({"$filter", "$select", "$top", "$count", "$skiptoken"})


def selected(request: SimulatedRequest, record: Record, defaults: Sequence[str], known: Sequence[str]) -> Record:
    """Keep the fields that were asked for, or those Graph returns unasked."""
    asked = [each for each in request.parameter("$select").split(",") if each]
    unknown = [each for each in asked if each not in known]
    if unknown:
        raise bad_request(f"Could not find a property named '{unknown[0]}'.", "BadRequest")
    kept: Record = {name: record.get(name) for name in asked or defaults}
    return {**({"@odata.type": record["@odata.type"]} if "@odata.type" in record else {}), **kept, "id": record["id"]}


def listed(request: SimulatedRequest, root: str, records: Iterable[Record]) -> SimulatedResponse:
    """Answer with one page of the records that fit, and the address of the next."""
    _refuse_strangers(request)
    fitting = _filtered(request, list(records))
    size, start = _size(request), _start(request)
    page: list[JsonValue] = [*fitting[start : start + size]]
    body: Record = {"@odata.context": f"{root}/$metadata#{request.path.strip('/')}", "value": page}
    if request.parameter("$count") == "true":
        body["@odata.count"] = len(fitting)
    if start + size < len(fitting):
        query = {name: values[0] for name, values in request.query.items()} | {"$skiptoken": str(start + size)}
        body["@odata.nextLink"] = f"{root}{request.path}?{urlencode(query)}"
    return SimulatedResponse.json(HTTPStatus.OK, body)


def _filtered(request: SimulatedRequest, records: list[Record]) -> list[Record]:
    text, is_advanced = request.parameter("$filter"), request.parameter("$count") == "true"
    try:
        predicate = predicate_of(text) if text else None
    except FilterError:
        raise bad_request("Invalid filter clause.", "BadRequest") from None
    needs_more = is_advanced or (predicate is not None and predicate.is_advanced)
    if needs_more and request.headers.get("consistencylevel") != "eventual":
        raise bad_request("Request with $count or this $filter needs ConsistencyLevel.", "Request_UnsupportedQuery")
    if needs_more and predicate is not None and predicate.is_advanced and not is_advanced:
        raise bad_request("This $filter needs $count=true.", "Request_UnsupportedQuery")
    return [each for each in records if predicate is None or predicate.holds(each)]


def _refuse_strangers(request: SimulatedRequest) -> None:
    strangers = sorted(request.query.keys() - OPTIONS)
    if strangers:
        raise bad_request(f"Unrecognized query argument specified: '{strangers[0]}'.", "BadRequest")


def _size(request: SimulatedRequest) -> int:
    text = request.parameter("$top", str(DEFAULT_PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise bad_request("Invalid page size specified. Must be between 1 and 999 inclusive.")
    return int(text)


def _start(request: SimulatedRequest) -> int:
    text = request.parameter("$skiptoken", "0")
    if not text.isdecimal():
        raise refusal(HTTPStatus.BAD_REQUEST, "Directory_ExpiredPageToken", "The page token is not valid.")
    return int(text)
