"""The very first admin: a one-time secret, printed on the server, makes one account; after that never again."""

import hmac
import secrets
from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime, SecretStr
from sqlalchemy import select

from deskhand.governance.accounts import PASSWORDS, Passwords, Session, begin_session, token_digest
from deskhand.records import accounts
from deskhand.records.accounts import Account, Role
from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.schema import settings

LASTS = timedelta(hours=1)
MOST_FAILURES = 10
_ROW = {"name": "first set-up"}


class SetUpRefusedError(Exception):
    """The first account cannot be made this way; the message says why."""


class SetUpState(StrEnum):
    """Whether there is a secret that may be used."""

    OPEN = "open"
    OVER = "over"


class _SetUp(StoredDocument):
    state: SetUpState
    secret_sha256: str = ""
    expires_at: AwareDatetime | None = None
    failures: int = 0


def is_over(records: Records) -> bool:
    """Tell whether the desk has, or ever had, an admin: then there is no set-up any more, for good."""
    query = select(settings.c.value).where(settings.c.name == _ROW["name"])
    with records.reading() as connection:
        written = connection.execute(query).scalar_one_or_none()
    return written is not None and _SetUp.model_validate_json(written).state is SetUpState.OVER


def offer(transaction: Transaction) -> SecretStr:
    """Return a new one-time secret, good for an hour; an earlier one is void. Raises SetUpRefusedError once over."""
    if _is_over(transaction):
        raise SetUpRefusedError("this desk is set up: an admin adds accounts with `deskhand account add`")
    secret = secrets.token_urlsafe(24)
    found = _SetUp(state=SetUpState.OPEN, secret_sha256=token_digest(secret), expires_at=transaction.clock() + LASTS)
    _keep(transaction, found)
    transaction.audit("setup.offered")
    return SecretStr(secret)


def finish(
    transaction: Transaction,
    secret: str,
    account: Account,
    password: str,
    *,
    passwords: Passwords = PASSWORDS,
) -> Session:
    """Make the first admin's account with the secret, and sign it in. It gets the role admin beside its own.

    Raises SetUpRefusedError or ValueError; call `fail` in a transaction of its own then, as this one is undone.
    """
    _refuse_wrong(transaction, secret)
    first = Account(account.name, account.display_name, account.roles | {Role.ADMIN}, account.member_id)
    added = accounts.add(transaction, first, password_hash=passwords.hash(account.name, password))
    _keep(transaction, _SetUp(state=SetUpState.OVER))
    transaction.audit("setup.finished", detail={"account": added.name})
    return begin_session(transaction, added)


def fail(transaction: Transaction) -> None:
    """Count a wrong secret; after ten of them a new one has to be printed."""
    found = _read(transaction)
    if found is None or found.state is SetUpState.OVER:
        return
    failures = found.failures + 1
    gone = {"secret_sha256": ""} if failures >= MOST_FAILURES else {}
    _keep(transaction, found.model_copy(update={"failures": failures, **gone}))
    transaction.audit("setup.failed", detail={"failures": failures})


def close(transaction: Transaction) -> None:
    """End set-up for good because an admin was made another way; nothing happens where it is over."""
    if not _is_over(transaction):
        _keep(transaction, _SetUp(state=SetUpState.OVER))
        transaction.audit("setup.closed")


def _refuse_wrong(transaction: Transaction, secret: str) -> None:
    found = _read(transaction)
    if _is_over(transaction) or found is None:
        raise SetUpRefusedError("run `deskhand account setup` on the server first: it prints the secret to use here")
    is_right = hmac.compare_digest(token_digest(secret), found.secret_sha256)
    if not is_right or found.expires_at is None or transaction.clock() >= found.expires_at:
        raise SetUpRefusedError(
            "this is not the secret, or it is older than an hour: `deskhand account setup` prints another"
        )


def _is_over(transaction: Transaction) -> bool:
    found = _read(transaction)
    return found is not None and found.state is SetUpState.OVER


def _read(transaction: Transaction) -> _SetUp | None:
    row = transaction.find(settings, _ROW)
    return None if row is None else _SetUp.model_validate_json(str(row["value"]))


def _keep(transaction: Transaction, found: _SetUp) -> None:
    transaction.put(settings, _ROW, {"value": canonical_json(found.model_dump(mode="json"))})
