from collections.abc import Sequence
from dataclasses import replace

import pytest

from deskhand.agent.diagnosis.causes import evidence, judge
from deskhand.agent.diagnosis.failed_run import FailedRun
from deskhand.records.diagnoses import FailureCause
from deskhand.records.runs import Cause, Run
from tests.core.agent.diagnosis.examples import DOCUMENT, NEEDS, TEXT, failure, plan, run

JOIN_REFUSED, JOIN_REJECTED = ("join", Cause.AUTHORIZATION), ("join", Cause.REJECTED)


@pytest.mark.parametrize(
    ("cause", "others", "expected"),
    [
        (Cause.AUTHORIZATION, [run(499, failed=JOIN_REFUSED)], FailureCause.AUTHORISATION),
        (Cause.AUTHORIZATION, [run(9), run(8)], FailureCause.AUTHORISATION),
        (Cause.AUTHORIZATION, [run(501)], FailureCause.PERMISSION),
        (Cause.AUTHORIZATION, [run(9, tenant="2")], FailureCause.PERMISSION),
        (Cause.AUTHORIZATION, [run(9, tenant="2", failed=JOIN_REFUSED)], FailureCause.AUTHORISATION),
        (Cause.CONFIGURATION, [], FailureCause.PERMISSION),
        (Cause.NOT_FOUND, [], FailureCause.NOT_FOUND),
        (Cause.NOT_FOUND, [run(9)], FailureCause.NOT_FOUND),
        (Cause.REJECTED, [run(9)], FailureCause.POLICY),
        (Cause.REJECTED, [], FailureCause.POLICY),
        (Cause.REJECTED, [run(9, failed=JOIN_REJECTED)], FailureCause.POLICY),
        (
            Cause.REJECTED,
            [run(9, failed=JOIN_REJECTED), run(8, tenant="2", failed=JOIN_REJECTED), run(7)],
            FailureCause.CHANGED_DATA,
        ),
        (Cause.RATE, [], FailureCause.RATE),
        (Cause.OUTAGE, [], FailureCause.OUTAGE),
        (Cause.UNKNOWN_OUTCOME, [], FailureCause.OUTAGE),
        (Cause.REFUSED, [run(9)], FailureCause.POLICY),
        (Cause.BUG, [run(9)], FailureCause.BUG),
    ],
)
def test_the_cause_is_told_from_what_happened_around_it(
    cause: Cause, others: Sequence[Run], expected: FailureCause
) -> None:
    assert judge(failure("join", cause, others)).cause is expected


@pytest.mark.parametrize("cause", [Cause.NOT_FOUND, Cause.REJECTED])
@pytest.mark.parametrize("tenant", ["1", "2"])
def test_a_constant_that_worked_and_works_no_more_is_changed_data(cause: Cause, tenant: str) -> None:
    finding = judge(failure("resolve", cause, [run(9, tenant=tenant)]))
    assert finding.cause is FailureCause.CHANGED_DATA
    assert "the automation fixes status_id 11" in finding.summary
    assert judge(failure("resolve", cause)).cause is not FailureCause.CHANGED_DATA


def test_a_wrong_code_and_a_missing_proof_are_the_persons() -> None:
    assert judge(failure("join", Cause.REJECTED, [run(9)], prompts=3)).cause is FailureCause.PERSON
    assert judge(failure("join", Cause.REFUSED, ring="proof")).cause is FailureCause.PERSON
    assert judge(failure("join", Cause.REFUSED, ring="policy")).cause is FailureCause.POLICY


def test_a_permission_is_named_with_its_page() -> None:
    todo = judge(failure("join", Cause.AUTHORIZATION, [run(501)])).todo
    assert "Grant GroupMember.ReadWrite.All to the application of identity_entra at Client 1" in todo
    assert "https://vendor.example/group" in todo
    assert "No change to the automation" in todo


@pytest.mark.parametrize("others", [[], [run(9)], [run(9, tenant="2")], [run(501)]])
def test_what_the_vendor_says_of_the_credential_now_outweighs_what_runs_tell(others: Sequence[Run]) -> None:
    failed = failure("join", Cause.AUTHORIZATION, others)
    accepted, refused = replace(failed, is_accepted_now=True), replace(failed, is_accepted_now=False)
    assert judge(accepted).cause is FailureCause.PERMISSION
    assert judge(refused).cause is FailureCause.AUTHORISATION
    assert evidence(refused)[1].text == "Asked again, identity_entra refuses the credential as such."


def test_a_credential_to_renew_is_named() -> None:
    finding = judge(failure("join", Cause.AUTHORIZATION, [run(9), run(8, tenant="2", failed=JOIN_REFUSED)]))
    assert "Renew the credential of [connectors.identity_entra] at every client" in finding.todo


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("others", [[], [run(9)], [run(501, tenant="2")]])
def test_every_failure_gets_a_cause_a_sentence_and_something_to_do(cause: Cause, others: list[Run]) -> None:
    finding = judge(failure("join", cause, others))
    assert finding.summary.endswith((".", "did not go"))
    assert finding.todo


def test_the_evidence_begins_with_the_step_itself() -> None:
    found = evidence(failure("join", Cause.REJECTED))
    assert found[0].text == (
        "Step join (identity_entra.add_group_member) was tried 3 times: rejected: "
        "identity_entra.add_group_member: it did not go."
    )
    assert found[0].runs == ("r-00000000000001f4",)


def test_the_evidence_compares_clients_and_counts_earlier_failures() -> None:
    others = [run(499, failed=("join", Cause.REJECTED)), run(9, tenant="2"), run(8)]
    texts = [each.text for each in evidence(failure("join", Cause.REJECTED, others))]
    assert "The same step worked 2 time(s) with the same constants, last on 2026-01-31 18:00 UTC." in texts
    assert "Lately identity_entra.add_group_member worked 1 of 2 times at this client." in texts
    assert "Lately identity_entra.add_group_member worked 1 of 1 times at other clients." in texts
    assert "1 other run(s) of this automation failed at the same step in the same way." in texts


def test_a_run_of_other_constants_does_not_show_that_these_worked() -> None:
    mine = run(500, failed=("resolve", Cause.NOT_FOUND))
    failed = FailedRun(mine, plan(500), DOCUMENT, TEXT, [run(9)], [(run(9), plan(9, status="12"))], NEEDS)
    assert failed.worked_before() == []
    assert judge(failed).cause is FailureCause.NOT_FOUND


def test_a_run_that_did_not_fail_is_not_diagnosed() -> None:
    with pytest.raises(ValueError, match="no step of run r-0000000000000009 failed"):
        FailedRun(run(9), plan(9), DOCUMENT, TEXT, [], [], NEEDS)


def test_a_step_that_failed_for_another_entry_of_a_list_has_failed_likewise() -> None:
    def at_entry(number: int, entry: int, cause: Cause) -> Run:
        made = run(number, failed=("join", cause))
        steps = [each.model_copy(update={"id": f"join.{entry}"}) if each.id == "join" else each for each in made.steps]
        return made.model_copy(update={"steps": tuple(steps)})

    mine = at_entry(500, 1, Cause.NOT_FOUND)
    others = [
        at_entry(3, 2, Cause.NOT_FOUND),
        at_entry(2, 1, Cause.OUTAGE),
        run(1, failed=("resolve", Cause.NOT_FOUND)),
    ]
    failed = replace(failure("join", Cause.NOT_FOUND, others), run=mine)
    assert [each.ticket_id for each in failed.failed_likewise()] == ["3"]
