"""Asking a person while a run waits, and what a wrong answer costs."""

from deskhand.automation.plan import Plan, PlannedStep
from deskhand.governance import proof
from deskhand.records import runs
from deskhand.records.runs import LONGEST_REASON, Cause, Run, Wait, WaitKind
from deskhand.workflow.journal import ACTOR, Failure, Journal

MOST_ANSWERS = 3
"""After so many wrong ones the step has failed."""


def ask(journal: Journal, run: Run, step: PlannedStep, question: str) -> None:
    """Let the run wait for an answer."""
    wrong = run.step(step.id).prompts
    left = f" (the last answer was not right: {MOST_ANSWERS - wrong} left)" if wrong else ""
    wait = Wait(kind=WaitKind.PROMPT, step_id=step.id, text=f"{question}{left}"[:LONGEST_REASON])
    journal.park(run.id, run.segment, wait)


def note_wrong_answer(journal: Journal, run: Run, plan: Plan, step: PlannedStep, error: str) -> bool:
    """Count a wrong answer, for the proof of identity too; tell whether the person may try again."""
    with journal.records.transaction(ACTOR) as transaction:
        present = journal.own(transaction, run.id, run.segment)
        wrong = present.step(step.id).prompts + 1
        values = Failure(Cause.REJECTED, error).values()
        runs.save(
            transaction, present.with_step(step.id, prompts=wrong, **values), "step.wrong_answer", {"step": step.id}
        )
        left = MOST_ANSWERS - wrong
        shown = proof.shown_by(plan, step)
        if step.proves_identity and shown is not None:
            left = min(left, proof.failed(transaction, shown))
        return left > 0
