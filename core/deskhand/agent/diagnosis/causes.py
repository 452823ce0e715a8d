"""What lies behind a failure: the engine's word for it, held against what happened around it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from deskhand.agent.diagnosis.failed_run import FailedRun, Need
from deskhand.records.diagnoses import Evidence, FailureCause
from deskhand.records.runs import Cause, Run, StepRecord, StepState

MOST_NAMED = 5
REFUSED_LATELY = 2
"""Other tickets on which a vendor must have refused the same action for it to be the vendor that changed."""
PROOF_RINGS = frozenset({"proof"})
"""Rings that ask for something only the person can give."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The cause, in a sentence, and what a person must do where no change of the automation mends it."""

    cause: FailureCause
    summary: str
    todo: str


def judge(failed: FailedRun) -> Finding:
    """Say what lies behind a failure."""
    return _JUDGES[failed.cause](failed)


def evidence(failed: FailedRun) -> tuple[Evidence, ...]:
    """List what speaks for the cause: the failing step itself first, then what happened around it."""
    found = [_itself(failed), _credential(failed), _before(failed), *_around(failed), _likewise(failed)]
    return tuple(each for each in found if each is not None)


def _itself(failed: FailedRun) -> Evidence:
    step = failed.step
    ring = f", refused by the ring “{step.ring}”" if step.ring else ""
    times = "once" if step.attempts <= 1 else f"{step.attempts} times"
    changes = "; ".join(f"{each.field}: {each.current} → {each.desired}" for each in step.changes)
    saw = f" It was about to change {changes}." if changes else ""
    text = f"Step {step.id} ({step.action}) was tried {times}: {failed.cause}{ring}: {step.error}.{saw}"
    return Evidence(text=text, runs=(failed.run.id,))


def _credential(failed: FailedRun) -> Evidence | None:
    if failed.is_accepted_now is None:
        return None
    does = "accepts" if failed.is_accepted_now else "refuses"
    return Evidence(text=f"Asked again, {failed.connector} {does} the credential as such.")


def _before(failed: FailedRun) -> Evidence | None:
    worked = failed.worked_before()
    if not worked:
        return None
    run, step = worked[0]
    when = f"{step.ended_at:%Y-%m-%d %H:%M} UTC" if step.ended_at else "before"
    text = f"The same step worked {len(worked)} time(s) with the same constants, last on {when}."
    return Evidence(text=text, runs=(run.id,))


def _around(failed: FailedRun) -> list[Evidence]:
    """Compare clients: where one has trouble, its permission or configuration; where all have, an outage."""
    steps = list(failed.same_action())
    found = []
    for is_here, whose in ((True, "at this client"), (False, "at other clients")):
        mine = [(run, step) for run, step in steps if (run.tenant_id == failed.run.tenant_id) is is_here]
        if mine:
            worked = [run for run, step in mine if step.state is StepState.DONE]
            text = f"Lately {failed.step.action} worked {len(worked)} of {len(mine)} times {whose}."
            found.append(Evidence(text=text, runs=_named([run for run, _ in mine])))
    return found


def _likewise(failed: FailedRun) -> Evidence | None:
    runs = failed.failed_likewise()
    if not runs:
        return None
    text = f"{len(runs)} other run(s) of this automation failed at the same step in the same way."
    return Evidence(text=text, runs=_named(runs))


def _named(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.id for run in runs))[:MOST_NAMED]


def _authorization(failed: FailedRun) -> Finding:
    """Tell a credential that is refused from one that may not do this, by whether anything else works with it."""
    here, elsewhere = list(failed.same_connector(here=True)), list(failed.same_connector(here=False))
    need = failed.needs.get(failed.step.action, Need("", ""))
    is_accepted = failed.is_accepted_now
    if is_accepted is None:
        is_accepted = any(_is_since(step, failed) and step.state is StepState.DONE for _, step in here)
    ever_here = any(step.state is StepState.DONE for _, step in here)
    fails_elsewhere = any(step.cause is Cause.AUTHORIZATION for _, step in elsewhere)
    works_elsewhere = any(step.state is StepState.DONE for _, step in elsewhere)
    is_only_here = failed.is_accepted_now is None and works_elsewhere and not fails_elsewhere and not ever_here
    if is_accepted or is_only_here:
        summary = f"{failed.connector} accepts the credential, which may not do this at {failed.plan.tenant.name}."
        return Finding(FailureCause.PERMISSION, summary, _grant(failed, need))
    where = "at every client" if fails_elsewhere and not works_elsewhere else f"for {failed.plan.tenant.name}"
    summary = f"{failed.connector} refuses the credential {where}."
    todo = (
        f"Renew the credential of [connectors.{failed.connector}] {where}, see that `deskhand doctor` is satisfied, "
        f"and take the run up again with `deskhand runs retry {failed.run.id}`. No change to the automation."
    )
    return Finding(FailureCause.AUTHORISATION, summary, todo)


def _grant(failed: FailedRun, need: Need) -> str:
    permission = f"Grant {need.permission}" if need.permission else "Grant what the action needs"
    page = f" ({need.documentation})" if need.documentation else ""
    return (
        f"{permission} to the application of {failed.connector} at {failed.plan.tenant.name}{page}, and take the run "
        f"up again with `deskhand runs retry {failed.run.id}`. No change to the automation."
    )


def _is_since(step: StepRecord, failed: FailedRun) -> bool:
    """Tell whether a step ended after the run began: what worked last month says nothing of the credential now."""
    return step.ended_at is not None and step.ended_at >= failed.run.started_at


def _configuration(failed: FailedRun) -> Finding:
    summary = f"{failed.connector} is not set up for this at {failed.plan.tenant.name}."
    todo = (
        f"Mend [connectors.{failed.connector}] as the message says; `deskhand config check` tells whether it is right. "
        "No change to the automation."
    )
    return Finding(FailureCause.PERMISSION, summary, todo)


def _not_found(failed: FailedRun) -> Finding:
    if failed.constants and (failed.worked_before() or failed.failed_likewise()):
        return _changed(failed)
    summary = f"What {failed.step.action} is about is not there, or the credential may not see it."
    todo = (
        "Look whether the person, group or record of this ticket still exists, and do this ticket by hand. "
        "No change to the automation."
    )
    return Finding(FailureCause.NOT_FOUND, summary, todo)


def _rejected(failed: FailedRun) -> Finding:
    if failed.step.prompts or failed.planned.proves_identity:
        return _person(failed)
    if failed.constants and failed.worked_before():
        return _changed(failed)
    if _is_refused_lately(failed):
        summary = f"The vendor refuses {failed.step.action} every time lately, whoever it is for."
        todo = (
            f"Look at the vendor's release notes and update the plugin {failed.connector}; "
            "no change to the automation can be justified from the record."
        )
        return Finding(FailureCause.CHANGED_DATA, summary, todo)
    summary = f"The vendor does not allow {failed.step.action} for this record; for others it does."
    todo = "Do this ticket by hand, as the vendor's message says. No change to the automation."
    return Finding(FailureCause.POLICY, summary, todo)


def _is_refused_lately(failed: FailedRun) -> bool:
    """Tell whether the newest runs before this one were refused as well, each on another ticket."""
    refused = takewhile(lambda each: each[1].cause is Cause.REJECTED, failed.same_action())
    return len({run.ticket_id for run, _ in refused} - {failed.run.ticket_id}) >= REFUSED_LATELY


def _changed(failed: FailedRun) -> Finding:
    fixed = ", ".join(f"{name} {value}" for name, value in failed.constants.items())
    about = f": the automation fixes {fixed}" if fixed else ""
    summary = f"Something {failed.step.action} relies on is not as it was when this step worked{about}."
    todo = (
        f"Say in step {failed.step.name} of the automation what takes its place: edit it, back-test it and have it "
        "approved as any version."
    )
    if failed.is_overlaid:
        whose = failed.plan.tenant
        todo = (
            f"The overlay of {whose.name} fixes it, for step {failed.step.name}: propose another with "
            f"`deskhand automation overlay propose {failed.run.automation} FILE --tenant {whose.id}`."
        )
    return Finding(FailureCause.CHANGED_DATA, summary, todo)


def _rate(failed: FailedRun) -> Finding:
    summary = f"{failed.connector} asked for a pause, longer than a run waits."
    todo = (
        f"Take it up again later with `deskhand runs retry {failed.run.id}`; if it happens often, have fewer desks or "
        "tools share this credential. No change to the automation."
    )
    return Finding(FailureCause.RATE, summary, todo)


def _outage(failed: FailedRun) -> Finding:
    elsewhere = [step for _, step in failed.same_connector(here=False)]
    is_everywhere = bool(elsewhere) and all(step.cause in _TROUBLE for step in elsewhere)
    where = "at every client" if is_everywhere else "for this call"
    summary = f"{failed.connector} did not answer {where}."
    todo = f"Wait until it answers (`deskhand doctor`), then `deskhand runs retry {failed.run.id}`. No change."
    return Finding(FailureCause.OUTAGE, summary, todo)


_TROUBLE = frozenset({Cause.OUTAGE, Cause.RATE, Cause.UNKNOWN_OUTCOME})


def _unknown(failed: FailedRun) -> Finding:
    summary = f"The answer of {failed.connector} was lost, and whether the change was made cannot be read back."
    todo = f"Look at the vendor whether step {failed.step.id} took effect, and finish the ticket by hand. No change."
    return Finding(FailureCause.OUTAGE, summary, todo)


def _refused(failed: FailedRun) -> Finding:
    if failed.step.ring in PROOF_RINGS:
        return _person(failed)
    summary = f"We refused it ourselves, at the ring “{failed.step.ring}”: {failed.step.error}"
    todo = (
        "If this should be allowed, an admin changes the policy, the switch or the budget; else nothing is to be done."
    )
    return Finding(FailureCause.POLICY, summary, todo)


def _person(failed: FailedRun) -> Finding:
    who = failed.plan.person.name if failed.plan.person else "the person"
    summary = f"{who} did not prove who they are."
    todo = f"Reach {who} another way, and start again once they are proven. No change to the automation."
    return Finding(FailureCause.PERSON, summary, todo)


def _bug(failed: FailedRun) -> Finding:
    summary = f"{failed.connector} or deskhand itself failed in a way nobody foresaw: {failed.step.error}"
    todo = (
        f"Report it with the log around {failed.run.id}; updating the plugin {failed.connector} may mend it. No change."
    )
    return Finding(FailureCause.BUG, summary, todo)


_JUDGES: Mapping[Cause, Callable[[FailedRun], Finding]] = {
    Cause.AUTHORIZATION: _authorization,
    Cause.CONFIGURATION: _configuration,
    Cause.NOT_FOUND: _not_found,
    Cause.REJECTED: _rejected,
    Cause.RATE: _rate,
    Cause.OUTAGE: _outage,
    Cause.UNKNOWN_OUTCOME: _unknown,
    Cause.REFUSED: _refused,
    Cause.BUG: _bug,
}
