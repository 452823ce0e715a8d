"""Versions: drawn up, changed, held against the past, and decided on by somebody else."""

from starlette.responses import Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.automations import VersionRecord, VersionState
from deskhand.web.shell.pages import Exact, page
from deskhand.web.visit import MissingError, Visit


def version(visit: Visit) -> Response:
    """Show one version as it is decided on: text, findings, what differs, and what it would have done."""
    record, automating = _record(visit), visit.desk.automating
    before = _before(visit, record)
    return page(
        visit,
        "automations/version.html",
        record=record,
        text=Exact(record.yaml),
        before=before,
        diff=automating.diff(record.name, before.version, record.version).splitlines()[2:] if before else [],
        differences=automating.differences(record.name, before.version, record.version) if before else (),
        findings=automating.lint(record.yaml),
        tested=automating.tested(record),
        is_draft=record.state is VersionState.DRAFT,
        is_own=visit.who.name in record.authors,
    )


def draft(visit: Visit) -> Response:
    """Draw up an automation from a finished run; nothing is kept until it is saved."""
    found = visit.desk.automating.draft_from_run(visit.who, visit.path["run"])
    return page(
        visit,
        "automations/edit.html",
        name=found.document.name,
        yaml=found.yaml,
        origin=found.origin,
        remarks=found.remarks,
        findings=found.findings,
    )


def edit(visit: Visit) -> Response:
    """Show the newest text to be changed."""
    record = _record(visit, newest=True)
    return page(
        visit,
        "automations/edit.html",
        name=record.name,
        yaml=record.yaml,
        origin=f"version {record.version}",
        remarks=(),
        findings=visit.desk.automating.lint(record.yaml),
    )


def save(visit: Visit) -> Response:
    """Keep a text as the open draft, or as the next version."""
    name = visit.path["name"]
    record = visit.desk.automating.save_draft(visit.who, name, visit.form.get("yaml", "").replace("\r\n", "\n"))
    return visit.go(f"/automations/{name}/versions/{record.version}")


def back_test(visit: Visit) -> Response:
    """Hold a version against every closed ticket; nothing is carried out."""
    record = _record(visit)
    visit.desk.automating.back_test(record.name, record.version)
    return visit.go(f"/automations/{record.name}/versions/{record.version}")


def decide(visit: Visit) -> Response:
    """Approve or reject exactly the text whose hash the page carried."""
    record, form, automating = _record(visit), visit.form, visit.desk.automating
    sha256, comment = form.get("sha256", ""), form.get("comment", "")
    match form.get("verdict"):
        case "approve":
            automating.approve(visit.who, record.name, record.version, sha256, comment)
        case "reject":
            automating.reject(visit.who, record.name, record.version, sha256, comment)
        case _:
            raise DeskRefusedError("Choose to approve or to reject.")
    return visit.go(f"/automations/{record.name}/versions/{record.version}")


def _record(visit: Visit, *, newest: bool = False) -> VersionRecord:
    try:
        number = None if newest else int(visit.path["version"])
        return visit.desk.automating.version(visit.path["name"], number)
    except DeskRefusedError as error:
        raise MissingError("There is no such version.") from error


def _before(visit: Visit, record: VersionRecord) -> VersionRecord | None:
    """Return what a version is to be compared with: the approved one before it, else the one before it."""
    earlier = [each for each in visit.desk.automating.versions(record.name) if each.version < record.version]
    approved = [each for each in earlier if each.state is VersionState.APPROVED]
    return next(iter(approved or earlier), None)
