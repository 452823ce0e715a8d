"""The vendor changes: a run fails, its record tells why, a new version is proposed and approved, the next is green."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deskhand.desk.desk import Desk
from deskhand.desk.diagnosing import DIAGNOSIS
from deskhand.desk.maintaining import Maintaining
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.stores import records_url
from deskhand.records import accounts, automations
from deskhand.records.accounts import Account, Role
from deskhand.records.audit.verification import verify
from deskhand.records.automations import AutomationState, VersionState
from deskhand.records.diagnoses import FailureCause
from deskhand.records.runs import Run, RunState
from deskhand.sdk.testing import SimulatorHost
from deskhand_identity_entra import simulator as entra
from deskhand_identity_entra.simulator import EntraSimulator
from tests.core.desk.msp import Msp, configure, drain

ENTRA = "identity_entra"
TENANT = "5b1f6c1e-0000-4000-8000-00000000000a"
MAYA = Account("maya", "Maya Okafor", frozenset({Role.TECHNICIAN}))
TOM = Account("tom", "Tom Hesketh", frozenset({Role.APPROVER, Role.ADMIN}))
PATIENCE = 30.0
NAME = "strange-sign-in"
TEXT = """
name: strange-sign-in
version: 1
title: Contain a strange sign-in
description: Ends the requester's sessions and says on the ticket that it waits for them.
match:
  required: [strange]
preconditions:
  - check: requester_has_directory_user
  - check: requester_is_not_privileged
parameters:
  ticket: {{kind: identifier, source: ticket.id}}
  company: {{kind: identifier, source: tenant.id}}
  user: {{kind: identifier, source: requester.directory_user}}
steps:
  - id: status
    action: psa_connectwise.update_triage
    title: Say that it waits for the requester
    arguments:
      ticket_id: {{parameter: ticket}}
      status_id: {{constant: '{status}'}}
    verify: read_back
    undo: restore
  - id: revoke
    action: identity_entra.revoke_sessions
    title: End the requester's sessions
    arguments:
      company_id: {{parameter: company}}
      user_id: {{parameter: user}}
    verify: read_back
    irreversible: A session that was ended does not come back.
approval: {{role: approver}}
"""
WAITING = "Waiting on Customer"


@dataclass
class Office:
    """A desk at work beside a PSA and a directory, with an automation that runs by itself."""

    desk: Desk
    msp: Msp
    directory: EntraSimulator
    user: str

    def paused(self) -> str | None:
        """Return why the automation is paused, where it is."""
        found = automations.find(self.desk.records, NAME)
        assert found is not None
        return found.reason if found.state is AutomationState.PAUSED else None

    @property
    def maintaining(self) -> Maintaining:
        return self.desk.maintaining

    def status(self) -> str:
        rows = self.msp.psa.state["statuses"].children(self.msp.board)
        return str(next(each["id"] for each in rows if each["name"] == WAITING))

    def adopt(self, text: str, author: Account = MAYA) -> int:
        """Save, test, approve and roll out a version."""
        saved = self.desk.automating.save_draft(author, NAME, text)
        self.desk.automating.back_test(NAME, saved.version)
        self.approve(saved.version)
        return saved.version

    def approve(self, version: int) -> None:
        saved = self.desk.automating.version(NAME, version)
        self.desk.automating.approve(TOM, NAME, version, saved.sha256)
        self.roll_out()

    def roll_out(self) -> None:
        """Have the newest version run by itself, from wherever the one before had come to."""
        client = str(self.msp.marlow)
        stages = ("shadow", "ask", "auto") if self.desk.automating.rollout(NAME, client).stage == "off" else ("auto",)
        for stage in stages:
            self.desk.automating.stage(TOM, NAME, client, stage, "the test goes on")

    def run(self) -> Run:
        """Let a ticket come in, and wait for the end of the run that begins on it."""
        ticket = self.msp.ticket("A strange sign-in to my account")
        self.desk.catch_up()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.desk.resolving.runs(ticket=ticket)
            if found and found[0].state.is_over:
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"no run came to its end on ticket {ticket}")


@pytest.fixture
def office(msp: Msp, host: SimulatorHost, folder: Path) -> Iterator[Office]:
    directory = EntraSimulator()
    directory.seed_tenant(TENANT, "Marlow & Tern", domains=["marlow.example"])
    user = directory.seed_user(TENANT, "Ada King", "ada@marlow.example")
    with SimulatorHost(directory) as other:
        connectors = {ENTRA: entra.settings(other.url, {str(msp.marlow): TENANT})}
        configuration = configure(folder, host, connectors=connectors)
        with Desk.open(configuration) as desk:
            for account in (MAYA, TOM):
                with desk.records.transaction("test") as transaction:
                    accounts.add(transaction, account)
            drain(desk)
            yield Office(desk, msp, directory, user)


@pytest.fixture
def broken(office: Office) -> Run:
    """Let the automation work once, change the PSA, and let it fail."""
    office.adopt(TEXT.format(status=office.status()))
    assert office.run().state is RunState.DONE
    office.msp.psa.seed_status_anew(office.msp.board, WAITING)
    failed = office.run()
    assert failed.state is RunState.FAILED
    return failed


def test_a_status_made_anew_is_found_out_and_mended(office: Office) -> None:
    first = office.adopt(TEXT.format(status=office.status()))
    done = office.run()
    assert done.state is RunState.DONE
    new = office.msp.psa.seed_status_anew(office.msp.board, WAITING)

    failed = office.run()
    assert failed.state is RunState.FAILED
    found = office.maintaining.diagnose(failed.id)
    assert (found.cause, found.step_id, found.version) == (FailureCause.CHANGED_DATA, "status", first)
    assert any(done.id in each.runs for each in found.evidence), "the run that worked is evidence"
    assert found.change is not None
    assert f"+      status_id: {{constant: '{new}'}}" in found.change.diff
    assert found.change.replay.is_green
    assert "status: status: New → Waiting on Customer" in found.change.replay.lines
    assert automations.current(office.desk.records, NAME).version == first, "nothing changes by itself"  # type: ignore[union-attr]

    proposed = office.maintaining.propose_change(failed.id, MAYA)
    assert (proposed.state, proposed.authors) == (VersionState.DRAFT, (DIAGNOSIS.name,))
    assert office.desk.automating.tested(proposed) is not None
    office.approve(proposed.version)
    mended = office.run()
    assert mended.state is RunState.DONE
    assert office.msp.record(mended.ticket_id)["status"] == {"id": new, "name": WAITING}
    assert verify(records_url(office.desk.configuration)).ok


def test_what_fails_twice_in_a_row_pauses_and_goes_on_once_it_is_mended(office: Office, broken: Run) -> None:
    (first,) = office.maintaining.watch()
    assert (first.run_id, office.paused()) == (broken.id, None)
    again = office.run()
    assert again.state is RunState.FAILED
    assert [each.run_id for each in office.maintaining.watch()] == [again.id]
    reason = f"2 runs in a row failed with “changed data”: {again.id}, {broken.id}"
    assert office.paused() == reason
    assert office.maintaining.watch() == ()
    (entry,) = [each for each in office.desk.records.audit_entries() if each.kind == "automation.paused"]
    assert (entry.actor, entry.detail["reason"]) == (DIAGNOSIS.name, reason)
    ticket = office.msp.ticket("Another strange sign-in")
    office.desk.catch_up()
    assert office.desk.resolving.runs(ticket=ticket) == []

    proposed = office.maintaining.propose_change(again.id)
    office.desk.automating.approve(TOM, NAME, proposed.version, proposed.sha256)
    office.desk.automating.resume(TOM, NAME, "version 2 is mended")
    office.roll_out()
    assert office.run().state is RunState.DONE
    assert office.maintaining.watch() == ()
    assert office.paused() is None
    report = office.maintaining.report(NAME)
    assert report.outcomes == {RunState.DONE: 2, RunState.FAILED: 2}
    assert report.by_version == {1: {RunState.DONE: 1, RunState.FAILED: 2}, 2: {RunState.DONE: 1}}
    assert report.causes == {"changed data": 2}
    assert [(each.version, each.authors, each.approver) for each in report.versions] == [
        (2, ("diagnosis",), "tom"),
        (1, ("maya",), "tom"),
    ]
    (month,) = office.maintaining.months()
    assert (month.client, month.runs, month.done, month.causes) == ("Marlow & Tern", 4, 2, {"changed data": 2})


def test_a_change_is_proposed_once_and_never_over_somebodys_draft(office: Office, broken: Run) -> None:
    with pytest.raises(DeskRefusedError, match="has not the role technician"):
        office.maintaining.propose_change(broken.id, Account("vic", "Vic", frozenset({Role.AUDITOR})))
    draft = office.desk.automating.save_draft(MAYA, NAME, TEXT.format(status="7"))
    with pytest.raises(DeskRefusedError, match=f"version {draft.version} of {NAME} is a draft still"):
        office.maintaining.propose_change(broken.id)
    office.desk.automating.reject(TOM, NAME, draft.version, draft.sha256, "not this one")
    proposed = office.maintaining.propose_change(broken.id)
    assert proposed.version == draft.version + 1
    office.approve(proposed.version)
    with pytest.raises(DeskRefusedError, match=f"version {proposed.version} of {NAME} is approved since"):
        office.maintaining.propose_change(broken.id)


def test_only_a_failed_run_is_diagnosed_and_where_the_ticket_is_lost_the_cause_is_told_all_the_same(
    office: Office, broken: Run
) -> None:
    done = next(each for each in office.desk.resolving.runs() if each.state is RunState.DONE)
    for run_id in (done.id, "r-0000000000000000"):
        with pytest.raises(DeskRefusedError):
            office.maintaining.diagnose(run_id)
    record = office.msp.record(broken.ticket_id)
    record["company"] = {"id": office.msp.babbage, "identifier": "BABBAGE", "name": "Babbage Ltd"}
    record["contact"] = {"id": office.msp.charles, "name": "Charles Low"}
    office.msp.psa.state.stamp(record, "jdoe")
    found = office.maintaining.diagnose(broken.id)
    assert (found.cause, found.change) == (FailureCause.CHANGED_DATA, None)
    with pytest.raises(DeskRefusedError, match="there is no change to propose"):
        office.maintaining.propose_change(broken.id)


def test_a_permission_that_was_withdrawn_is_named_and_changes_nothing(office: Office) -> None:
    office.adopt(TEXT.format(status=office.status()))
    office.directory.tenants[TENANT].granted -= {"User.RevokeSessions.All"}
    failed = office.run()
    assert failed.state is RunState.FAILED
    found = office.maintaining.diagnose(failed.id)
    assert found.cause is FailureCause.PERMISSION
    assert found.todo.startswith("Grant User.RevokeSessions.All")
    assert "to the application of identity_entra at Marlow & Tern" in found.todo
    assert found.change is None
