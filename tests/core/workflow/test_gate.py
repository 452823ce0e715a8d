"""Each ring of the gate by itself: what it refuses, and that nothing was sent."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from deskhand.records import effects
from deskhand.records.database import Records, RecordsUnavailableError, url_of
from deskhand.records.effects import EffectState
from deskhand.sdk.actions import Tier
from deskhand.sdk.errors import (
    AuthorizationError,
    ConnectorError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    TooLateError,
    UnavailableError,
    UncertainError,
)
from deskhand.workflow.gate import Gate, RefusedError, key_maker
from tests.core.workflow.conftest import MakeCall, SteppingClock, kinds
from tests.core.workflow.vendor import (
    PAINT,
    TENANT,
    Board,
    Colour,
    Death,
    Notice,
    Untargeted,
    answer_lost,
    notice_action,
)

TENANTS = ["", "7", "8", "07", " 7", "7 ", "７", "Client 7", "70", "None", "9" * 40]


def test_a_call_of_the_right_tenant_is_made_verified_and_recorded(
    gate: Gate, call: MakeCall, board: Board, records: Records
) -> None:
    receipt = gate.perform(call("Hello"))
    assert (receipt.reference, receipt.detail) == ("1", {"length": 5})
    assert board.notices == [("1", "Hello", "key-1")]
    assert board.calls == ["inspect", "before", "after", "verify"]
    effect = effects.find(records, "key-1")
    assert effect
    assert (effect.state, effect.tenant, effect.ticket) == (EffectState.DONE, TENANT, "1")
    assert kinds(records) == ["effect.claimed", "effect.done"]


# Tenant equality


@pytest.mark.parametrize("target", TENANTS)
@pytest.mark.parametrize("tenant", [each for each in TENANTS if each])
def test_a_target_of_any_other_tenant_is_refused_and_nothing_is_sent(
    gate: Gate, call: MakeCall, board: Board, records: Records, tenant: str, target: str
) -> None:
    board.owners["1"] = target
    if target in {tenant, ""}:
        gate.perform(call(tenant=tenant))
        assert len(board.notices) == 1
        return
    with pytest.raises(RefusedError, match="does not belong to tenant"):
        gate.perform(call(tenant=tenant))
    assert board.changes == []
    assert effects.find(records, "key-1") is None
    assert kinds(records) == ["gate.refused"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tenant=st.text("0123456789abc ", min_size=1, max_size=4),
    target=st.text("0123456789abc ", min_size=1, max_size=4),
    unowned=st.frozensets(st.text("0123456789", min_size=1, max_size=2), max_size=3),
)
def test_only_the_same_tenant_or_nobody_passes(
    records: Records, call: MakeCall, board: Board, tenant: str, target: str, unowned: frozenset[str]
) -> None:
    board.owners["1"] = target
    board.notices.clear()
    gate = Gate(records, "gate", lambda: unowned)
    key = f"key-{len(kinds(records))}"
    is_allowed = target == tenant or target in unowned
    try:
        gate.perform(call(tenant=tenant, key=key))
        is_made = True
    except RefusedError:
        is_made = False
    assert (is_made, len(board.notices)) == (is_allowed, int(is_allowed))


def test_a_ticket_filed_under_nobody_may_get_its_note(records: Records, call: MakeCall, board: Board) -> None:
    board.owners["1"] = "catch-all"
    with pytest.raises(RefusedError):
        Gate(records, "gate", lambda: frozenset({"elsewhere"})).perform(call())
    Gate(records, "gate", lambda: frozenset({"catch-all"})).perform(call())
    assert len(board.notices) == 1


@pytest.mark.parametrize("tier", [Tier.CLIENT_REVERSIBLE, Tier.HARD_GATE, Tier.NEVER_AUTOMATED])
def test_what_reaches_further_than_the_psa_is_refused_also_for_nobodys_target(
    records: Records, call: MakeCall, board: Board, tier: Tier
) -> None:
    gate = Gate(records, "gate", lambda: frozenset({TENANT, ""}))
    with pytest.raises(RefusedError, match=f"tier {int(tier)} (needs an approval|is never automated)"):
        gate.perform(call(action=notice_action(tier)))
    assert board.calls == []


def test_a_refusal_does_not_tell_whose_the_target_is(gate: Gate, call: MakeCall, board: Board) -> None:
    board.owners["1"] = "somebody-else"
    with pytest.raises(RefusedError) as raised:
        gate.perform(call())
    assert "somebody-else" not in str(raised.value)


def test_the_tenant_is_looked_at_again_before_an_effect_is_repeated(gate: Gate, call: MakeCall, board: Board) -> None:
    board.trouble["before"] = UnavailableError("down")
    with pytest.raises(UnavailableError):
        gate.perform(call())
    board.owners["1"] = "8"
    with pytest.raises(RefusedError, match="does not belong"):
        gate.perform(call())
    assert board.notices == []


# The ticket whose tenant was established


def test_a_call_on_another_ticket_is_refused_before_anything_is_asked(gate: Gate, call: MakeCall, board: Board) -> None:
    with pytest.raises(RefusedError, match="another ticket than 1"):
        gate.perform(call(about="2"))
    assert board.calls == []


# Misuse


@pytest.mark.parametrize("key", ["", "Key", "key_1", "key 1", "key\n", "ключ", "x" * 65, "key-1\0", "../key", "key-１"])
def test_a_key_a_vendor_could_not_store_is_refused(gate: Gate, call: MakeCall, board: Board, key: str) -> None:
    with pytest.raises(RefusedError, match="idempotency key"):
        gate.perform(call(key=key))
    assert board.calls == []


def test_the_longest_key_is_taken(gate: Gate, call: MakeCall) -> None:
    assert gate.perform(call(key="x" * 64)).reference == "1"


class Sly(Notice):
    """A notice with something more."""

    extra: str = "x"


@pytest.mark.parametrize(
    "arguments", [Untargeted(text="x"), Colour(ticket_id="1", colour="red"), Sly(ticket_id="1", text="x")]
)
def test_arguments_of_another_class_are_refused(gate: Gate, call: MakeCall, board: Board, arguments: Notice) -> None:
    with pytest.raises(RefusedError, match="not Notice"):
        gate.perform(call(arguments=arguments))
    assert board.calls == []


@pytest.mark.parametrize(
    "other",
    [
        {"text": "Something else"},
        {"action": PAINT, "arguments": Colour(ticket_id="1", colour="red")},
        {"tenant": "8"},
    ],
)
def test_a_key_that_was_used_for_another_call_is_refused(
    gate: Gate, call: MakeCall, board: Board, other: dict[str, object]
) -> None:
    gate.perform(call())
    board.owners["1"] = str(other.get("tenant", TENANT))
    with pytest.raises(RefusedError, match="used for another call"):
        gate.perform(call(**other))
    assert len(board.changes) == 1


# Durable intent


def test_the_claim_is_durable_before_anything_is_sent(
    call: MakeCall, board: Board, records: Records, tmp_path: Path
) -> None:
    seen: list[EffectState] = []

    def look() -> None:
        beside = Records.open(url_of(tmp_path / "records.db"), clock=SteppingClock())
        effect = effects.find(beside, "key-1")
        beside.close()
        assert effect
        seen.append(effect.state)

    board.on_apply = look
    Gate(records, "gate").perform(call())
    assert seen == [EffectState.CLAIMED]


def fill_the_disk(records: Records) -> None:
    """Let the store grow no further, and use up the room there is inside."""
    for _ in range(2):
        with records.reading() as connection:
            connection.execute(text("PRAGMA max_page_count=1"))
        with suppress(RecordsUnavailableError):
            while True:
                with records.transaction("test") as transaction:
                    transaction.audit("test.filling")
    with records.reading() as connection:
        connection.execute(text("PRAGMA max_page_count=1"))


def test_nothing_is_sent_where_the_claim_cannot_be_stored(
    gate: Gate, call: MakeCall, board: Board, records: Records
) -> None:
    fill_the_disk(records)
    with pytest.raises(RecordsUnavailableError, match="disk is full"):
        gate.perform(call())
    assert board.changes == []
    gate.perform(call())
    assert len(board.notices) == 1


# Crashes and lost answers


def test_after_a_death_before_the_call_it_is_made_once(gate: Gate, call: MakeCall, board: Board) -> None:
    board.trouble["before"] = Death()
    with pytest.raises(Death):
        gate.perform(call())
    assert gate.perform(call()).reference == "1"
    assert len(board.notices) == 1


def test_after_a_death_behind_the_call_the_effect_is_found_and_not_repeated(
    gate: Gate, call: MakeCall, board: Board, records: Records
) -> None:
    board.trouble["after"] = Death()
    with pytest.raises(Death):
        gate.perform(call())
    assert gate.perform(call()).reference == "1"
    assert len(board.changes) == 1
    assert kinds(records) == ["effect.claimed", "effect.done"]


def test_a_lost_answer_is_uncertain_and_then_found_by_reading(
    gate: Gate, call: MakeCall, board: Board, records: Records
) -> None:
    board.trouble["after"] = answer_lost()
    with pytest.raises(UncertainError):
        gate.perform(call())
    assert gate.perform(call()).reference == "1"
    assert len(board.changes) == 1
    assert kinds(records) == ["effect.claimed", "effect.failed", "effect.done"]


def test_a_lost_request_is_not_found_and_made_once_more(gate: Gate, call: MakeCall, board: Board) -> None:
    board.trouble["before"] = answer_lost()
    with pytest.raises(UncertainError):
        gate.perform(call())
    gate.perform(call())
    assert (len(board.changes), len(board.notices)) == (2, 1)


def test_while_the_probe_cannot_read_nothing_is_sent_again(gate: Gate, call: MakeCall, board: Board) -> None:
    board.trouble["after"] = answer_lost()
    with pytest.raises(UncertainError):
        gate.perform(call())
    board.trouble["probe"] = UnavailableError("down")
    with pytest.raises(UnavailableError):
        gate.perform(call())
    assert len(board.changes) == 1


def test_what_took_too_long_between_its_intent_and_the_call_is_not_sent_and_may_be_made_anew(
    records: Records, gate: Gate, call: MakeCall, board: Board
) -> None:
    """Nothing was sent, and that is known: there is nothing to read."""
    late = Gate(records, "gate", sends_for=-1.0)
    with pytest.raises(TooLateError):
        late.perform(call("Hello"))
    assert board.notices == []
    found = effects.find(records, "key-1")
    assert found is not None
    assert found.state is EffectState.FAILED
    gate.perform(call("Hello"))
    assert board.notices == [("1", "Hello", "key-1")]


def test_without_a_probe_an_unknown_outcome_waits_for_a_person(
    gate: Gate, call: MakeCall, board: Board, records: Records
) -> None:
    action = notice_action(with_probe=False)
    board.trouble["after"] = Death()
    with pytest.raises(Death):
        gate.perform(call(action=action))
    for _ in range(2):
        with pytest.raises(RefusedError, match="waits for a person"):
            gate.perform(call(action=action))
    assert len(board.changes) == 1
    effect = effects.find(records, "key-1")
    assert effect
    assert effect.state is EffectState.NEEDS_REVIEW
    assert kinds(records) == ["effect.claimed", "effect.needs_review"]


def test_an_idempotent_effect_is_simply_made_again(gate: Gate, call: MakeCall, board: Board) -> None:
    paint = call(action=PAINT, arguments=Colour(ticket_id="1", colour="red"))
    board.trouble["after"] = Death()
    with pytest.raises(Death):
        gate.perform(paint)
    assert gate.perform(paint).reference == "1"
    assert (board.colour, len(board.changes)) == ({"1": "red"}, 2)
    assert "probe" not in board.calls


def test_success_that_cannot_be_read_back_is_uncertain(gate: Gate, call: MakeCall, board: Board) -> None:
    board.is_deaf = True
    with pytest.raises(UncertainError, match="not there when read back"):
        gate.perform(call())
    board.is_deaf = False
    assert gate.perform(call()).reference == "1"


@pytest.mark.parametrize(
    "error", [UnavailableError("down"), RejectedError("no"), NotFoundError("gone"), AuthorizationError("401")]
)
def test_a_change_that_was_sent_is_never_reported_as_refused_because_reading_it_back_failed(
    gate: Gate, call: MakeCall, board: Board, error: ConnectorError
) -> None:
    board.trouble["verify"] = error
    with pytest.raises(UncertainError, match="was sent but not read back"):
        gate.perform(call())
    assert gate.perform(call()).reference == "1"
    assert len(board.changes) == 1


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("down"),
        RateLimitedError("slowly", retry_after=3),
        RejectedError("no"),
        NotFoundError("gone"),
        AuthorizationError("401"),
    ],
)
def test_the_connectors_own_error_comes_out_and_the_attempt_is_on_the_record(
    gate: Gate, call: MakeCall, board: Board, records: Records, error: ConnectorError
) -> None:
    board.trouble["before"] = error
    with pytest.raises(type(error)) as raised:
        gate.perform(call())
    assert raised.value is error
    assert kinds(records) == ["effect.claimed", "effect.failed"]
    assert records.audit_entries()[-1].detail["error"] == type(error).__name__


def test_an_error_while_inspecting_claims_nothing(gate: Gate, call: MakeCall, board: Board, records: Records) -> None:
    board.trouble["inspect"] = RejectedError("the board has no such type")
    with pytest.raises(RejectedError):
        gate.perform(call())
    assert kinds(records) == []


# Receipts


def test_a_call_that_was_made_is_answered_from_the_record_without_the_vendor(
    gate: Gate, call: MakeCall, board: Board, records: Records
) -> None:
    first = gate.perform(call())
    asked = list(board.calls)
    board.trouble["inspect"] = UnavailableError("down")
    again = Gate(records, "gate").perform(call())
    assert again == first
    assert board.calls == asked


def test_the_same_call_from_two_threads_is_made_once(gate: Gate, call: MakeCall, board: Board) -> None:
    entered, release = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        release.wait(5)

    board.on_apply = wait
    first = threading.Thread(target=gate.perform, args=(call(),))
    first.start()
    assert entered.wait(5)
    with pytest.raises(UncertainError, match="at this very moment"):
        gate.perform(call())
    release.set()
    first.join()
    assert gate.perform(call()).reference == "1"
    assert len(board.changes) == 1


# Keys


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(["note", "fields"]))
def test_keys_are_stable_fit_for_the_gate_and_different_for_every_ticket_purpose_and_desk(
    desk: str, ticket: str, purpose: str
) -> None:
    key = key_maker(desk)(ticket, purpose)
    assert key == key_maker(desk)(ticket, purpose)
    assert len(key) == 24
    assert set(key) <= set("0123456789abcdef")
    others = {key_maker(desk)(ticket, "other"), key_maker(desk)(f"{ticket}1", purpose)}
    others.add(key_maker(f"{desk}1")(ticket, purpose))
    assert key not in others
