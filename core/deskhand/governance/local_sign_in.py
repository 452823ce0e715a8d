"""Whether passwords of this desk still open anything: turned off once everybody signs in with Entra ID.

One account may be named for the day when Entra cannot be reached: only from the server itself, and on the record.
"""

from sqlalchemy import select

from deskhand.records import accounts, sessions
from deskhand.records.accounts import Account
from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.schema import settings

_ROW = {"name": "local sign-in"}


class LocalSignIn(StoredDocument):
    """Whether it is on, and whose password still works where it is off."""

    is_on: bool = True
    break_glass: str = ""


def current(records: Records) -> LocalSignIn:
    """Return how it is now."""
    query = select(settings.c.value).where(settings.c.name == _ROW["name"])
    with records.reading() as connection:
        written = connection.execute(query).scalar_one_or_none()
    return LocalSignIn() if written is None else LocalSignIn.model_validate_json(written)


def is_open_to(transaction: Transaction, account: Account) -> bool:
    """Tell whether an account may sign in with a password."""
    found = current_in(transaction)
    return found.is_on or account.name == found.break_glass


def current_in(transaction: Transaction) -> LocalSignIn:
    """Return how it is as this transaction sees it."""
    row = transaction.find(settings, _ROW)
    return LocalSignIn() if row is None else LocalSignIn.model_validate_json(str(row["value"]))


def turn(transaction: Transaction, wanted: LocalSignIn) -> None:
    """Turn it on or off; off ends the sessions of everybody who is not linked to Entra ID but the one that is named."""
    transaction.put(settings, _ROW, {"value": canonical_json(wanted.model_dump(mode="json"))})
    transaction.audit("local_sign_in.turned", detail={"on": wanted.is_on, "break_glass": wanted.break_glass})
    if wanted.is_on:
        return
    for each in accounts.everyone_in(transaction):
        if each.entra is None and each.name != wanted.break_glass:
            sessions.end_all(transaction, each.name)
