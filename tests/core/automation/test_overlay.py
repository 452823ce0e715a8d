"""A client may be stricter than the base and speak otherwise; it is never looser, and every difference has a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from deskhand.automation.document import Automation, Precondition
from deskhand.automation.overlay import Overlay, OverlayRefusedError, effective
from deskhand.automation.yaml_form import read, written
from tests.core.automation.examples import automation

TEXT = """\
base: locked-account
changes:
  - path: steps.tell.arguments.text.constant
    value: Ihr Kennwort wurde neu gesetzt.
    because: They speak German.
  - path: preconditions
    value: {check: requester_is_active}
    because: Leavers are common there.
  - path: approval.expires_minutes
    value: 30
    because: Their contract says so.
"""


def overlay(*changes: tuple[str, JsonValue], base: str = "locked-account") -> Overlay:
    listed = [{"path": path, "value": value, "because": "Reasons."} for path, value in changes]
    return Overlay.model_validate({"base": base, "changes": listed}, strict=False)


def test_without_an_overlay_the_base_holds() -> None:
    assert effective(automation(), None).document == automation()
    assert effective(automation(), None).differences == ()


def test_what_differs_is_listed_with_what_the_base_says_and_why() -> None:
    found = effective(automation(), read(TEXT, Overlay))
    assert found.document.step("tell").arguments["text"].constant == "Ihr Kennwort wurde neu gesetzt."
    assert found.document.preconditions[-1] == Precondition.model_validate_json(
        '{"check": "requester_is_active", "because": "Leavers are common there."}'
    )
    assert found.document.approval is not None
    assert found.document.approval.expires_minutes == 30
    listed = [(each.path, each.base, each.here, each.because) for each in found.differences]
    assert listed[0] == (
        "steps.tell.arguments.text.constant",
        "Your password was reset.",
        "Ihr Kennwort wurde neu gesetzt.",
        "They speak German.",
    )
    assert listed[2] == ("approval.expires_minutes", "60", "30", "Their contract says so.")


def test_an_overlay_reads_back_as_it_was_written() -> None:
    one = read(TEXT, Overlay)
    assert read(written(one), Overlay) == one


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("approval.expires_minutes", 61, "never looser"),
        ("approval.quorum", 6, "less than or equal to 5"),
        ("approval.quorum", 0, "greater than or equal to 1"),
        ("approval.role", "technician", "approval.role"),
        ("approval.anybody", True, "the same for every client"),
        ("approval", None, "the same for every client"),
        ("steps", [], "the same for every client"),
        ("steps.tell.action", "users_example.erase", "the same for every client"),
        ("steps.tell.verify", "none", "the same for every client"),
        ("steps.reset.arguments.user_id.constant", "x", "it is a parameter, and stays one"),
        ("steps.check.arguments.code.constant", "123456", "it is a prompt, and stays one"),
        ("steps.tell.arguments.extra.constant", "x", "the same for every client"),
        ("steps.nothing.title", "x", "has no step nothing"),
        ("match.any", ["everything"], "the same for every client"),
        ("parameters.mobile.source", "technician", "the same for every client"),
        ("preconditions", {"check": "anything_goes"}, "preconditions"),
        ("preconditions", None, "preconditions"),
        ("title", "hidden\u202e", "nobody can see"),
        ("name", "other", "the same for every client"),
    ],
)
def test_what_would_loosen_or_is_not_a_clients_to_change_is_refused(path: str, value: JsonValue, expected: str) -> None:
    with pytest.raises(OverlayRefusedError, match=expected):
        effective(automation(), overlay((path, value)))


def test_an_overlay_for_another_automation_is_refused() -> None:
    with pytest.raises(OverlayRefusedError, match="not for locked-account"):
        effective(automation(), overlay(("title", "x"), base="other"))


def test_an_approver_may_become_an_admin_but_not_the_reverse() -> None:
    stricter = effective(automation(), overlay(("approval.role", "admin"))).document
    with pytest.raises(OverlayRefusedError, match="never looser"):
        effective(stricter, overlay(("approval.role", "approver")))


def test_a_client_may_ask_for_more_approvers_and_never_for_fewer() -> None:
    stricter = effective(automation(), overlay(("approval.quorum", 2))).document
    assert stricter.approval is not None
    assert stricter.approval.quorum == 2
    assert effective(stricter, overlay(("approval.quorum", 3))).document.approval is not None
    with pytest.raises(OverlayRefusedError, match="never looser"):
        effective(stricter, overlay(("approval.quorum", 1)))


PATHS = st.sampled_from(
    [
        "title",
        "preconditions",
        "approval.role",
        "approval.expires_minutes",
        "approval.quorum",
        "steps.tell.title",
        "steps.tell.arguments.text.constant",
        "steps.check.arguments.code.prompt",
        "steps.reset.arguments.user_id.parameter",
        "steps.reset.undo",
        "match.forbidden",
        "version",
    ]
)
VALUES: st.SearchStrategy[JsonValue] = st.sampled_from(
    ["approver", "admin", 1, 2, 5, 60, 61, 999, "words", {"check": "requester_is_active"}, None, "none", [], True]
)


@settings(deadline=None)
@given(st.lists(st.tuples(PATHS, VALUES), min_size=1, max_size=4))
def test_no_overlay_loosens_anything(changes: list[tuple[str, JsonValue]]) -> None:
    base = automation()
    try:
        found = effective(base, overlay(*changes))
    except OverlayRefusedError:
        return
    assert_no_looser(base, found.document)
    assert len(found.differences) == len(changes)


def assert_no_looser(base: Automation, here: Automation) -> None:
    assert here.preconditions[: len(base.preconditions)] == base.preconditions
    assert (here.name, here.version, here.match, here.parameters) == (
        base.name,
        base.version,
        base.match,
        base.parameters,
    )
    assert base.approval is not None
    assert here.approval is not None
    assert here.approval.role.strictness >= base.approval.role.strictness
    assert here.approval.expires_minutes <= base.approval.expires_minutes
    assert here.approval.quorum >= base.approval.quorum
    for before, after in zip(base.steps, here.steps, strict=True):
        same = ("id", "action", "when", "verify", "undo", "irreversible")
        assert [getattr(before, each) for each in same] == [getattr(after, each) for each in same]
        assert {name: each.kind for name, each in before.arguments.items()} == {
            name: each.kind for name, each in after.arguments.items()
        }
        for name, each in before.arguments.items():
            assert each.kind in {"constant", "prompt"} or after.arguments[name] == each
