"""A desk as an account for some clients sees it: one place where everything it reads is confined."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from deskhand.automation import plans
from deskhand.mirror.confined import ConfinedMirror
from deskhand.records import approvals, explanations, runs
from deskhand.records.accounts import Account
from deskhand.records.confined import ConfinedRecords
from deskhand.records.database import Records
from deskhand.sdk.models import Ticket

if TYPE_CHECKING:
    from deskhand.desk.desk import Desk


def seen_by(desk: "Desk", who: Account) -> "Desk":
    """Return the desk with what is of other clients left out; the desk itself for an account that is for all.

    What runs by itself, and what a service checks before it changes anything, still knows every client.
    """
    if not who.is_confined:
        return desk
    records = ConfinedRecords(desk.records, who.clients)
    seen, services = copy.copy(desk), desk.services
    seen.records = records
    seen.mirror = ConfinedMirror(desk.mirror, who.clients, lambda ticket: _is_theirs(desk, records, who, ticket))
    resolving, automating = replace(services.resolving, records=records), replace(services.automating, records=records)
    seen.services = replace(
        services,
        resolving=resolving,
        automating=automating,
        recommending=replace(services.recommending, automating=automating, resolving=resolving),
    )
    return seen


def is_shown(desk: "Desk", who: Account, named: Mapping[str, str]) -> bool:
    """Tell whether everything an address names is of a client the account is for; what there is not, is of none."""
    looks = {
        "ticket": lambda name: _ticket_is_shown(desk, name),
        "run": lambda name: runs.find(desk.records, name) is not None,
        "plan": lambda name: plans.find(desk.records, name) is not None,
        "approval": lambda name: approvals.find(desk.records, name) is not None,
        "tenant": who.serves,
    }
    return not who.is_confined or all(look(named[kind]) for kind, look in looks.items() if kind in named)


def _ticket_is_shown(desk: "Desk", ticket_id: str) -> bool:
    return explanations.find(desk.records, ticket_id) is not None or desk.mirror.ticket(ticket_id) is not None


def _is_theirs(desk: "Desk", records: Records, who: Account, ticket: Ticket) -> bool:
    """Go by whose ticket the desk found it to be, and by what the PSA says only where it has not looked yet."""
    if explanations.find(records, ticket.id) is not None:
        return True
    is_new = explanations.find(desk.records, ticket.id) is None
    return is_new and ticket.company is not None and who.serves(ticket.company.id)
