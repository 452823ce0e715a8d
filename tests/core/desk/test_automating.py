"""An automation's life at a desk: written by one, approved by another, watched, recommended, begun once, stopped."""

import time
from collections.abc import Iterator

import pytest

from deskhand.automation import plans
from deskhand.automation.plan import Plan
from deskhand.automation.stage import Stage
from deskhand.desk.automating import Automating
from deskhand.desk.desk import Desk
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records import accounts, automations, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.automations import AutomationState, ShadowOutcome, VersionRecord, VersionState
from deskhand.records.runs import Run, RunState
from deskhand.records.switches import Level
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Msp, drain, hurried

NAME = "answer-locked"
TEXT = """\
# A comment that stays.
name: answer-locked
version: 7
title: Say how to unlock an account
description: Writes the steps of the self-service page to the ticket.
match:
  any: [locked]
  forbidden: [door]
preconditions:
  - check: requester_is_known
parameters:
  ticket: {kind: identifier, source: ticket.id}
steps:
  - id: say
    action: psa_connectwise.add_internal_note
    title: Write the steps down
    arguments:
      ticket_id: {parameter: ticket}
      text: {constant: Try the self-service page first.}
    verify: read_back
    undo: restore
"""
WORDS = "Try the self-service page first."
PROMPT = TEXT.replace(f"{{constant: {WORDS}}}", "{prompt: What shall it say}")
OVERLAY = """\
base: answer-locked
changes:
  - path: steps.say.arguments.text.constant
    value: Bitte zuerst die Selbsthilfe.
    because: They speak German.
"""


def account(name: str, *roles: Role) -> Account:
    return Account(name, name.capitalize(), frozenset(roles))


AUTHOR = account("tess", Role.TECHNICIAN)
OTHER = account("otto", Role.TECHNICIAN)
APPROVER = account("anna", Role.APPROVER)
SECOND = account("abel", Role.APPROVER, Role.TECHNICIAN)
ADMIN = account("adam", Role.ADMIN)
AUDITOR = account("aude", Role.AUDITOR)


@pytest.fixture
def desk(configured: Configure, msp: Msp) -> Iterator[Desk]:
    """A desk that handles tickets and carries out runs."""
    msp.ticket("Something else entirely")
    with hurried(configured()) as desk:
        employ(desk)
        drain(desk)
        yield desk


@pytest.fixture
def automating(configured: Configure) -> Iterator[Automating]:
    """The service of a desk that has read the PSA's history and handles nothing."""
    with hurried(configured()) as desk:
        employ(desk)
        desk.intake.backfill(lambda _done, _total: None)
        yield desk.automating


def employ(desk: Desk) -> None:
    with desk.records.transaction("test") as transaction:
        for each in (AUTHOR, OTHER, APPROVER, SECOND, ADMIN):
            accounts.add(transaction, each)


def saved(automating: Automating, text: str = TEXT, who: Account = AUTHOR) -> VersionRecord:
    return automating.save_draft(who, NAME, text)


def approved(automating: Automating, text: str = TEXT) -> VersionRecord:
    record = saved(automating, text)
    automating.back_test(NAME, record.version)
    return automating.approve(APPROVER, NAME, record.version, record.sha256)


def staged(automating: Automating, msp: Msp, *stages: Stage, reason: str = "") -> None:
    for stage in stages:
        automating.stage(ADMIN, NAME, str(msp.marlow), stage.value, reason)


def handled(desk: Desk, ticket: str) -> str:
    desk.catch_up()
    return ticket


def kinds(desk: Desk, ticket: str) -> list[str]:
    return [entry.kind for entry in desk.records.audit_entries(ticket=ticket)]


# -- drafts


def test_a_draft_is_kept_with_its_comments_and_the_right_version_number(automating: Automating) -> None:
    record = saved(automating)
    assert (record.version, record.state, record.authors) == (1, VersionState.DRAFT, ("tess",))
    assert record.yaml == TEXT.replace("version: 7", "version: 1")
    assert automating.document(NAME).version == 1
    assert automating.listing()[0].record.state is AutomationState.DRAFT


def test_the_open_draft_is_replaced_and_remembers_all_its_authors(automating: Automating) -> None:
    saved(automating)
    record = saved(automating, TEXT.replace("forbidden: [door]", "forbidden: [door, car]"), OTHER)
    assert (record.version, record.authors) == (1, ("tess", "otto"))
    assert len(automating.versions(NAME)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x", "line 1, version: this is missing"),
        (TEXT.replace("any:", "anny:"), "line 7, match.anny: there is no such name here"),
        (TEXT.replace("name: answer-locked", "name: another"), "must say `name: answer-locked`"),
        (TEXT.replace("version: 7", "version: {x: 1}"), "line 3, version: Input should be a valid integer"),
    ],
)
def test_a_text_that_is_no_automation_is_refused_with_the_line(
    automating: Automating, text: str, expected: str
) -> None:
    with pytest.raises(DeskRefusedError, match="(?s)" + expected.replace("{", r"\{")):
        saved(automating, text)


def test_whoever_only_reads_saves_nothing(automating: Automating) -> None:
    with pytest.raises(DeskRefusedError, match="has not the role"):
        saved(automating, who=AUDITOR)


def test_notes_nobody_wrote_make_no_draft(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    ticket = handled(desk, msp.ticket("Nobody wrote anything"))
    with pytest.raises(DeskRefusedError, match="nobody wrote on ticket"):
        automating.draft_from_ticket(AUTHOR, ticket)
    with pytest.raises(DeskRefusedError, match="tell of nothing a connector here can do"):
        automating.draft_from_ticket(AUTHOR, desk.mirror.closed_tickets(limit=1)[0].ticket.id)
    with pytest.raises(DeskRefusedError, match="there is no run r-x"):
        automating.draft_from_run(AUTHOR, "r-x")


# -- approval


def test_somebody_else_approves_exactly_the_text_that_was_tested(automating: Automating) -> None:
    record = saved(automating)
    found = automating.back_test(NAME, 1)
    assert (found.tickets, found.matched) == (12, 3)
    assert found.missed == 0
    assert automating.tested(automating.version(NAME)) == found
    done = automating.approve(APPROVER, NAME, 1, record.sha256)
    assert (done.state, done.approver) == (VersionState.APPROVED, "anna")
    assert automating.listing()[0].record.state is AutomationState.APPROVED


def test_nobody_approves_what_they_wrote_at(automating: Automating) -> None:
    saved(automating, who=SECOND)
    record = saved(automating, TEXT + "\n", AUTHOR)
    automating.back_test(NAME, 1)
    with pytest.raises(DeskRefusedError, match="somebody else has to approve"):
        automating.approve(SECOND, NAME, 1, record.sha256)


def test_what_was_not_read_not_tested_or_not_fit_is_not_approved(automating: Automating) -> None:
    record = saved(automating)
    for who in (ADMIN, AUTHOR, AUDITOR):
        with pytest.raises(DeskRefusedError, match="has not the role approver"):
            automating.approve(who, NAME, 1, record.sha256)
    with pytest.raises(DeskRefusedError, match="was not back-tested"):
        automating.approve(APPROVER, NAME, 1, record.sha256)
    automating.back_test(NAME, 1)
    changed = saved(automating, TEXT.replace("car", "van") + "# changed\n")
    with pytest.raises(DeskRefusedError, match="is not the one with that hash"):
        automating.approve(APPROVER, NAME, 1, record.sha256)
    with pytest.raises(DeskRefusedError, match="was not back-tested"):
        automating.approve(APPROVER, NAME, 1, changed.sha256)
    unfit = saved(automating, TEXT.replace("add_internal_note", "add_internal_notes"))
    automating.back_test(NAME, 1)
    with pytest.raises(DeskRefusedError, match=r"does not pass its checks: .*there is no action"):
        automating.approve(APPROVER, NAME, 1, unfit.sha256)


def test_names_of_people_keep_it_from_being_approved(automating: Automating) -> None:
    record = saved(automating, TEXT.replace("Try the", "Ada King may try the"))
    automating.back_test(NAME, 1)
    with pytest.raises(DeskRefusedError, match="the name of a person or client"):
        automating.approve(APPROVER, NAME, 1, record.sha256)


def test_an_approved_text_never_changes_and_a_rejected_one_is_over(automating: Automating) -> None:
    record = approved(automating)
    with pytest.raises(DeskRefusedError, match="is approved already"):
        automating.approve(APPROVER, NAME, 1, record.sha256)
    second = saved(automating, TEXT.replace("first.", "please."))
    assert second.version == 2
    automating.reject(APPROVER, NAME, 2, second.sha256, "too polite")
    assert saved(automating).version == 3
    assert automating.version(NAME, 1).yaml == record.yaml


def test_versions_are_compared(automating: Automating) -> None:
    approved(automating)
    saved(automating, TEXT.replace("first.", "please."))
    assert "+      text: {constant: Try the self-service page please.}" in automating.diff(NAME, 1, 2)
    assert [each.path for each in automating.differences(NAME, 1, 2)] == [
        "version",
        "steps.say.arguments.text.constant",
    ]


def test_a_new_version_that_matches_and_does_the_same_keeps_its_back_test(automating: Automating) -> None:
    approved(automating)
    same = saved(automating, TEXT.replace("first.", "please."))
    assert automating.tested(same) is not None
    other = saved(automating, TEXT.replace("any: [locked]", "any: [locked, blocked]"))
    assert automating.tested(other) is None


# -- stages


def test_it_goes_one_stage_at_a_time_and_back_at_will(automating: Automating, msp: Msp) -> None:
    approved(automating)
    tenant = str(msp.marlow)
    with pytest.raises(DeskRefusedError, match="goes one stage at a time"):
        automating.stage(APPROVER, NAME, tenant, "ask")
    automating.stage(APPROVER, NAME, tenant, "shadow")
    automating.stage(APPROVER, NAME, tenant, "ask")
    with pytest.raises(DeskRefusedError, match="has not the role"):
        automating.stage(OTHER, NAME, str(msp.babbage), "shadow")
    assert automating.stage(OTHER, NAME, tenant, "off").stage == "off"
    with pytest.raises(DeskRefusedError, match="there is no stage on"):
        automating.stage(ADMIN, NAME, tenant, "on")


def test_auto_takes_evidence_or_an_admins_reason(automating: Automating, msp: Msp) -> None:
    approved(automating)
    tenant = str(msp.marlow)
    staged(automating, msp, Stage.SHADOW, Stage.ASK)
    with pytest.raises(DeskRefusedError, match="people did the same on 0 shadowed tickets"):
        automating.stage(ADMIN, NAME, tenant, "auto")
    with pytest.raises(DeskRefusedError, match="an admin may"):
        automating.stage(APPROVER, NAME, tenant, "auto", "I trust it")
    assert (
        automating.stage(ADMIN, NAME, tenant, "auto", "The client asked for it").detail.reason
        == "The client asked for it"
    )


def test_what_asks_questions_never_reaches_auto(automating: Automating, msp: Msp) -> None:
    approved(automating, PROMPT)
    staged(automating, msp, Stage.SHADOW, Stage.ASK)
    with pytest.raises(DeskRefusedError, match="it asks a technician something"):
        automating.stage(ADMIN, NAME, str(msp.marlow), "auto", "all the same")


def test_nothing_that_is_not_approved_is_staged(automating: Automating, msp: Msp) -> None:
    saved(automating)
    with pytest.raises(DeskRefusedError, match=r"no version of .* is approved"):
        automating.stage(ADMIN, NAME, str(msp.marlow), "shadow")


def test_a_new_version_changes_nothing_at_a_client_until_it_is_staged(automating: Automating, msp: Msp) -> None:
    approved(automating)
    staged(automating, msp, Stage.AUTO, reason="to begin with")
    approved(automating, TEXT.replace("first.", "please."))
    placed = automating.shelf.placed(NAME, str(msp.marlow))
    assert (placed.record.version, placed.stage) == (1, Stage.AUTO)
    with pytest.raises(DeskRefusedError, match="people did the same on 0 shadowed tickets"):
        automating.stage(ADMIN, NAME, str(msp.marlow), "auto")
    staged(automating, msp, Stage.AUTO, reason="again")
    placed = automating.shelf.placed(NAME, str(msp.marlow))
    assert (placed.record.version, placed.stage) == (2, Stage.AUTO)


# -- tickets


def test_in_shadow_it_says_what_it_would_have_done_and_does_nothing(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.SHADOW)
    ticket = handled(desk, msp.ticket("My account is locked"))
    (shadow,) = automating.shadows(NAME)
    assert (shadow.ticket_id, shadow.version, shadow.outcome) == (ticket, 1, ShadowOutcome.OPEN)
    assert shadow.would == ("psa_connectwise.add_internal_note",)
    assert "it says “locked”" in shadow.reasons
    (note,) = msp.notes(ticket)
    assert "Automation" not in note
    assert plans.of_ticket(desk.records, ticket) == []


def test_considering_a_ticket_twice_changes_nothing(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.SHADOW)
    ticket = handled(desk, msp.ticket("My account is locked"))
    before = kinds(desk, ticket)
    context, record, _ = automating.drafting.contexts.read(ticket)
    automating.considered(context, record)
    assert kinds(desk, ticket) == before
    assert before.count("automation.shadowed") == 1


def test_a_shadow_is_held_against_what_people_did(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.SHADOW)
    ticket = handled(desk, msp.ticket("My account is locked"))
    msp.close(ticket, "Accounts")
    desk.intake.read_ticket(ticket)
    assert automating.shadows(NAME)[0].outcome is ShadowOutcome.UNKNOWN
    assert kinds(desk, ticket).count("automation.compared") == 1
    automating.shadows(NAME)
    assert kinds(desk, ticket).count("automation.compared") == 1


def test_at_ask_the_note_names_it_and_nothing_begins(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.SHADOW, Stage.ASK)
    ticket = handled(desk, msp.ticket("My account is locked"))
    (note,) = msp.notes(ticket)
    assert "Automation that fits: Say how to unlock an account (answer-locked, version 1)" in note
    assert plans.of_ticket(desk.records, ticket) == []
    context, record, _ = automating.drafting.contexts.read(ticket)
    (match,) = automating.matching(context, record)
    assert (match.automation, match.stage) == (NAME, Stage.ASK)
    proposal = automating.propose(NAME, context, record, requested_by="tess", plan_id="p-" + "1" * 16)
    assert proposal.plan is not None
    assert proposal.plan.automation is not None
    assert proposal.plan.automation.sha256 == automating.version(NAME).sha256


def test_other_tickets_and_other_clients_are_left_alone(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.SHADOW, Stage.ASK)
    tickets = [
        msp.ticket("The door is locked"),
        msp.ticket("Printer broken"),
        msp.ticket("locked", company=msp.babbage),
    ]
    desk.catch_up()
    assert all("Automation that fits" not in msp.notes(each)[0] for each in tickets)


def test_at_auto_it_begins_once(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.AUTO, reason="for the test")
    ticket = handled(desk, msp.ticket("My account is locked"))
    (plan,) = plans.of_ticket(desk.records, ticket)
    assert plan.requested_by == f"automation:{NAME}"
    assert plan.step("say").arguments["text"].value == "Try the self-service page first."
    context, record, _ = automating.drafting.contexts.read(ticket)
    automating.considered(context, record)
    assert plans.of_ticket(desk.records, ticket) == [plan]
    assert len(runs.of_ticket(desk.records, ticket)) <= 1


def test_its_approval_stands_for_what_its_text_does_and_for_nothing_else(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.AUTO, reason="for the test")
    ticket = handled(desk, msp.ticket("My account is locked"))
    (plan,) = plans.of_ticket(desk.records, ticket)
    shelf = automating.shelf
    assert shelf.standing(plan) is None
    assert shelf.stage(plan) is Stage.AUTO
    for other in altered(plan):
        assert shelf.standing(other) is not None
    automating.pause(OTHER, NAME, "looks odd")
    assert shelf.standing(plan) is not None
    assert shelf.stage(plan) is Stage.OFF


def altered(plan: Plan) -> Iterator[Plan]:
    assert plan.automation is not None
    step = plan.steps[0]
    text = step.arguments["text"].model_copy(update={"value": "Send me your password."})
    yield plan.model_copy(update={"requested_by": "tess"})
    yield plan.model_copy(update={"automation": None})
    yield plan.model_copy(update={"automation": plan.automation.model_copy(update={"sha256": "0" * 64})})
    yield plan.model_copy(update={"automation": plan.automation.model_copy(update={"version": 2})})
    yield plan.model_copy(update={"steps": (step.model_copy(update={"arguments": {**step.arguments, "text": text}}),)})
    yield plan.model_copy(update={"steps": (step.model_copy(update={"id": "more", "tier": 2}),)})


def test_a_paused_automation_is_silent_and_a_retired_one_stays_so(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.SHADOW, Stage.ASK)
    automating.pause(OTHER, NAME, "looks odd")
    ticket = handled(desk, msp.ticket("My account is locked"))
    assert "Automation that fits" not in msp.notes(ticket)[0]
    with pytest.raises(DeskRefusedError, match="comes first"):
        automating.stage(ADMIN, NAME, str(msp.marlow), "shadow")
    automating.resume(APPROVER, NAME, "it was not")
    assert automating.shelf.placed(NAME, str(msp.marlow)).stage is Stage.ASK
    automating.retire(ADMIN, NAME, "we have a new one")
    with pytest.raises(DeskRefusedError, match="is retired"):
        saved(automating)
    with pytest.raises(DeskRefusedError, match="cannot become"):
        automating.resume(ADMIN, NAME, "please")


def test_a_run_of_a_paused_automation_waits_and_goes_on_when_it_is_resumed(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.AUTO, reason="for the test")
    desk.governing.throw(ADMIN, Level.AUTOMATION, NAME, "one moment")
    ticket = handled(desk, msp.ticket("My account is locked"))
    run = run_at(desk, ticket, RunState.WAITING)
    automating.pause(OTHER, NAME, "looks odd")
    desk.governing.release(ADMIN, Level.AUTOMATION, NAME, "it was nothing")
    time.sleep(1.5)  # the watch looks every second
    assert run_at(desk, ticket, RunState.WAITING).id == run.id
    assert WORDS not in "".join(msp.notes(ticket))
    automating.resume(APPROVER, NAME, "it was not")
    assert run_at(desk, ticket, RunState.DONE).id == run.id
    assert WORDS in "".join(msp.notes(ticket))


@pytest.mark.parametrize("gone", ["pause", "retire"])
def test_what_an_automation_did_can_be_undone_while_it_is_paused_and_when_it_is_retired(
    desk: Desk, msp: Msp, gone: str
) -> None:
    automating = desk.automating
    approved(automating)
    staged(automating, msp, Stage.AUTO, reason="for the test")
    ticket = handled(desk, msp.ticket("My account is locked"))
    run = run_at(desk, ticket, RunState.DONE)
    getattr(automating, gone)(ADMIN, NAME, "looks odd")
    desk.resolving.undo(OTHER, run.id)
    run_at(desk, ticket, RunState.UNDONE)
    assert WORDS not in "".join(msp.notes(ticket))


def run_at(desk: Desk, ticket: str, state: RunState, patience: float = 20) -> Run:
    """Wait until a ticket's run is at a state."""
    end = time.monotonic() + patience
    while True:
        (run,) = (each for each in runs.recent(desk.records, 10) if each.ticket_id == ticket)
        if run.state is state or time.monotonic() > end:
            assert run.state is state, run
            return run
        time.sleep(0.02)


# -- overlays


def test_an_overlay_holds_once_somebody_else_approved_it(automating: Automating, msp: Msp) -> None:
    approved(automating)
    tenant = str(msp.marlow)
    proposed = automating.overlay(AUTHOR, NAME, tenant, OVERLAY).detail.proposed
    assert proposed is not None
    assert automating.effective(NAME, tenant).differences == ()
    with pytest.raises(DeskRefusedError, match="look at it again"):
        automating.approve_overlay(APPROVER, NAME, tenant, "0" * 64)
    automating.approve_overlay(APPROVER, NAME, tenant, proposed.sha256)
    found = automating.effective(NAME, tenant)
    assert found.document.step("say").arguments["text"].constant == "Bitte zuerst die Selbsthilfe."
    assert found.differences[0].because == "They speak German."
    assert automating.effective(NAME, str(msp.babbage)).differences == ()
    assert automating.shelf.placed(NAME, tenant).sha256 != automating.version(NAME).sha256
    automating.drop_overlay(APPROVER, NAME, tenant, "they learned English")
    assert automating.effective(NAME, tenant).differences == ()


def test_nobody_approves_their_own_overlay_and_none_that_loosens(automating: Automating, msp: Msp) -> None:
    approved(automating)
    tenant = str(msp.marlow)
    proposed = automating.overlay(SECOND, NAME, tenant, OVERLAY).detail.proposed
    assert proposed is not None
    with pytest.raises(DeskRefusedError, match="somebody else has to approve"):
        automating.approve_overlay(SECOND, NAME, tenant, proposed.sha256)
    with pytest.raises(DeskRefusedError, match="the same for every client"):
        automating.overlay(
            AUTHOR, NAME, tenant, OVERLAY.replace("steps.say.arguments.text.constant", "match.forbidden")
        )


def test_an_overlay_that_no_longer_fits_keeps_the_new_version_from_approval(automating: Automating, msp: Msp) -> None:
    approved(automating)
    tenant = str(msp.marlow)
    proposed = automating.overlay(AUTHOR, NAME, tenant, OVERLAY).detail.proposed
    assert proposed is not None
    automating.approve_overlay(APPROVER, NAME, tenant, proposed.sha256)
    with pytest.raises(DeskRefusedError, match="the overlay cannot be used"):
        approved(automating, TEXT.replace("id: say", "id: write"))


# -- the record


def test_everything_is_on_the_record(automating: Automating, msp: Msp) -> None:
    approved(automating)
    staged(automating, msp, Stage.SHADOW)
    found = [
        entry for entry in automating.records.audit_entries() if entry.kind.startswith(("automation.", "rollout."))
    ]
    assert [entry.kind for entry in found] == [
        "automation.saved",
        "automation.evidence",
        "automation.approved",
        "rollout.staged",
    ]
    assert [entry.actor for entry in found] == ["tess", "desk", "anna", "adam"]


def test_a_run_becomes_a_draft(desk: Desk, msp: Msp) -> None:
    automating = desk.automating
    ticket = handled(desk, msp.ticket("My account is locked"))
    proposal = desk.resolving.propose(AUTHOR, ticket, "add an internal note “Try the self-service page first.”")
    assert proposal.plan is not None, proposal.refusals
    run = desk.resolving.submit(AUTHOR, proposal.plan.id)
    *_, ended = desk.resolving.events(run.id, patience=20)
    assert ended.state is RunState.DONE
    made = automating.draft_from_run(AUTHOR, run.id)
    assert made.document.steps[0].arguments["ticket_id"].model_dump() == {"parameter": "ticket"}
    assert made.document.steps[0].arguments["text"].constant == "Try the self-service page first."
    assert automating.save_draft(AUTHOR, made.name, made.yaml).version == 1


def test_evidence_from_shadows_opens_auto(automating: Automating, msp: Msp) -> None:
    approved(automating)
    staged(automating, msp, Stage.SHADOW, Stage.ASK)
    tenant = str(msp.marlow)
    for number in range(3):
        shadow = automations.Shadow(automation=NAME, ticket_id=f"9{number}", tenant_id=tenant, version=1)
        with automating.records.transaction("desk") as transaction:
            automations.record_shadow(transaction, shadow)
            automations.compare_shadow(transaction, shadow.model_copy(update={"outcome": ShadowOutcome.SAME}))
    assert automating.stage(APPROVER, NAME, tenant, "auto").stage == "auto"
    other = automations.Shadow(automation=NAME, ticket_id="99", tenant_id=tenant, version=1)
    with automating.records.transaction("desk") as transaction:
        automations.record_shadow(transaction, other)
        automations.compare_shadow(transaction, other.model_copy(update={"outcome": ShadowOutcome.OTHER}))
    automating.stage(OTHER, NAME, tenant, "ask")
    with pytest.raises(DeskRefusedError, match="people did something else"):
        automating.stage(APPROVER, NAME, tenant, "auto")
