"""The simulator refuses what Graph refuses; what it grants, conformance and the actions show."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from deskhand.sdk.testing import SimulatorHost
from deskhand_identity_entra.connector import Entra
from deskhand_identity_entra.plugin import offer_simulator
from deskhand_identity_entra.settings import EntraSettings
from tests.plugins.identity_entra.practice import ADA, ADA_TENANT, Practice


@pytest.fixture
def graph(connector: Entra, simulator_host: SimulatorHost, msp: Practice) -> Iterator[httpx.Client]:
    connector.organization(ADA)
    token = next(iter(msp.simulator.tokens))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{simulator_host.url}/v1.0", headers=headers, trust_env=False) as client:
        yield client


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_simulator_can_be_offered_empty() -> None:
    offer = offer_simulator()
    assert offer.create().tenants == {}
    assert EntraSettings.model_validate(offer.settings("http://127.0.0.1:9")).tenants == {}


def test_a_stranger_gets_nothing(graph: httpx.Client) -> None:
    answer = graph.get("/users", headers={"Authorization": "Bearer guessed"})
    assert code(answer) == (401, "InvalidAuthenticationToken")
    assert "www-authenticate" in answer.headers


def test_a_token_expires(graph: httpx.Client, msp: Practice) -> None:
    assert graph.get("/organization").status_code == 200
    msp.clock.now += timedelta(hours=2)
    assert code(graph.get("/organization")) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("query", "refused_as"),
    [
        ("$filter=mail eq", "BadRequest"),
        ("$filter=mail like 'x'", "BadRequest"),
        ("$filter=mail eq 'x' drop", "BadRequest"),
        ("$filter=endsWith(mail,'x')", "Request_UnsupportedQuery"),
        ("$filter=mail ne 'x'", "Request_UnsupportedQuery"),
        ("$count=true", "Request_UnsupportedQuery"),
        ("$top=1000", "Request_BadRequest"),
        ("$top=0", "Request_BadRequest"),
        ("$select=madeUp", "BadRequest"),
        ("$skiptoken=x", "Directory_ExpiredPageToken"),
        ("filter=x", "BadRequest"),
    ],
)
def test_a_query_graph_does_not_take_is_refused(graph: httpx.Client, query: str, refused_as: str) -> None:
    assert code(graph.get(f"/users?{query}")) == (400, refused_as)


def test_an_advanced_query_needs_header_and_count(graph: httpx.Client) -> None:
    headers = {"ConsistencyLevel": "eventual"}
    assert graph.get("/users?$filter=mail ne 'x'", headers=headers).status_code == 400
    counted = graph.get("/users?$filter=not(startsWith(mail,'ada'))&$count=true", headers=headers)
    assert counted.json()["@odata.count"] == 4


def test_the_default_fields_leave_out_what_must_be_asked_for(graph: httpx.Client, msp: Practice) -> None:
    assert "accountEnabled" not in graph.get(f"/users/{msp.ada}").json()
    assert graph.get("/users/Ada.King@ada.example?$select=accountEnabled").json()["accountEnabled"] is True


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"accountEnabled": "no"},
        {"displayName": "x"},
        {"passwordProfile": {"password": "short1A"}},
        {"passwordProfile": {"password": "alllowercase"}},
        {"passwordProfile": None},
    ],
)
def test_a_change_of_a_user_graph_does_not_take_is_refused(
    graph: httpx.Client, msp: Practice, body: dict[str, object]
) -> None:
    before = msp.user(msp.ada)
    assert code(graph.patch(f"/users/{msp.ada}", json=body)) == (400, "Request_BadRequest")
    assert msp.user(msp.ada) == before


def test_a_synchronised_user_is_not_changed_here(graph: httpx.Client, msp: Practice) -> None:
    assert graph.patch(f"/users/{msp.synced}", json={"accountEnabled": False}).status_code == 400


def test_a_member_is_added_once(graph: httpx.Client, msp: Practice) -> None:
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{msp.ada}"}
    path = f"/groups/{msp.finance}/members/$ref"
    assert graph.post(path, json=reference).status_code == 204
    assert code(graph.post(path, json=reference)) == (400, "Request_BadRequest")
    assert code(graph.post(path, json={"@odata.id": "x"})) == (400, "Request_BadRequest")
    assert graph.delete(f"/groups/{msp.finance}/members/{msp.ada}/$ref").status_code == 204
    assert code(graph.delete(f"/groups/{msp.finance}/members/{msp.ada}/$ref")) == (404, "Request_ResourceNotFound")


def test_a_new_pass_deletes_the_one_before_it(graph: httpx.Client, msp: Practice) -> None:
    path = f"/users/{msp.ada}/authentication/temporaryAccessPassMethods"
    first, second = (graph.post(path, json={"lifetimeInMinutes": 60}).json()["id"] for _ in range(2))
    assert [each["id"] for each in graph.get(path).json()["value"]] == [second]
    assert graph.delete(f"{path}/{first}").status_code == 404
    assert graph.post(path, json={"lifetimeInMinutes": 1}).status_code == 400


def test_reads_trail_writes_by_the_lag_and_then_catch_up(graph: httpx.Client, msp: Practice) -> None:
    msp.simulator.tenants[ADA_TENANT].lag = timedelta(minutes=1)
    graph.patch(f"/users/{msp.ada}", json={"accountEnabled": False})
    path = f"/users/{msp.ada}?$select=accountEnabled"
    assert graph.get(path).json()["accountEnabled"] is True
    msp.clock.now += timedelta(minutes=1)
    assert graph.get(path).json()["accountEnabled"] is False


def test_an_unknown_path_and_method_are_refused_in_the_vendors_shape(graph: httpx.Client, msp: Practice) -> None:
    msp.simulator.tenants[ADA_TENANT].granted.add("Group.ReadWrite.All")
    assert code(graph.get("/groups/x/owners")) == (400, "BadRequest")
    assert code(graph.delete(f"/groups/{msp.finance}")) == (405, "Request_BadRequest")
