import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.diagnosis.changes import successor
from deskhand.agent.diagnosis.diagnosing import Diagnostician, Try
from deskhand.agent.diagnosis.failed_run import FailedRun
from deskhand.automation import yaml_form
from deskhand.automation.document import Automation, Check, Given, Precondition
from deskhand.automation.linter import errors, lint
from deskhand.records.diagnoses import Diagnosis, FailureCause, Replay
from deskhand.records.runs import Cause
from deskhand.sdk.errors import UnavailableError
from deskhand.sdk.models import Reference
from tests.core.agent.diagnosis.examples import (
    ACTIONS,
    DOCUMENT,
    NOW,
    OLD_STATUS,
    World,
    failure,
    green,
    red,
    run,
)

RESOLVED = Reference("42", "Resolved")
OTHERS = (Reference("10", "New"), Reference("12", "Closed"))
STATUS_GONE = failure("resolve", Cause.REJECTED, [run(9)])


def diagnose(failed: FailedRun, world: World, replay: Try = green) -> Diagnosis:
    return Diagnostician(lambda _name: 2).diagnose(failed, world, replay, NOW)


def proposed(diagnosis: Diagnosis) -> Automation:
    assert diagnosis.change is not None
    return yaml_form.load(diagnosis.change.yaml)


def test_a_status_that_was_made_anew_is_named_by_its_new_id() -> None:
    found = diagnose(STATUS_GONE, World({"status_id": (*OTHERS, RESOLVED)}))
    assert (found.cause, found.step_id, found.version) == (FailureCause.CHANGED_DATA, "resolve", 1)
    document = proposed(found)
    assert errors(lint(document, ACTIONS)) == ()
    assert document.version == 2
    assert document.step("resolve").arguments["status_id"] == Given(constant="42")
    assert document.model_copy(update={"version": 1, "steps": DOCUMENT.steps}) == DOCUMENT
    assert found.change is not None
    assert found.change.because == "status_id 11 was “Resolved”, which is gone; “Resolved” is 42 now."
    assert "-      status_id: {constant: '11'}" in found.change.diff
    assert "+      status_id: {constant: '42'}" in found.change.diff
    assert "approve" in found.todo


def test_a_renamed_status_counts_where_only_one_is_close() -> None:
    renamed = Reference("42", "Resolved by us")
    assert diagnose(STATUS_GONE, World({"status_id": (*OTHERS, renamed)})).change is not None
    two = (*OTHERS, renamed, Reference("43", "Resolved by them"))
    assert diagnose(STATUS_GONE, World({"status_id": two})).change is None


@pytest.mark.parametrize(
    "world",
    [
        World(),
        World({"status_id": OTHERS}),
        World({"status_id": (*OTHERS, RESOLVED, Reference("43", "resolved"))}),
        World({"status_id": (*OTHERS, RESOLVED, Reference(OLD_STATUS, "Waiting"))}),
    ],
    ids=["unknown", "nothing alike", "two of the name", "still there"],
)
def test_where_no_rule_justifies_a_change_there_is_none_and_a_person_is_told_what_to_do(world: World) -> None:
    found = diagnose(STATUS_GONE, world)
    assert found.cause is FailureCause.CHANGED_DATA
    assert (found.change, found.rejected) == (None, ())
    assert "step resolve" in found.todo


def test_what_no_run_ever_called_by_name_is_not_guessed() -> None:
    failed = failure("resolve", Cause.NOT_FOUND, [run(9, failed=("resolve", Cause.NOT_FOUND))])
    found = diagnose(failed, World({"status_id": (*OTHERS, RESOLVED)}))
    assert found.cause is FailureCause.CHANGED_DATA
    assert found.change is None


def test_what_a_clients_overlay_fixes_is_not_changed_for_everybody() -> None:
    failed = failure("resolve", Cause.REJECTED, [run(9)], status="77")
    found = diagnose(failed, World({"status_id": (*OTHERS, RESOLVED)}))
    assert found.cause is FailureCause.CHANGED_DATA
    assert (found.change, found.rejected) == (None, ())
    assert found.todo.startswith("The overlay of Client 1 fixes it, for step resolve: propose another")


def test_a_change_that_fails_its_replay_is_not_offered() -> None:
    found = diagnose(STATUS_GONE, World({"status_id": (*OTHERS, RESOLVED)}), red)
    assert found.change is None
    assert [each.replay.is_green for each in found.rejected] == [False]
    assert "edit it" in found.todo


def test_the_replay_is_of_the_very_document_that_is_offered() -> None:
    seen: list[Automation] = []

    def watching(document: Automation) -> Replay:
        seen.append(document)
        return green(document)

    assert proposed(diagnose(STATUS_GONE, World({"status_id": (RESOLVED,)}), watching)) == seen[0]


def test_an_argument_that_an_action_requires_by_now_is_given_as_other_steps_give_it() -> None:
    action = ACTIONS["psa_connectwise.update_triage"]
    company = ACTIONS["identity_entra.add_group_member"].fields["company_id"]
    fields = {name: each for name, each in action.fields.items() if name != "impact"} | {"company_id": company}
    world = World(actions={**ACTIONS, action.name: dataclasses.replace(action, fields=fields)})
    found = diagnose(failure("resolve", Cause.BUG), world)
    document = proposed(found)
    assert document.step("resolve").arguments["company_id"] == Given(parameter="company")
    assert errors(lint(document, world.actions)) == ()
    assert found.change is not None
    assert found.change.rule == "arguments of today"


def test_an_argument_that_an_action_no_longer_takes_is_left_out() -> None:
    action = ACTIONS["psa_connectwise.update_triage"]
    fields = {name: each for name, each in action.fields.items() if name != "status_id"}
    world = World(actions={**ACTIONS, action.name: dataclasses.replace(action, fields=fields)})
    document = proposed(diagnose(failure("resolve", Cause.BUG), world))
    assert "status_id" not in document.step("resolve").arguments


def test_a_precondition_that_would_have_kept_it_from_running_is_added() -> None:
    world = World(lacking={Check.REQUESTER_IS_NOT_PRIVILEGED: "they are a global administrator"})
    found = diagnose(failure("join", Cause.REFUSED, ring="policy"), world)
    document = proposed(found)
    assert [each.check for each in document.preconditions] == [Check.REQUESTER_IS_NOT_PRIVILEGED]
    assert found.change is not None
    assert "they are a global administrator" in found.change.because


def test_what_is_required_already_is_not_required_twice() -> None:
    required = (Precondition(check=Check.REQUESTER_IS_NOT_PRIVILEGED),)
    document = DOCUMENT.model_copy(update={"preconditions": required})
    world = World(lacking={Check.REQUESTER_IS_NOT_PRIVILEGED: "they are a global administrator"})
    assert diagnose(failure("join", Cause.REFUSED, document=document, ring="policy"), world).change is None


def test_a_constant_of_another_step_is_no_ground_for_an_argument() -> None:
    group = ACTIONS["identity_entra.add_group_member"]
    fields = {**group.fields, "status_id": group.fields["company_id"]}
    world = World(actions={**ACTIONS, group.name: dataclasses.replace(group, fields=fields)})
    assert diagnose(failure("join", Cause.BUG), world).change is None


@pytest.mark.parametrize("cause", [Cause.RATE, Cause.OUTAGE, Cause.AUTHORIZATION, Cause.UNKNOWN_OUTCOME])
def test_trouble_that_is_not_the_automations_changes_nothing_in_it(cause: Cause) -> None:
    world = World({"status_id": (RESOLVED,)}, dict.fromkeys(Check, "it does not hold"))
    found = diagnose(failure("resolve", cause, [run(9)]), world)
    assert (found.change, found.rejected) == (None, ())


def test_a_word_that_only_failing_tickets_have_is_kept_off() -> None:
    failing = [run(number, failed=("join", Cause.NOT_FOUND)) for number in (499, 498)]
    done = [run(number) for number in range(5)]
    words = {each.ticket_id: frozenset({"vpn", "access", "contractor"}) for each in failing}
    words |= {"500": frozenset({"vpn", "contractor"})}
    words |= {each.ticket_id: frozenset({"vpn", "access"}) for each in done}
    failed = failure("join", Cause.REFUSED, [], ring="policy")
    found = diagnose(failed, World(words=words))
    assert found.change is None, "one failure is no pattern"
    refused = [run(number, failed=("join", Cause.REFUSED), ring="policy") for number in (499, 498)]
    few = diagnose(failure("join", Cause.REFUSED, [*refused, *done[:4]], ring="policy"), World(words=words))
    assert few.change is None, "four that worked are too few"
    found = diagnose(failure("join", Cause.REFUSED, [*refused, *done], ring="policy"), World(words=words))
    assert proposed(found).match.forbidden == ("contractor",)
    assert proposed(found).match.required == ("vpn",)


def test_where_a_vendor_cannot_be_asked_the_cause_is_told_all_the_same() -> None:
    class Broken(World):
        def choices(self, _action: str, _argument: str, _name: str) -> tuple[Reference, ...]:
            raise UnavailableError("no answer")

    found = diagnose(STATUS_GONE, Broken())
    assert found.cause is FailureCause.CHANGED_DATA
    assert found.change is None


def test_a_run_without_an_automation_is_diagnosed_too() -> None:
    found = diagnose(failure("resolve", Cause.REJECTED, [run(9)], document=None), World({"status_id": (RESOLVED,)}))
    assert found.cause is FailureCause.CHANGED_DATA
    assert found.change is None


@given(st.text(min_size=1, max_size=20), st.lists(st.text(max_size=20), max_size=6))
def test_a_successor_is_one_of_the_choices_and_never_a_toss_up(name: str, names: list[str]) -> None:
    choices = [Reference(str(number), each) for number, each in enumerate(names)]
    found = successor(name, choices)
    assert found is None or found in choices
    same = [each for each in choices if each.name == name]
    if len(same) == 1 and not any(each.name.casefold() == name.casefold() for each in choices if each not in same):
        assert found is not None
    if len(same) > 1:
        assert found is None
