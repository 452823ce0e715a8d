"""Two versions are compared field by field and line by line."""

from deskhand.automation.difference import differences, unified
from tests.core.automation.examples import TEXT, automation


def listed(old: str, new: str) -> list[str]:
    return [str(each) for each in differences(automation(), automation(old, new))]


def test_equal_versions_differ_in_nothing() -> None:
    assert differences(automation(), automation()) == ()
    assert unified(TEXT, TEXT, ("1", "2")) == ""


def test_each_field_is_named_with_what_it_was_and_is() -> None:
    assert listed("expires_minutes: 60", "expires_minutes: 90") == ["approval.expires_minutes: 60 → 90"]
    assert listed("Your password was reset.", "Done.") == [
        "steps.tell.arguments.text.constant: Your password was reset. → Done."
    ]
    assert listed("forbidden: [printer]", "forbidden: [printer, door]") == ["match.forbidden: printer → printer, door"]
    assert "match.types: Accounts → nothing" in listed("  types: [Accounts]\n", "")


def test_a_step_that_was_put_in_moves_none_of_the_others() -> None:
    new = "steps:\n  - {id: note, action: psa_example.note, title: Note}\n"
    found = listed("steps:\n", new)
    assert found[0] == "steps (order): ask, check, reset, tell → note, ask, check, reset, tell"
    assert all(each.startswith("steps.note.") for each in found[1:])


def test_the_lines_that_differ_are_shown_under_both_names() -> None:
    text = unified(TEXT, TEXT.replace("version: 1", "version: 2"), ("version 1", "version 2"))
    assert text.startswith("--- version 1\n+++ version 2\n")
    assert "-version: 1\n+version: 2\n" in text
