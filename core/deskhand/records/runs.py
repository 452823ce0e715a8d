"""Runs on the record: which steps of a plan were carried out, what came of each, and what the run waits for."""

import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field, JsonValue
from sqlalchemy import Select, select

from deskhand.records.canonical import canonical_json, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.schema import runs

LONGEST_REASON = 500
_LOOK_AGAIN = 0.2
"""Seconds between two looks at a run that is followed."""


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """For a person, for a moment or for a switch: nothing of it is in memory."""
    DONE = "done"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review"
    """A step's outcome is unknown and cannot be read: a person looks at the vendor."""
    CANCELLED = "cancelled"
    UNDONE = "undone"

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more happens by itself."""
        return self not in UNDER_WAY


UNDER_WAY = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.WAITING})


class StepState(StrEnum):
    """Where one step of a run stands."""

    PLANNED = "planned"
    RUNNING = "running"
    """Its intent is on the record: the change may or may not have been made."""
    WAITING = "waiting"
    DONE = "done"
    LEFT_OUT = "left out"
    """Its turn came and its condition did not hold, or there was nothing to repeat it for."""
    SKIPPED = "skipped"
    """It was not carried out because the run ended before it or went another way, or, in a shadow run, because nothing
    is."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNDONE = "undone"


class Cause(StrEnum):
    """Why a step failed, in a word that a program can act on."""

    AUTHORIZATION = "authorization"
    NOT_FOUND = "not found"
    REJECTED = "rejected"
    RATE = "rate"
    OUTAGE = "outage"
    UNKNOWN_OUTCOME = "unknown outcome"
    CONFIGURATION = "configuration"
    REFUSED = "refused"
    """The gate refused it; the step's ``ring`` says where."""
    BUG = "bug"


class WaitKind(StrEnum):
    """What a waiting run waits for."""

    PROMPT = "prompt"
    """A person's answer."""
    PAUSE = "pause"
    """A moment, before a step is tried again."""
    MOMENT = "moment"
    """A moment the flow names."""
    APPROVAL = "approval"
    """A person's decision on going on."""
    SWITCH = "switch"
    """That a kill switch is released."""
    HOLD = "hold"
    """That somebody lets the run go on."""


class Wait(StoredDocument):
    """What a run waits for: a person, a moment, or that a switch is released."""

    kind: WaitKind
    step_id: str = ""
    """The step whose turn it is; empty where the flow itself waits."""
    position: str = ""
    """The block of the flow that waits; empty where a step does."""
    approval_id: str = ""
    text: str = Field(max_length=LONGEST_REASON)
    """For people: the question, or why the run pauses."""
    until: AwareDatetime | None = None


class Branch(StoredDocument):
    """One of the branches a run is in at the moment, carried on by segments of its own."""

    lane: str
    """Its position in the flow, such as ``2.b0``."""
    segment: int
    state: RunState = RunState.QUEUED
    waits_for: Wait | None = None


class RecordedChange(StoredDocument):
    """One line of the diff as it was right before the change."""

    field: str
    current: str
    desired: str


class StepRecord(StoredDocument):
    """One step of a run: what the vendor answered, or why it failed."""

    id: str
    action: str
    state: StepState = StepState.PLANNED
    reference: str = ""
    detail: Mapping[str, JsonValue] = Field(default_factory=dict)
    prior_state: Mapping[str, JsonValue] = Field(default_factory=dict)
    """What it takes to undo the step, as it was read right before the change."""
    changes: tuple[RecordedChange, ...] = ()
    error: str = Field(default="", max_length=LONGEST_REASON)
    cause: Cause | None = None
    ring: str = ""
    """Which ring of the gate refused it; empty where none did."""
    item: JsonValue = None
    """What the for-each is at, where the step is repeated."""
    anew: int = 0
    """How often it was taken up anew although it had been done: what only reads may be."""
    attempts: int = 0
    prompts: int = 0
    """How often a person's answer was tried and found wrong."""
    claimed_at: AwareDatetime | None = None
    """When the newest intent was put on the record, to carry the step out or to undo it."""
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None

    @property
    def name(self) -> str:
        """The plan's own id for the step: of a repetition, without its number."""
        return self.id.partition(".")[0]


MAIN = ""
"""The lane of a run that is in no branch."""


class Run(StoredDocument):
    """A plan being carried out, or one that was.

    It is carried on in segments, each of which ends where the run waits; ``segment`` is the present one's number, or
    the one that follows when the branches the run is in have joined. No two segments of a run have one number.
    """

    id: str = Field(pattern=r"^r-[0-9a-f]{16}$")
    plan_id: str
    plan_sha256: str
    ticket_id: str
    tenant_id: str
    automation: str = ""
    state: RunState = RunState.QUEUED
    segment: int = 0
    segments: int = 0
    """The highest number a segment has had."""
    branches: tuple[Branch, ...] = ()
    """The branches it is in; none while it goes one way. It waits where all that still go on wait."""
    marks: Mapping[str, JsonValue] = Field(default_factory=dict)
    """What was found at blocks of the flow, by position: which way it went, what a for-each goes through."""
    steps: tuple[StepRecord, ...]
    requested_by: str
    approval_id: str | None = None
    approved_by: str | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    waits_for: Wait | None = None
    is_shadow: bool = False
    """It looks at what it would change and changes nothing."""
    cancelled_by: str | None = None
    """Who asked to stop it; it stops before its next step."""
    held_by: str | None = None
    """Who asked to hold it; it waits before its next step until somebody lets it go on."""
    undoing: tuple[str, ...] = ()
    """The steps still to be undone, in that order; empty while the run goes forward."""
    undone_by: str | None = None
    taken_up: int = 0
    """How often it was found with nobody carrying it on."""
    ends_as: RunState = RunState.DONE
    """What it becomes when nothing is left to do: done, or what it was before something of it was undone."""

    def step(self, step_id: str) -> StepRecord:
        """Find a step. Raises LookupError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise LookupError(f"run {self.id} has no step {step_id}")

    def has_made(self, step_id: str) -> bool:
        """Tell whether a step is done; where the run is being undone, whether it is undone."""
        return self.step(step_id).state is (StepState.UNDONE if self.undoing else StepState.DONE)

    @property
    def waits(self) -> tuple[tuple[str, Wait], ...]:
        """Everything it waits for, with the lane that does."""
        found = [(each.lane, each.waits_for) for each in self.branches] or [(MAIN, self.waits_for)]
        return tuple((lane, wait) for lane, wait in found if wait is not None)

    @property
    def is_failing(self) -> bool:
        """Tell whether a branch has failed, so that the others stop."""
        return any(each.state in {RunState.FAILED, RunState.NEEDS_REVIEW} for each in self.branches)

    def lane_of(self, segment: int) -> str | None:
        """Return the lane a segment carries on; None where it is nobody's any more."""
        if not self.branches:
            return MAIN if segment == self.segment else None
        return next((each.lane for each in self.branches if each.segment == segment), None)

    def at(self, lane: str) -> tuple[RunState, Wait | None]:
        """Return where a lane stands, and what it waits for. Raises LookupError."""
        if lane == MAIN:
            return self.state, self.waits_for
        found = self._branch(lane)
        return found.state, found.waits_for

    def with_lane(self, lane: str, state: RunState, waits_for: Wait | None = None, segment: int | None = None) -> "Run":
        """Return the run with a lane elsewhere; ``segment``, where given, is the one that carries it on."""
        highest = {} if segment is None else {"segments": max(self.segments, segment)}
        changes = {"state": state, "waits_for": waits_for, **({} if segment is None else {"segment": segment})}
        if lane == MAIN:
            return self.model_copy(update={**changes, **highest})
        branch = self._branch(lane).model_copy(update=changes)
        branches = tuple(branch if each.lane == lane else each for each in self.branches)
        return self.model_copy(update={"branches": branches, **highest}).of_its_branches()

    def of_its_branches(self) -> "Run":
        """Return the run in the state its branches make."""
        going = [each for each in self.branches if not each.state.is_over]
        waits = [each.waits_for for each in going if each.state is RunState.WAITING]
        is_waiting = bool(going) and len(waits) == len(going)
        state = RunState.WAITING if is_waiting else RunState.RUNNING
        return self.model_copy(update={"state": state, "waits_for": waits[0] if is_waiting else None})

    def _branch(self, lane: str) -> Branch:
        for branch in self.branches:
            if branch.lane == lane:
                return branch
        raise LookupError(f"run {self.id} is in no branch {lane}")

    def with_step(self, step_id: str, **changes: Any) -> "Run":  # noqa: ANN401  # pydantic's own boundary
        """Return the run with fields of one step changed."""
        steps = tuple(each.model_copy(update=changes) if each.id == step_id else each for each in self.steps)
        return self.model_copy(update={"steps": steps})

    def having(self, *states: StepState) -> tuple[str, ...]:
        """List the steps in one of these states, in the plan's order."""
        return tuple(step.id for step in self.steps if step.state in states)


def start(transaction: Transaction, run: Run) -> None:
    """Put a new run on the record. Raises LookupError where its plan has run already: a plan runs once."""
    earlier = select(runs.c.document).where(runs.c.ticket_id == run.ticket_id, runs.c.plan_id == run.plan_id)
    documents = transaction.connection.execute(earlier).scalars()
    if not run.is_shadow and any(not _read(document).is_shadow for document in documents):
        raise LookupError(f"plan {run.plan_id} has run already: make a new plan")
    transaction.insert(runs, {"id": run.id, **_row(run), "place": transaction.next_seq})
    detail: dict[str, JsonValue] = {"plan": run.plan_id, "sha256": run.plan_sha256, "requested_by": run.requested_by}
    if run.approval_id is not None:
        detail |= {"approval": run.approval_id, "approved_by": run.approved_by}
    _audit(transaction, run, "run.submitted", {**detail, "is_shadow": run.is_shadow})


def current(transaction: Transaction, run_id: str) -> Run:
    """Read a run as this transaction sees it; nobody changes it until the transaction ends. Raises LookupError."""
    row = transaction.find(runs, {"id": run_id})
    if row is None:
        raise LookupError(f"there is no run {run_id}")
    return _read(str(row["document"]))


def save(transaction: Transaction, run: Run, kind: str, detail: Mapping[str, JsonValue] | None = None) -> Run:
    """Put a change of a run on the record, under this kind of entry, and return the run."""
    transaction.update(runs, {"id": run.id}, _row(run))
    _audit(transaction, run, kind, {"state": run.state, "segment": run.segment, **(detail or {})})
    return run


def find(records: Records, run_id: str) -> Run | None:
    """Look a run up."""
    row = records.find(runs, {"id": run_id})
    return None if row is None else _read(row["document"])


def of_ticket(records: Records, ticket_id: str) -> list[Run]:
    """List a ticket's runs, oldest first."""
    return _listed(records, select(runs.c.document).where(runs.c.ticket_id == ticket_id).order_by(runs.c.place))


def recent(
    records: Records,
    limit: int,
    *,
    state: RunState | None = None,
    automation: str | None = None,
    tenant: str | None = None,
) -> list[Run]:
    """List runs, newest first; only those of a state, an automation or a tenant where one is named."""
    query = select(runs.c.document)
    for column, value in ((runs.c.state, state), (runs.c.automation, automation), (runs.c.tenant_id, tenant)):
        if value is not None:
            query = query.where(column == value)
    return _listed(records, query.order_by(runs.c.place.desc()).limit(limit))


def followed(records: Records, run_id: str, *, patience: float) -> Iterator[Run]:
    """Yield a run as it is, and again whenever it has changed, until it is over; for ``patience`` seconds.

    Raises LookupError where there is no such run.
    """
    end, last = time.monotonic() + patience, None
    while time.monotonic() < end:
        run = find(records, run_id)
        if run is None:
            raise LookupError(f"there is no run {run_id}")
        if run != last:
            yield run
            last = run
        if run.state.is_over:
            return
        time.sleep(_LOOK_AGAIN)


def under_way(records: Records) -> list[Run]:
    """List the runs that are not over, oldest first."""
    query = select(runs.c.document).where(runs.c.state.in_(sorted(UNDER_WAY)))
    return _listed(records, query.order_by(runs.c.place))


def waiting_for(records: Records, kind: WaitKind) -> list[Run]:
    """List the runs that wait for something of a kind, oldest first. Cheap to ask often."""
    query = select(runs.c.document).where(
        runs.c.state.in_([RunState.WAITING, RunState.RUNNING]),
        runs.c.document.contains(f'"kind":"{kind}"', autoescape=True),
    )
    found = _listed(records, query.order_by(runs.c.place))
    return [run for run in found if any(wait.kind is kind for _, wait in run.waits)]


def _listed(records: Records, query: Select[Any]) -> list[Run]:
    with records.reading() as connection:
        return [_read(document) for document in connection.execute(query).scalars()]


def _read(document: str) -> Run:
    return Run.model_validate_json(document)


def _row(run: Run) -> dict[str, str | int | None]:
    return {
        "plan_id": run.plan_id,
        "ticket_id": run.ticket_id,
        "tenant_id": run.tenant_id,
        "automation": run.automation,
        "state": run.state.value,
        "segment": run.segment,
        "started_at": written_time(run.started_at),
        "ended_at": written_time(run.ended_at) if run.ended_at is not None else None,
        "document": canonical_json(run.model_dump(mode="json")),
    }


def _audit(transaction: Transaction, run: Run, kind: str, detail: Mapping[str, JsonValue]) -> None:
    transaction.audit(kind, tenant=run.tenant_id, ticket=run.ticket_id, detail={"run": run.id, **detail})
