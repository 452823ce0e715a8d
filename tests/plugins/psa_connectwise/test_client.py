from collections.abc import Iterator

import httpx
import pytest

from deskhand.sdk.errors import (
    AuthorizationError,
    ConfigurationError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from deskhand.sdk.models import NewTicket
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost, route
from deskhand_psa_connectwise.client import explain
from deskhand_psa_connectwise.conditions import any_of, compare
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator
from tests.plugins.psa_connectwise.practice import Practice, TickingClock, connect, practice

LOOK_UP = "GET /login/companyinfo/rehearsal"


def test_the_codebase_is_looked_up_once(connector: ConnectWise, msp: Practice) -> None:
    for _ in range(3):
        connector.ticket(str(msp.ticket))
    assert msp.simulator.requests[LOOK_UP] == 1


def test_an_upgrade_that_moves_the_codebase_goes_unnoticed(connector: ConnectWise, msp: Practice) -> None:
    connector.ticket(str(msp.ticket))
    msp.simulator.codebase = "v2026_1/"
    assert connector.ticket(str(msp.ticket)).id == str(msp.ticket)
    assert connector.ticket(str(msp.ticket)).id == str(msp.ticket)
    assert msp.simulator.requests[LOOK_UP] == 2


def test_an_upgrade_during_a_write_writes_once(connector: ConnectWise, msp: Practice) -> None:
    connector.check()
    msp.simulator.codebase = "v2026_1/"
    before = len(msp.simulator.tickets())
    connector.create_ticket(NewTicket("Once", str(msp.company), str(msp.board)))
    assert len(msp.simulator.tickets()) == before + 1


def test_a_missing_ticket_is_looked_for_once(connector: ConnectWise, msp: Practice) -> None:
    with pytest.raises(NotFoundError) as raised:
        connector.ticket("7")
    assert "refused keys" not in str(raised.value)
    assert msp.simulator.requests["GET /service/tickets/{id}"] == 1


def test_an_unknown_company_names_the_setting(simulator_host: SimulatorHost) -> None:
    connector = connect(simulator_host.url, company_id="nobody")
    with pytest.raises(ConfigurationError, match=r"company_id.*'nobody'"):
        connector.check()
    connector.close()


def test_a_site_that_is_no_psa_names_the_setting() -> None:
    class Elsewhere(ConnectWiseSimulator):
        @route("GET", "/login/companyinfo/{company}")
        def tell_codebase(self, request: SimulatedRequest, company: str) -> SimulatedResponse:
            del request, company
            return SimulatedResponse(404, b"not here")

    with SimulatorHost(Elsewhere()) as host:
        connector = connect(host.url)
        with pytest.raises(UnavailableError, match="mend site"):
            connector.check()
        connector.close()


@pytest.mark.parametrize("answer", [[], "v2025_1/", {}, {"Codebase": "../../evil/"}, {"Codebase": "v2025_1"}])
def test_company_information_that_makes_no_sense_is_an_outage(answer: object) -> None:
    class Odd(ConnectWiseSimulator):
        @route("GET", "/login/companyinfo/{company}")
        def tell_codebase(self, request: SimulatedRequest, company: str) -> SimulatedResponse:
            del request, company
            return SimulatedResponse.json(200, answer)

    with SimulatorHost(Odd()) as host:
        connector = connect(host.url)
        with pytest.raises(UnavailableError, match="no codebase"):
            connector.check()
        connector.close()


def test_a_wrong_key_names_what_to_mend(simulator_host: SimulatorHost) -> None:
    connector = connect(simulator_host.url, private_key="a-wrong-private-key")
    with pytest.raises(AuthorizationError, match="check company_id, public_key, private_key and client_id") as raised:
        connector.check()
    assert "a-wrong-private-key" not in str(raised.value)
    connector.close()


@pytest.fixture
def cloud_host() -> Iterator[SimulatorHost]:
    msp = practice(ConnectWiseSimulator(clock=TickingClock(), is_cloud=True))
    with SimulatorHost(msp.simulator) as host:
        yield host


def test_a_wrong_key_in_the_cloud_is_told_from_a_wrong_address(cloud_host: SimulatorHost) -> None:
    connector = connect(cloud_host.url, private_key="wrong")
    with pytest.raises(AuthorizationError, match="private_key"):
        connector.check()
    with pytest.raises(NotFoundError, match="refused keys can look like this"):
        connector.ticket("10001")
    connector.close()


def test_throttling_is_handed_on_with_the_vendors_pause() -> None:
    msp = practice(ConnectWiseSimulator(clock=TickingClock(), requests_per_minute=0))
    with SimulatorHost(msp.simulator) as host:
        connector = connect(host.url)
        with pytest.raises(RateLimitedError) as raised:
            connector.ticket(str(msp.ticket))
        connector.close()
    assert raised.value.retry_after == 30


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 1000])
def test_pages_of_any_size_hold_the_same_records(simulator_host: SimulatorHost, msp: Practice, size: int) -> None:
    connector = connect(simulator_host.url, page_size=size)
    found = [record["id"] for record in connector.client.pages("/service/tickets")]
    assert found == [ticket["id"] for ticket in msp.simulator.tickets()]
    connector.close()


def test_a_listing_that_fits_one_page_is_one_request(simulator_host: SimulatorHost, msp: Practice) -> None:
    connector = connect(simulator_host.url, page_size=8)
    assert len(list(connector.client.pages("/service/tickets"))) == 7
    assert msp.simulator.requests["GET /service/tickets"] == 1
    connector.close()


def test_a_ticket_that_arrives_between_two_pages_is_not_missed(connector: ConnectWise, msp: Practice) -> None:
    pages = connector.client.pages("/service/tickets")
    first = next(pages)["id"]
    added = msp.simulator.seed_ticket("Late", board=msp.board, company=msp.company)
    assert [first, *(record["id"] for record in pages)][-1] == added


class StuckSimulator(ConnectWiseSimulator):
    """Answers every page with the first one."""

    @route("GET", "/service/tickets")
    def list_records(self, request: SimulatedRequest) -> SimulatedResponse:
        query = {name: values for name, values in request.query.items() if name != "pageId"}
        return super().list_records(SimulatedRequest(request.method, request.path, query, request.headers, b""))


def test_pages_that_do_not_move_forward_end_as_an_outage() -> None:
    with SimulatorHost(practice(StuckSimulator(clock=TickingClock())).simulator) as host:
        connector = connect(host.url)
        with pytest.raises(UnavailableError, match="do not move forward"):
            list(connector.client.pages("/service/tickets"))
        connector.close()


def test_conditions_too_long_for_an_address_go_into_a_body(connector: ConnectWise, msp: Practice) -> None:
    ids = list(range(msp.ticket, msp.ticket + 700))
    first, following = connector.client.page("/service/tickets", conditions=any_of("id", ids))
    second, _ = connector.client.page("/service/tickets", conditions=any_of("id", ids), after=following)
    assert [record["id"] for record in (*first, *second)] == ids[:6]
    assert msp.simulator.requests["POST /service/tickets/search"] == 2


def test_a_listing_without_search_refuses_conditions_too_long_for_an_address(connector: ConnectWise) -> None:
    with pytest.raises(RejectedError, match="too long"):
        connector.client.page("/company/contacts", conditions=any_of("id", list(range(10_000, 10_700))))


def test_a_refusal_names_codes_and_fields_and_no_customers_words(connector: ConnectWise, msp: Practice) -> None:
    with pytest.raises(RejectedError, match="InvalidObject; summary StringTooLong; board ObjectNotFound") as raised:
        connector.client.create(
            "/service/tickets", {"summary": "Grandma's cake " * 9, "company": {"id": msp.company}, "board": {"id": 99}}
        )
    assert "cake" not in str(raised.value)


@pytest.mark.parametrize("answer", [{"id": 1}, "text", None, [1]])
def test_what_is_not_a_listing_is_an_outage(answer: object) -> None:
    class Odd(ConnectWiseSimulator):
        @route("GET", "/service/tickets")
        def list_records(self, request: SimulatedRequest) -> SimulatedResponse:
            del request
            return SimulatedResponse.json(200, answer)

    with SimulatorHost(Odd()) as host:
        connector = connect(host.url)
        with pytest.raises(UnavailableError, match="/service/tickets"):
            connector.client.page("/service/tickets", conditions=compare("id", ">", 0))
        connector.close()


def test_an_error_of_another_shape_explains_nothing() -> None:

    assert explain(httpx.Response(400, json={"message": "a customer's words"})) == "refused"
