"""The page a decision is taken on: the plan's own text to the byte, and nothing that passes for it."""

import pytest

from deskhand.automation import plans
from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.desk.desk import Desk
from deskhand.governance import approval, proof
from deskhand.records import approvals
from deskhand.records.accounts import Role
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.sdk.actions import Effect
from deskhand.web.shell.pages import written_out
from tests.core.web import html_pages
from tests.core.web.browser import Browser
from tests.core.web.conftest import Visit, account_with
from tests.core.web.test_console import HOSTILE

APPROVER = frozenset({Role.APPROVER})
TECHNICIAN = frozenset({Role.TECHNICIAN})


def plan_with(words: str) -> Plan:
    """Return a plan that says these words wherever it can."""
    argument = Argument(source=SourceKind.TECHNICIAN, value=words, origin=words[:200])
    step = PlannedStep(
        id="text",
        action="notify_twilio.send_sms",
        title=words[:100],
        tier=2,
        effect=Effect.ONCE,
        irreversible=words,
        arguments={"text": argument},
        clause=words[:500],
    )
    return Plan(
        id="p-0123456789abcdef",
        ticket_id="1",
        tenant=Named(id="7", name=words),
        requested_by="technician",
        person=Named(id="9", name=words),
        sentence=words[:2000],
        steps=(step,),
    )


def asked(desk: Desk, words: str = "Text her") -> Approval:
    plan = plan_with(words)
    account_with(desk, TECHNICIAN)
    with desk.records.transaction("technician") as transaction:
        plans.save(transaction, plan)
        return approval.request(transaction, plan, by="technician")


def shown(browser: Browser, wanted: Approval) -> str:
    """Return the text on the page, as a person reads it."""
    page = browser.get(f"/approvals/{wanted.id}")
    assert page.status_code == 200
    inside = page.text.partition('<pre id="approval-text">')[2].partition("</pre>")[0]
    return html_pages.read(inside).text


@pytest.mark.parametrize("words", ["Text her", *HOSTILE, "ﬁ ½ ①", "a\u200bb\u202ec"])
def test_what_is_shown_is_the_plans_own_text_to_the_byte(desk: Desk, visit: Visit, words: str) -> None:
    wanted = asked(desk, words.replace("\0", ""))
    text = approval.text(desk.resolving.plan(wanted.plan_id))
    assert shown(visit(roles=APPROVER), wanted) == text == written_out(text)
    assert wanted.plan_sha256 in text


def test_what_cannot_be_seen_is_written_out_not_left_out() -> None:
    assert written_out("a\u202eb\u200bc\x07\n") == "a\\u{202e}b\\u{200b}c\\u{7}\n"


def test_the_one_who_asked_and_whoever_may_not_are_offered_no_decision(desk: Desk, visit: Visit) -> None:
    wanted = asked(desk)
    for roles, offered in ((APPROVER, True), (TECHNICIAN, False), (frozenset({Role.AUDITOR}), False)):
        page = visit(roles=roles).get(f"/approvals/{wanted.id}").text
        assert ("Approve and run" in page) == offered, roles
    both = frozenset({Role.TECHNICIAN, Role.APPROVER})
    assert "Approve and run" in visit(roles=both).get(f"/approvals/{wanted.id}").text


def state(desk: Desk, wanted: Approval) -> ApprovalState:
    found = approvals.find(desk.records, wanted.id)
    assert found is not None
    return found.state


def decide(browser: Browser, wanted: Approval, **fields: str) -> int:
    sent = {"verdict": "deny", "plan_sha256": wanted.plan_sha256, **fields}
    return browser.submit(f"/approvals/{wanted.id}/decide", sent).status_code


@pytest.mark.parametrize(
    "fields",
    [
        {"plan_sha256": ""},
        {"plan_sha256": "0" * 64},
        {"plan_sha256": "x"},
        {"verdict": ""},
        {"verdict": "APPROVE"},
        {"verdict": "maybe"},
    ],
)
def test_a_decision_about_another_plan_or_none_decides_nothing(
    desk: Desk, visit: Visit, fields: dict[str, str]
) -> None:
    wanted = asked(desk)
    assert decide(visit(roles=APPROVER), wanted, **fields) == 409
    assert state(desk, wanted) is ApprovalState.PENDING


def test_a_decision_is_taken_once_and_says_by_whom_and_why(desk: Desk, visit: Visit) -> None:
    wanted = asked(desk)
    approver = visit(roles=APPROVER)
    assert decide(approver, wanted, comment="Not <b>today</b>") == 303
    assert state(desk, wanted) is ApprovalState.DENIED
    page = approver.get(f"/approvals/{wanted.id}").text
    assert "Not &lt;b&gt;today&lt;/b&gt;" in page
    assert "Approve and run" not in page
    assert decide(approver, wanted) == 409


def test_there_is_no_page_for_a_request_that_is_none(visit: Visit) -> None:
    for name in ("a-0000000000000000", "x", "%00", "..%2f.."):
        assert visit().get(f"/approvals/{name}").status_code == 404


def test_the_page_says_how_the_person_proves_who_they_are_and_by_whom(desk: Desk, visit: Visit) -> None:
    to = Argument(
        source=SourceKind.DIRECTORY, value="+441632960001", origin="on record", person="9", unchanged_since=desk.clock()
    )
    check = PlannedStep(
        id="check",
        action="notify_twilio.check_call_back",
        title="Check the code",
        tier=2,
        effect=Effect.ONCE,
        irreversible="A code counts once.",
        proves_identity=True,
        is_call_back=True,
        arguments={"to": to},
    )
    plan = plan_with("x").model_copy(update={"steps": (check,)})
    account_with(desk, TECHNICIAN)
    with desk.records.transaction("technician") as transaction:
        plans.save(transaction, plan)
        wanted = approval.request(transaction, plan, by="technician")
    address, browser = f"/approvals/{wanted.id}", visit(roles=APPROVER)
    page = html_pages.read(browser.get(address).text).text
    assert "call-back to a number on record, by notify_twilio; it shows that they answered a call" in page
    assert "has been on their record since" in page
    assert "proven" not in page.replace("proven who", "")
    shown_by = proof.shown_by(plan, check)
    assert shown_by is not None
    with desk.records.transaction("gate") as transaction:
        proof.record(transaction, shown_by)
    assert "proven 20" in html_pages.read(browser.get(address).text).text.replace("\n", " ")
