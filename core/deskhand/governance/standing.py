"""How far a client lets a step go: the rows of the grant table that concern it, joined into one answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from deskhand.automation.stage import Stage
from deskhand.governance.caps import Caps
from deskhand.governance.request import Request
from deskhand.records.grants import EVERY_CLIENT, Grant, Mode

DEFAULT = "default"
"""The mode where no row says anything."""

NOBODY = "nobody"
"""Who may approve where two rows name different people; no account is called so."""

_STAGES = {Stage.OFF: Mode.OFF, Stage.SHADOW: Mode.SUGGEST, Stage.ASK: Mode.ASK, Stage.AUTO: Mode.AUTO}
_ORDER = tuple(Mode)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rows come to: a mode (or `DEFAULT`), and the rows whose hours, limits and approvers all hold."""

    mode: str
    rows: tuple[Grant, ...] = ()
    caps: Caps = field(default_factory=Caps)

    def is_open(self, request: Request) -> bool:
        """Tell whether every row's hours cover the moment."""
        return all(row.hours is None or row.hours.cover(request.at) for row in self.rows)

    def is_within_limits(self, request: Request) -> bool:
        """Tell whether it may be done once more this hour under every row."""
        return all(row.per_hour is None or _done(row, request) < row.per_hour for row in self.rows)

    @property
    def needs_proof(self) -> bool:
        """Tell whether a row asks for an identity proof."""
        return any(row.proof for row in self.rows)

    @property
    def approvers(self) -> frozenset[str]:
        """Return who may approve, where that is not every approver: only those whom each row with names has named.

        Whoever is named as a manager may approve in any case.
        """
        named = [frozenset((*row.approvers, *row.managers)) for row in self.rows if row.approvers]
        return _in_all(named)

    @property
    def managers(self) -> frozenset[str]:
        """Return whose approval counts as the manager's: only those whom each row with managers has named."""
        return _in_all([frozenset(row.managers) for row in self.rows if row.managers])

    @property
    def quorum(self) -> int:
        """Return how many different people have to approve: as many as the strictest row says."""
        return max((row.quorum for row in self.rows), default=1)


class Table:
    """The rows, found by client and subject. Immutable."""

    def __init__(self, grants: Iterable[Grant], caps: Caps | None = None) -> None:
        self._caps = caps or Caps()
        self._rows = {(grant.tenant_id, grant.subject): grant for grant in grants}

    def __len__(self) -> int:
        return len(self._rows)

    def standing(self, request: Request) -> Standing:
        """Join the rows that concern a request.

        Among rows on actions and tiers the one on the action counts before the one on its tier, and then the client's
        own before the one for every client. ``off`` and ``suggest`` there bind everyone. Beyond that a row on the
        automation outweighs them; its stage alone goes no further than they do.
        """
        subjects = (f"action:{request.action}", f"tier:{request.tier}")
        action = self._first(request.ticket_tenant, *subjects)
        automation = self._first(request.ticket_tenant, f"automation:{request.automation}")
        rows = tuple(row for row in (action, automation) if row is not None)
        return Standing(_mode(request, action, automation), rows, self._caps)

    def _first(self, tenant: str, *subjects: str) -> Grant | None:
        keys = ((owner, subject) for subject in subjects for owner in (tenant, EVERY_CLIENT))
        return next((self._rows[key] for key in keys if key in self._rows), None)


def _in_all(named: list[frozenset[str]]) -> frozenset[str]:
    return (frozenset.intersection(*named) or frozenset({NOBODY})) if named else frozenset()


def _mode(request: Request, action: Grant | None, automation: Grant | None) -> str:
    if action is not None and action.mode in {Mode.OFF, Mode.SUGGEST}:
        return action.mode.value
    by_stage = None if request.stage is None else _STAGES[request.stage]
    own = _strictest(automation.mode if automation else None, by_stage)
    if own in {Mode.OFF, Mode.SUGGEST}:
        return own.value
    if automation is None:
        own = _strictest(own, action.mode if action else None) if own is not None else None
    if request.is_by_automation:
        return own.value if own is not None else DEFAULT
    if own is Mode.AUTO:
        return own.value
    return action.mode.value if action is not None else DEFAULT


def _strictest(*modes: Mode | None) -> Mode | None:
    return min((mode for mode in modes if mode is not None), key=_ORDER.index, default=None)


def _done(row: Grant, request: Request) -> int:
    is_on_automation = row.subject.startswith("automation:")
    return request.rates.of_automation if is_on_automation else request.rates.of_action
