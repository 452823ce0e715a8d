"""Automations: the list, one with its versions, and how far it has come at each client."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from starlette.responses import Response

from deskhand.automation.stage import Stage
from deskhand.desk.automating import Listed
from deskhand.desk.desk import Desk
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.automations import Rollout, Shadow
from deskhand.records.runs import RunState
from deskhand.sdk.models import Company
from deskhand.web.shell.pages import page
from deskhand.web.visit import MissingError, Visit

MOST_RUNS = 2_000
_FAILED = frozenset({RunState.FAILED, RunState.NEEDS_REVIEW})


@dataclass(frozen=True, slots=True)
class Row:
    """An automation in the list, with what its runs came to."""

    listed: Listed
    stages: Counter[str]
    runs: int
    failed: int
    last: datetime | None

    @property
    def name(self) -> str:
        """The name it goes by."""
        return self.listed.record.name


@dataclass(frozen=True, slots=True)
class Place:
    """An automation at one client."""

    company: Company
    rollout: Rollout | None
    shadows: Counter[str]

    @property
    def stage(self) -> str:
        """How far it has come there."""
        return self.rollout.stage if self.rollout is not None else Stage.OFF.value


def rows(desk: Desk) -> list[Row]:
    """List every automation."""
    return [_row(desk, each) for each in desk.automating.listing()]


def listing(visit: Visit) -> Response:
    """Show every automation."""
    return page(visit, "automations/automations.html", automations=rows(visit.desk))


def automation(visit: Visit) -> Response:
    """Show one automation: its versions, its clients, and what it would have done."""
    listed, desk = listed_as(visit), visit.desk
    name = listed.record.name
    shadows = desk.automating.shadows(name) if listed.current is not None else []
    progress = desk.automating.widening.progress(name)
    names = {each.id: each.name for each in desk.mirror.companies()}
    return page(
        visit,
        "automations/automation.html",
        row=_row(desk, listed),
        versions=desk.automating.versions(name),
        document=desk.automating.document(name, listed.current.version if listed.current else None),
        places=_places(desk, listed, shadows),
        shadows=shadows[:20],
        progress=progress.lines(visit.who, names) if progress is not None else [],
    )


def client(visit: Visit) -> Response:
    """Show an automation as it holds at one client, why it differs there, and what is proposed for it."""
    listed, desk, tenant_id = listed_as(visit), visit.desk, visit.path["tenant"]
    company = desk.mirror.company(tenant_id)
    if company is None or listed.current is None:
        raise MissingError("There is no such client, or no version is approved yet.")
    name = listed.record.name
    return page(
        visit,
        "automations/client.html",
        listed=listed,
        company=company,
        rollout=desk.automating.rollout(name, tenant_id),
        found=desk.automating.effective(name, tenant_id),
    )


def stage(visit: Visit) -> Response:
    """Move an automation at a client."""
    name, form = visit.path["name"], visit.form
    tenant_id = form.get("tenant", "")
    visit.desk.automating.stage(visit.who, name, tenant_id, form.get("stage", ""), form.get("reason", ""))
    return visit.go(f"/automations/{name}/clients/{quote(tenant_id, safe='')}")


def overlay(visit: Visit) -> Response:
    """Propose, approve or drop what is different at a client."""
    name, tenant_id, form, automating = visit.path["name"], visit.path["tenant"], visit.form, visit.desk.automating
    match form.get("what"):
        case "propose":
            automating.overlay(visit.who, name, tenant_id, form.get("yaml", ""))
        case "approve":
            automating.approve_overlay(visit.who, name, tenant_id, form.get("sha256", ""))
        case "drop":
            automating.drop_overlay(visit.who, name, tenant_id, form.get("reason", ""))
        case _:
            raise DeskRefusedError("Choose what to do with the overlay.")
    return visit.go(visit.address.removesuffix("/overlay"))


def change_state(visit: Visit) -> Response:
    """Pause, resume or retire an automation."""
    name, reason, automating = visit.path["name"], visit.form.get("reason", ""), visit.desk.automating
    match visit.form.get("what"):
        case "pause":
            automating.pause(visit.who, name, reason)
        case "resume":
            automating.resume(visit.who, name, reason)
        case "retire":
            automating.retire(visit.who, name, reason)
        case _:
            raise DeskRefusedError("Choose to pause, to resume or to retire it.")
    return visit.go(f"/automations/{name}")


def listed_as(visit: Visit) -> Listed:
    """Find the automation a visit is about. Raises MissingError."""
    try:
        return visit.desk.automating.listed(visit.path["name"])
    except DeskRefusedError as error:
        raise MissingError("There is no such automation.") from error


def _row(desk: Desk, listed: Listed) -> Row:
    ran = [run for run in desk.resolving.runs(MOST_RUNS, automation=listed.record.name) if not run.is_shadow]
    return Row(
        listed=listed,
        stages=Counter(each.stage for each in listed.rollouts if each.stage != Stage.OFF),
        runs=len(ran),
        failed=sum(run.state in _FAILED for run in ran),
        last=ran[0].started_at if ran else None,
    )


def _places(desk: Desk, listed: Listed, shadows: list[Shadow]) -> list[Place]:
    """List the clients, those first where it is anything but off."""
    rollouts = {each.tenant_id: each for each in listed.rollouts}
    counts: dict[str, Counter[str]] = {}
    for shadow in shadows:
        counts.setdefault(shadow.tenant_id, Counter())[shadow.outcome.value] += 1
    places = [
        Place(company, rollouts.get(company.id), counts.get(company.id, Counter()))
        for company in desk.mirror.companies()
        if company.is_active
    ]
    return sorted(places, key=lambda place: (-Stage(place.stage).place, place.company.name))
