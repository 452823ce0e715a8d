"""A diagnosis: the cause, its evidence, and the first change that rules suggest and the failing input bears out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from deskhand.agent.diagnosis.causes import evidence, judge
from deskhand.agent.diagnosis.changes import Suggestion, Surroundings, suggestions
from deskhand.agent.diagnosis.failed_run import FailedRun
from deskhand.automation import yaml_form
from deskhand.automation.difference import unified
from deskhand.automation.document import Automation
from deskhand.records.diagnoses import Diagnosis, ProposedChange, Replay
from deskhand.sdk.errors import ConnectorError

Try: TypeAlias = Callable[[Automation], Replay]
"""Binds a version to the ticket that failed, checks it and looks at what it would change; nothing is changed."""


@dataclass(frozen=True, slots=True)
class Diagnostician:
    """Diagnoses runs. It changes nothing: what it proposes is a draft like any other."""

    next_version: Callable[[str], int]
    """The number the next version of an automation gets."""

    def diagnose(self, failed: FailedRun, around: Surroundings, replay: Try, now: datetime) -> Diagnosis:
        """Say why a run failed and what would mend it. Where a vendor cannot be asked, no change is proposed."""
        finding = judge(failed)
        seen = evidence(failed)
        try:
            tried = [self._tried(failed, each, replay) for each in suggestions(failed, finding.cause, around)]
        except ConnectorError:
            tried = []
        change = next((each for each in tried if each.replay.is_green), None)
        pin = failed.plan.automation
        return Diagnosis(
            run_id=failed.run.id,
            ticket_id=failed.run.ticket_id,
            tenant_id=failed.run.tenant_id,
            automation=failed.run.automation,
            version=pin.version if pin else None,
            cause=finding.cause,
            step_id=failed.step.id,
            action=failed.step.action,
            summary=finding.summary,
            evidence=seen,
            change=change,
            rejected=tuple(each for each in tried if not each.replay.is_green),
            todo=_todo(change, finding.todo),
            at=now,
        )

    def _tried(self, failed: FailedRun, suggestion: Suggestion, replay: Try) -> ProposedChange:
        version = self.next_version(suggestion.document.name)
        document = suggestion.document.model_copy(update={"version": version})
        text = yaml_form.dump(document)
        old = failed.document.version if failed.document else 0
        names = (f"{document.name} version {old}", f"{document.name} version {version}")
        return ProposedChange(
            automation=document.name,
            from_version=old,
            rule=suggestion.rule,
            because=suggestion.because,
            yaml=text,
            diff=unified(failed.text, text, names),
            replay=replay(document),
        )


def _todo(change: ProposedChange | None, otherwise: str) -> str:
    if change is None:
        return otherwise
    return (
        "Look at the proposed version, back-test it and have somebody else approve it: "
        f"`deskhand automation diff {change.automation}` shows it once it is saved as a draft."
    )
