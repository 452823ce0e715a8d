import pytest
from pydantic import ValidationError

from deskhand.sdk.actions import Effect, Receipt, Tier
from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost, route
from deskhand_notify_twilio.actions import ACTIONS, inspect_sms
from deskhand_notify_twilio.arguments import CheckArguments, SmsArguments, StartArguments
from deskhand_notify_twilio.connector import Twilio
from deskhand_notify_twilio.mapping import reference
from deskhand_notify_twilio.simulator import FROM_NUMBER, VERIFY_SERVICE, TwilioSimulator
from tests.plugins.notify_twilio.practice import ADA, BOB, CALLBACKS, COMPANY, OWN_COMPANY, HandClock, connect

SEND, BEGIN, CHECK, CALL, CHECK_CALL = ACTIONS
KEY = "0f3a9c"
SMS = SmsArguments(company_id=COMPANY, to=ADA, text="Your password was reset.")
START = StartArguments(company_id=COMPANY, to=ADA)


class Showing(TwilioSimulator):
    """Shows every verification as a test wants it."""

    def __init__(self, answer: dict[str, str]) -> None:
        super().__init__()
        self.answer = answer

    @route("GET", "/v2/Services/{service}/Verifications/{sid}")
    def read_verification(self, request: SimulatedRequest, service: str, sid: str) -> SimulatedResponse:
        del request, service, sid
        return SimulatedResponse.json(200, self.answer)


def started(connector: Twilio, simulator: TwilioSimulator, **changes: str) -> CheckArguments:
    receipt = BEGIN.apply(connector, START, KEY)
    given = {"company_id": COMPANY, "to": ADA, "verification_sid": receipt.reference, "code": simulator.code(ADA)}
    return CheckArguments.model_validate({**given, **changes})


def test_every_action_reaches_a_client_and_happens_once() -> None:
    assert {(action.tier, action.effect) for action in ACTIONS} == {(Tier.CLIENT_REVERSIBLE, Effect.ONCE)}
    assert [action.probe is not None for action in ACTIONS] == [True, False, False, False, False]
    assert [action.irreversible is None for action in ACTIONS] == [False, True, False, True, False]
    assert [action.is_call_back for action in ACTIONS] == [False, False, False, False, True]


def test_the_dry_run_shows_every_word_that_is_sent_and_asks_nobody(
    connector: Twilio, simulator: TwilioSimulator
) -> None:
    inspection = SEND.inspect(connector, SMS)
    assert inspection.tenant_id == COMPANY
    assert inspection.changes[0].desired == f"from {FROM_NUMBER} to {ADA}: Your password was reset."
    assert "Ref" in inspection.changes[1].desired
    assert "10 minutes" in BEGIN.inspect(connector, START).changes[0].desired
    assert not simulator.requests


def test_the_dry_run_refuses_what_could_not_be_sent(simulator_host: SimulatorHost) -> None:
    connector = connect(simulator_host.url, allowed_prefixes=["+1"])
    for action, arguments in ((SEND, SMS), (BEGIN, START)):
        with pytest.raises(RejectedError, match="allowed_prefixes"):
            action.inspect(connector, arguments)
    connector.close()


def test_a_text_ends_with_the_line_it_is_found_by(connector: Twilio, simulator: TwilioSimulator) -> None:
    SEND.apply(connector, SMS, KEY)
    assert simulator.messages()[0]["body"] == f"Your password was reset.\n{reference(KEY)}"
    assert len(reference(KEY)) == 14


def test_a_text_asks_for_callbacks_at_the_configured_address(
    simulator_host: SimulatorHost, simulator: TwilioSimulator
) -> None:
    url = f"http://127.0.0.1:9{CALLBACKS}"
    connector = connect(simulator_host.url, callback_url=url)
    receipt = SEND.apply(connector, SMS, KEY)
    connector.close()
    assert simulator.callbacks == {receipt.reference: url}


def test_a_text_that_failed_is_not_verified(connector: Twilio, simulator: TwilioSimulator) -> None:
    simulator.unreachable.add(ADA)
    receipt = SEND.apply(connector, SMS, KEY)
    for _ in range(2):
        simulator.advance()
        assert SEND.verify(connector, SMS, receipt)
    simulator.advance()
    assert simulator.messages()[0]["status"] == "undelivered"
    assert not SEND.verify(connector, SMS, receipt)
    assert SEND.probe is not None
    assert SEND.probe(connector, SMS, KEY) == Receipt(receipt.reference, {"status": "undelivered"})


@pytest.mark.parametrize("changes", [{"to": BOB}, {"body": "Something else"}])
def test_a_message_that_is_another_is_not_verified(
    connector: Twilio, simulator: TwilioSimulator, changes: dict[str, str]
) -> None:
    receipt = SEND.apply(connector, SMS, KEY)
    simulator.messages()[0].update(changes)
    assert not SEND.verify(connector, SMS, receipt)


def test_a_message_that_is_gone_is_not_verified_and_a_redacted_one_is(
    connector: Twilio, simulator: TwilioSimulator
) -> None:
    receipt = SEND.apply(connector, SMS, KEY)
    simulator.messages()[0]["body"] = ""
    assert SEND.verify(connector, SMS, receipt)
    simulator.ledger.messages.clear()
    assert not SEND.verify(connector, SMS, receipt)


def test_the_right_code_is_approved_and_read_back_though_the_verification_is_deleted(
    connector: Twilio, simulator: TwilioSimulator
) -> None:
    arguments = started(connector, simulator)
    receipt = CHECK.apply(connector, arguments, KEY)
    assert receipt.detail == {"service": VERIFY_SERVICE, "status": "approved"}
    assert CHECK.verify(connector, arguments, receipt)
    with pytest.raises(NotFoundError, match="is over"):
        CHECK.inspect(connector, arguments)


def test_a_wrong_code_is_refused_and_verifies_nothing(connector: Twilio, simulator: TwilioSimulator) -> None:
    arguments = started(connector, simulator, code="000000")
    with pytest.raises(RejectedError, match="not the right code"):
        CHECK.apply(connector, arguments, KEY)
    assert not CHECK.verify(connector, arguments, Receipt(arguments.verification_sid))


def test_an_approved_code_cannot_be_shown_again(connector: Twilio, simulator: TwilioSimulator) -> None:
    arguments = started(connector, simulator)
    CHECK.apply(connector, arguments, KEY)
    with pytest.raises(NotFoundError):
        CHECK.apply(connector, arguments, "another-key")


def test_a_verification_of_another_number_or_client_is_refused_before_it_costs_an_attempt(
    connector: Twilio, simulator: TwilioSimulator
) -> None:
    arguments = started(connector, simulator)
    for changes, error in (({"to": BOB}, RejectedError), ({"company_id": OWN_COMPANY}, NotFoundError)):
        foreign = arguments.model_copy(update=changes)
        with pytest.raises(error):
            CHECK.inspect(connector, foreign)
        with pytest.raises(error):
            CHECK.apply(connector, foreign, KEY)
    assert simulator.pending()[0]["checks"] == 0


def test_a_receipt_of_another_verification_proves_nothing(connector: Twilio, simulator: TwilioSimulator) -> None:
    arguments = started(connector, simulator)
    CHECK.apply(connector, arguments, KEY)
    other = CHECK.verify(
        connector,
        arguments.model_copy(update={"verification_sid": "VE" + "9" * 32}),
        Receipt(arguments.verification_sid),
    )
    assert other is False


def test_a_started_verification_is_withdrawn_by_undo_even_when_it_is_over(
    connector: Twilio, simulator: TwilioSimulator, clock: HandClock
) -> None:
    receipt = BEGIN.apply(connector, START, KEY)
    code = simulator.code(ADA)
    assert BEGIN.undo is not None
    for _ in range(2):
        BEGIN.undo(connector, START, {}, receipt)
    with pytest.raises(NotFoundError):
        connector.is_proven(f"{VERIFY_SERVICE}:{receipt.reference}", code)
    again = BEGIN.apply(connector, START, KEY)
    assert again.reference != receipt.reference
    clock.pass_by(minutes=11)
    assert not BEGIN.verify(connector, START, again)


@pytest.mark.parametrize("changes", [{"to": BOB}, {"status": "failed"}])
def test_a_started_verification_that_is_another_is_not_verified(connector: Twilio, changes: dict[str, str]) -> None:
    receipt = BEGIN.apply(connector, START, KEY)
    shown = {"sid": receipt.reference, "to": ADA, "status": "pending"}
    for answer, is_verified in ((shown, True), ({**shown, **changes}, False)):
        with SimulatorHost(Showing(answer)) as host:
            other = connect(host.url)
            assert BEGIN.verify(other, START, receipt) is is_verified
            other.close()


def test_starting_again_texts_the_same_code_and_is_counted(connector: Twilio, simulator: TwilioSimulator) -> None:
    first, second = (BEGIN.apply(connector, START, key).reference for key in ("a", "b"))
    assert first == second
    assert len(simulator.pending()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "01632 960001"},
        {"to": "+44 1632 960001"},
        {"to": f"{ADA}\n"},
        {"to": "+٤٤١٦٣٢٩٦٠٠٠١"},
        {"company_id": ""},
        {"company_id": "1/2"},
        {"company_id": 250},
        {"text": ""},
        {"text": " \n "},
        {"text": "bell\x07"},
        {"text": "left\u202eright"},
        {"text": "x" * 1501},
        {"from": FROM_NUMBER},
    ],
)
def test_arguments_are_strict(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SmsArguments.model_validate({**SMS.model_dump(), **changes})


@pytest.mark.parametrize("changes", [{"code": "12a4"}, {"code": "123"}, {"code": 1234}, {"verification_sid": "VE1"}])
def test_arguments_of_a_check_are_strict(changes: dict[str, object]) -> None:
    good = {"company_id": COMPANY, "to": ADA, "verification_sid": "VE" + "0" * 32, "code": "1234"}
    assert "1234" not in repr(CheckArguments.model_validate(good))
    with pytest.raises(ValidationError):
        CheckArguments.model_validate({**good, **changes})


def test_the_longest_text_still_fits_with_its_last_line(connector: Twilio, simulator: TwilioSimulator) -> None:
    longest = SMS.model_copy(update={"text": "x" * 1500})
    assert SEND.verify(connector, longest, SEND.apply(connector, longest, KEY))
    assert inspect_sms(connector, longest).tenant_id == COMPANY
    assert len(simulator.messages()) == 1


def called(connector: Twilio, simulator: TwilioSimulator) -> CheckArguments:
    receipt = CALL.apply(connector, START, KEY)
    assert CALL.verify(connector, START, receipt)
    return CheckArguments(company_id=COMPANY, to=ADA, verification_sid=receipt.reference, code=simulator.code(ADA))


def test_a_call_back_is_a_call_and_its_code_is_approved(connector: Twilio, simulator: TwilioSimulator) -> None:
    assert "spoken in a call" in CALL.inspect(connector, START).changes[0].desired
    arguments = called(connector, simulator)
    assert [each["channel"] for each in simulator.ledger.attempts] == ["call"]
    receipt = CHECK_CALL.apply(connector, arguments, KEY)
    assert CHECK_CALL.verify(connector, arguments, receipt)


def test_a_landline_can_be_called_though_it_takes_no_texts(connector: Twilio, simulator: TwilioSimulator) -> None:
    simulator.landlines.add(ADA)
    with pytest.raises(RejectedError, match="60205"):
        BEGIN.apply(connector, START, KEY)
    assert called(connector, simulator).code


def test_a_code_that_is_also_in_a_text_is_no_call_back(connector: Twilio, simulator: TwilioSimulator) -> None:
    arguments = called(connector, simulator)
    receipt = BEGIN.apply(connector, START, KEY)
    assert receipt.reference == arguments.verification_sid
    for act in (lambda: CHECK_CALL.inspect(connector, arguments), lambda: CHECK_CALL.apply(connector, arguments, KEY)):
        with pytest.raises(RejectedError, match="not made by a call alone"):
            act()
    assert not CALL.verify(connector, START, receipt)
    assert CHECK.inspect(connector, arguments).changes


def test_a_call_after_a_text_is_cancelled_and_can_be_made_anew(connector: Twilio, simulator: TwilioSimulator) -> None:
    texted = BEGIN.apply(connector, START, KEY)
    with pytest.raises(RejectedError, match="call once more"):
        CALL.apply(connector, START, KEY)
    assert called(connector, simulator).verification_sid != texted.reference


def test_a_call_back_that_was_cancelled_is_worthless(connector: Twilio, simulator: TwilioSimulator) -> None:
    arguments = called(connector, simulator)
    assert CALL.undo is not None
    CALL.undo(connector, START, {}, Receipt(arguments.verification_sid))
    assert not CALL.verify(connector, START, Receipt(arguments.verification_sid))
    with pytest.raises(NotFoundError):
        CHECK_CALL.apply(connector, arguments, KEY)
