from deskhand.automation.plan import RefusalReason, SourceKind
from tests.core.agent.planning.office import guid, propose


def actions(sentence: str) -> list[str]:
    proposal = propose(sentence)
    assert proposal.plan is not None, proposal.refusals
    return [step.action.partition(".")[2] for step in proposal.plan.steps]


def reasons(sentence: str) -> list[RefusalReason]:
    proposal = propose(sentence)
    assert proposal.plan is None
    return [refusal.reason for refusal in proposal.refusals]


def test_a_sentence_becomes_the_steps_it_names_in_its_order() -> None:
    assert actions("verify the user via MFA, reset the password, revoke sessions and text them") == [
        "start_verification",
        "check_verification",
        "reset_password",
        "revoke_sessions",
        "send_sms",
    ]


def test_verifying_is_sending_a_code_and_checking_what_is_read_out() -> None:
    plan = propose("verify the user").plan
    assert plan is not None
    start, check = plan.steps
    assert check.arguments["verification_sid"].origin == f"{start.id}.reference"
    assert check.arguments["verification_sid"].source is SourceKind.STEP
    assert check.arguments["code"].source is SourceKind.PROMPT
    assert {each.person for each in check.arguments.values()} == {None, "501"}
    assert check.proves_identity


def test_whoever_gets_a_password_proves_who_they_are_first() -> None:
    assert reasons("reset the password") == [RefusalReason.NOT_PERMITTED]
    assert reasons("reset the password and verify the user") == [RefusalReason.NOT_PERMITTED]
    assert reasons("verify the user and reset Jane Doe's password") == [RefusalReason.NOT_PERMITTED]
    assert actions("verify Jane Doe and reset her password")[-1] == "reset_password"


def test_one_clause_that_is_not_understood_leaves_no_plan() -> None:
    proposal = propose("verify the user, order a pizza and revoke sessions")
    assert proposal.plan is None
    assert [(each.clause, each.reason) for each in proposal.refusals] == [
        ("order a pizza", RefusalReason.NOT_UNDERSTOOD)
    ]


def test_a_named_person_is_found_in_the_directory_by_the_address_of_the_contact() -> None:
    plan = propose("disable Jane Doe's account and revoke her sessions").plan
    assert plan is not None
    assert {step.arguments["user_id"].value for step in plan.steps} == {guid(2)}
    assert {step.arguments["user_id"].person for step in plan.steps} == {"502"}
