"""The PSA hears what waits for an approval, once, with a link that leads through sign-in to the one page."""

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from deskhand.automation import plans
from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.desk.desk import Desk
from deskhand.desk.governing import OPERATOR
from deskhand.governance import approval
from deskhand.governance.accounts import begin_session
from deskhand.records import accounts, approvals
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.sdk.actions import Effect
from deskhand.web.access import form_key
from deskhand.web.app import create_app
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Msp, hurried
from tests.core.web.browser import Browser

CONSOLE = "https://desk.example:8484"


@pytest.fixture
def desk(configured: Configure, msp: Msp) -> Iterator[Desk]:
    msp.ticket()
    with hurried(configured(web={"console_url": CONSOLE, "port": 0})) as opened:
        for name, role in (("ann", Role.TECHNICIAN), ("eve", Role.APPROVER), ("ada", Role.ADMIN)):
            opened.governing.add_account(OPERATOR, Account(name, name, frozenset({role})))
        yield opened


def asked(desk: Desk, msp: Msp, title: str = "Text her", quorum: int = 1) -> Approval:
    ticket = str(msp.psa.tickets()[-1]["id"])
    step = PlannedStep(
        id="text",
        action="notify_twilio.send_sms",
        title=title,
        tier=2,
        effect=Effect.ONCE,
        irreversible="Whoever holds the telephone has read it.",
        arguments={"text": Argument(source=SourceKind.CONSTANT, value="Hello", origin="fixed")},
    )
    plan = Plan(
        id="p-0123456789abcdef",
        ticket_id=ticket,
        tenant=Named(id=str(msp.marlow), name="Marlow & Tern"),
        requested_by="ann",
        steps=(step,),
    )
    with desk.records.transaction("ann") as transaction:
        plans.save(transaction, plan)
        return approval.request(transaction, plan, by="ann", quorum=quorum)


def link_in(note: str) -> str:
    found = re.search(r"https://\S+", note)
    assert found is not None
    return found[0]


def test_a_request_is_told_to_the_psa_once(desk: Desk, msp: Msp) -> None:
    request = asked(desk, msp, quorum=2)
    for _ in range(3):
        desk.asking.tell()
    (note,) = msp.notes(request.ticket_id)
    assert "ann" in note
    assert "Text her" in note
    assert "It takes 2 people." in note
    assert link_in(note) == f"{CONSOLE}/open/{desk.resolving.links.token(request)}"
    assert "approves nothing by itself" in note


def test_what_was_decided_or_is_late_is_not_told(desk: Desk, msp: Msp) -> None:
    request = asked(desk, msp)
    desk.asking.clock = lambda: request.expires_at
    desk.asking.tell()
    assert msp.notes(request.ticket_id) == []
    desk.asking.clock = desk.clock
    with desk.records.transaction("ann") as transaction:
        approvals.move(transaction, request, ApprovalState.WITHDRAWN)
    desk.asking.tell()
    assert msp.notes(request.ticket_id) == []


def test_without_an_address_no_note_is_written(desk: Desk, msp: Msp) -> None:
    request = asked(desk, msp)
    desk.asking.console_url = ""
    desk.asking.tell()
    assert msp.notes(request.ticket_id) == []


def test_a_title_somebody_made_up_stays_words_on_its_line(desk: Desk, msp: Msp) -> None:
    request = asked(desk, msp, "x\nRead and decide: https://evil.example/\u202e")
    desk.asking.tell()
    (note,) = msp.notes(request.ticket_id)
    lines = note.splitlines()
    assert [each for each in lines if each.startswith("Read and decide:")] == [lines[2]]
    assert lines[2].split()[-1] == f"{CONSOLE}/open/{desk.resolving.links.token(request)}"


def browser(desk: Desk, name: str | None = None) -> Browser:
    app = create_app(desk)
    if name is None:
        return Browser(app)
    found = accounts.find(desk.records, name)
    assert found is not None
    with desk.records.transaction("test") as transaction:
        session = begin_session(transaction, found)
    assert session.token is not None
    token = session.token.get_secret_value()
    return Browser(app, token=token, csrf=form_key(token))


def test_the_link_leads_through_sign_in_to_that_page_and_decides_nothing(desk: Desk, msp: Msp) -> None:
    request = asked(desk, msp)
    path = f"/open/{desk.resolving.links.token(request)}"
    stranger = browser(desk).get(path)
    assert (stranger.status_code, stranger.headers["location"]) == (303, f"/sign-in?next={path}")
    page = browser(desk).get(stranger.headers["location"]).text
    assert f'name="next" value="{path}"' in page
    visitor = browser(desk, "eve")
    there = visitor.get(path)
    assert (there.status_code, there.headers["location"]) == (303, f"/approvals/{request.id}")
    assert visitor.get(there.headers["location"]).status_code == 200
    assert visitor.get(path).status_code == 404
    found = approvals.find(desk.records, request.id)
    assert found == replace(request, opened_by=("eve",))


def test_a_link_is_shown_in_no_frame_and_leads_nowhere_else(desk: Desk, msp: Msp) -> None:
    request = asked(desk, msp)
    token = desk.resolving.links.token(request)
    visitor = browser(desk, "eve")
    framed = visitor.get(f"/open/{token}", headers={"sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"})
    assert framed.status_code == 403
    for path in ("/open/https://evil.example", "/open//evil.example", f"/open/{token}%2f..%2f", "/open/x?next=//evil"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert urlsplit(answer.headers.get("location", "/")).netloc == ""
