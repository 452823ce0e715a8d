from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from deskhand.governance.accounts import Passwords
from deskhand.records import accounts
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records, url_of

NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)


class HeldClock:
    """Time passes when a test says so."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def records(tmp_path: Path, clock: HeldClock) -> Iterator[Records]:
    """A record store with people in it."""
    yield from _peopled(url_of(tmp_path / "records.db"), clock, tmp_path)


@pytest.fixture
def records_on_both(database_url: str, clock: HeldClock, tmp_path: Path) -> Iterator[Records]:
    """The same on SQLite and again on PostgreSQL."""
    yield from _peopled(database_url, clock, tmp_path)


@pytest.fixture
def records_on_postgresql(postgresql_url: str, clock: HeldClock, tmp_path: Path) -> Iterator[Records]:
    """The same on PostgreSQL."""
    yield from _peopled(postgresql_url, clock, tmp_path)


def _peopled(url: str, clock: HeldClock, folder: Path) -> Iterator[Records]:
    opened = Records.open(url, clock=clock, signing=folder / "keys")
    with opened.transaction("test") as transaction:
        for name, roles in PEOPLE.items():
            accounts.add(transaction, Account(name, name.title(), frozenset(roles)))
    yield opened
    opened.close()


PEOPLE = {
    "ann": {Role.TECHNICIAN, Role.APPROVER},
    "eve": {Role.APPROVER},
    "mal": {Role.APPROVER, Role.ADMIN},
    "tom": {Role.TECHNICIAN},
    "ada": {Role.ADMIN},
    "aud": {Role.AUDITOR},
}


@pytest.fixture
def passwords() -> Passwords:
    """Hash in a millisecond what takes production fifty."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
