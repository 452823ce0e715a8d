"""Minutes saved are an estimate from the record, and say so; who stands behind an automation is told."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.automation import plans, yaml_form
from deskhand.automation.document import MatchRule
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.reporting import BASIS, Reporting
from deskhand.mirror.mirror import Mirror
from deskhand.records import automations, diagnoses, runs
from deskhand.records.automations import VersionState
from deskhand.records.database import Records, url_of
from deskhand.records.diagnoses import Diagnosis, FailureCause
from deskhand.records.runs import Cause, Run, RunState
from deskhand.sdk.clock import utc_now
from deskhand.sdk.models import Company, Reference, Ticket
from tests.core.agent.diagnosis.examples import DOCUMENT, NOW, plan, run
from tests.core.desk.msp import START, quick_folder

NAME = DOCUMENT.name


@pytest.fixture
def reporting() -> Iterator[Reporting]:
    with quick_folder() as folder:
        yield from opened(folder)


def opened(folder: Path) -> Iterator[Reporting]:
    records = Records.open(url_of(folder / "records.db"), clock=utc_now)
    mirror = Mirror.open(folder / "mirror.db")
    mirror.save_companies([Company("1", "Marlow & Tern", "MARLOW")])
    rule = MatchRule(required=("vpn",), examples=("901", "902", "903"))
    text = yaml_form.dump(DOCUMENT.model_copy(update={"match": rule}))
    with records.transaction("jo") as transaction:
        draft = automations.save_draft(transaction, NAME, 1, text, author="jo", title="VPN", evidence={})
        automations.decide(transaction, draft, VersionState.APPROVED, by="tom")
    yield Reporting(records, mirror)
    mirror.close()
    records.close()


def keep(reporting: Reporting, ended: Run) -> None:
    """Put a run and its plan on the record."""
    with reporting.records.transaction("test") as transaction:
        plans.save(transaction, plan(int(ended.ticket_id), tenant=ended.tenant_id))
        runs.start(transaction, ended)


def mirrored(reporting: Reporting, number: str, hours: float | None) -> None:
    status, board = Reference("9", "Closed"), Reference("1", "Help Desk")
    ticket = Ticket(number, "1", "VPN", board, status, is_closed=True, created_at=START, updated_at=START)
    facts = {"hours_worked": hours, "company": Reference("1", "Marlow & Tern")}
    values = {name: getattr(ticket, name) for name in ticket.__slots__} | facts
    reporting.mirror.save_tickets([Ticket(**values)])


def test_saved_is_the_usual_time_less_what_this_one_took(reporting: Reporting) -> None:
    for number, hours in (("901", 0.5), ("902", 1.0), ("903", 1.5), ("1", 0.25), ("2", None), ("3", 4.0)):
        mirrored(reporting, number, hours)
    for place in (1, 2, 3, 4):
        keep(reporting, run(place))
    saved = reporting.automation(NAME).saved
    assert (saved.minutes, saved.estimated, saved.runs) == (45 + 60 + 0, 3, 4)
    assert saved.basis == BASIS
    assert "estimate" in BASIS


def test_where_no_time_is_recorded_nothing_is_made_up(reporting: Reporting) -> None:
    for number in ("901", "902", "903", "1"):
        mirrored(reporting, number, None)
    keep(reporting, run(1))
    assert reporting.automation(NAME).saved.estimated == 0


def test_failures_are_counted_by_cause_month_and_client(reporting: Reporting) -> None:
    keep(reporting, run(1))
    failed = run(2, failed=("join", Cause.OUTAGE))
    keep(reporting, failed)
    keep(reporting, run(3, failed=("join", Cause.BUG), tenant="2"))
    late = run(4)
    keep(reporting, late.model_copy(update={"ended_at": NOW + timedelta(days=40)}))
    shadow = run(5).model_copy(update={"is_shadow": True})
    keep(reporting, shadow)
    with reporting.records.transaction("diagnosis") as transaction:
        diagnoses.save(transaction, diagnosis(failed))
    report = reporting.automation(NAME)
    assert report.outcomes == {RunState.DONE: 2, RunState.FAILED: 2}
    assert report.causes == {"outage": 1, "not diagnosed": 1}
    assert report.by_client == {"1": {RunState.DONE: 2, RunState.FAILED: 1}, "2": {RunState.FAILED: 1}}
    assert [(each.month, each.client, each.runs, each.done) for each in reporting.months()] == [
        ("2026-04", "Marlow & Tern", 1, 1),
        ("2026-01", "2", 1, 0),
        ("2026-01", "Marlow & Tern", 2, 1),
    ]
    assert [each.tenant_id for each in reporting.months("2")] == ["2"]


def test_what_failed_since_it_was_diagnosed_is_found(reporting: Reporting) -> None:
    failed = run(2, failed=("join", Cause.OUTAGE))
    keep(reporting, run(1))
    keep(reporting, failed)
    assert diagnoses.missing(reporting.records, 9) == [failed.id]
    with reporting.records.transaction("diagnosis") as transaction:
        diagnoses.save(transaction, diagnosis(failed))
    assert diagnoses.missing(reporting.records, 9) == []
    with reporting.records.transaction("engine") as transaction:
        runs.save(transaction, failed.model_copy(update={"ended_at": NOW + timedelta(hours=1)}), "run.ended")
    assert diagnoses.missing(reporting.records, 9) == [failed.id]


def test_who_stands_behind_it_is_told_and_an_unknown_one_refused(reporting: Reporting) -> None:
    (version,) = reporting.automation(NAME).versions
    assert (version.authors, version.approver) == (("jo",), "tom")
    with pytest.raises(DeskRefusedError, match="there is no automation nonsense"):
        reporting.automation("nonsense")


def diagnosis(failed: Run) -> Diagnosis:
    return Diagnosis(
        run_id=failed.id,
        ticket_id=failed.ticket_id,
        tenant_id=failed.tenant_id,
        automation=NAME,
        version=1,
        cause=FailureCause.OUTAGE,
        step_id="join",
        action="identity_entra.add_group_member",
        summary="It did not answer.",
        evidence=(),
        todo="Wait.",
        at=NOW,
    )
