"""Whom we admit of those Entra vouches for: by their unchanging id, in the roles the mapping gives them now."""

import re
from dataclasses import dataclass, replace

from deskhand.governance import delegation, first_admin
from deskhand.governance.entra.person import EntraPerson
from deskhand.governance.entra.settings import EntraSignInSettings, is_guid
from deskhand.records import accounts, sessions
from deskhand.records.accounts import Account, Role, account_name
from deskhand.records.database import Transaction

LONGEST_NAME = 64
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._@-]+")

DISABLED = "Your account here is disabled. Ask an admin of this desk."
NO_ROLE = (
    "Entra ID knows you, but gives you no role here. Ask whoever manages the application in Entra ID to assign one."
)
NOT_LINKED = (
    "Entra ID knows you, but no account here is linked to you. Ask an admin of this desk to link one to your object id "
)
TOO_MANY_GROUPS = (
    "You belong to more groups than Entra ID tells. Ask whoever manages the application in Entra ID to assign an app "
    "role, or to send only the groups assigned to the application."
)


@dataclass(frozen=True, slots=True)
class Admission:
    """The account somebody may use, or why there is none for them, in words for them."""

    account: Account | None
    problem: str = ""


def admit(transaction: Transaction, person: EntraPerson, settings: EntraSignInSettings) -> Admission:
    """Find the account linked to somebody, or make their first one, and give it the roles they have in Entra now.

    Nothing is decided by a name or an address. An account of the same name is never taken over, and one that is
    disabled here stays so. Whoever has lost every role there loses them here, and their sessions with them.
    """
    known = accounts.linked_in(transaction, str(person.identity))
    if known is not None and not known.is_active:
        return _refused(transaction, person, DISABLED)
    if not settings.roles:
        return (
            Admission(known)
            if known is not None
            else _refused(transaction, person, f"{NOT_LINKED}{person.identity.object_id}.")
        )
    if person.has_more_groups and settings.has_groups:
        return _refused(transaction, person, TOO_MANY_GROUPS)
    roles = _roles(person, settings)
    if known is not None:
        _renew(transaction, known, roles or frozenset())
    if roles is None:
        return _refused(transaction, person, NO_ROLE)
    if known is None:
        return _first(transaction, person, roles)
    return Admission(accounts.find_in(transaction, known.name))


def _roles(person: EntraPerson, settings: EntraSignInSettings) -> frozenset[Role] | None:
    """Return the roles the mapping gives somebody; None where nothing of theirs is in it."""
    fitting = [
        roles
        for name, roles in settings.roles.items()
        if (name.lower() in person.groups if is_guid(name.lower()) else name in person.app_roles)
    ]
    return frozenset(role for roles in fitting for role in roles) if fitting else None


def _renew(transaction: Transaction, known: Account, roles: frozenset[Role]) -> None:
    if roles != known.roles:
        changed = replace(known, roles=roles)
        accounts.change(transaction, changed)
        delegation.end_where_nothing_is_left_to_lend(transaction, changed)
    if not roles:
        sessions.end_all(transaction, known.name)


def _first(transaction: Transaction, person: EntraPerson, roles: frozenset[Role]) -> Admission:
    name = _name_of(person)
    if accounts.find_in(transaction, name) is not None:
        return _refused(
            transaction,
            person,
            f"There is an account {name} already, and it is not linked to you. If it is yours, ask an admin of this "
            f"desk to link it: deskhand account link {name} {person.identity.object_id}",
        )
    wanted = Account(name, person.display_name[:80] or name, roles, entra=str(person.identity))
    added = accounts.add(transaction, wanted)
    if added.has(Role.ADMIN):
        first_admin.close(transaction)
    return Admission(added)


def _name_of(person: EntraPerson) -> str:
    """Return a name to read: their user name where it will do as one, else one made of their id."""
    name = _NOT_IN_A_NAME.sub("-", account_name(person.username)).strip("._@-")[:LONGEST_NAME].strip("._@-")
    return name if "@" in name else f"entra-{person.identity.object_id}"


def _refused(transaction: Transaction, person: EntraPerson, problem: str) -> Admission:
    transaction.audit("account.entra_refused", detail={"entra": str(person.identity), "because": problem})
    return Admission(None, problem)
