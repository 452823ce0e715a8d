"""Every route, driven from the one table: no session, other role, wrong origin, foreign frame, expired session."""

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from starlette.routing import Route

from deskhand.desk.desk import Desk
from deskhand.governance.accounts import token_digest
from deskhand.records import accounts, sessions
from deskhand.records.accounts import Account, Role
from deskhand.sdk.clock import utc_now
from deskhand.web.access import EVERYONE, Entry, Framing, form_key
from deskhand.web.app import create_app, entries
from deskhand.web.signing_in.limits import SignInLimit
from deskhand.web.signing_in.views import SigningIn
from tests.core.web.browser import DOCUMENT, Browser
from tests.core.web.conftest import EVERYTHING, WORDS, Visit, quiet_desk, signed_in, visitor
from tests.core.web.documents import fill

TABLE = entries(SigningIn(SignInLimit(utc_now)))
GUARDED = [each for each in TABLE if each.roles is not None]
CHANGES = [each for each in TABLE if each.is_change]
IDS = {
    "ticket": "1",
    "run": "r-0123456789abcdef",
    "plan": "p-0123456789abcdef",
    "approval": "a-0123456789abcdef",
    "token": "a-0123456789abcdef.0.0",
    "step": "reset",
    "name": "reset-a-password",
    "version": "1",
    "tenant": "7",
}
PSA = "https://psa.example"
TURNED_AWAY = {401, 403}


def address(entry: Entry) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: IDS[found[1]], entry.path)


def name_of(entry: Entry) -> str:
    return f"{entry.method} {entry.path}"


def every(table: list[Entry] | tuple[Entry, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", table, ids=name_of)


def ask(browser: Browser, entry: Entry, **headers: str) -> httpx.Response:
    """Take a route as a page of ours does, but for these headers."""
    if entry.is_change:
        return browser.submit(address(entry), headers=headers)
    return browser.get(address(entry), headers={**DOCUMENT, **headers})


def take(browser: Browser, entry: Entry, **headers: str) -> int:
    return ask(browser, entry, **headers).status_code


def size(desk: Desk) -> int:
    return len(desk.records.audit_entries())


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with quiet_desk() as opened:
        fill(opened, WORDS)
        yield opened


@pytest.fixture(scope="module")
def visit(desk: Desk) -> Visit:
    return visitor(desk)


def test_the_application_has_no_route_that_is_not_in_the_table(desk: Desk) -> None:
    pages = create_app(desk)._app._app  # type: ignore[attr-defined]  # through the two layers around it
    found = [
        (method, route.path)
        for route in pages.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    ]
    machines = [("GET", "/healthz"), ("POST", "/callbacks/{connector:str}")]
    assert sorted(found) == sorted([*machines, *((each.method, each.path) for each in TABLE)])


def test_only_signing_in_and_the_first_set_up_are_open_to_strangers() -> None:
    strangers = {"/sign-in", "/sign-in/entra", "/sign-in/entra/callback", "/setup"}
    assert {each.path for each in TABLE if each.roles is None} == strangers


def test_whoever_only_audits_may_change_nothing_but_how_pages_look() -> None:
    assert {each.path for each in CHANGES if Role.AUDITOR in (each.roles or ())} == {"/sign-out", "/theme"}
    closed = {each.path for each in TABLE if not each.is_change and Role.AUDITOR not in (each.roles or EVERYONE)}
    assert closed == {"/parts/correction/{ticket:path}", "/automations/{name}/edit"}, "forms for those who may use them"


@every(GUARDED)
def test_a_stranger_is_led_to_sign_in_and_changes_nothing(visit: Visit, desk: Desk, entry: Entry) -> None:
    before = size(desk)
    stranger = visit(roles=None)
    if entry.is_change:
        assert stranger.submit(address(entry)).status_code == 401
    else:
        answer = stranger.get(address(entry))
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={address(entry)}")
        part = stranger.get(address(entry), headers={**DOCUMENT, "hx-request": "true"})
        assert part.status_code == 401
        assert part.headers["hx-redirect"].startswith("/sign-in?next=/")
        assert WORDS not in answer.text + part.text
    assert size(desk) == before


def bad_tokens(desk: Desk) -> dict[str, str]:
    """Return sessions that are none any more."""
    expired, ended = (signed_in(desk, EVERYTHING) for _ in range(2))
    with desk.records.transaction("test") as transaction:
        sessions.extend(transaction, token_digest(expired), expires_at=utc_now() - timedelta(seconds=1))
        sessions.end(transaction, token_digest(ended))
        gone = accounts.add(transaction, Account(f"gone{size(desk)}", "Gone", EVERYTHING))
        sessions.begin(transaction, token_digest("gone"), gone.name, expires_at=utc_now() + timedelta(hours=1))
        accounts.change(transaction, Account(gone.name, "Gone", EVERYTHING, is_active=False))
    return {"expired": expired, "ended": ended, "disabled": "gone", "made up": "x" * 43, "hostile": "'--"}


def test_a_session_that_is_over_is_none_on_every_route(visit: Visit, desk: Desk) -> None:
    app = visit().app
    for name, token in bad_tokens(desk).items():
        browser = Browser(app, token=token, csrf=form_key(token))
        for entry in GUARDED:
            status = take(browser, entry)
            assert status == (401 if entry.is_change else 303), (name, name_of(entry))


@every(GUARDED)
def test_another_role_is_refused_and_changes_nothing(visit: Visit, desk: Desk, entry: Entry) -> None:
    others = [role for role in Role if role not in (entry.roles or ())]
    browsers = [visit(roles=frozenset({role})) for role in others]
    nobody = visit(roles=frozenset())
    before = size(desk)
    for browser in (*browsers, nobody):
        assert take(browser, entry) == 403
    assert size(desk) == before


@every(GUARDED)
def test_the_right_role_is_let_in_with_all_that_a_browser_says(visit: Visit, entry: Entry) -> None:
    if entry.path == "/sign-out" or entry.path.startswith("/events/"):
        return  # it ends the session; it does not end
    for role in entry.roles or ():
        assert take(visit(roles=frozenset({role})), entry) not in {*TURNED_AWAY, 500}, role


@every(CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8484"},
        {"origin": "http://127.0.0.1:8484.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "", "sec-fetch-site": ""},
    ],
)
def test_a_change_another_page_asks_for_is_refused(
    visit: Visit, desk: Desk, entry: Entry, headers: dict[str, str]
) -> None:
    browser = visit()
    before = size(desk)
    assert take(browser, entry, **headers) == 403
    assert size(desk) == before


@every(CHANGES)
def test_a_change_whose_browser_does_not_say_which_page_asks_is_refused(visit: Visit, entry: Entry) -> None:
    browser = visit()
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-dest": "document"}
    assert browser.post(address(entry), content=f"csrf={browser.csrf}".encode(), headers=headers).status_code == 403


@pytest.fixture(scope="module")
def others_key(desk: Desk) -> str:
    """What the forms of another session of the same person carry."""
    return form_key(signed_in(desk, EVERYTHING))


@every([each for each in CHANGES if each.roles is not None])
@pytest.mark.parametrize("sent", ["", "x", "é", "0" * 32, "other"])
def test_a_form_that_is_not_of_this_session_is_refused(visit: Visit, entry: Entry, sent: str, others_key: str) -> None:
    other = others_key if sent == "other" else sent
    assert visit().submit(address(entry), {"csrf": other}).status_code == 403


@every(TABLE)
@pytest.mark.parametrize("destination", ["iframe", "frame", "object", "embed", "fencedframe"])
def test_nothing_is_shown_in_a_frame_unless_the_psa_may(visit: Visit, entry: Entry, destination: str) -> None:
    answer = ask(visit(), entry, **{"sec-fetch-dest": destination})
    assert answer.status_code == 403
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@every([each for each in TABLE if each.framing is Framing.TOP_LEVEL])
@pytest.mark.parametrize("destination", ["", "empty", "iframe", "script", "image", "Document", "document, iframe"])
def test_what_is_decided_is_only_shown_on_its_own(visit: Visit, entry: Entry, destination: str) -> None:
    assert take(visit(), entry, **{"sec-fetch-dest": destination}) == 403


def test_what_is_decided_is_decided_on_a_page_of_its_own() -> None:
    decisions = [each for each in CHANGES if each.path.endswith("/decide")]
    assert len(decisions) == 2
    assert all(each.framing is Framing.TOP_LEVEL for each in decisions)
    assert {name_of(each) for each in TABLE if each.framing is Framing.TOP_LEVEL} == {
        "GET /approvals/{approval}",
        "POST /approvals/{approval}/decide",
        "GET /automations/{name}/versions/{version:int}",
        "POST /automations/{name}/versions/{version:int}/decide",
        "GET /automations/{name}/clients/{tenant}",
        "GET /open/{token}",
        "POST /automations/{name}/clients/{tenant}/overlay",
    }


@pytest.fixture(scope="module")
def framed() -> Iterator[Visit]:
    """Visits to a desk whose panel a PSA may frame."""
    files = {"certificate": "/nowhere/desk.pem", "private_key": "/nowhere/desk.key"}
    with quiet_desk(web={**files, "frame_ancestors": [PSA], "hosts": ["desk.msp.example"]}) as opened:
        fill(opened, WORDS)
        yield visitor(opened)


@every([each for each in TABLE if not each.path.startswith("/events/")])
def test_where_the_psa_may_frame_it_may_frame_the_panel_and_nothing_else(framed: Visit, entry: Entry) -> None:
    browser = framed("192.0.2.7", "desk.msp.example", scheme="https", is_new=True)
    inside, alone = ask(browser, entry, **{"sec-fetch-dest": "iframe"}), ask(browser, entry)
    may = entry.framing is Framing.PANEL
    assert (inside.status_code == 403) == (not may)
    framers = PSA if may else "'none'"
    assert all(f"frame-ancestors {framers};" in each.headers["content-security-policy"] for each in (inside, alone))


def test_a_session_that_began_in_a_frame_is_good_for_the_panel_alone(framed: Visit) -> None:
    inside = framed("192.0.2.7", "desk.msp.example", scheme="https", is_new=True)
    cookie = {"cookie": f"__Host-deskhand-panel={inside.token}"}
    stranger = framed("192.0.2.7", "desk.msp.example", scheme="https", roles=None)
    for entry in GUARDED:
        if entry.is_change or entry.path.startswith("/events/"):
            continue
        status = stranger.get(address(entry), headers={**DOCUMENT, **cookie}).status_code
        assert (status == 303) == (entry.framing is not Framing.PANEL), name_of(entry)


def test_a_form_that_is_none_is_refused_before_anything_is_read(visit: Visit) -> None:
    browser = visit()
    for kind, body, said in (
        ("multipart/form-data; boundary=x", b"--x--", "urlencoded"),
        ("text/plain", b"csrf=x", "urlencoded"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 300_000, "too large"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(500)), "damaged"),
        ("application/x-www-form-urlencoded", b"a=\xff", "damaged"),
    ):
        answer = browser.post("/theme", content=body, headers={**browser.own_page, "content-type": kind})
        assert (answer.status_code, said in answer.text) == (400, True), kind


def test_a_desk_without_accounts_leads_to_set_up_here_and_says_nothing_elsewhere() -> None:
    with quiet_desk(is_set_up=False) as desk:
        fill(desk, WORDS)
        app = create_app(desk)
        for entry in GUARDED:
            answer = Browser(app).submit(address(entry)) if entry.is_change else Browser(app).get(address(entry))
            assert answer.status_code == (401 if entry.is_change else 303), name_of(entry)
            assert answer.headers["hx-redirect" if entry.is_change else "location"] == "/setup"
