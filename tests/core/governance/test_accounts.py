import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from deskhand.governance.accounts import (
    ABSOLUTE,
    IDLE,
    LOCKED_FOR,
    PASSWORDS,
    STALE,
    PasswordRefusedError,
    Passwords,
    Session,
    check_password,
    session_of,
    set_password,
    sign_in,
    sign_out,
)
from deskhand.records import accounts, sessions
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records
from tests.core.governance.conftest import HeldClock
from tests.core.governance.plan_examples import account

PASSWORD = "correct horse battery"  # noqa: S105  # invented


@pytest.fixture
def door(records: Records, clock: HeldClock, passwords: Passwords) -> "Door":
    with records.transaction("ada") as transaction:
        set_password(transaction, "ann", passwords.hash("ann", PASSWORD))
    return Door(records, clock, passwords)


class Door:
    def __init__(self, records: Records, clock: HeldClock, passwords: Passwords) -> None:
        self.records, self.clock, self.passwords = records, clock, passwords

    def try_(self, name: str = "ann", password: str = PASSWORD) -> Session | None:
        return sign_in(self.records, name, password, self.clock, passwords=self.passwords)

    def enter(self) -> str:
        session = self.try_()
        assert session is not None
        assert session.token is not None
        return session.token.get_secret_value()

    def session(self, token: str) -> Session | None:
        return session_of(self.records, token, self.clock)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.records.audit_entries()]


@pytest.mark.parametrize("name", ["ann", "ANN", "  Ann\n", "ａｎｎ"])
def test_the_right_password_begins_a_session_however_the_name_is_spelled(door: Door, name: str) -> None:
    session = door.try_(name)
    assert session is not None
    assert session.account == account(door.records, "ann")
    assert session.expires_at - session.created_at == IDLE


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", ""),
        ("ann", PASSWORD + " "),
        ("ann", PASSWORD.upper()),
        ("zed", PASSWORD),
        ("eve", PASSWORD),
        ("eve", ""),
    ],
)
def test_every_way_to_fail_looks_the_same(door: Door, name: str, password: str) -> None:
    assert door.try_(name, password) is None
    assert "account.sign_in_failed" in door.kinds()


def test_a_name_that_nobody_has_is_not_written_down(door: Door) -> None:
    door.try_(PASSWORD, "")
    assert PASSWORD not in "".join(str(entry.detail) for entry in door.records.audit_entries())


class CountingHasher(PasswordHasher):
    verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002  # the library's names
        self.verified += 1
        return bool(super().verify(hash, password))


@pytest.mark.parametrize("name", ["ann", "zed", "eve", "", "\ud800"])
def test_the_work_is_the_same_whoever_there_is(door: Door, name: str) -> None:
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    sign_in(door.records, name, "wrong", door.clock, passwords=Passwords(hasher))
    assert hasher.verified == 1


def test_five_failures_lock_the_account_for_a_quarter_of_an_hour(door: Door) -> None:
    for _ in range(4):
        door.try_(password="wrong")  # noqa: S106  # invented
    assert door.try_() is not None, "four do not, and a success begins the count anew"
    for _ in range(5):
        door.try_(password="wrong")  # noqa: S106  # as above
    assert door.try_() is None
    door.clock.now += LOCKED_FOR - timedelta(microseconds=1)
    assert door.try_() is None, "tries while it is locked do not count, and do not help"
    door.clock.pass_(microseconds=1)
    assert door.try_() is not None
    assert door.kinds().count("account.sign_in_while_locked") == 2


def test_after_the_lock_one_failure_does_not_lock_again(door: Door) -> None:
    for _ in range(5):
        door.try_(password="wrong")  # noqa: S106  # invented
    door.clock.now += LOCKED_FOR
    door.try_(password="wrong")  # noqa: S106  # as above
    assert door.try_() is not None


def test_a_disabled_account_neither_signs_in_nor_stays(door: Door) -> None:
    token = door.enter()
    with door.records.transaction("ada") as transaction:
        accounts.change(transaction, replace(account(door.records, "ann"), is_active=False))
    assert door.session(token) is None
    assert door.try_() is None


def test_a_session_has_the_roles_of_this_moment(door: Door) -> None:
    token = door.enter()
    with door.records.transaction("ada") as transaction:
        accounts.change(transaction, replace(account(door.records, "ann"), roles=frozenset({Role.AUDITOR})))
    session = door.session(token)
    assert session is not None
    assert session.account.roles == {Role.AUDITOR}


def test_only_the_hash_of_a_token_is_kept(door: Door) -> None:
    token = door.enter()
    assert len(token) == 43
    found = sessions.find(door.records, hashlib.sha256(token.encode()).hexdigest())
    assert found is not None
    assert token not in repr(found)
    assert token not in repr(door.try_())
    assert all(token not in str(entry.detail) for entry in door.records.audit_entries())


@pytest.mark.parametrize("token", ["", "x", "\ud800", "a" * 10_000])
def test_what_is_no_token_opens_nothing(door: Door, token: str) -> None:
    door.enter()
    assert door.session(token) is None
    sign_out(door.records, token)


def test_a_session_ends_when_it_is_idle_for_two_hours(door: Door) -> None:
    token = door.enter()
    door.clock.now += IDLE - timedelta(seconds=1)
    assert door.session(token) is not None, "and each use puts that off"
    door.clock.now += IDLE - timedelta(seconds=1)
    assert door.session(token) is not None
    door.clock.now += IDLE
    assert door.session(token) is None


def test_a_session_ends_after_twelve_hours_however_it_is_used(door: Door) -> None:
    token, begun = door.enter(), door.clock.now
    while door.clock.now < begun + ABSOLUTE - timedelta(minutes=30):
        door.clock.pass_(minutes=30)
        assert door.session(token) is not None
    door.clock.now = begun + ABSOLUTE
    assert door.session(token) is None


def test_not_every_page_is_written_down(door: Door) -> None:
    token = door.enter()
    for _ in range(9):
        door.clock.pass_(minutes=1)
        door.session(token)
    assert "session.extended" not in door.kinds()
    door.clock.now += STALE
    door.session(token)
    assert door.kinds().count("session.extended") == 1


def test_signing_out_ends_that_session_alone(door: Door) -> None:
    token, other = door.enter(), door.enter()
    sign_out(door.records, token)
    sign_out(door.records, token)
    assert door.session(token) is None
    assert door.session(other) is not None
    assert door.kinds().count("session.ended") == 1


def test_another_password_ends_every_session(door: Door) -> None:
    token = door.enter()
    with door.records.transaction("ada") as transaction:
        set_password(transaction, "ann", door.passwords.hash("ann", "another long password"))
    assert door.session(token) is None
    assert door.try_() is None
    assert door.try_(password="another long password") is not None  # noqa: S106  # invented


def test_old_sessions_are_swept_away(door: Door) -> None:
    token = door.enter()
    door.clock.pass_(days=2)
    door.enter()
    assert sessions.find(door.records, hashlib.sha256(token.encode()).hexdigest()) is None
    assert "session.swept" in door.kinds()


def test_a_command_can_be_confirmed_without_a_session(door: Door) -> None:
    def confirmed(name: str, password: str) -> Account | None:
        return check_password(door.records, name, password, clock=door.clock, passwords=door.passwords)

    assert confirmed("ANN", PASSWORD) == account(door.records, "ann")
    assert confirmed("ann", "wrong") is None
    assert "session.begun" not in door.kinds()
    assert door.kinds()[-2:] == ["account.password_checked", "account.sign_in_failed"]


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "a" * 300, "aaaaaaaaaaaaaaaaaa", "annannannann"])
def test_passwords_that_will_not_do_are_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(PasswordRefusedError):
        passwords.hash("ann", password)


def test_the_same_letters_composed_otherwise_are_the_same_password(passwords: Passwords) -> None:
    kept = passwords.hash("ann", "caf\u00e9 au lait, please")
    assert passwords.match(kept, "cafe\u0301 au lait, please")
    assert not passwords.match(kept, "cafe au lait, please")
    assert not passwords.match("no hash at all", "x")
    assert not passwords.match("", "")
    assert not passwords.match(kept, "\ud800")


def test_in_production_the_hash_is_argon2id_with_64_mebibytes() -> None:
    kept = PASSWORDS.hash("ann", PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    with pytest.raises(VerifyMismatchError):
        PASSWORDS.hasher.verify(kept, "x")
