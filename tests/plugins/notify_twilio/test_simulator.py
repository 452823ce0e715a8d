import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse
from deskhand_notify_twilio.simulator import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    FROM_NUMBER,
    KEY_SECRET,
    KEY_SID,
    MESSAGING_SERVICE,
    VERIFY_SERVICE,
    TwilioSimulator,
)
from tests.plugins.notify_twilio.practice import ADA, BOB, HandClock, account

MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
VERIFICATIONS = f"/v2/Services/{VERIFY_SERVICE}/Verifications"
CHECK = f"/v2/Services/{VERIFY_SERVICE}/VerificationCheck"
GOOD = {"To": ADA, "From": FROM_NUMBER, "Body": "Hello"}
START = {"To": ADA, "Channel": "sms"}


def authorization(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def ask(
    simulator: TwilioSimulator, method: str, path: str, form: dict[str, str] | None = None, **query: str
) -> SimulatedResponse:
    headers = {"authorization": authorization(ACCOUNT_SID, AUTH_TOKEN)}
    if form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    parameters = {name: (value,) for name, value in query.items()}
    return simulator.handle(SimulatedRequest(method, path, parameters, headers, urlencode(form or {}).encode()))


def told(response: SimulatedResponse) -> Any:  # noqa: ANN401  # any JSON
    return json.loads(response.body)


def code_of(response: SimulatedResponse) -> tuple[int, int]:
    answer = told(response)
    assert answer.keys() == {"code", "message", "more_info", "status"}
    assert answer["status"] == response.status
    return response.status, answer["code"]


@pytest.mark.parametrize(
    ("name", "secret", "status"),
    [(ACCOUNT_SID, AUTH_TOKEN, 200), (KEY_SID, KEY_SECRET, 200), (ACCOUNT_SID, KEY_SECRET, 401), ("", "", 401)],
)
def test_the_door_opens_to_the_token_and_the_key(
    simulator: TwilioSimulator, name: str, secret: str, status: int
) -> None:
    headers = {"authorization": authorization(name, secret)}
    answer = simulator.handle(SimulatedRequest("GET", MESSAGES, {}, headers, b""))
    assert answer.status == status
    if status != 200:
        assert code_of(answer) == (401, 20003)


def test_json_is_no_form(simulator: TwilioSimulator) -> None:
    headers = {"authorization": authorization(ACCOUNT_SID, AUTH_TOKEN), "content-type": "application/json"}
    assert simulator.handle(SimulatedRequest("POST", MESSAGES, {}, headers, b"{}")).status == 415


def test_what_there_is_not_is_told_in_twilios_words(simulator: TwilioSimulator) -> None:
    assert code_of(ask(simulator, "GET", "/2010-04-01/Calls.json")) == (404, 20404)
    assert code_of(ask(simulator, "DELETE", MESSAGES)) == (405, 20004)
    assert code_of(ask(simulator, "GET", f"/2010-04-01/Accounts/AC{'9' * 32}/Messages.json")) == (404, 20404)
    assert code_of(ask(simulator, "GET", "/v2/Services/VA1")) == (404, 20404)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "01632"}, 21211),
        ({"To": BOB}, 21211),
        ({"To": "+441632960009"}, 21610),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"From": ""}, 21603),
        ({"From": ADA}, 21606),
        ({"MessagingServiceSid": "MG" + "9" * 32}, 21701),
        ({"StatusCallback": "nowhere"}, 21609),
    ],
)
def test_a_message_is_refused_for_twilios_reasons(
    simulator: TwilioSimulator, changes: dict[str, str], code: int
) -> None:
    simulator.invalid.add(BOB)
    simulator.opted_out.add("+441632960009")
    form = {name: value for name, value in {**GOOD, **changes}.items() if value}
    assert code_of(ask(simulator, "POST", MESSAGES, form)) == (400, code)
    assert simulator.messages() == []


def test_a_message_moves_on_state_by_state(simulator: TwilioSimulator, clock: HandClock) -> None:
    sids = [told(ask(simulator, "POST", MESSAGES, form))["sid"] for form in (GOOD, {**GOOD, "To": BOB})]
    service = {"To": ADA, "Body": "Hello", "MessagingServiceSid": MESSAGING_SERVICE}
    taken = told(ask(simulator, "POST", MESSAGES, service))
    assert (taken["status"], taken["from"], taken["num_segments"]) == ("accepted", None, "0")
    simulator.unreachable.add(BOB)
    states = [[each["status"] for each in simulator.messages()]]
    for _ in range(4):
        clock.pass_by(seconds=1)
        simulator.advance()
        states.append([each["status"] for each in simulator.messages()])
    assert [list(each) for each in zip(*states, strict=True)] == [
        ["queued", "sending", "sent", "delivered", "delivered"],
        ["queued", "sending", "sent", "undelivered", "undelivered"],
        ["accepted", "queued", "sending", "sent", "delivered"],
    ]
    read = told(ask(simulator, "GET", MESSAGES.replace(".json", f"/{sids[1]}.json")))
    assert (read["error_code"], read["date_sent"]) == (30003, "Mon, 02 Mar 2026 08:00:02 +0000")


def test_a_message_can_be_redacted_and_deleted(simulator: TwilioSimulator) -> None:
    sid = told(ask(simulator, "POST", MESSAGES, GOOD))["sid"]
    path = MESSAGES.replace(".json", f"/{sid}.json")
    assert code_of(ask(simulator, "POST", path, {"Body": "changed"})) == (400, 20001)
    assert told(ask(simulator, "POST", path, {"Body": ""}))["body"] == ""
    assert ask(simulator, "DELETE", path).status == 204
    assert code_of(ask(simulator, "GET", path)) == (404, 20404)


def test_messages_are_filtered_by_number_and_by_the_day_they_were_sent(
    simulator: TwilioSimulator, clock: HandClock
) -> None:
    for text in ("first", "second", "waits"):
        ask(simulator, "POST", MESSAGES, {**GOOD, "Body": text})
        clock.pass_by(days=1)
        if text != "waits":
            simulator.advance(str(simulator.messages()[-1]["sid"]))
            simulator.advance(str(simulator.messages()[-1]["sid"]))

    def found(**query: str) -> list[str]:
        return [each["body"] for each in told(ask(simulator, "GET", MESSAGES, None, **query))["messages"]]

    assert found() == ["waits", "second", "first"]
    assert found(To=BOB) == []
    assert found(From=FROM_NUMBER, To=ADA) == ["waits", "second", "first"]
    assert found(DateSent="2026-03-03") == ["first"]
    assert found(**{"DateSent>": "2026-03-03"}) == ["second", "first"]
    assert found(**{"DateSent<": "2026-03-03"}) == ["first"]
    assert code_of(ask(simulator, "GET", MESSAGES, DateSent="soon")) == (400, 20001)
    for junk in ({"PageSize": "0"}, {"PageSize": "many"}, {"Page": "first"}):
        assert code_of(ask(simulator, "GET", MESSAGES, None, **junk)) == (400, 20006)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"To": "01632"}, 60200), ({"To": ""}, 60200), ({"Channel": ""}, 60200), ({"To": BOB}, 60205)],
)
def test_a_verification_is_refused_for_twilios_reasons(
    simulator: TwilioSimulator, changes: dict[str, str], code: int
) -> None:
    simulator.landlines.add(BOB)
    assert code_of(ask(simulator, "POST", VERIFICATIONS, {**START, **changes})) == (400, code)
    assert simulator.pending() == []


def test_a_code_is_sent_five_times_at_most_and_is_the_same(simulator: TwilioSimulator, clock: HandClock) -> None:
    codes = set()
    for _ in range(5):
        assert ask(simulator, "POST", VERIFICATIONS, START).status == 201
        codes.add(simulator.code(ADA))
    assert len(codes) == 1
    assert code_of(ask(simulator, "POST", VERIFICATIONS, START)) == (429, 60203)
    clock.pass_by(minutes=10)
    assert ask(simulator, "POST", VERIFICATIONS, START).status == 201
    assert simulator.code(ADA) not in codes


def test_a_check_by_number_or_by_verification(simulator: TwilioSimulator) -> None:
    sid = told(ask(simulator, "POST", VERIFICATIONS, START))["sid"]
    wrong = told(ask(simulator, "POST", CHECK, {"To": ADA, "Code": "000000"}))
    assert (wrong["status"], wrong["valid"]) == ("pending", False)
    right = told(ask(simulator, "POST", CHECK, {"VerificationSid": sid, "Code": simulator.code(ADA)}))
    assert (right["sid"], right["status"], right["valid"]) == (sid, "approved", True)
    assert code_of(ask(simulator, "POST", CHECK, {"To": ADA, "Code": "000000"})) == (404, 20404)
    assert code_of(ask(simulator, "POST", CHECK, {"To": ADA})) == (400, 60200)
    with pytest.raises(LookupError):
        simulator.code(ADA)


def test_five_wrong_codes_lock_until_it_expires(simulator: TwilioSimulator, clock: HandClock) -> None:
    sid = told(ask(simulator, "POST", VERIFICATIONS, START))["sid"]
    code = simulator.code(ADA)
    for _ in range(5):
        assert told(ask(simulator, "POST", CHECK, {"To": ADA, "Code": "000000"}))["status"] == "pending"
    assert code_of(ask(simulator, "POST", CHECK, {"To": ADA, "Code": code})) == (429, 60202)
    assert code_of(ask(simulator, "GET", f"{VERIFICATIONS}/{sid}")) == (404, 20404)
    clock.pass_by(minutes=10)
    assert code_of(ask(simulator, "POST", CHECK, {"To": ADA, "Code": code})) == (404, 20404)


def test_a_verification_can_be_cancelled_or_approved_by_hand(simulator: TwilioSimulator) -> None:
    for status in ("canceled", "approved"):
        path = f"{VERIFICATIONS}/{told(ask(simulator, 'POST', VERIFICATIONS, START))['sid']}"
        assert code_of(ask(simulator, "POST", path, {"Status": "done"})) == (400, 60200)
        assert told(ask(simulator, "POST", path, {"Status": status}))["status"] == status
        assert ask(simulator, "GET", path).status == 404
    converted = told(ask(simulator, "GET", "/v2/Attempts", Status="CONVERTED"))["attempts"]
    assert len(converted) == 1
    assert len(told(ask(simulator, "GET", "/v2/Attempts"))["attempts"]) == 2


def test_throttling_asks_for_a_pause() -> None:
    simulator = account(requests_per_minute=1)
    assert ask(simulator, "GET", MESSAGES).status == 200
    answer = ask(simulator, "GET", MESSAGES)
    assert code_of(answer) == (429, 20429)
    assert answer.headers["Retry-After"] == "30"


def test_the_state_is_json_and_tells_no_code(simulator: TwilioSimulator) -> None:
    ask(simulator, "POST", MESSAGES, GOOD)
    ask(simulator, "POST", VERIFICATIONS, START)
    state = json.dumps(simulator.snapshot())
    assert simulator.code(ADA) not in state
    assert json.loads(state)["messages"][0]["body"] == "Hello"
