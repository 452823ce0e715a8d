"""The people who sign in: their names, their roles and the hash of their password."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, JsonValue
from sqlalchemy import Connection, Row, select

from deskhand.records.canonical import canonical_json, storable
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.rows import Value
from deskhand.records.schema import accounts

AUTOMATION = "automation:"
"""What the name of whoever asks begins with, where an automation asks by itself; no account can be called so."""

RESERVED = frozenset(
    {"agent", "audit", "desk", "deskhand", "diagnosis", "gate", "intake", "nobody", "operator", "root", "system"}
)
"""Names the record gives to deskhand itself: an account under one of them would pass for it."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")


class Role(StrEnum):
    """What an account may do; one may hold several."""

    TECHNICIAN = "technician"
    """Works tickets: may ask for actions."""
    APPROVER = "approver"
    """May approve or deny what others ask for."""
    ADMIN = "admin"
    """May change accounts, grants and switches. This alone lets nobody ask for or approve an action."""
    AUDITOR = "auditor"
    """May read everything and change nothing."""


class AccountState(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who may sign in. ``name`` is in the one spelling `account_name` gives it."""

    name: str
    display_name: str
    roles: frozenset[Role]
    member_id: str | None = None
    """Their id as a technician in the PSA, where they have one: time entries are made out to it."""
    is_active: bool = True
    entra: str | None = None
    """Tenant id and object id of the person in Entra ID, where they sign in there; no two accounts share one."""
    clients: frozenset[str] = frozenset()
    """The clients the account is for, by their PSA ids; none named: for all of them."""

    def has(self, role: Role) -> bool:
        """Tell whether the account may be used now, in this role."""
        return self.is_active and role in self.roles

    @property
    def marks(self) -> frozenset[str]:
        """Return what tells who this is: two accounts that share a mark are the same person's."""
        others = {"member": self.member_id, "entra": self.entra}
        return frozenset({f"account {self.name}", *(f"{kind} {value}" for kind, value in others.items() if value)})

    @property
    def is_confined(self) -> bool:
        """Tell whether the account is for some clients only."""
        return bool(self.clients)

    def serves(self, tenant_id: str | None) -> bool:
        """Tell whether a client is one the account is for; what belongs to no certain client takes one for all."""
        return not self.clients or tenant_id in self.clients


@dataclass(frozen=True, slots=True)
class Credential:
    """What signing in needs to know: the argon2 hash (empty: no password yet), and failures since the last success."""

    password_hash: str
    failures: int = 0
    locked_until: datetime | None = None


class _Document(StoredDocument):
    display_name: str
    roles: tuple[Role, ...]
    member_id: str | None = None
    entra: str | None = None
    clients: tuple[str, ...] = ()
    failures: int = 0
    locked_until: AwareDatetime | None = None


def account_name(written: str) -> str:
    """Return the one spelling of an account name: NFKC, trimmed, case folded. Not every such spelling is a name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", storable(written)).strip().casefold())


def add(transaction: Transaction, account: Account, *, password_hash: str = "") -> Account:
    """Add an account and return it. Raises ValueError, naming the fix, where its name will not do or is taken.

    So it does where its person in Entra ID has an account already.
    """
    name = account_name(account.name)
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise ValueError(
            "an account name is 1 to 64 of a-z, 0-9 and . _ @ - and none of deskhand's own names "
            f"({', '.join(sorted(RESERVED))}): choose another"
        )
    if transaction.find(accounts, {"name": name}) is not None:
        raise ValueError(f"there is an account {name} already: choose another name, or change that account")
    _refuse_shared(transaction, account)
    transaction.insert(accounts, {"name": name, "password": password_hash, **_columns(account, _document_of(account))})
    transaction.audit("account.added", detail=_said(account))
    return _account(name, _state(account), _document_of(account))


def change(transaction: Transaction, account: Account) -> None:
    """Replace what an account is called, may do and belongs to. Raises LookupError where there is none.

    Raises ValueError where its person in Entra ID has another account.
    """
    row = _row(transaction, account.name)
    _refuse_shared(transaction, account)
    kept = _Document.model_validate_json(str(row["document"]))
    document = _document_of(account, failures=kept.failures, locked_until=kept.locked_until)
    transaction.update(accounts, {"name": account_name(account.name)}, _columns(account, document))
    transaction.audit("account.changed", detail=_said(account))


def find(records: Records, name: str) -> Account | None:
    """Return an account by its name, however that is spelled."""
    row = records.find(accounts, {"name": account_name(name)})
    return None if row is None else _from_values(row)


def find_in(transaction: Transaction, name: str) -> Account | None:
    """Return an account as this transaction sees it."""
    row = transaction.find(accounts, {"name": account_name(name)})
    return None if row is None else _from_values(row)


def everyone(records: Records) -> tuple[Account, ...]:
    """List every account by name, also those that are disabled."""
    with records.reading() as connection:
        return tuple(_from_row(row) for row in connection.execute(select(accounts).order_by(accounts.c.name)))


def everyone_in(transaction: Transaction) -> tuple[Account, ...]:
    """List every account as this transaction sees it."""
    return everyone_on(transaction.connection)


def everyone_on(connection: Connection) -> tuple[Account, ...]:
    """List every account as this connection sees it."""
    return tuple(_from_row(row) for row in connection.execute(select(accounts)).all())


def linked_in(transaction: Transaction, entra: str) -> Account | None:
    """Return the account of a person in Entra ID as this transaction sees it."""
    return next((each for each in everyone_in(transaction) if each.entra == entra), None)


def credential(records: Records, name: str) -> Credential | None:
    """Return what signing in to an account needs to know; None where there is no such account."""
    with records.reading() as connection:
        row = connection.execute(select(accounts).where(accounts.c.name == account_name(name))).one_or_none()
    return None if row is None else _credential(row._asdict())


def credential_in(transaction: Transaction, name: str) -> Credential | None:
    """Return the same as this transaction sees it."""
    row = transaction.find(accounts, {"name": account_name(name)})
    return None if row is None else _credential(row)


def set_password_hash(transaction: Transaction, name: str, password_hash: str) -> None:
    """Replace the hash of a password and forget failures. Raises LookupError where there is no such account."""
    row = _row(transaction, name)
    document = _Document.model_validate_json(str(row["document"]))
    cleared = document.model_copy(update={"failures": 0, "locked_until": None})
    values: dict[str, Value] = {"password": password_hash, "document": _written(cleared)}
    transaction.update(accounts, {"name": account_name(name)}, values)
    transaction.audit("account.password_set", detail={"account": account_name(name)})


def note_failure(transaction: Transaction, name: str, *, failures: int, locked_until: datetime | None) -> None:
    """Keep how often signing in has failed in a row, and until when it is not tried. Raises LookupError."""
    _keep(transaction, name, failures, locked_until)
    locked = locked_until is not None
    detail: dict[str, JsonValue] = {"account": account_name(name), "failures": failures, "locked": locked}
    transaction.audit("account.sign_in_failed", detail=detail)


def forget_failures(transaction: Transaction, name: str) -> None:
    """Start counting anew after a success; the caller's own entry vouches for it. Raises LookupError."""
    _keep(transaction, name, 0, None)


def _keep(transaction: Transaction, name: str, failures: int, locked_until: datetime | None) -> None:
    document = _Document.model_validate_json(str(_row(transaction, name)["document"]))
    kept = document.model_copy(update={"failures": failures, "locked_until": locked_until})
    transaction.update(accounts, {"name": account_name(name)}, {"document": _written(kept)})


def _row(transaction: Transaction, name: str) -> Mapping[str, Value]:
    row = transaction.find(accounts, {"name": account_name(name)})
    if row is None:
        raise LookupError(f"there is no account {account_name(name)}: `deskhand account list` names those there are")
    return row


def _credential(row: Mapping[str, Value]) -> Credential:
    document = _Document.model_validate_json(str(row["document"]))
    return Credential(str(row["password"]), document.failures, document.locked_until)


def _refuse_shared(transaction: Transaction, account: Account) -> None:
    other = linked_in(transaction, account.entra) if account.entra is not None else None
    if other is not None and other.name != account_name(account.name):
        raise ValueError(f"account {other.name} is linked to this person in Entra ID: unlink it there first")


def _columns(account: Account, document: _Document) -> dict[str, Value]:
    return {"state": _state(account), "document": _written(document)}


def _document_of(account: Account, *, failures: int = 0, locked_until: datetime | None = None) -> _Document:
    return _Document(
        display_name=account.display_name,
        roles=tuple(sorted(account.roles)),
        member_id=account.member_id,
        entra=account.entra,
        clients=tuple(sorted(account.clients)),
        failures=failures,
        locked_until=locked_until,
    )


def _said(account: Account) -> dict[str, JsonValue]:
    roles: list[JsonValue] = [role.value for role in sorted(account.roles)]
    clients: list[JsonValue] = [*sorted(account.clients)]
    return {
        "account": account_name(account.name),
        "roles": roles,
        "state": _state(account).value,
        "member": account.member_id,
        "entra": account.entra,
        "clients": clients,
    }


def _state(account: Account) -> AccountState:
    return AccountState.ACTIVE if account.is_active else AccountState.DISABLED


def _written(document: _Document) -> str:
    return canonical_json(document.model_dump(mode="json"))


def _from_row(row: Row[Any]) -> Account:
    return _from_values(row._asdict())


def _from_values(row: Mapping[str, Value]) -> Account:
    return _account(
        str(row["name"]), AccountState(str(row["state"])), _Document.model_validate_json(str(row["document"]))
    )


def _account(name: str, state: AccountState, document: _Document) -> Account:
    return Account(
        name=name,
        display_name=document.display_name,
        roles=frozenset(document.roles),
        member_id=document.member_id,
        entra=document.entra,
        clients=frozenset(document.clients),
        is_active=state is AccountState.ACTIVE,
    )
