import threading

import pytest

from deskhand.governance.switches import Level, release, throw
from deskhand.governance.traffic.budget import Budget
from deskhand.governance.traffic.control import Control, Controls
from deskhand.governance.traffic.settings import LimitSettings
from deskhand.records import calls, circuits
from deskhand.records.database import Records, UnauditedChangeError
from deskhand.records.schema import calls as calls_table
from deskhand.records.schema import identity_rules
from deskhand.sdk.errors import (
    AuthorizationError,
    ConnectorError,
    HeldBackError,
    HeldBy,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.sdk.traffic import Errand, Purpose
from tests.core.governance.conftest import HeldClock

PSA = "psa_example"
SETTINGS = LimitSettings(breaker_failures=3, breaker_pause_seconds=10)
PEOPLE, AUTOMATIONS, BACKGROUND = (Errand(each) for each in Purpose)
DOWN = UnavailableError("GET vendor.example/x was answered with 503")


def control(records: Records, clock: HeldClock, budget: Budget | None = None) -> Control:
    made = Control(PSA, budget or Budget(), SETTINGS, clock)
    made.keep_in(records)
    return made


def spend(control: Control, errand: Errand, most: int = 1_000) -> int:
    """Send until it is held back; return how many went."""
    for sent in range(most):
        try:
            control.enter("", errand)
        except HeldBackError:
            return sent
    return most


def kinds(records: Records) -> list[str]:
    return [each.kind for each in records.audit_entries()]


def test_background_stops_first_then_automations_then_people(records_on_both: Records, clock: HeldClock) -> None:
    one = control(records_on_both, clock, Budget(100, 0.2))
    assert [spend(one, each) for each in (BACKGROUND, AUTOMATIONS, PEOPLE)] == [60, 20, 20]
    with pytest.raises(HeldBackError, match=r"the 60 calls an hour for background are used up until 13:01 UTC") as held:
        one.enter("", BACKGROUND)
    assert (held.value.connector, held.value.retry_after) == (PSA, 3_660)


def test_a_change_that_has_begun_is_never_cut_off(records: Records, clock: HeldClock) -> None:
    one = control(records, clock, Budget(5, 0))
    assert spend(one, PEOPLE) == 5
    one.enter("", Errand(Purpose.AUTOMATIONS, is_begun=True))
    assert one.tally.used(clock()) == 6


def test_no_change_is_begun_with_too_few_calls_left(records: Records, clock: HeldClock) -> None:
    one = control(records, clock, Budget(30, 0))
    assert spend(one, PEOPLE, 20) == 20
    one.refuse_unaffordable(PEOPLE)
    one.enter("", PEOPLE)
    with pytest.raises(HeldBackError, match="30 calls an hour for people"):
        one.refuse_unaffordable(PEOPLE)
    one.keep()
    tiny = control(records, clock, Budget(3, 0))
    with pytest.raises(HeldBackError):
        tiny.refuse_unaffordable(PEOPLE)
    clock.pass_(minutes=61)
    tiny.refuse_unaffordable(PEOPLE)  # however small the budget, a whole one is enough


def test_a_restart_forgets_nothing_of_the_hour(records_on_both: Records, clock: HeldClock) -> None:
    before = control(records_on_both, clock, Budget(100, 0))
    assert spend(before, PEOPLE, 70) == 70
    before.keep()
    after = control(records_on_both, clock, Budget(100, 0))
    assert spend(after, PEOPLE) == 30
    clock.pass_(minutes=60)
    assert spend(after, PEOPLE) == 0
    clock.pass_(minutes=1)
    assert spend(after, PEOPLE) == 100


def test_a_crash_forgets_fifty_calls_at_most(records: Records, clock: HeldClock) -> None:
    before = control(records, clock, Budget(1_000, 0))
    spend(before, PEOPLE, 149)
    assert 149 - control(records, clock).tally.used(clock()) < 50


def test_processes_share_one_budget(records: Records, clock: HeldClock) -> None:
    desk, hand = (control(records, clock, Budget(400, 0)) for _ in range(2))
    went = 0
    for _ in range(40):
        went += spend(desk, PEOPLE, 10) + spend(hand, PEOPLE, 10)
        clock.pass_(seconds=6)
    assert 400 <= went < 400 + 50


def test_threads_never_take_one_call_too_many(records: Records, clock: HeldClock) -> None:
    one, went = control(records, clock, Budget(200, 0)), []
    threads = [threading.Thread(target=lambda: went.append(spend(one, PEOPLE))) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(went) == 200


def test_keeping_costs_a_commit_now_and_then_and_no_entry(records: Records, clock: HeldClock) -> None:
    before = len(records.audit_entries())
    one = control(records, clock, Budget(1_000, 0))
    spend(one, PEOPLE, 40)
    assert calls.sent_since(records, PSA, 0) == {}
    clock.pass_(seconds=5)
    spend(one, PEOPLE, 1)
    assert sum(calls.sent_since(records, PSA, 0).values()) == 41
    assert len(records.audit_entries()) == before


def test_what_is_a_day_old_is_forgotten(records: Records, clock: HeldClock) -> None:
    one = control(records, clock)
    spend(one, PEOPLE, 3)
    one.keep()
    clock.pass_(hours=26)
    one.keep()
    assert calls.sent_since(records, PSA, 0) == {}


def test_counting_may_change_nothing_but_counts(records: Records) -> None:
    with pytest.raises(UnauditedChangeError), records.counting() as connection:
        connection.execute(identity_rules.insert(), [dict.fromkeys(identity_rules.columns.keys(), "x")])
    with pytest.raises(UnauditedChangeError), records.reading() as connection:
        connection.execute(calls_table.insert(), [{"connector": PSA, "minute": 1, "purpose": "people", "sent": 1}])


def fail(one: Control, error: ConnectorError | None = DOWN, times: int = 1, connection: str = "") -> None:
    for _ in range(times):
        one.enter(connection, PEOPLE)
        one.leave(connection, error)


@pytest.mark.parametrize("error", [DOWN, AuthorizationError("401"), UncertainError("the answer was lost")])
def test_a_vendor_that_fails_in_a_row_is_left_alone_and_tried_again(
    records_on_both: Records, clock: HeldClock, error: ConnectorError
) -> None:
    one = control(records_on_both, clock)
    fail(one, error, 3)
    with pytest.raises(HeldBackError, match="too many failed in a row") as held:
        one.enter("", PEOPLE)
    assert (held.value.by, held.value.retry_after) == (HeldBy.CIRCUIT, 10)
    (opened,) = circuits.opened(records_on_both)
    assert str(error) in opened.sentence
    clock.pass_(seconds=10)
    fail(one, None)
    assert circuits.opened(records_on_both) == ()
    one.enter("", PEOPLE)
    assert [each for each in kinds(records_on_both) if "circuit" in each] == ["circuit.opened", "circuit.closed"]


@pytest.mark.parametrize("answer", [None, NotFoundError("no"), RejectedError("no")])
def test_any_answer_counts_as_being_there(records: Records, clock: HeldClock, answer: ConnectorError | None) -> None:
    one = control(records, clock)
    for _ in range(4):
        fail(one, DOWN, 2)
        fail(one, answer)
    assert one.opened() == ()


def test_being_throttled_or_held_back_says_nothing_of_health(records: Records, clock: HeldClock) -> None:
    one = control(records, clock)
    fail(one, RateLimitedError("429", retry_after=1), 9)
    fail(one, HeldBackError("switch", retry_after=1), 9)
    assert one.opened() == ()


def test_each_connection_has_a_circuit_of_its_own(records: Records, clock: HeldClock) -> None:
    one = control(records, clock)
    fail(one, times=3, connection="tenant-a")
    one.enter("tenant-b", PEOPLE)
    assert one.opened() == ("tenant-a",)
    with pytest.raises(HeldBackError, match=r"psa_example \(tenant-a\)"):
        one.enter("tenant-a", PEOPLE)


def test_an_open_circuit_outlives_the_process(records: Records, clock: HeldClock) -> None:
    fail(control(records, clock), times=3)
    after = control(records, clock)
    assert after.opened() == ("",)
    fail(after, DOWN)  # one tries
    with pytest.raises(HeldBackError):
        after.enter("", PEOPLE)
    assert kinds(records).count("circuit.stays_open") == 1


STOPS = [(Level.GLOBAL, ""), (Level.TENANT, "19"), (Level.CONNECTOR, PSA), (Level.AUTOMATION, "unlock")]


@pytest.mark.parametrize(("level", "subject"), STOPS)
def test_a_thrown_switch_keeps_the_very_next_request_from_being_sent(
    records: Records, clock: HeldClock, level: Level, subject: str
) -> None:
    one, errand = control(records, clock), Errand(tenant="19", automation="unlock", is_begun=True)
    one.enter("", errand)
    with records.transaction("ann") as transaction:
        throw(transaction, level, subject, by="ann", reason="fire")
    with pytest.raises(HeldBackError, match="fire") as held:
        one.enter("", errand)
    assert held.value.by is HeldBy.SWITCH
    if level in {Level.TENANT, Level.AUTOMATION}:
        one.enter("", Errand(tenant="20", automation="other"))
    with records.transaction("ada") as transaction:
        release(transaction, level, subject, by="ada", reason="over")
    one.enter("", errand)


def test_controls_answer_for_each_connector(records: Records, clock: HeldClock) -> None:
    controls = Controls(SETTINGS, clock)
    with controls.over(PSA, "nobodys_package", Budget(10, 0)):
        controls.keep_in(records)
        found = controls.of(PSA)
        assert found is not None
        found.enter("", PEOPLE)
        controls.keep()
    assert sum(calls.sent_since(records, PSA, 0).values()) == 1
    assert controls.of("psa_other") is None
