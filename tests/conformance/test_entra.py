import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from openapi_core.exceptions import OpenAPIError

from deskhand.sdk.errors import ConnectorError
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand_identity_entra.actions import ACTIONS
from deskhand_identity_entra.arguments import MembershipArguments, PassArguments, SessionArguments, UserArguments
from deskhand_identity_entra.connector import Entra
from tests.conformance.entra_specification import is_judged, needs_document, specification
from tests.plugins.identity_entra.practice import ADA, ADA_TENANT, Practice, connect, practice
from tests.repository import ROOT

pytestmark = needs_document

Exchange = tuple[SimulatedRequest, SimulatedResponse]
ANSWERED_WITH_NOTHING = {"PATCH", "DELETE"}


@contextmanager
def rejected() -> Iterator[None]:
    with pytest.raises(OpenAPIError):
        yield


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """Have the connector do everything it can, once."""
    heard: list[Exchange] = []
    msp = practice()
    with SimulatorHost(msp.simulator, observer=lambda *each: heard.append(each)) as host:
        connector = connect(host.url)
        register(msp)
        read_everything(connector, msp)
        act_and_undo(connector, msp)
        connector.close()
    return [each for each in heard if is_judged(each[0])]


@pytest.fixture(scope="module")
def refusals() -> list[Exchange]:
    """Have the simulator refuse: a permission, a user, a password, a pace, a token."""
    heard: list[Exchange] = []
    msp = practice()
    with SimulatorHost(msp.simulator, observer=lambda *each: heard.append(each)) as host:
        connector = connect(host.url)
        connector.check()
        msp.simulator.tenants[ADA_TENANT].granted.clear()
        provoke(lambda: connector.account(ADA, msp.ada))
        msp.simulator.tenants[ADA_TENANT].granted.add("User.Read.All")
        provoke(lambda: connector.account(ADA, msp.stranger))
        provoke(lambda: list(connector.tenant(ADA).pages("/users", {"$top": 1000})))
        msp.simulator.token_seconds = 0
        msp.simulator.expire_tokens()
        provoke(lambda: connector.account(ADA, msp.ada))
        connector.close()
    return [each for each in heard if is_judged(each[0]) and each[1].status >= 400]


def register(msp: Practice) -> None:
    """Give Ada every kind of second factor."""
    for kind in ("microsoftAuthenticator", "softwareOath"):
        msp.simulator.tenants[ADA_TENANT].contents.methods[msp.ada].append(
            {"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", "id": f"m-{kind}"}
        )


def provoke(call: Any) -> None:  # noqa: ANN401  # any reading
    with pytest.raises(ConnectorError):
        call()


def read_everything(connector: Entra, msp: Practice) -> None:
    connector.check()
    assert connector.person(ADA, "pat.o'neil@ada.example")
    assert len(list(connector.people(ADA))) == 5
    assert connector.people_named(ADA, "O'Neil")
    assert connector.groups_named(ADA, "finance")
    assert connector.authentication_methods(ADA, msp.ada)


def act_and_undo(connector: Entra, msp: Practice) -> None:
    arguments: dict[type[Any], Any] = {
        UserArguments: UserArguments(company_id=ADA, user_id=msp.ada),
        SessionArguments: SessionArguments(company_id=ADA, user_id=msp.ada),
        PassArguments: PassArguments(company_id=ADA, user_id=msp.ada),
        MembershipArguments: MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.finance),
    }
    for action in ACTIONS:
        given = arguments[action.arguments]
        before = action.inspect(connector, given)
        receipt = action.apply(connector, given, "key-1")
        assert action.verify(connector, given, receipt)
        if action.undo is not None and action.arguments is not MembershipArguments:
            action.undo(connector, given, before.prior_state, receipt)
        if action.arguments is PassArguments:
            action.apply(connector, given, "key-2")


def documented_operations() -> set[str]:
    readme = (ROOT / "plugins" / "identity_entra" / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]+)`", readme))


def one_of_each(exchanges: list[Exchange]) -> dict[str, Exchange]:
    """Keep one exchange an operation, the one whose answer holds most."""
    kept: dict[str, Exchange] = {}
    for request, response in exchanges:
        name = specification().operation(request)
        if name not in kept or len(kept[name][1].body) < len(response.body):
            kept[name] = (request, response)
    return kept


def one_wrong_at_a_time(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Damage a record's members, or those of the first record of a list, one by one."""
    if isinstance(value.get("value"), list):
        yield "value", {**value, "value": {"neither": []}}
        for key, damaged in one_wrong_at_a_time(value["value"][0]):
            yield key, {**value, "value": [damaged]}
        return
    for key, each in value.items():
        if not key.startswith("@odata."):  # the document describes no context
            yield key, {**value, key: "text" if isinstance(each, dict | bool) else {"neither": []}}


def test_every_request_is_what_the_document_says(exchanges: list[Exchange]) -> None:
    for request, _ in exchanges:
        specification().judge_request(request)


def test_every_answer_is_what_the_document_says(exchanges: list[Exchange]) -> None:
    for request, response in exchanges:
        if b"default method" in response.body:
            assert (request.method, response.status) == ("DELETE", 400)  # the vendor wants the others gone first
            continue
        assert response.status < 300, request.path
        specification().judge_answer(request, response)


def test_every_refusal_is_what_the_document_says(refusals: list[Exchange]) -> None:
    assert {response.status for _, response in refusals} == {400, 401, 403, 404}
    for request, response in refusals:
        specification().judge_answer(request, response)
        error = json.loads(response.body)["error"]
        for damaged in ({}, {"error": {**error, "code": 7}}, {"error": {"code": "x"}}):
            with rejected():
                specification().judge_answer(request, replace(response, body=json.dumps(damaged).encode()))


def test_the_readme_lists_every_operation_that_is_used_and_no_other(exchanges: list[Exchange]) -> None:
    assert one_of_each(exchanges).keys() == documented_operations()


def test_every_call_carries_a_token_of_the_one_tenant(exchanges: list[Exchange]) -> None:
    for request, _ in exchanges:
        is_check_of_the_other = request.path == "/v1.0/organization"
        assert request.headers["authorization"].endswith(ADA_TENANT) or is_check_of_the_other


def test_the_document_would_reject_a_parameter_it_does_not_know(exchanges: list[Exchange]) -> None:
    for request, _ in one_of_each(exchanges).values():
        with rejected():
            specification().judge_request(replace(request, query={**request.query, "filter": ("x",)}))


def test_the_document_would_reject_a_field_it_does_not_know(exchanges: list[Exchange]) -> None:
    judged = 0
    for request, _ in one_of_each(exchanges).values():
        if "$select" in request.query:
            judged += 1
            with rejected():
                specification().judge_request(replace(request, query={**request.query, "$select": ("madeUp",)}))
    assert judged >= 6


def test_the_document_would_reject_any_member_of_a_body_of_another_type(exchanges: list[Exchange]) -> None:
    judged = 0
    for request, _ in exchanges:
        if request.body:
            for _member, damaged in one_wrong_at_a_time(json.loads(request.body)):
                judged += 1
                with rejected():
                    specification().judge_request(replace(request, body=json.dumps(damaged).encode()))
    assert judged >= 6


def test_the_document_would_reject_a_reference_that_is_no_address(exchanges: list[Exchange]) -> None:
    request = next(each for each, _ in exchanges if each.path.endswith("/members/$ref"))
    with rejected():
        specification().judge_request(replace(request, body=b'{"@odata.id": 7}'))


def test_the_document_would_reject_any_member_of_an_answer_of_another_type(exchanges: list[Exchange]) -> None:
    judged = 0
    for request, response in one_of_each(exchanges).values():
        if request.method in ANSWERED_WITH_NOTHING or not response.body:
            continue
        for _member, damaged in one_wrong_at_a_time(json.loads(response.body)):
            judged += 1
            with rejected():
                specification().judge_answer(request, replace(response, body=json.dumps(damaged).encode()))
    assert judged > 40


def test_the_document_would_reject_a_body_where_there_is_none(exchanges: list[Exchange]) -> None:
    empty = [request for request, response in one_of_each(exchanges).values() if response.status == 204]
    assert {request.method for request in empty} == {"PATCH", "DELETE", "POST"}
    for request in empty:
        with rejected():
            specification().judge_answer(request, SimulatedResponse(204, b"{}", {"Content-Type": "application/json"}))
