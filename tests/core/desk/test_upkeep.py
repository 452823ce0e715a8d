"""What is due now and then: callbacks, learning and signing, each as often as it should be and no more."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from deskhand.desk.desk import Desk
from deskhand.desk.upkeep import EVERY, Upkeep
from deskhand.records.audit.checkpoints import CheckpointPolicy
from deskhand.records.database import RecordsUnavailableError
from deskhand.sdk.testing import SimulatorHost
from deskhand.sdk.testing.faults import ExpiredToken
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Hurry, Msp, drain, hurried


def upkeep(desk: Desk, hurry: Hurry) -> Upkeep:
    return Upkeep(desk.records, desk.judgement, desk.connections, hurry)


def kinds(desk: Desk) -> list[str]:
    """What is on the record, beside the guard rails every desk begins by noting."""
    return [entry.kind for entry in desk.records.audit_entries() if entry.kind != "guard_rails.in_force"]


def test_callbacks_are_registered_at_once_and_then_daily(configured: Configure, msp: Msp) -> None:
    hurry = Hurry()
    plain = configured()
    section = {**plain.connectors["psa_connectwise"], "callback_url": "https://desk.example/callbacks/psa_connectwise"}
    with hurried(configured(connectors={"psa_connectwise": section}), hurry) as desk:
        work = upkeep(desk, hurry)
        for _ in range(5):
            work.look()
        assert kinds(desk).count("callback.ensured") == 1
        assert len(list(msp.psa.state["callbacks"])) == 1
        hurry.offset += timedelta(hours=23)
        work.look()
        assert kinds(desk).count("callback.ensured") == 1
        hurry.offset += timedelta(hours=1, minutes=1)
        work.look()
        assert kinds(desk).count("callback.ensured") == 2
        assert len(list(msp.psa.state["callbacks"])) == 1


def test_a_psa_that_takes_no_callback_is_told_and_nothing_else(configured: Configure, host: SimulatorHost) -> None:
    hurry = Hurry()
    section = {**configured().connectors["psa_connectwise"], "callback_url": "https://desk.example/x"}
    with hurried(configured(connectors={"psa_connectwise": section}), hurry) as desk, capture_logs() as logged:
        host.faults.schedule(ExpiredToken(), times=10)
        upkeep(desk, hurry).look()
        assert kinds(desk) == []
    assert [each["event"] for each in logged] == ["callbacks are not certain"]


def test_upkeep_looks_at_most_once_a_minute(configured: Configure, host: SimulatorHost) -> None:
    hurry = Hurry()
    section = {**configured().connectors["psa_connectwise"], "callback_url": "https://desk.example/x"}
    with hurried(configured(connectors={"psa_connectwise": section}), hurry) as desk:
        work = upkeep(desk, hurry)
        work.look()
        asked = host.requests
        hurry.offset += EVERY - timedelta(seconds=20)
        work.look()
        assert host.requests == asked


def test_what_was_closed_meanwhile_is_learned_from_once_a_day(configured: Configure, msp: Msp) -> None:
    hurry = Hurry()
    with hurried(configured(), hurry) as desk:
        drain(desk)
        assert desk.judgement.history
        first = desk.judgement.history.identity
        for number in range(10):
            msp.close(msp.ticket(f"Laptop {number} is slow"), "Hardware")
        desk.intake.poll()
        work = upkeep(desk, hurry)
        work.look()
        assert desk.judgement.history.identity == first
        hurry.offset += timedelta(days=1)
        work.look()
        assert desk.judgement.history.identity != first


def test_the_log_is_signed_once_enough_time_has_passed(configured: Configure, msp: Msp) -> None:
    hurry = Hurry()
    with hurried(configured(), hurry) as desk:
        msp.ticket()
        desk.intake.poll()
        work = upkeep(desk, hurry)
        hurry.offset += CheckpointPolicy().interval - timedelta(minutes=1)
        work.look()
        assert desk.records.checkpoint_if_due() is None
        hurry.offset += timedelta(minutes=2)
        work.look()
        assert desk.records.checkpoint() is None, "there is nothing left to sign"


def test_without_anywhere_to_call_back_nothing_is_asked_and_nothing_recorded(
    configured: Configure, host: SimulatorHost
) -> None:
    hurry = Hurry()
    with hurried(configured(), hurry) as desk:
        upkeep(desk, hurry).look()
        assert kinds(desk) == []
    assert host.requests == 0


def test_a_clock_that_was_set_back_does_not_put_upkeep_off(configured: Configure) -> None:
    hurry = Hurry()
    section = {**configured().connectors["psa_connectwise"], "callback_url": "https://desk.example/x"}
    with hurried(configured(connectors={"psa_connectwise": section}), hurry) as desk:
        work = upkeep(desk, hurry)
        work.look()
        hurry.offset -= timedelta(days=30)
        work.look()
        assert kinds(desk).count("callback.ensured") == 2


def test_records_that_cannot_be_written_are_the_workers_to_wait_out(configured: Configure) -> None:
    hurry = Hurry()
    section = {**configured().connectors["psa_connectwise"], "callback_url": "https://desk.example/x"}
    with hurried(configured(connectors={"psa_connectwise": section}), hurry) as desk:
        with desk.records.reading() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(RecordsUnavailableError):
            upkeep(desk, hurry).look()


def test_what_is_watched_is_looked_at_every_time_and_what_is_daily_before_learning(configured: Configure) -> None:
    hurry, done = Hurry(), []
    with hurried(configured(), hurry) as desk:
        drain(desk)
        work = Upkeep(
            desk.records,
            desk.judgement,
            desk.connections,
            hurry,
            often=lambda: done.append("often"),
            daily=lambda: done.append("daily"),
        )
        for _ in range(3):
            work.look()
        assert done == ["often"] * 3
        hurry.offset += timedelta(days=1, minutes=1)
        work.look()
        work.look()
        assert done == ["often"] * 4 + ["daily", "often"]
