"""How candidates, reports and diagnoses look in a terminal, and what machines get of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from deskhand.cli.answers import print_line, print_pairs, print_table
from deskhand.desk.reporting import AutomationReport, Saved
from deskhand.knowledge.opportunities import Opportunity
from deskhand.records.diagnoses import Diagnosis, ProposedChange
from deskhand.records.runs import RunState


def print_candidates(found: Sequence[Opportunity]) -> None:
    """Print what is worth automating, and why."""
    if not found:
        print_line("Nothing recurs often enough yet: five closed tickets about the same thing make a pattern.")
        return
    rows = [
        (f"{each.score:.0f}", _about(each), each.why(), _steps(each), ", ".join(each.pattern.tickets[:3]))
        for each in found
    ]
    print_table(
        "Worth automating, in minutes a month", ("gain", "what recurs", "why", "what would do it", "such as"), rows
    )
    for each in found:
        for tenant, actions in each.forbidden.items():
            name = each.pattern.names.get(tenant, tenant)
            print_line(f"{_about(each)}: {name}'s policy does not allow {', '.join(actions)}.")


def print_report(found: AutomationReport) -> None:
    """Print a report for people."""
    state = f"{found.record.state.value}: {found.record.reason}" if found.record.reason else found.record.state.value
    pairs = {
        "automation": found.record.name,
        "state": state,
        "runs": _counted(found.outcomes),
        "failures": ", ".join(f"{cause} {count}" for cause, count in found.causes.items()) or "none",
        "shadows": ", ".join(f"{outcome.value} {count}" for outcome, count in found.shadows.items()) or "none",
        "reviewed": ", ".join(f"{mark.value} {count}" for mark, count in found.marks.items()) or "none",
        "minutes saved": saved_words(found.saved),
    }
    print_pairs(pairs)
    _print_versions(found)
    _print_clients(found)
    for each in found.diagnoses:
        print_line(f"{each.at:%Y-%m-%d %H:%M} {each.run_id}: {each.cause.value}: {each.summary}")


def print_diagnosis(found: Diagnosis) -> None:
    """Print a diagnosis for people."""
    print_line(f"{found.cause.value}: {found.summary}", style="bold")
    for each in found.evidence:
        runs = f" ({', '.join(each.runs)})" if each.runs else ""
        print_line(f"  - {each.text}{runs}")
    if found.change is not None:
        _print_change(found.change)
        print_line(f"Next: deskhand automation mend {found.run_id} --as NAME")
        return
    for change in found.rejected:
        print_line(f"Tried and found wanting: {change.because} {' '.join(change.replay.lines)}")
    print_line(f"To do: {found.todo}")


def _print_change(change: ProposedChange) -> None:
    print_line(f"Proposed: {change.because}")
    for line in change.diff.splitlines():
        print_line(f"  {line}", style={"+": "green", "-": "red"}.get(line[:1]))
    print_line("Tried on the ticket that failed, changing nothing:")
    for line in change.replay.lines:
        print_line(f"  - {line}")


def opportunity_document(each: Opportunity) -> Mapping[str, Any]:
    """Return an opportunity as a document."""
    pattern = each.pattern
    return {
        "id": pattern.id,
        "score_minutes_a_month": round(each.score, 1),
        "label": pattern.label,
        "words": list(pattern.words),
        "is_of_one_mind": pattern.is_of_one_mind,
        "tickets": list(pattern.tickets),
        "clients": {name: {"name": pattern.names[name], "tickets": count} for name, count in pattern.clients.items()},
        "per_month": round(pattern.per_month, 2),
        "minutes": round(each.minutes, 1),
        "minutes_are_recorded": each.is_timed,
        "minutes_a_month": round(each.minutes_a_month, 1),
        "feasibility": round(each.feasibility, 3),
        "steps": [
            {"action": step.action.action, "title": step.action.title, "tier": step.action.tier, "share": step.share}
            for step in each.steps
        ],
        "by_hand": list(each.by_hand),
        "tier": each.tier,
        "safety": each.safety,
        "forbidden": {client: list(actions) for client, actions in each.forbidden.items()},
        "why": each.why(),
    }


def report_document(found: AutomationReport) -> Mapping[str, Any]:
    """Return a report as a document."""
    return {
        "automation": found.record.name,
        "state": found.record.state.value,
        "reason": found.record.reason,
        "versions": [
            {
                "version": each.version,
                "state": each.state.value,
                "sha256": each.sha256,
                "authors": list(each.authors),
                "approver": each.approver,
                "created_at": each.created_at.isoformat(),
                "outcomes": found.by_version.get(each.version, {}),
            }
            for each in found.versions
        ],
        "clients": [
            {
                "tenant": each.tenant_id,
                "stage": each.stage,
                "outcomes": found.by_client.get(each.tenant_id, {}),
            }
            for each in found.rollouts
        ],
        "outcomes": found.outcomes,
        "failures_by_cause": found.causes,
        "shadows": found.shadows,
        "reviews": found.marks,
        "saved": saved_document(found.saved),
        "diagnoses": [
            {"run": each.run_id, "cause": each.cause.value, "summary": each.summary, "at": each.at.isoformat()}
            for each in found.diagnoses
        ],
    }


def saved_document(saved: Saved) -> Mapping[str, Any]:
    """Return an estimate as a document that says it is one."""
    return {
        "minutes": round(saved.minutes),
        "is_estimate": True,
        "basis": saved.basis,
        "estimated_runs": saved.estimated,
        "runs": saved.runs,
    }


def saved_words(saved: Saved) -> str:
    """Say what was saved, and that it is an estimate."""
    if not saved.estimated:
        return "not known: no example ticket of the match rule has time recorded"
    return f"about {saved.minutes:.0f}, for {saved.estimated} of {saved.runs} runs ({saved.basis})"


def _counted(outcomes: Mapping[RunState, int]) -> str:
    return ", ".join(f"{state.value} {count}" for state, count in outcomes.items()) or "none"


def _about(each: Opportunity) -> str:
    words = f"“{' '.join(each.pattern.words)}”" if each.pattern.words and each.pattern.is_of_one_mind else ""
    return ": ".join(part for part in (each.pattern.label, words) if part) or "various"


def _steps(each: Opportunity) -> str:
    steps = [f"{one.action.action} ({one.share:.0%}, tier {one.action.tier})" for one in each.steps]
    return ", ".join(steps) or "nothing that is installed"


def _print_versions(found: AutomationReport) -> None:
    print_table(
        "Versions",
        ("version", "state", "written by", "approved by", "runs"),
        [
            (
                each.version,
                each.state.value,
                ", ".join(each.authors),
                each.approver or "",
                _counted(found.by_version.get(each.version, {})),
            )
            for each in found.versions
        ],
    )


def _print_clients(found: AutomationReport) -> None:
    print_table(
        "Clients",
        ("client", "stage", "runs"),
        [(each.tenant_id, each.stage, _counted(found.by_client.get(each.tenant_id, {}))) for each in found.rollouts],
    )
