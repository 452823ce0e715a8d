"""Telling the PSA that something waits for an approval: one internal note a request, with a link that opens it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from deskhand.automation import plans
from deskhand.automation.plan import Plan
from deskhand.governance.links import Links
from deskhand.knowledge.text import inert
from deskhand.records import approvals, effects
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.database import Records
from deskhand.records.effects import EffectState
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import ConnectorError, RejectedError

log = structlog.get_logger(__name__)

OPEN = "/open/"
"""Where a link begins, behind the console's address."""


@dataclass(slots=True)
class Asking:
    """Writes the notes that ask for approval. Repeating it writes none twice; nothing is written without an address."""

    records: Records
    links: Links
    console_url: str
    write: Callable[[str, str, str], object]
    """Adds an internal note to a ticket: the ticket, the text, the effect's key."""
    key: Callable[[str, str], str]
    clock: Clock
    _refused: set[str] = field(default_factory=set, init=False)

    def tell(self) -> None:
        """Write the note of each request that waits and has none. What cannot be written now is tried again."""
        if not self.console_url:
            return
        for each in approvals.listing(self.records, ApprovalState.PENDING):
            plan = plans.find(self.records, each.plan_id)
            if plan is not None and self.clock() < each.expires_at and not self._is_told(each):
                self._tell(each, plan)

    def text(self, approval: Approval, plan: Plan) -> str:
        """Return the note: all of it follows from the plan and the request, and the same each time."""
        steps = "; ".join(inert(step.title, 60) for step in plan.steps[:5])
        more = f" and {len(plan.steps) - 5} more" if len(plan.steps) > 5 else ""  # noqa: PLR2004  # as above
        people = f" It takes {approval.quorum} people." if approval.quorum > 1 else ""
        return "\n".join(
            (
                f"An approval is asked for by {inert(approval.requested_by, 64)}: {steps}{more}.",
                f"Highest tier {plan.tier}. Good until {approval.expires_at:%Y-%m-%d %H:%M} UTC.{people}",
                f"Read and decide: {self.console_url.rstrip('/')}{OPEN}{self.links.token(approval)}",
                "The link asks you to sign in, opens the request once, and approves nothing by itself.",
            )
        )

    def _is_told(self, approval: Approval) -> bool:
        effect = effects.find(self.records, self._key(approval))
        is_over = effect is not None and effect.state in {EffectState.DONE, EffectState.NEEDS_REVIEW}
        return is_over or approval.id in self._refused

    def _tell(self, approval: Approval, plan: Plan) -> None:
        try:
            self.write(approval.ticket_id, self.text(approval, plan), self._key(approval))
        except ConnectorError as error:
            if isinstance(error, RejectedError):
                self._refused.add(approval.id)
            log.warning(
                "no note asks for an approval", approval=approval.id, ticket=approval.ticket_id, reason=str(error)
            )

    def _key(self, approval: Approval) -> str:
        return self.key(approval.ticket_id, f"asks for {approval.id}")
