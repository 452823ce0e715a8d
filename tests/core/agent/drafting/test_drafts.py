"""A draft repeats what was done for the next ticket; nothing of this one's person stays in it."""

from datetime import UTC, datetime

import pytest

from deskhand.agent.drafting.drafts import Draft, Source, draft_from_notes, draft_from_run
from deskhand.agent.drafting.lifting import TicketFacts
from deskhand.agent.drafting.steps import ACCOUNT_OF_PLAN, NothingToDraftError
from deskhand.automation.binding import bind
from deskhand.automation.document import Automation, Check, FactSource
from deskhand.automation.known import KnownActions
from deskhand.automation.linter import errors
from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.automation.yaml_form import load
from deskhand.knowledge.corpus import Corpus
from deskhand.knowledge.matching import Reading
from deskhand.records.runs import Run, StepRecord, StepState
from tests.core.automation.examples import (
    ADA,
    CONTEXT,
    MOBILE,
    NOW,
    SHA,
    USER,
    CodeArguments,
    Known,
    NoteArguments,
    NumberArguments,
    TextArguments,
    UserArguments,
    action,
    fact,
    ticket,
)
from tests.core.knowledge.test_rules import archive

ARCHIVE = Corpus.of(archive(fixed="Password reset after call-back."))
GROUP = "5c0a0f5e-7d4e-4a0f-8f57-0b0c6a1d2e3f"


class MemberArguments(UserArguments):
    group_id: str


ACTIONS: KnownActions = {
    each.name: each
    for each in (
        action("sms_example.start_verification", NumberArguments),
        action("sms_example.check_verification", CodeArguments, proves_identity=True, irreversible="It counts once."),
        action("sms_example.send_sms", TextArguments, irreversible="It was read."),
        action("users_example.reset_password", UserArguments, 3, needs_proof=True, irreversible="It is unknown."),
        action("users_example.revoke_sessions", UserArguments, irreversible="They sign in again."),
        action("users_example.add_group_member", MemberArguments),
        action("psa_example.add_resolution_note", NoteArguments, 1),
    )
}
VALUES = {
    FactSource.TENANT_ID: "7",
    FactSource.TICKET_ID: "100",
    FactSource.REQUESTER_DIRECTORY_USER: USER,
    FactSource.REQUESTER_MOBILE: MOBILE,
    FactSource.REQUESTER_NAME: "Ada King",
}
SOURCE = Source(
    "100",
    Reading.of("I am locked out of my account", "Accounts"),
    TicketFacts(VALUES, {GROUP: "Sign-in review"}, ("Ada King", "Marlow & Tern")),
)
COMPANY = Argument(source=SourceKind.TICKET, value="7", origin="the ticket's client")
PERSON = fact(USER, "the user of the requester")
NUMBER = fact(MOBILE, "the telephone number of the requester")


def given(value: object, source: SourceKind, origin: str = "their words") -> Argument:
    return Argument(source=source, value=value, origin=origin)  # type: ignore[arg-type]  # whatever JSON holds


def planned(step_id: str, name: str, **arguments: Argument) -> PlannedStep:
    known = ACTIONS[name]
    return PlannedStep(
        id=step_id,
        action=name,
        title=known.title,
        tier=known.tier,
        effect=known.effect,
        irreversible=known.irreversible,
        needs_proof=known.needs_proof,
        proves_identity=known.proves_identity,
        arguments=arguments,
    )


def whole(*more: PlannedStep) -> tuple[PlannedStep, ...]:
    late = given(None, SourceKind.STEP, "start.reference")
    code = given(None, SourceKind.PROMPT, "Which code does the requester read out?")
    text = given("Your password was reset.", SourceKind.CONSTANT, "deskhand's text")
    return (
        planned("start", "sms_example.start_verification", company_id=COMPANY, to=NUMBER),
        planned(
            "check", "sms_example.check_verification", company_id=COMPANY, to=NUMBER, verification_sid=late, code=code
        ),
        planned("reset", "users_example.reset_password", company_id=COMPANY, user_id=PERSON),
        planned("tell", "sms_example.send_sms", company_id=COMPANY, to=NUMBER, text=text),
        *more,
    )


def drafted(steps: tuple[PlannedStep, ...], states: dict[str, StepState] | None = None) -> Draft:
    plan = Plan(
        id="p-0123456789abcdef",
        ticket_id="100",
        tenant=Named(id="7", name="Marlow & Tern"),
        requested_by="tess",
        sentence="reset Ada's password",
        steps=steps,
    )
    records = tuple(
        StepRecord(id=each.id, action=each.action, state=(states or {}).get(each.id, StepState.DONE)) for each in steps
    )
    run = Run(
        id="r-0123456789abcdef",
        plan_id=plan.id,
        plan_sha256=plan.sha256(),
        ticket_id="100",
        tenant_id="7",
        steps=records,
        requested_by="tess",
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    return draft_from_run(plan, run, SOURCE, ARCHIVE, ACTIONS)


def given_of(document: Automation, step: str, name: str) -> dict[str, object]:
    return document.step(step).arguments[name].model_dump()


def test_literals_become_parameters_with_their_source() -> None:
    document = drafted(whole()).document
    assert given_of(document, "reset", "user_id") == {"parameter": "user"}
    assert given_of(document, "tell", "to") == {"parameter": "mobile"}
    assert given_of(document, "tell", "company_id") == {"parameter": "company"}
    assert given_of(document, "check", "verification_sid") == {"step": "start.reference"}
    assert given_of(document, "check", "code") == {"prompt": "Which code does the requester read out?"}
    assert given_of(document, "tell", "text") == {"constant": "Your password was reset."}
    assert {name: each.source for name, each in document.parameters.items()} == {
        "company": FactSource.TENANT_ID,
        "mobile": FactSource.REQUESTER_MOBILE,
        "user": FactSource.REQUESTER_DIRECTORY_USER,
    }


def test_nothing_of_the_one_ticket_stays_in_the_text() -> None:
    made = drafted(whole())
    for literal in (USER, MOBILE, "Ada", "King", "Marlow", "tess"):
        assert literal not in made.yaml
    assert errors(made.findings) == ()
    assert load(made.yaml) == made.document


def test_the_steps_are_guarded_and_the_rest_follows_from_them() -> None:
    document = drafted(whole()).document
    assert document.step("start").undo == "restore"
    assert document.step("reset").irreversible == "It is unknown."
    assert all(step.verify == "read_back" for step in document.steps)
    assert document.approval is not None
    assert document.approval.expires_minutes == 60
    checks = {each.check for each in document.preconditions}
    assert {Check.REQUESTER_IS_NOT_PRIVILEGED, Check.REQUESTER_HAS_MOBILE, Check.REQUESTER_IS_KNOWN} <= checks
    assert document.name == "reset-password"
    assert document.title == "Reset the password"
    assert "locked" in document.match.any


def test_the_draft_makes_the_same_plan_for_the_same_ticket() -> None:
    document = drafted(whole()).document
    proposal = bind(
        document,
        Known(),
        CONTEXT,
        ticket(),
        actions=ACTIONS,
        sha256=SHA,
        plan_id="p-" + "1" * 16,
        requested_by="t",
        now=NOW,
    )
    assert proposal.plan is not None
    for before, after in zip(whole(), proposal.plan.steps, strict=True):
        assert (before.id, before.action, before.tier) == (after.id, after.action, after.tier)
        assert {name: each.value for name, each in before.arguments.items()} == {
            name: each.value for name, each in after.arguments.items()
        }


def test_a_group_is_found_by_its_name_the_next_time() -> None:
    group = given(GROUP, SourceKind.DIRECTORY, "the group of this name")
    step = planned("watch", "users_example.add_group_member", company_id=COMPANY, user_id=PERSON, group_id=group)
    document = drafted((step,)).document
    assert given_of(document, "watch", "group_id") == {"parameter": "group"}
    assert document.parameters["group"].named == "Sign-in review"
    assert document.step("watch").undo == "restore"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("0b7f5a6e-0000-4a0e-9a0d-3a1f5d2c9b11", SourceKind.DIRECTORY),
        ("Dear Ada King, call us", SourceKind.TECHNICIAN),
        ("Write to ada@marlow.example", SourceKind.CONSTANT),
    ],
)
def test_what_is_no_fact_and_of_this_ticket_alone_is_asked(value: str, source: SourceKind) -> None:
    step = planned("tell", "sms_example.send_sms", company_id=COMPANY, to=NUMBER, text=given(value, source))
    made = drafted((step,))
    assert "prompt" in given_of(made.document, "tell", "text")
    assert value not in made.yaml
    assert any("tell.text" in each for each in made.remarks)


def test_only_what_was_carried_out_is_drafted_and_the_desks_own_closing_is_left_to_the_desk() -> None:
    account = given("Done by deskhand", SourceKind.CONSTANT, ACCOUNT_OF_PLAN)
    note = planned("note", "psa_example.add_resolution_note", ticket_id=COMPANY, text=account)
    made = drafted(whole(note), {"tell": StepState.FAILED})
    assert [step.id for step in made.document.steps] == ["start", "check", "reset"]
    assert any("tell (sms_example.send_sms) was not carried out" in each for each in made.remarks)


def test_a_run_that_did_nothing_makes_no_draft() -> None:
    with pytest.raises(NothingToDraftError, match="no step of this run was carried out"):
        drafted(whole(), dict.fromkeys(("start", "check", "reset", "tell"), StepState.SKIPPED))


def test_the_reviewer_is_told_how_good_the_rule_is() -> None:
    made = drafted(whole())
    assert any("closed ticket" in each for each in made.remarks)
    assert made.yaml.startswith("# Drafted from run r-0123456789abcdef. Nobody has approved it yet.\n# ")


def notes_draft(text: str) -> Draft:
    return draft_from_notes(text, SOURCE, ARCHIVE, ACTIONS, taken=["reset-password"])


def test_notes_make_a_draft_that_proves_identity_before_it_hands_out_access() -> None:
    made = notes_draft("Reset the password and ended all sessions. Replaced the toner too.")
    capabilities = [step.id for step in made.document.steps]
    assert capabilities == ["start_verification", "check_verification", "reset_password", "revoke_sessions"]
    assert errors(made.findings) == ()
    assert made.document.name == "reset-password-revoke-sessions"
    assert any("no proof of identity" in each for each in made.remarks)
    assert any("replace part" in each for each in made.remarks)
    assert made.origin == "ticket 100"


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert notes_draft("Password reset after call-back.").document.name == "reset-password-2"


def test_what_notes_do_not_say_is_asked() -> None:
    made = notes_draft("Added her to the group Rota-Editors, texted her.")
    assert "prompt" in given_of(made.document, "add_group_member", "group_id")
    assert given_of(made.document, "send_sms", "text") == {"prompt": "What should the text message say?"}
    assert errors(made.findings) == ()


@pytest.mark.parametrize("text", ["Called back, all fine.", "", "Replaced the toner."])
def test_notes_that_tell_of_nothing_an_action_does_make_no_draft(text: str) -> None:
    actions = {name: each for name, each in ACTIONS.items() if not name.startswith("sms")}
    with pytest.raises(NothingToDraftError, match="tell of nothing"):
        draft_from_notes(text, SOURCE, ARCHIVE, actions)


def test_who_it_was_about_is_not_drafted_for_another_person() -> None:
    other = fact("0b7f5a6e-1111-4a0e-9a0d-3a1f5d2c9b11", "the user of contact 32").model_copy(update={"person": "32"})
    made = drafted((planned("out", "users_example.revoke_sessions", company_id=COMPANY, user_id=other),))
    assert "prompt" in given_of(made.document, "out", "user_id")
    assert ADA.id not in made.yaml
