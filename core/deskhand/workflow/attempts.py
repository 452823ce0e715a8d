"""One attempt at one step of a run: it never raises, but says in an envelope what comes next."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog
from pydantic import JsonValue, SecretStr

from deskhand.automation.plan import Plan
from deskhand.records import effects, runs
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.records.effects import EffectState
from deskhand.records.runs import LONGEST_REASON, MAIN, Cause, Run, RunState, Wait, WaitKind
from deskhand.sdk.actions import AnyAction, Arguments, Effect, Receipt, connector_of
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import (
    AuthorizationError,
    ConfigurationError,
    ConnectorError,
    HeldBackError,
    HeldBy,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.sdk.models import TenantContext
from deskhand.sdk.roles import Connector
from deskhand.sdk.traffic import on_errand
from deskhand.workflow.arguments import arguments, question_of
from deskhand.workflow.attempt import Failed, attempt
from deskhand.workflow.calls import Call, Mandate, RefusedError, RingName, Witness
from deskhand.workflow.course import Ask, Carry, Fork, LostError, Over, Rest, Upcoming, ahead
from deskhand.workflow.gate import Gate
from deskhand.workflow.handover import Handover, is_for_the_desk
from deskhand.workflow.journal import CancelledError, Failure, Journal, OvertakenError, SupersededError, until
from deskhand.workflow.prompts import ask, note_wrong_answer
from deskhand.workflow.rings import is_stopped
from deskhand.workflow.turn import Turn, plan_of
from deskhand.workflow.undoing import undoing
from deskhand.workflow.waits import ask_approval, rest
from deskhand.workflow.witnesses import changes_of, without

log = structlog.get_logger(__name__)

Envelope = dict[str, JsonValue]
"""What an attempt returns and the durable engine keeps: ``next``, with ``pause`` in seconds where it is AGAIN and the
``step`` whose turn it is then where it is ON; none where the lane has come to its end."""


class Next(StrEnum):
    """What a segment does after an attempt."""

    ON = "on"
    AGAIN = "again"
    STOP = "stop"


STOP: Envelope = {"next": Next.STOP.value}
LATE = "it can only be looked at while the plan runs"

_CAUSES: tuple[tuple[type[ConnectorError], Cause], ...] = (
    (RefusedError, Cause.REFUSED),
    (RateLimitedError, Cause.RATE),
    (UnavailableError, Cause.OUTAGE),
    (AuthorizationError, Cause.AUTHORIZATION),
    (NotFoundError, Cause.NOT_FOUND),
    (UncertainError, Cause.UNKNOWN_OUTCOME),
    (ConfigurationError, Cause.CONFIGURATION),
    (RejectedError, Cause.REJECTED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a run tries, in seconds where it is a time."""

    settling: float = 30.0
    """An effect that may be under way is read only after so long: a vendor may still be at it."""
    most_attempts: int = 5
    first_pause: float = 1.0
    """Before the second attempt; each pause is twice the one before."""
    longest_pause: float = 3600.0
    longest_nap: float = 15.0
    """A longer pause parks the run, so that it holds no place in the queue."""
    store_pause: float = 5.0
    """Before the next attempt where the record store could not be written."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Makes attempts at steps. Thread-safe."""

    records: Records
    journal: Journal
    gate: Gate
    handover: Handover
    actions: Callable[[str], AnyAction]
    connectors: Mapping[str, Connector]
    contexts: Callable[[str], TenantContext]
    clock: Clock
    patience: Patience
    stopping: threading.Event

    def make(self, run_id: str, segment: int, step_id: str) -> Envelope:
        """Try a step once, and say what comes next. Everything that happened is on the record by then."""
        try:
            return self._made_or_overtaken(run_id, segment, step_id)
        except SupersededError:
            return STOP
        except CancelledError:
            self.journal.cancel(run_id, segment)
            return STOP
        except RecordsUnavailableError as error:
            log.warning("a run waits for the record store", run=run_id, step=step_id, reason=str(error))
            return _again(self.patience.store_pause)

    def _made_or_overtaken(self, run_id: str, segment: int, step_id: str) -> Envelope:
        try:
            return self._make(run_id, segment, step_id)
        except OvertakenError:
            return self.ahead(run_id, segment)

    def _make(self, run_id: str, segment: int, step_id: str) -> Envelope:
        run = self.journal.look_up(run_id, segment)
        if self._is_called_off(run, segment, step_id):
            return STOP
        turn = Turn.of(self.records, run, segment, step_id)
        if turn.is_over:
            return self.ahead(run_id, segment)
        passing = (ConnectorError, SupersededError, CancelledError, RecordsUnavailableError)
        try:
            with on_errand(turn.purpose, tenant=run.tenant_id, automation=run.automation):
                outcome = attempt(lambda: self._try(turn), passing=passing)
        except ConnectorError as error:
            return self._after(turn, error)
        if isinstance(outcome, Failed):
            return self._conclude(turn, Failure(Cause.BUG, outcome.reason))
        return outcome.value

    def _is_called_off(self, run: Run, segment: int, step_id: str) -> bool:
        """Tell whether the step is not to be tried now, and write down why."""
        if run.cancelled_by is not None or run.is_failing:
            self.journal.cancel(run.id, segment)
        elif self.stopping.is_set():
            self.journal.hand_on(run.id, segment)
        elif run.held_by is not None and not run.undoing:
            wait = Wait(kind=WaitKind.HOLD, step_id=step_id, text=f"{run.held_by} holds it")
            self.journal.park(run.id, segment, wait)
        else:
            return False
        return True

    def ahead(self, run_id: str, segment: int) -> Envelope:
        """Say which step's turn it is in a segment's lane, or end the segment where the run branches or waits.

        Raises SupersededError and RecordsUnavailableError.
        """
        run = self.journal.look_up(run_id, segment)
        return self._onward(plan_of(self.records, run), run, segment)

    def _onward(self, plan: Plan, run: Run, segment: int) -> Envelope:
        lane = run.lane_of(segment) or MAIN
        try:
            found, upcoming = ahead(plan, run, lane)
        except LostError as error:
            failure = Failure(Cause.CONFIGURATION, str(error))
            self.journal.stop(run.id, segment, error.step_id, failure, RunState.FAILED)
            return STOP
        if found != run:
            self.journal.find_way(run.id, segment, lambda present: ahead(plan, present, lane)[0])
        return self._take(run.id, segment, plan, upcoming)

    def _take(self, run_id: str, segment: int, plan: Plan, upcoming: Upcoming) -> Envelope:
        match upcoming:
            case Carry():
                return _on(upcoming.step_id, is_at_desk=is_for_the_desk(plan.step(upcoming.step_id)))
            case Over():
                return _on(None)
            case Fork():
                self.journal.fork(run_id, segment, upcoming)
            case Ask():
                ask_approval(self.journal, run_id, segment, plan, upcoming)
            case Rest():
                rest(self.journal, run_id, segment, upcoming, self.clock())
        return STOP

    def _try(self, turn: Turn) -> Envelope:
        action = self._action(turn)
        rest = self._unsettled(turn, action)
        if rest > 0:
            return self._rest(turn, rest, "an earlier attempt may still be under way: it is read later")
        run, step, answer = turn.run, turn.step, self.handover.answered(turn.run.id, turn.step_id)
        question = question_of(step)
        if question is not None and answer is None and not run.is_shadow:
            return self._ask(turn, action, question)
        if run.is_shadow and any(each.is_late for each in step.arguments.values()):
            self.journal.look(run.id, turn.segment, turn.step_id, error=LATE)
            return self.ahead(run.id, turn.segment)
        call = self._call(turn, action, arguments(action.arguments, step, run, turn.step_id, answer))
        if run.is_shadow:
            inspection = self.gate.inspect(call)
            self.journal.look(run.id, turn.segment, turn.step_id, changes=changes_of(inspection))
            return self.ahead(run.id, turn.segment)
        witness = turn.witness(self.journal, answer)
        receipt = self.gate.perform(call, witness)
        self.handover.put(run.id, turn.step_id, receipt.secrets)
        self.handover.forget(run.id, turn.step_id)
        if witness.left is None:
            self._catch_up(turn, witness, receipt)
        if witness.left is None or witness.left.lane_of(turn.segment) is None:
            return self.ahead(run.id, turn.segment)
        return self._onward(turn.plan, witness.left, turn.segment)

    def _catch_up(self, turn: Turn, witness: Witness, receipt: Receipt) -> None:
        """Have the run say what the ledger says, where an attempt that was taken for lost has carried the step out."""
        with self.records.transaction(self.gate.actor) as transaction:
            if not runs.current(transaction, turn.run.id).has_made(turn.step_id):
                witness.settled(transaction, receipt)

    def _action(self, turn: Turn) -> AnyAction:
        if not turn.is_plan_intact:
            raise RefusedError(f"plan {turn.run.plan_id} is not what it was", ring=RingName.PLAN)
        try:
            action = self.actions(turn.step.action)
        except LookupError as error:
            raise ConfigurationError(str(error)) from error
        if not turn.is_undo:
            return action
        return undoing(action, turn.record.prior_state, Receipt(turn.record.reference, turn.record.detail))

    def _call(self, turn: Turn, action: AnyAction, values: Arguments) -> Call:
        name = connector_of(turn.step.action)
        connector = self.connectors.get(name)
        if connector is None:
            raise ConfigurationError(f"{name} is not configured: add a section [connectors.{name}]")
        context = self.contexts(turn.plan.ticket_id)
        mandate = Mandate(turn.plan, turn.step, turn.run.id, turn.run.approval_id, is_undo=turn.is_undo)
        return Call(action, connector, context, values, turn.key, mandate)

    def _unsettled(self, turn: Turn, action: AnyAction) -> float:
        """Return how many seconds to leave alone what an earlier attempt may have set going."""
        effect = effects.find(self.records, turn.key)
        claimed_at = turn.record.claimed_at
        if effect is None or effect.state is not EffectState.CLAIMED or claimed_at is None:
            return 0.0
        if action.effect is Effect.READ or (action.effect is Effect.ONCE and action.probe is None):
            return 0.0  # nothing is gained by waiting
        return self.patience.settling - (self.clock() - claimed_at).total_seconds()

    def _ask(self, turn: Turn, action: AnyAction, question: str) -> Envelope:
        """Let the run wait for an answer, unless the one that was lost with a process may have had its effect."""
        effect = effects.find(self.records, turn.key)
        is_claimed = effect is not None and effect.state is EffectState.CLAIMED
        if is_claimed and action.effect is Effect.ONCE and action.probe is None:
            failure = Failure(Cause.UNKNOWN_OUTCOME, "the process died while the answer was being checked")
            self.journal.stop(turn.run.id, turn.segment, turn.step_id, failure, RunState.NEEDS_REVIEW)
        else:
            ask(self.journal, turn.run, turn.step, question)
        return STOP

    def _after(self, turn: Turn, error: ConnectorError) -> Envelope:
        run, step = turn.run, turn.step
        failure = failure_of(error, self.handover.answered(run.id, turn.step_id))
        is_switch = isinstance(error, HeldBackError) and error.by is HeldBy.SWITCH
        may_be_stopped = is_switch or failure.ring == RingName.POLICY  # a pause may come between switch and policy
        is_meant = may_be_stopped and is_stopped(self.gate.governing.switch, run, step.action)
        if failure.ring == RingName.KILL_SWITCH or is_meant:
            wait = Wait(kind=WaitKind.SWITCH, step_id=turn.step_id, text=failure.error[:LONGEST_REASON])
            self.journal.park(run.id, turn.segment, wait)
            return STOP
        if isinstance(error, HeldBackError):
            least = self.patience.settling if is_switch else 0.0  # thrown for another connector: nobody watches that
            return self._rest(turn, max(error.retry_after, least), failure.error)  # no attempt: nothing was sent
        if isinstance(error, UnavailableError | UncertainError) and self._has_time(turn):
            return self._try_later(turn, error, failure)
        if self._is_wrong_answer(turn, error):
            self.handover.forget(run.id, turn.step_id)
            if note_wrong_answer(self.journal, run, turn.plan, step, failure.error):
                return _again(0.0)
        return self._conclude(turn, failure)

    def _has_time(self, turn: Turn) -> bool:
        """Tell whether a step may be tried once more: it has attempts left, and its time is not up."""
        retry, minutes = turn.step.retry, turn.step.timeout_minutes
        if turn.attempts >= (retry.attempts if retry is not None else self.patience.most_attempts):
            return False
        began = turn.record.started_at
        return minutes is None or began is None or self.clock() < began + timedelta(minutes=minutes)

    def _try_later(self, turn: Turn, error: ConnectorError, failure: Failure) -> Envelope:
        first = turn.step.retry.pause_seconds if turn.step.retry is not None else self.patience.first_pause
        pause = first * 2 ** (turn.attempts - 1)
        if isinstance(error, RateLimitedError):
            pause = max(pause, error.retry_after)
        pause = min(pause, self.patience.longest_pause)
        self.journal.note(turn.run.id, turn.segment, turn.step_id, failure, pause)
        return self._rest(turn, pause, failure.error)

    def _rest(self, turn: Turn, seconds: float, text: str) -> Envelope:
        if seconds <= self.patience.longest_nap:
            return _again(seconds)
        moment = until(self.clock(), seconds)
        wait = Wait(kind=WaitKind.PAUSE, step_id=turn.step_id, text=text[:LONGEST_REASON], until=moment)
        self.journal.park(turn.run.id, turn.segment, wait)
        return STOP

    def _is_wrong_answer(self, turn: Turn, error: ConnectorError) -> bool:
        """Tell whether the vendor, asked with the person's answer, said no. That claims nothing."""
        if question_of(turn.step) is None or type(error) is not RejectedError:
            return False
        effect = effects.find(self.records, turn.key)
        return effect is not None and effect.state is EffectState.FAILED

    def _conclude(self, turn: Turn, failure: Failure) -> Envelope:
        """End the run at this step: it failed, or nobody knows."""
        effect = effects.find(self.records, turn.key)
        is_open = effect is not None and effect.state in {EffectState.CLAIMED, EffectState.NEEDS_REVIEW}
        is_repeatable = turn.step.effect is not Effect.ONCE and failure.cause is not Cause.UNKNOWN_OUTCOME
        state = RunState.NEEDS_REVIEW if is_open and not is_repeatable else RunState.FAILED
        self.journal.stop(turn.run.id, turn.segment, turn.step_id, failure, state)
        return STOP


def failure_of(error: ConnectorError, typed: SecretStr | None = None) -> Failure:
    """Say in a word and a sentence, without what a person typed, what an error means."""
    cause = next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.BUG)
    return Failure(cause, without(str(error), typed), error.ring if isinstance(error, RefusedError) else "")


def _again(pause: float) -> Envelope:
    return {"next": Next.AGAIN.value, "pause": pause}


def _on(step_id: str | None, *, is_at_desk: bool = False) -> Envelope:
    return {"next": Next.ON.value, "step": step_id, "is_at_desk": is_at_desk}
