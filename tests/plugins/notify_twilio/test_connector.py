import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.sdk.errors import NotFoundError, RejectedError, UncertainError
from deskhand.sdk.roles import IdentityProof, Messenger
from deskhand.sdk.testing import SimulatorHost
from deskhand_notify_twilio import mapping
from deskhand_notify_twilio.connector import SETTLING_SECONDS, Twilio
from deskhand_notify_twilio.simulator import FROM_NUMBER, MESSAGING_SERVICE, VERIFY_SERVICE, TwilioSimulator
from tests.plugins.notify_twilio.practice import (
    ADA,
    BOB,
    COMPANY,
    OWN_COMPANY,
    OWN_SERVICE,
    HandClock,
    Naps,
    connect,
    person,
)

KEY = "0f3a9c"


def test_plays_its_roles(connector: Twilio) -> None:
    assert isinstance(connector, Messenger)
    assert isinstance(connector, IdentityProof)


def test_the_check_names_account_and_verify_services(connector: Twilio) -> None:
    assert re.fullmatch(r"Twilio account AC0+1, Verify: Rehearsal, Own Ltd", connector.check())


def test_the_check_of_verify_alone_needs_no_permission_for_messages(
    simulator_host: SimulatorHost, simulator: TwilioSimulator
) -> None:
    connector = connect(simulator_host.url, from_number=None, clients={})
    connector.check()
    connector.close()
    assert not any("Messages" in name for name in simulator.requests)


def test_a_text_is_sent_as_it_is(connector: Twilio, simulator: TwilioSimulator) -> None:
    sid = connector.send(ADA, "Grüße & =+%\nLine two")
    (message,) = simulator.messages()
    assert (message["sid"], message["to"], message["from"]) == (sid, ADA, FROM_NUMBER)
    assert message["body"] == "Grüße & =+%\nLine two"


def test_a_client_with_a_service_of_its_own_is_written_to_by_it(connector: Twilio, simulator: TwilioSimulator) -> None:
    connector.send_for(OWN_COMPANY, ADA, "Hello")
    connector.send_for(COMPANY, ADA, "Hello")
    assert [each["messaging_service_sid"] for each in simulator.messages()] == [MESSAGING_SERVICE, None]
    assert connector.start(OWN_COMPANY, ADA)[0] == OWN_SERVICE
    assert connector.start(COMPANY, ADA)[0] == VERIFY_SERVICE


@pytest.mark.parametrize(
    "number",
    [
        "01632960001",
        "+44 1632 960001",
        "+0441632960001",
        "+4416329600011234",
        "+44163",
        "+441632",
        "441632960001",
        "",
        "+44163296000a",
        "+٤٤١٦٣٢٩٦٠٠٠١",
        f"{ADA}\n",
        f"{ADA},{BOB}",
        "whatsapp:+441632960001",
        "ada@ada.example",
    ],
)
def test_what_is_no_number_in_e164_is_refused_and_nothing_is_sent(
    connector: Twilio, simulator: TwilioSimulator, number: str
) -> None:
    with pytest.raises(RejectedError, match=r"E\.164"):
        connector.send(number, "Hello")
    with pytest.raises(RejectedError, match=r"E\.164"):
        connector.start(COMPANY, number)
    with pytest.raises(RejectedError, match=r"E\.164"):
        connector.challenge(person(number))
    assert not simulator.requests


@given(st.text(alphabet="+0123456789 ٣abc\n", max_size=18))
def test_a_number_is_a_plus_and_seven_to_fifteen_digits_that_do_not_begin_with_zero(text: str) -> None:
    digits = text[1:]
    is_right = text[:1] == "+" and digits.isascii() and digits.isdigit() and digits[0] != "0" and 7 <= len(digits) <= 15
    assert mapping.is_number(text) is is_right


def test_only_allowed_countries_are_reached(simulator_host: SimulatorHost, simulator: TwilioSimulator) -> None:
    connector = connect(simulator_host.url, allowed_prefixes=["+44", "+1"])
    with pytest.raises(RejectedError, match=r"\+35…02 does not begin with one of allowed_prefixes"):
        connector.send(BOB, "Hello")
    with pytest.raises(RejectedError, match="allowed_prefixes"):
        connector.start(COMPANY, BOB)
    assert not simulator.requests
    connector.send(ADA, "Hello")
    connector.close()


@pytest.mark.parametrize("text", ["", " \n", "x" * 1601])
def test_a_text_twilio_would_not_take_is_not_sent(connector: Twilio, simulator: TwilioSimulator, text: str) -> None:
    with pytest.raises(RejectedError, match="1 to 1600"):
        connector.send(ADA, text)
    assert not simulator.requests


def test_who_cannot_text_or_verify_is_told_the_setting(simulator_host: SimulatorHost) -> None:
    proof_alone = connect(simulator_host.url, from_number=None, clients={})
    with pytest.raises(RejectedError, match="messaging_service_sid"):
        proof_alone.send(ADA, "Hello")
    texts_alone = connect(simulator_host.url, verify_service_sid=None, clients={})
    with pytest.raises(RejectedError, match="verify_service_sid"):
        texts_alone.challenge(person(ADA))
    assert "Verify" not in texts_alone.check()
    proof_alone.close()
    texts_alone.close()


def test_a_person_proves_who_they_are(connector: Twilio, simulator: TwilioSimulator) -> None:
    challenge = connector.challenge(person("01632 960001", ADA, BOB))
    assert connector.is_proven(challenge, "000000") is False
    assert connector.is_proven(challenge, simulator.code(ADA)) is True


def test_a_code_counts_once(connector: Twilio, simulator: TwilioSimulator) -> None:
    challenge = connector.challenge(person(ADA))
    code = simulator.code(ADA)
    assert connector.is_proven(challenge, code)
    with pytest.raises(NotFoundError, match="is over"):
        connector.is_proven(challenge, code)


def test_a_code_is_good_for_ten_minutes(connector: Twilio, simulator: TwilioSimulator, clock: HandClock) -> None:
    challenge, code = connector.challenge(person(ADA)), simulator.code(ADA)
    clock.pass_by(minutes=9, seconds=59)
    assert connector.is_proven(challenge, "000000") is False
    clock.pass_by(seconds=1)
    with pytest.raises(NotFoundError, match="older than 10 minutes"):
        connector.is_proven(challenge, code)


def test_five_wrong_codes_lock_it_even_for_the_right_one(connector: Twilio, simulator: TwilioSimulator) -> None:
    challenge, code = connector.challenge(person(ADA)), simulator.code(ADA)
    assert [connector.is_proven(challenge, "000000") for _ in range(5)] == [False] * 5
    with pytest.raises(RejectedError, match="60202; five wrong codes"):
        connector.is_proven(challenge, code)


@pytest.mark.parametrize("answer", ["", "123", "12345678901", "12 34 56", "abcdef", "123456\n", "١٢٣٤٥٦"])
def test_what_cannot_be_a_code_proves_nothing_and_costs_no_attempt(
    connector: Twilio, simulator: TwilioSimulator, answer: str
) -> None:
    challenge = connector.challenge(person(ADA))
    before = simulator.requests.total()
    assert connector.is_proven(challenge, answer) is False
    assert simulator.requests.total() == before


def test_the_code_of_somebody_else_proves_nothing(connector: Twilio, simulator: TwilioSimulator) -> None:
    ada, _ = connector.challenge(person(ADA)), connector.challenge(person(BOB))
    assert connector.is_proven(ada, simulator.code(BOB)) is False


def test_a_challenge_of_a_service_that_is_not_ours_is_not_asked_for(
    connector: Twilio, simulator: TwilioSimulator
) -> None:
    _, _, sid = connector.challenge(person(ADA)).partition(":")
    before = simulator.requests.total()
    for foreign in (f"VA{'9' * 32}:{sid}", f"../x:{sid}", sid, ""):
        with pytest.raises(RejectedError, match="not one of these Verify Services"):
            connector.is_proven(foreign, simulator.code(ADA))
    assert simulator.requests.total() == before


def test_a_message_is_found_by_its_key_and_by_no_other(connector: Twilio, naps: Naps) -> None:
    connector.send(ADA, mapping.marked("Hello", KEY))
    found = connector.message_under(ADA, KEY)
    assert found is not None
    assert naps.taken == []
    assert connector.message_under(ADA, f"{KEY}0") is None
    assert connector.message_under(BOB, KEY) is None


def test_the_second_look_finds_what_twilio_was_still_writing_down(
    simulator_host: SimulatorHost, connector: Twilio
) -> None:
    def arrives_late(_seconds: float) -> None:
        connector.send(ADA, mapping.marked("Hello", KEY))

    late = connect(simulator_host.url)
    late._sleep = arrives_late
    assert late.message_under(ADA, KEY) is not None
    late.close()


def test_a_message_counts_as_never_sent_after_two_looks_only(connector: Twilio, naps: Naps) -> None:
    connector.send(ADA, "Another message")
    assert connector.message_under(ADA, KEY) is None
    assert naps.taken == [SETTLING_SECONDS]


@pytest.mark.parametrize(("days", "is_doubtful"), [(0, True), (29, True), (31, False)])
def test_a_redacted_message_leaves_a_doubt_for_thirty_days(
    connector: Twilio, simulator: TwilioSimulator, clock: HandClock, *, days: int, is_doubtful: bool
) -> None:
    connector.send(ADA, mapping.marked("Hello", KEY))
    simulator.messages()[0]["body"] = ""
    clock.now += timedelta(days=days)
    if not is_doubtful:
        assert connector.message_under(ADA, KEY) is None
        return
    with pytest.raises(UncertainError, match="lost their text") as raised:
        connector.message_under(ADA, KEY)
    assert ADA not in str(raised.value)


@pytest.mark.parametrize("text", [mapping.marked("Hello", KEY), ""])
def test_what_a_person_texted_us_is_not_taken_for_ours(
    connector: Twilio, simulator: TwilioSimulator, text: str
) -> None:
    connector.send(ADA, "Hello")
    simulator.messages()[0].update(direction="inbound", body=text)
    assert connector.message_under(ADA, KEY) is None


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("Hello\nRef {}", True),
        ("Hello Ref {} \n", True),
        ("Ref {}", True),
        ("Hello\nRef {}0", False),
        ("Hello\nxRef {}", False),
        ("Ref {} and more", False),
        ("", False),
    ],
)
def test_a_mark_is_the_end_of_a_text_whatever_happens_to_white_space(text: str, *, is_found: bool) -> None:
    mark = mapping.reference(KEY).removeprefix("Ref ")
    assert mapping.is_marked(text.format(mark), KEY) is is_found


@given(st.text(alphabet="abcdef0123456789-", min_size=1, max_size=64), st.text(min_size=1, max_size=200))
def test_a_marked_text_is_found_by_its_key(key: str, text: str) -> None:
    assert mapping.is_marked(mapping.marked(text, key), key)
    assert not mapping.is_marked(mapping.marked(text, key), f"{key}x")
