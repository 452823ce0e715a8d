from collections.abc import Callable

import httpx
import pytest

from deskhand.sdk.errors import (
    AuthorizationError,
    ConnectorError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.sdk.testing import (
    DropAfterEffect,
    SimulatedRequest,
    SimulatedResponse,
    SimulatorHost,
    TruncatedBody,
    route,
)
from deskhand_notify_twilio.client import explain
from deskhand_notify_twilio.connector import Twilio
from deskhand_notify_twilio.simulator import FROM_NUMBER, VERIFY_SERVICE, TwilioSimulator
from tests.plugins.notify_twilio.practice import ADA, BOB, HandClock, account, configured, connect


def is_post(request: SimulatedRequest) -> bool:
    return request.method == "POST"


def posts(simulator: TwilioSimulator) -> int:
    return sum(count for name, count in simulator.requests.items() if name.startswith("POST"))


@pytest.mark.parametrize("fault", [DropAfterEffect(), TruncatedBody()])
@pytest.mark.parametrize(
    "write",
    [
        lambda connector: connector.send(ADA, "Hello"),
        lambda connector: connector.start("", ADA),
    ],
    ids=["message", "verification"],
)
def test_a_write_whose_answer_was_lost_is_uncertain_and_sent_once(
    connector: Twilio,
    simulator: TwilioSimulator,
    simulator_host: SimulatorHost,
    fault: DropAfterEffect | TruncatedBody,
    write: Callable[[Twilio], object],
) -> None:
    simulator_host.faults.schedule(fault, matching=is_post)
    with pytest.raises(UncertainError):
        write(connector)
    assert posts(simulator) == 1


@pytest.mark.parametrize(
    ("code", "prepare"),
    [
        (21211, lambda simulator: simulator.invalid.add(ADA)),
        (21610, lambda simulator: simulator.opted_out.add(ADA)),
        (21606, lambda simulator: (simulator.numbers.clear(), simulator.numbers.add(BOB))),
    ],
)
def test_a_refused_message_names_twilios_code_and_the_fix_and_no_number(
    connector: Twilio, simulator: TwilioSimulator, code: int, prepare: Callable[[TwilioSimulator], object]
) -> None:
    prepare(simulator)
    with pytest.raises(RejectedError, match=rf"Twilio error {code}; \w+") as raised:
        connector.send(ADA, "Hello")
    assert ADA[:6] not in str(raised.value)
    assert posts(simulator) == 1


def test_a_wrong_credential_names_what_to_mend(simulator_host: SimulatorHost) -> None:
    wrong: dict[str, object] = {"api_key_secret": "a-wrong-secret"}
    connector = Twilio(configured(simulator_host.url, **wrong))
    with pytest.raises(AuthorizationError, match="20003; check account_sid and api_key_sid") as raised:
        connector.check()
    assert "a-wrong-secret" not in str(raised.value)
    connector.close()


def test_another_account_is_not_found(simulator_host: SimulatorHost) -> None:
    connector = connect(simulator_host.url, account_sid="AC" + "9" * 32)
    with pytest.raises(NotFoundError, match="20404"):
        connector.check()
    connector.close()


def test_throttling_is_handed_on_with_twilios_pause() -> None:
    with SimulatorHost(account(requests_per_minute=0)) as host:
        connector = connect(host.url)
        with pytest.raises(RateLimitedError, match="20429") as raised:
            connector.send(ADA, "Hello")
        connector.close()
    assert raised.value.retry_after == 30


def test_a_429_that_is_no_throttling_is_a_refusal_and_asked_once(connector: Twilio, simulator: TwilioSimulator) -> None:
    for _ in range(5):
        connector.start("", ADA)
    with pytest.raises(RejectedError, match="60203; five codes sent"):
        connector.start("", ADA)
    assert posts(simulator) == 6


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 401])
def test_pages_hold_every_message_to_the_number_latest_first_and_no_other(
    connector: Twilio, simulator: TwilioSimulator, count: int
) -> None:
    for number in range(count):
        simulator.ledger.messages.append(simulator._message({"To": ADA, "From": FROM_NUMBER, "Body": f"{number}"}))
        simulator.ledger.messages.append(simulator._message({"To": BOB, "From": FROM_NUMBER, "Body": "other"}))
    found = [each.body for each in connector.client.messages_to(ADA)]
    assert found == [f"{number}" for number in reversed(range(count))]


def test_a_message_that_arrives_between_two_pages_hides_none(connector: Twilio, simulator: TwilioSimulator) -> None:
    def arrive(text: str) -> None:
        simulator.ledger.messages.append(simulator._message({"To": ADA, "From": FROM_NUMBER, "Body": text}))

    for number in range(300):
        arrive(f"{number}")
    pages = connector.client.messages_to(ADA)
    first = next(pages).body
    arrive("late")
    assert [first, *(each.body for each in pages)] == [f"{number}" for number in reversed(range(300))]


class StuckSimulator(TwilioSimulator):
    @route("GET", "/2010-04-01/Accounts/{account}/Messages.json")
    def list_messages(self, request: SimulatedRequest, account: str) -> SimulatedResponse:
        del account
        return SimulatedResponse.json(200, {"messages": [], "next_page_uri": request.path})


def test_pages_that_do_not_end_are_an_outage() -> None:
    with SimulatorHost(StuckSimulator(clock=HandClock())) as host:
        connector = connect(host.url)
        with pytest.raises(UnavailableError, match="do not end"):
            list(connector.client.messages_to(ADA))
        connector.close()


@pytest.mark.parametrize("answer", [[], None, "text", {"messages": None}, {"messages": [{"sid": "SM1"}]}, {}])
def test_what_is_not_a_page_of_messages_is_an_outage(answer: object) -> None:
    class Odd(TwilioSimulator):
        @route("GET", "/2010-04-01/Accounts/{account}/Messages.json")
        def list_messages(self, request: SimulatedRequest, account: str) -> SimulatedResponse:
            del request, account
            return SimulatedResponse.json(200, answer)

    with SimulatorHost(Odd(clock=HandClock())) as host:
        connector = connect(host.url)
        with pytest.raises(UnavailableError):
            list(connector.client.messages_to(ADA))
        connector.close()


@pytest.mark.parametrize("date", ["yesterday", None, 7])
def test_a_message_without_a_date_is_an_outage_and_tells_no_text(date: object) -> None:
    class Odd(TwilioSimulator):
        @route("GET", "/2010-04-01/Accounts/{account}/Messages.json")
        def list_messages(self, request: SimulatedRequest, account: str) -> SimulatedResponse:
            del request, account
            record = {"sid": "SM" + "0" * 32, "status": "sent", "body": "secret words", "date_created": date}
            return SimulatedResponse.json(200, {"messages": [record]})

    with SimulatorHost(Odd(clock=HandClock())) as host:
        connector = connect(host.url)
        with pytest.raises(ConnectorError, match="date_created") as raised:
            list(connector.client.messages_to(ADA))
        assert "secret" not in str(raised.value)
        connector.close()


def test_a_next_page_elsewhere_is_not_followed() -> None:
    class Elsewhere(TwilioSimulator):
        @route("GET", "/2010-04-01/Accounts/{account}/Messages.json")
        def list_messages(self, request: SimulatedRequest, account: str) -> SimulatedResponse:
            del request, account
            return SimulatedResponse.json(200, {"messages": [], "next_page_uri": "https://evil.example/2010-04-01"})

    with SimulatorHost(Elsewhere(clock=HandClock())) as host:
        connector = connect(host.url)
        with pytest.raises(RejectedError, match="stays on its own origin"):
            list(connector.client.messages_to(ADA))
        connector.close()


def test_a_cancelled_verification_may_be_cancelled_again(connector: Twilio, simulator: TwilioSimulator) -> None:
    _, started = connector.start("", ADA)
    for _ in range(2):
        connector.client.cancel_verification(VERIFY_SERVICE, started.sid)
    assert simulator.pending() == []


def test_a_cancellation_whose_answer_was_lost_is_sent_again(
    connector: Twilio, simulator: TwilioSimulator, simulator_host: SimulatorHost
) -> None:
    _, started = connector.start("", ADA)
    simulator_host.faults.schedule(DropAfterEffect(), matching=is_post)
    connector.client.cancel_verification(VERIFY_SERVICE, started.sid)
    assert simulator.pending() == []


@pytest.mark.parametrize(
    ("status", "told"), [(403, "Twilio error 1; the API key lacks this permission"), (400, "Twilio error 1")]
)
def test_a_code_without_a_known_fix_is_told_alone(status: int, told: str) -> None:
    answer = httpx.Response(status, json={"code": 1, "message": f"a customer's {ADA}", "status": status})
    assert explain(answer) == told
