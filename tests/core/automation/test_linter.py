"""Nothing dangerous, personal or impossible gets past the linter, and each finding names its place and its fix."""

from dataclasses import replace

import pytest

from deskhand.automation.linter import Severity, errors, lint
from deskhand.automation.stage import Stage
from deskhand.automation.yaml_form import load
from tests.core.automation import examples
from tests.core.automation.examples import ACTIONS, automation

CONSTANT = "{constant: Your password was reset.}"
RESTORE = "    undo: restore\n"


def problems(old: str = "", new: str = "", **options: object) -> list[str]:
    found = errors(lint(automation(old, new), ACTIONS, **options))  # type: ignore[arg-type]  # a test's shorthand
    return [f"{each.path}: {each.problem}" for each in found]


def test_the_example_passes() -> None:
    assert lint(automation(), ACTIONS) == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("users_example.reset", "users_example.rest", "steps.reset.action: there is no action users_example.rest here"),
        ("user_id: {parameter", "user: {parameter", "steps.reset.arguments.user: users_example.reset takes no user"),
        (", user_id: {parameter: user}", "", "steps.reset.arguments: users_example.reset needs user_id"),
        (CONSTANT, "{constant: 5}", "steps.tell.arguments.text.constant: Input should be a valid string"),
        ("{parameter: user}", "{parameter: usr}", "steps.reset.arguments.user_id: there is no parameter usr"),
        ("{step: ask.reference}", "{step: tell.reference}", "verification_sid: tell does not come before check"),
        ("{step: ask.reference}", "{step: asks.reference}", "verification_sid: there is no step asks"),
        ("    undo: restore\n", RESTORE + "    when: [requester_has_mobile]\n", "ask may be left out, and check"),
        ("\napproval: {role: approver, expires_minutes: 60}", "", "ask changes something at a client and nobody"),
        ("    verify: read_back\n    undo", "    undo", "steps.ask.verify: its outcome is not read back"),
        ("    undo: restore\n", "", "steps.ask: it neither says how it is undone nor why it cannot be"),
        ("    irreversible: A code counts once.", "    undo: restore", "steps.check.undo: sms_example.check cannot be"),
        ("    undo: restore", "    irreversible: No way.", "steps.ask.irreversible: sms_example.start can be undone"),
        ("sms_example.check", "sms_example.send", "steps.reset: users_example.reset hands a person access"),
        ("users_example.reset", "users_example.erase", "steps.reset.action: users_example.erase is never automated"),
        (CONSTANT, "{constant: Call 01632 960 101.}", "steps.tell.arguments.text: it holds a telephone number"),
        (CONSTANT, "{constant: Write to ada@marlow.example.}", "steps.tell.arguments.text: it holds an e-mail address"),
        ("{parameter: user}", "{constant: 0b7f5a6e-2a52-4a0e-9a0d-3a1f5d2c9b11}", "user_id: it holds an identifier"),
        ("title: Tell them", "title: Tell ada@marlow.example", "steps.tell.title: it holds an e-mail address"),
        ("any: [locked, lock*]", "any: []", "match: nothing in it picks tickets"),
        ("forbidden: [printer]", "forbidden: [locked]\n  required: [locked]", "locked is both required and forbidden"),
        ("zone: UTC", "zone: Europe/Nowhere", "preconditions.3.hours.zone: there is no time zone Europe/Nowhere"),
    ],
)  # fmt: skip
def test_each_error_is_found_where_it_is(old: str, new: str, expected: str) -> None:
    assert any(expected in each for each in problems(old, new)), problems(old, new)


def test_a_proving_step_that_may_be_left_out_proves_nothing() -> None:
    when = "    irreversible: A code counts once.\n    when: [requester_has_mobile]\n"
    found = problems("    irreversible: A code counts once.\n", when)
    assert any("nobody has proven" in each for each in found)


def test_renewing_how_somebody_proves_who_they_are_takes_a_call_back_before_it() -> None:
    renewing = {**ACTIONS, "users_example.reset": replace(ACTIONS["users_example.reset"], resets_proof=True)}
    (found,) = errors(lint(automation(), renewing))
    assert "nobody called back" in found.problem
    proving = next(name for name, each in ACTIONS.items() if each.proves_identity)
    called = {**renewing, proving: replace(ACTIONS[proving], is_call_back=True)}
    assert lint(automation(), called) == ()


def test_names_of_people_and_clients_are_refused_wherever_they_stand() -> None:
    assert problems("Tell them", "Tell Ada King", names=["Ada King"]) == [
        "steps.tell.title: it holds the name of a person or client"
    ]
    assert problems("printer", "pellard", names=["Pellard"]) == [
        "match.forbidden: it holds the name of a person or client"
    ]
    assert problems(names=["Zed Yu", ""]) == []


def test_auto_takes_neither_questions_nor_hard_gates() -> None:
    found = problems(stage=Stage.AUTO)
    assert any("it asks a technician something" in each for each in found)
    assert any("tier 3 never runs by itself" in each for each in found)
    assert problems(stage=Stage.ASK) == []


def test_a_parameter_that_is_asked_for_keeps_it_out_of_auto_as_well() -> None:
    asked = 'code: {kind: code, source: technician, question: "Which code?"}\n  mobile:'
    document = automation("mobile:", asked)
    assert document.has_prompt


def test_a_change_in_the_psa_needs_no_approval() -> None:
    arguments = "{ticket_id: {parameter: ticket}, text: {constant: Done.}}"
    step = f"steps:\n  - {{id: note, action: psa_example.note, title: Note, arguments: {arguments}}}\n"
    text = automation("steps:\n", step).steps[0]
    document = automation().model_copy(update={"steps": (text,), "approval": None})
    assert [each.path for each in errors(lint(document, ACTIONS))] == ["steps.note.arguments.ticket_id"]


def test_what_is_only_unwise_is_a_warning_and_comes_last() -> None:
    document = automation("  - check: requester_is_not_privileged\n", "")
    (finding,) = lint(document, ACTIONS)
    assert finding.severity is Severity.WARNING
    assert "requester_is_not_privileged" in finding.fix
    assert errors(lint(document, ACTIONS)) == ()


WITH_FLOW = "    irreversible: A text cannot be called back.\n"


def flowing(flow: str, old: str = "", new: str = "") -> list[str]:
    """What is wrong with the example where it has this flow."""
    text = examples.TEXT.replace(WITH_FLOW, f"{WITH_FLOW}\nflow:\n{flow}", 1)
    assert old in text
    return [f"{each.path}: {each.problem}" for each in errors(lint(load(text.replace(old, new, 1)), ACTIONS))]


def test_a_flow_of_the_steps_in_their_order_changes_nothing() -> None:
    assert flowing("  [ask, check, reset, tell]\n") == []


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ("  - ask\n  - check\n  - reset\n", "flow: tell is in no place of it"),
        ("  - check\n  - ask\n  - reset\n  - tell\n", "verification_sid: ask does not come before check"),
        (
            "  - ask\n  - parallel: [[check], [reset]]\n  - tell\n",
            "steps.check.arguments.code: nobody can be asked in the midst of a branch or a loop",
        ),
        (
            "  - ask\n  - parallel: [[check], [reset]]\n  - tell\n",
            "steps.reset: users_example.reset hands a person access and nobody has proven who they are",
        ),
        (
            "  - ask\n  - check\n  - pause: {minutes: 9}\n  - reset\n  - tell\n",
            "steps.reset: a proof lasts ten minutes, and the flow waits between it and reset",
        ),
        (
            "  - ask\n  - check\n  - ask_approval: {}\n  - reset\n  - tell\n",
            "steps.reset: a proof lasts ten minutes, and the flow waits between it and reset",
        ),
        (
            "  - ask\n  - choose: steps.tell.is_done\n    then: [check]\n  - reset\n  - tell\n",
            "flow.1.choose: tell does not surely come before it",
        ),
        ("  - ask\n  - choose: 1 +\n    then: [check]\n  - reset\n  - tell\n", "flow.1.choose: “1 +” is no condition"),
        (
            "  - ask\n  - choose: item == 'x'\n    then: [check]\n  - reset\n  - tell\n",
            "flow.1.choose: there is no item outside for_each",
        ),
        (
            "  - ask\n  - check\n  - for_each: ask.detail.numbers\n    most: 3\n    do: [reset]\n  - tell\n",
            "steps.reset: users_example.reset is of tier 3, and is not done by the dozen",
        ),
    ],
)
def test_each_fault_of_a_flow_is_found_where_it_is(flow: str, expected: str) -> None:
    assert any(expected in found for found in flowing(flow)), flowing(flow)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("text: {constant: Your password was reset.}", "text: {item: id}", "text: there is no item outside for_each"),
        ("    undo: restore\n", "    undo: restore\n    only_if: 'true'\n", "ask may be left out, and check needs it"),
        (
            "    undo: restore\n",
            "    undo: restore\n    only_if: steps.tell.is_done\n",
            "steps.ask.only_if: tell does not",
        ),
        (
            "    irreversible: A code counts once.\n",
            "    irreversible: A code counts once.\n    only_if: steps.ask.is_done\n",
            "nobody has proven who they are",
        ),
    ],
)
def test_a_condition_of_a_step_is_held_to_the_same_rules(old: str, new: str, expected: str) -> None:
    found = problems(old, new)
    assert any(expected in each for each in found), found
