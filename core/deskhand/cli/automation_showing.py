"""How automations look in a terminal, and what machines get of them."""

from collections.abc import Sequence
from typing import Any

import click

from deskhand.agent.drafting.back_test import BackTest
from deskhand.agent.drafting.drafts import Draft
from deskhand.automation.linter import Finding
from deskhand.cli.answers import print_line, print_pairs, print_table
from deskhand.desk.automating import Listed
from deskhand.desk.widening import Progress
from deskhand.knowledge.text import visible
from deskhand.records.automations import Rollout, VersionRecord


def listed_document(listed: Listed) -> dict[str, Any]:
    """Return an automation as the list has it."""
    return {
        "name": listed.record.name,
        "title": listed.record.title,
        "state": listed.record.state.value,
        "reason": listed.record.reason,
        "newest": listed.newest.version,
        "newest_state": listed.newest.state.value,
        "approved": listed.current.version if listed.current else None,
        "rollouts": [rollout_document(each) for each in listed.rollouts],
    }


def version_document(record: VersionRecord, tested: BackTest | None) -> dict[str, Any]:
    """Return a version with its text."""
    return {
        "name": record.name,
        "version": record.version,
        "state": record.state.value,
        "sha256": record.sha256,
        "authors": list(record.authors),
        "approver": record.approver,
        "created_at": record.created_at.isoformat(),
        "yaml": record.yaml,
        "back_test": tested.model_dump(mode="json") if tested else None,
    }


def draft_document(made: Draft, saved: VersionRecord | None) -> dict[str, Any]:
    """Return a draft with what a reviewer should look at."""
    quality = made.learned.quality
    return {
        "name": made.name,
        "origin": made.origin,
        "remarks": list(made.remarks),
        "findings": [finding_document(each) for each in made.findings],
        "rule": {"precision": quality.precision, "recall": quality.recall, "similar": list(made.learned.similar)},
        "yaml": made.yaml,
        "saved": version_document(saved, None) if saved else None,
    }


def finding_document(finding: Finding) -> dict[str, str]:
    """Return a finding."""
    return {"severity": finding.severity, "path": finding.path, "problem": finding.problem, "fix": finding.fix}


def rollout_document(rollout: Rollout) -> dict[str, Any]:
    """Return how far an automation has come at a client."""
    detail = rollout.detail.model_dump(mode="json")
    return {"automation": rollout.automation, "tenant": rollout.tenant_id, "stage": rollout.stage, **detail}


def print_listing(found: Sequence[Listed]) -> None:
    """Print automations, one a row."""
    rows = [
        (
            each.record.name,
            each.record.title,
            f"{each.record.state}: {each.record.reason}" if each.record.reason else each.record.state,
            f"{each.newest.version} ({each.newest.state})",
            each.current.version if each.current else "none",
            ", ".join(f"{one.tenant_id}: {one.stage}" for one in each.rollouts) or "off everywhere",
        )
        for each in found
    ]
    print_table("Automations", ("name", "what it does", "state", "newest", "approved", "clients"), rows)


def print_version(record: VersionRecord, tested: BackTest | None) -> None:
    """Print a version's text and what is known of it."""
    print_pairs(
        {
            "Version": f"{record.version} ({record.state})",
            "SHA-256": record.sha256,
            "Written by": ", ".join(record.authors),
            "Approved by": record.approver if record.state == "approved" else "nobody",
            "Back-test": tested.summary if tested else "none of this text",
        }
    )
    click.echo()
    click.echo(visible(record.yaml), nl=False)


def print_draft(made: Draft, saved: VersionRecord | None) -> None:
    """Print a draft; its text begins with the remarks."""
    click.echo(visible(made.yaml), nl=False)
    click.echo()
    print_findings(made.findings)
    if saved is None:
        print_line(f"Nothing is kept yet: `--save`, or edit it and `deskhand automation save {made.name} FILE`.")
    else:
        print_line(f"Saved as version {saved.version} of {saved.name}. SHA-256 {saved.sha256}")


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what is wrong, errors first."""
    if not findings:
        print_line("No findings.")
        return
    rows = [(each.severity, each.path, each.problem, each.fix) for each in findings]
    print_table("Findings", ("", "where", "what is wrong", "what mends it"), rows)


def print_back_test(found: BackTest) -> None:
    """Print what an automation would have done, and where it would have been wrong."""
    print_line(found.summary)
    print_pairs(
        {
            "Would do": ", ".join(found.steps),
            "People did the same": found.agreeing,
            "People did some of it": found.partly,
            "Would have run": f"{found.would_run} of the {found.tried} newest matches",
            "Took": f"{found.seconds:.1f} s",
        }
    )
    if found.refusals:
        print_table("Would have been refused", ("because", "times"), list(found.refusals.items()))
    for title, listed in (("False matches", found.false_matches), ("Missed", found.missed_tickets)):
        if listed:
            print_table(title, ("ticket", "why"), [(each.ticket_id, each.reason) for each in listed])


def progress_document(found: Progress | None) -> dict[str, Any] | None:
    """Return how far a version has come, for machines."""
    if found is None:
        return None
    document = found.canary.model_dump(mode="json")
    return {**document, "successes": found.evidence.successes, "missing": found.lacking or None}
