import pytest

from deskhand.governance import first_admin
from deskhand.governance.accounts import PasswordRefusedError, Passwords, Session, session_of
from deskhand.governance.first_admin import SetUpRefusedError
from deskhand.records import accounts
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records
from tests.core.governance.conftest import HeldClock

PASSWORD = "correct horse battery"  # noqa: S105  # invented


def offered(records: Records) -> str:
    with records.transaction("operator") as transaction:
        return first_admin.offer(transaction).get_secret_value()


def finished(
    records: Records, secret: str, passwords: Passwords, password: str = PASSWORD, name: str = "zoe"
) -> Session:
    with records.transaction("set-up") as transaction:
        account = Account(name, "Zoe", frozenset({Role.TECHNICIAN}))
        return first_admin.finish(transaction, secret, account, password, passwords=passwords)


def failed(records: Records, times: int = 1) -> None:
    for _ in range(times):
        with records.transaction("set-up") as transaction:
            first_admin.fail(transaction)


def test_the_secret_makes_one_admin_who_is_signed_in(
    records_on_both: Records, passwords: Passwords, clock: HeldClock
) -> None:
    assert not first_admin.is_over(records_on_both)
    session = finished(records_on_both, offered(records_on_both), passwords)
    assert session.account.roles == {Role.ADMIN, Role.TECHNICIAN}
    assert session.token is not None
    assert session_of(records_on_both, session.token.get_secret_value(), clock) is not None
    assert first_admin.is_over(records_on_both)


def test_after_that_there_is_no_set_up_for_good(records: Records, passwords: Passwords) -> None:
    secret = offered(records)
    finished(records, secret, passwords)
    with pytest.raises(SetUpRefusedError):
        finished(records, secret, passwords, name="zed")
    with pytest.raises(SetUpRefusedError, match="is set up"):
        offered(records)
    failed(records, 20)
    assert first_admin.is_over(records)
    assert accounts.find(records, "zed") is None


def test_an_admin_made_another_way_ends_it_too(records: Records, passwords: Passwords) -> None:
    secret = offered(records)
    for _ in range(2):
        with records.transaction("operator") as transaction:
            first_admin.close(transaction)
    with pytest.raises(SetUpRefusedError):
        finished(records, secret, passwords)


@pytest.mark.parametrize("secret", ["", "x", "\ud800"])
def test_without_the_secret_nothing_is_made(records: Records, passwords: Passwords, secret: str) -> None:
    with pytest.raises(SetUpRefusedError, match="deskhand account setup"):
        finished(records, secret, passwords)
    offered(records)
    with pytest.raises(SetUpRefusedError, match="not the secret"):
        finished(records, secret, passwords)
    assert accounts.find(records, "zoe") is None


def test_the_secret_is_good_for_an_hour(records: Records, passwords: Passwords, clock: HeldClock) -> None:
    secret = offered(records)
    clock.pass_(hours=1)
    with pytest.raises(SetUpRefusedError, match="older than an hour"):
        finished(records, secret, passwords)


def test_a_new_secret_makes_the_old_one_void(records: Records, passwords: Passwords) -> None:
    old, new = offered(records), offered(records)
    with pytest.raises(SetUpRefusedError):
        finished(records, old, passwords)
    finished(records, new, passwords)


def test_ten_wrong_ones_make_it_void(records: Records, passwords: Passwords) -> None:
    secret = offered(records)
    failed(records, 10)
    with pytest.raises(SetUpRefusedError):
        finished(records, secret, passwords)
    finished(records, offered(records), passwords)


def test_a_bad_password_or_name_uses_nothing_up(records: Records, passwords: Passwords) -> None:
    secret = offered(records)
    with pytest.raises(PasswordRefusedError):
        finished(records, secret, passwords, password="short")  # noqa: S106  # invented
    with pytest.raises(ValueError, match="deskhand's own names"):
        finished(records, secret, passwords, name="operator")
    finished(records, secret, passwords)


def test_the_secret_is_nowhere_on_the_record(records: Records) -> None:
    secret = offered(records)
    assert all(secret not in str(entry.detail) for entry in records.audit_entries())
