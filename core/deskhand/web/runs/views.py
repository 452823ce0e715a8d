"""Runs: the list, one run step by step, and what people do about it."""

import re
from urllib.parse import urlencode

from pydantic import SecretStr
from starlette.responses import JSONResponse, Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.runs import Run, RunState
from deskhand.web.live import changes_of
from deskhand.web.runs import story
from deskhand.web.shell.pages import page, part
from deskhand.web.signing_in.views import own_path
from deskhand.web.visit import MissingError, Visit

MOST = 100
_AUTOMATION = re.compile(r"[a-z][a-z0-9-]{0,59}")


def listing(visit: Visit) -> Response:
    """Show runs, newest first; of one state or automation where one is asked for."""
    state = next((each for each in RunState if each.value == visit.query.get("state")), None)
    named = visit.query.get("automation", "")
    automation = named if _AUTOMATION.fullmatch(named) else None
    chosen = {"state": state.value if state else "", "automation": automation or ""}
    found = visit.desk.resolving.runs(MOST, state=state, automation=automation)
    return page(
        visit,
        "runs/runs.html",
        runs=found,
        clients={each.tenant_id: _client(visit, each.tenant_id) for each in found},
        states=list(RunState),
        current=state,
        automation=automation,
        here=f"/runs?{urlencode({key: value for key, value in chosen.items() if value})}",
    )


def run(visit: Visit) -> Response:
    """Show one run."""
    known = _found(visit)
    return page(
        visit,
        "runs/run.html",
        **_told(visit, known),
        client=_client(visit, known.tenant_id),
        seen=story.run_fingerprint(known),
    )


def steps(visit: Visit) -> Response:
    """Show the part of a run that changes while it goes on."""
    return part(visit, "runs/going.html", **_told(visit, _found(visit)))


def events(visit: Visit) -> Response:
    """Tell, as it happens, that the run has changed; not how."""
    run_id, desk = _found(visit).id, visit.desk
    return changes_of(
        lambda: story.run_fingerprint(desk.resolving.run(run_id)), visit.query.get("seen", ""), desk.stopping
    )


def answer(visit: Visit) -> Response:
    """Give the run what a person read out. It is not kept."""
    known = _found(visit)
    value = visit.form.get("value", "").strip()
    if not value:
        raise DeskRefusedError("Type what the person read out.")
    visit.desk.resolving.answer(visit.who, known.id, visit.path["step"], SecretStr(value))
    return visit.done(_back(visit, known))


def cancel(visit: Visit) -> Response:
    """Stop a run before its next step."""
    known = _found(visit)
    visit.desk.resolving.cancel(visit.who, known.id)
    return visit.done(_back(visit, known))


def hold(visit: Visit) -> Response:
    """Have a run wait before its next step."""
    known = _found(visit)
    visit.desk.resolving.hold(visit.who, known.id)
    return visit.done(_back(visit, known))


def let_go(visit: Visit) -> Response:
    """Have a run that is held go on."""
    known = _found(visit)
    visit.desk.resolving.let_go(visit.who, known.id)
    return visit.done(_back(visit, known))


def retry(visit: Visit) -> Response:
    """Take a failed run up again; from a step on, where one is named, what was only read is read anew."""
    known = _found(visit)
    visit.desk.resolving.retry(visit.who, known.id, visit.form.get("from", "").strip() or None)
    return visit.done(_back(visit, known))


def undo(visit: Visit) -> Response:
    """Put back what the run changed, or one of its steps."""
    known = _found(visit)
    visit.desk.resolving.undo(visit.who, known.id, visit.path.get("step"))
    return visit.done(_back(visit, known))


def settle(visit: Visit) -> Response:
    """Say what a person found about a step whose outcome is unknown: it was done, or it was not."""
    known = _found(visit)
    found = visit.form.get("found", "")
    if found not in {"done", "not done"}:
        raise DeskRefusedError("Look at the vendor, and say whether it was done.")
    visit.desk.resolving.settle(visit.who, known.id, visit.path["step"], is_done=found == "done")
    return visit.done(_back(visit, known))


def diagnose(visit: Visit) -> Response:
    """Look anew why a run failed."""
    known = _found(visit)
    visit.desk.maintaining.diagnose(known.id)
    return visit.done(f"/runs/{known.id}")


def mend(visit: Visit) -> Response:
    """Make the proposed change a draft, to be approved as any version is."""
    record = visit.desk.maintaining.propose_change(_found(visit).id, visit.who)
    return visit.go(f"/automations/{record.name}/versions/{record.version}")


def reveal(visit: Visit) -> Response:
    """Show once what a step made for a person."""
    known = _found(visit)
    found = visit.desk.resolving.reveal(visit.who, known.id, visit.path["step"])
    if visit.is_document:
        return JSONResponse({name: value.get_secret_value() for name, value in found.items()})
    shown = [(name.replace("_", " "), value.get_secret_value()) for name, value in found.items()]
    if not visit.is_partial:
        return page(visit, "runs/revealed_page.html", shown=shown, back=f"/runs/{known.id}")
    answer = part(visit, "runs/revealed.html", shown=shown)
    answer.headers["hx-trigger"] = "changed"
    return answer


def _found(visit: Visit) -> Run:
    try:
        return visit.desk.resolving.run(visit.path["run"])
    except DeskRefusedError as error:
        raise MissingError("There is no such run.") from error


def _told(visit: Visit, known: Run) -> dict[str, object]:
    has_failed = known.state in {RunState.FAILED, RunState.NEEDS_REVIEW}
    return {
        "story": story.of_run(visit.desk, known),
        "run": known,
        "back": f"/runs/{known.id}",
        "entries": _entries(visit, known),
        "diagnosis": visit.desk.maintaining.diagnosis(known.id) if has_failed else None,
    }


def _back(visit: Visit, known: Run) -> str:
    wanted = own_path(visit.form.get("back", ""))
    return wanted if wanted != "/" else f"/runs/{known.id}"


def _client(visit: Visit, tenant_id: str) -> str:
    company = visit.desk.mirror.company(tenant_id)
    return company.name if company else tenant_id


def _entries(visit: Visit, known: Run) -> list[object]:
    """List what the log says of this run."""
    entries = visit.desk.records.audit_entries(ticket=known.ticket_id)
    return [each for each in entries if known.id in {each.detail.get("run"), each.detail.get("run_id")}]
