"""Who is there, and who is not any more, by the database's clock."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from deskhand.records.audit.verification import verify
from deskhand.records.database import Records
from deskhand.sdk.clock import utc_now
from deskhand.sdk.errors import ConfigurationError
from deskhand.workflow.executors import Executor, Kind, Register, listing
from deskhand.workflow.pulse import Company, Pulse
from deskhand.workflow.tables import SCHEMA

DESK = Executor(Kind.DESK, "desk", place="one place")
HAND = Executor(Kind.HAND, "site-b", place="another place", connectors=frozenset({"psa_connectwise"}))
SILENCE = timedelta(seconds=0.5)


@pytest.fixture
def register(postgresql_url: str) -> Register:
    engine = create_engine(postgresql_url, poolclass=NullPool)
    made = Register(engine, SILENCE)
    made.create()
    return made


def names(register: Register) -> dict[str, bool]:
    with register.engine.begin() as connection:
        return {each.executor.name: each.silent_for < SILENCE for each in listing(connection)}


def test_whoever_enters_is_living_until_it_is_silent_for_too_long(register: Register) -> None:
    register.enter(HAND)
    assert register.living() == {HAND.id}
    time.sleep(0.6)
    assert register.living() == set()
    assert register.beat(HAND) is not None
    assert register.living() == {HAND.id}


def test_a_beat_tells_the_servers_time_and_whether_one_was_given_up(register: Register) -> None:
    register.enter(HAND)
    heard = register.beat(HAND)
    assert heard is not None
    assert abs(heard - datetime.now(UTC)) < timedelta(seconds=5)  # the tests' server goes by this machine's clock
    register.leave(HAND)
    assert register.beat(HAND) is None


def test_what_is_listed_is_what_entered(register: Register) -> None:
    register.enter(HAND)
    with register.engine.begin() as connection:
        (heard,) = listing(connection)
    assert heard.executor == HAND
    assert heard.is_living


def test_a_second_desk_is_refused_while_the_first_is_living_and_takes_its_place_once_it_is_not(
    register: Register,
) -> None:
    register.enter(DESK)
    second = Executor(Kind.DESK, "desk", place="elsewhere")
    with pytest.raises(ConfigurationError, match="stop that one"):
        register.enter(second)
    assert register.living() == {DESK.id}
    time.sleep(0.6)
    register.enter(second)
    assert register.living() == {second.id}
    assert register.beat(DESK) is None


def test_a_second_desk_is_refused_before_it_touches_anything(postgresql_url: str) -> None:
    register = Register(create_engine(postgresql_url, poolclass=NullPool), SILENCE)
    register.refuse_beside_a_desk(DESK)
    register.create()
    register.enter(DESK)
    register.refuse_beside_a_desk(replace(DESK, id="the next"))
    register.refuse_beside_a_desk(HAND)
    with pytest.raises(ConfigurationError, match="stop that one"):
        register.refuse_beside_a_desk(Executor(Kind.DESK, "desk", place="elsewhere"))
    time.sleep(0.6)
    register.refuse_beside_a_desk(Executor(Kind.DESK, "desk", place="elsewhere"))


def test_whoever_is_at_the_same_place_has_succeeded_whoever_was_there(register: Register) -> None:
    for first in (DESK, HAND):
        register.enter(first)
        register.enter(replace(first, id="the next"))
        assert register.living() == {"the next"}
        register.leave(replace(first, id="the next"))


def test_hands_may_be_many_also_where_no_place_is_known(register: Register) -> None:
    for number in range(3):
        register.enter(replace(HAND, id=str(number), place=""))
    assert register.living() == {"0", "1", "2"}


def test_whoever_was_not_heard_of_for_a_week_is_forgotten(register: Register) -> None:
    register.enter(HAND)
    with register.engine.begin() as connection:
        connection.execute(text(f"UPDATE {SCHEMA}.executors SET heard_at = heard_at - interval '8 days'"))  # noqa: S608  # ours
    register.enter(DESK)
    assert names(register) == {"desk": True}


def test_a_pulse_goes_on_after_it_was_given_up_and_ends_where_another_desk_is_there(register: Register) -> None:
    reasons: list[str] = []
    company = Company(every=0.05, silence=SILENCE, replaced=reasons.append)
    register.enter(DESK)
    pulse = Pulse(register, DESK, company, lambda: None)
    pulse.start()
    register.leave(DESK)
    until = time.monotonic() + 10
    while not register.living() and time.monotonic() < until:
        time.sleep(0.02)
    assert register.living() == {DESK.id}
    with register.engine.begin() as connection:
        connection.execute(text(f"UPDATE {SCHEMA}.executors SET id = 'other', place = 'elsewhere'"))  # noqa: S608  # ours
    while not reasons and time.monotonic() < until:
        time.sleep(0.02)
    pulse.stop()
    assert "another desk works on this record store" in reasons[0]


def test_executors_are_no_part_of_the_record(register: Register, postgresql_url: str, tmp_path: Path) -> None:
    records = Records.open(postgresql_url, clock=utc_now, signing=tmp_path / "signing")
    register.enter(DESK)
    register.enter(HAND)
    register.beat(HAND)
    with records.reading() as connection:
        assert [each.executor.name for each in listing(connection)] == ["desk", "site-b"]
    records.close()
    assert verify(postgresql_url, signing=tmp_path / "signing").ok


def test_a_file_has_no_executors(tmp_path: Path) -> None:
    records = Records.open(f"sqlite:///{tmp_path / 'records.db'}", clock=utc_now)
    with records.reading() as connection:
        assert listing(connection) == ()
    records.close()
