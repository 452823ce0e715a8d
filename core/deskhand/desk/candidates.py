"""What is worth automating next: what recurs in the mirrored history, ranked by what each client's policy allows."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from deskhand.desk.policies import Policies
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance.permission import LivePermissions
from deskhand.governance.request import Request
from deskhand.knowledge.doing import Doable
from deskhand.knowledge.opportunities import May, Opportunity, ranked
from deskhand.knowledge.patterns import FEWEST, Pattern, patterns
from deskhand.mirror.mirror import Mirror
from deskhand.records.accounts import Role
from deskhand.records.documents import Handling
from deskhand.records.grants import Mode
from deskhand.sdk.actions import AnyAction, Tier
from deskhand.sdk.clock import Clock
from deskhand.sdk.models import Reference

FRESH_FOR = timedelta(hours=1)
ASKED_BY = "candidates"
"""In whose name policy is asked; nobody carries anything out."""


def doables_of(actions: Iterable[AnyAction]) -> tuple[Doable, ...]:
    """Describe the actions that change something."""
    return tuple(
        Doable(each.name, each.title, int(each.tier), each.irreversible) for each in actions if each.tier > Tier.READ
    )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Ranks patterns. Reads the mirror and the grants; changes nothing."""

    mirror: Mirror
    policies: Policies
    permissions: LivePermissions
    doables: tuple[Doable, ...]
    clock: Clock
    _found: dict[tuple[str | None, int], tuple[datetime, list[Pattern]]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def ranked(self, limit: int = 20, client: str | None = None, fewest: int = FEWEST) -> list[Opportunity]:
        """Rank what recurs, at one client (its PSA id) or at all; 50,000 closed tickets take well under a minute.

        What recurs is looked for at most once an hour; what policy allows is asked anew each time.
        """
        if client is not None and self.mirror.company(client) is None:
            raise DeskRefusedError(f"the PSA has no company {client}: use its id")
        return ranked(self._patterns(client, fewest), self.doables, self._may_of_now())[:limit]

    def _patterns(self, client: str | None, fewest: int) -> list[Pattern]:
        with self._lock:
            held = self._found.get((client, fewest))
            if held is None or abs(self.clock() - held[0]) > FRESH_FOR:
                past = self.mirror.closed_tickets()
                if client is not None:
                    past = [each for each in past if each.ticket.company and each.ticket.company.id == client]
                held = (self.clock(), patterns(past, fewest))
                self._found[client, fewest] = held
            return held[1]

    def _may_of_now(self) -> May:
        """Return what says whether a client may have an action automated: policy as it is now, asked once for each."""
        permissions, now = self.permissions.current(), self.clock()
        tiers = {each.action: each.tier for each in self.doables}

        @cache
        def may(client: str, action: str) -> bool:
            if self.policies.of(Reference(client, "")).handling is Handling.OFF:
                return False
            request = Request(
                requested_by=ASKED_BY,
                roles=frozenset({Role.TECHNICIAN}),
                action=action,
                tier=tiers[action],
                plan_tenant=client,
                ticket_id="",
                ticket_tenant=client,
                target_tenant=client,
                at=now,
            )
            return permissions.need(request).mode in {Mode.ASK, Mode.AUTO}

        return may
