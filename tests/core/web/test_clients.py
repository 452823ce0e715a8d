"""An account for some clients: on every route what is of another client is not there, and nothing of it is changed."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from sqlalchemy import func, select, text

from deskhand.desk.desk import Desk
from deskhand.desk.refusals import DeskRefusedError, NotPermittedError
from deskhand.governance.accounts import begin_session
from deskhand.governance.approval import Verdict
from deskhand.governance.request import Circumstances, request_for
from deskhand.governance.votes import Electorate
from deskhand.records import accounts, approvals, runs, schema
from deskhand.records.accounts import Account, Role
from deskhand.records.confined import ConfinedRecords
from deskhand.records.confinement import CONDITIONS, EVERYBODYS
from deskhand.records.switches import Level
from deskhand.sdk.clock import utc_now
from deskhand.web.access import Entry, form_key
from deskhand.web.app import create_app
from tests.core.governance.plan_examples import plan, reset
from tests.core.web.browser import DOCUMENT, Browser
from tests.core.web.conftest import EVERYTHING, quiet_desk
from tests.core.web.test_door import GUARDED, every, name_of
from tests.core.web.two_clients import AUTOMATION, OURS, THEIRS, Client, fill

NAMED = frozenset({"ticket", "run", "plan", "approval", "tenant", "token"})
"""The parts of an address that are a client's."""
SHARED = {
    "POST /sign-out",
    "POST /theme",
    "GET /",
    "GET /approvals",
    "GET /runs",
    "GET /automations",
    "GET /automations/{name}",
    "GET /record",
    "GET /switches",
    "GET /delegations",
    "POST /delegations/add",
    "POST /delegations/end",
}
"""Routes that name no client and show each account its own part, or change only what is the account's own."""
IN_A_FORM = {
    "POST /automations/{name}/stage": {"tenant": THEIRS.id, "stage": "off"},
    "POST /switches/throw": {"what": f"tenant:{THEIRS.id}", "reason": "x"},
    "POST /switches/release": {"what": f"tenant:{THEIRS.id}", "reason": "x"},
}
"""Routes that name a client in what they are sent."""


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with quiet_desk() as opened:
        fill(opened)
        yield opened


@pytest.fixture(scope="module")
def confined(desk: Desk) -> Account:
    """Somebody in every role, for one client of the two."""
    ours = Account("ours", "Ours", EVERYTHING, clients=frozenset({OURS.id}))
    with desk.records.transaction("test") as transaction:
        return accounts.add(transaction, ours)


@pytest.fixture(scope="module")
def browser(desk: Desk, confined: Account) -> Browser:
    with desk.records.transaction("test") as transaction:
        token = begin_session(transaction, confined).token
    assert token is not None
    value = token.get_secret_value()
    return Browser(create_app(desk), token=value, csrf=form_key(value))


def parts(entry: Entry) -> set[str]:
    return set(re.findall(r"\{(\w+)", entry.path))


def address(entry: Entry, client: Client) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: client.names[found[1]], entry.path)


def take(browser: Browser, entry: Entry, client: Client, fields: dict[str, str] | None = None) -> tuple[int, str]:
    if entry.is_change:
        answer = browser.submit(address(entry, client), fields)
    else:
        answer = browser.get(address(entry, client), headers=DOCUMENT)
    return answer.status_code, unescape(answer.text)


def size(desk: Desk) -> int:
    return len(desk.records.audit_entries())


def test_every_route_says_how_it_keeps_clients_apart() -> None:
    for entry in GUARDED:
        ways = (bool(parts(entry) & NAMED), entry.is_of_all, name_of(entry) in SHARED, name_of(entry) in IN_A_FORM)
        assert any(ways), f"{name_of(entry)}: whose is what it shows?"


@every(GUARDED)
def test_nothing_of_another_client_is_shown_or_changed(browser: Browser, desk: Desk, entry: Entry) -> None:
    if name_of(entry) == "POST /sign-out":
        return  # it ends the session
    before = size(desk)
    status, page = take(browser, entry, THEIRS, IN_A_FORM.get(name_of(entry)))
    if name_of(entry) not in SHARED:
        assert (status, size(desk)) == (404 if parts(entry) & NAMED and not entry.is_of_all else 403, before)
    assert [each for each in THEIRS.tells if each in page] == []


@every([each for each in GUARDED if not each.is_change and not each.is_of_all and "events" not in each.path])
def test_what_is_of_their_own_client_is_there(browser: Browser, entry: Entry) -> None:
    if entry.path.startswith(("/parts/correction", "/parts/offers", "/open/")):
        return  # they ask a PSA that is not there, or lead elsewhere
    status, page = take(browser, entry, OURS)
    assert status == 200
    if entry.path not in {"/delegations", "/automations", "/parts/work/{ticket:path}"}:
        assert any(each in page for each in OURS.tells), (
            "the page shows something, so that the other test means something"
        )


def test_a_link_opens_what_is_of_their_own_client_alone(browser: Browser, desk: Desk) -> None:
    for client, status in ((OURS, 303), (THEIRS, 404)):
        token = desk.resolving.links.token(desk.resolving.approval(client.names["approval"]))
        before = size(desk)
        answer = browser.get(f"/open/{token}")
        assert answer.status_code == status
        assert (size(desk) == before) is (status == 404)  # as above
        assert client is OURS or not any(each in answer.text for each in THEIRS.tells)


def test_a_ticket_nobody_has_looked_at_is_whose_the_psa_says(browser: Browser) -> None:
    assert browser.get(f"/panel/{OURS.id}01").status_code == 200
    assert browser.get(f"/panel/{THEIRS.id}01").status_code == 404


def test_whoever_is_for_all_clients_sees_both(desk: Desk) -> None:
    with desk.records.transaction("test") as transaction:
        both = accounts.add(transaction, Account("both", "Both", EVERYTHING))
        token = begin_session(transaction, both).token
    assert token is not None
    page = Browser(create_app(desk), token=token.get_secret_value()).get("/runs").text
    assert OURS.words in page
    assert THEIRS.words in page


# The services, whoever calls them


def test_a_service_that_is_called_directly_refuses_what_is_of_another_client(desk: Desk, confined: Account) -> None:
    names, resolving, automating = THEIRS.names, desk.resolving, desk.automating
    run, before = names["run"], size(desk)
    for act in (
        lambda: resolving.cancel(confined, run),
        lambda: resolving.retry(confined, run),
        lambda: resolving.undo(confined, run),
        lambda: resolving.settle(confined, run, "reset", is_done=True),
        lambda: automating.stage(confined, AUTOMATION, THEIRS.id, "off"),
        lambda: automating.overlay(confined, AUTOMATION, THEIRS.id, ""),
        lambda: automating.approve_overlay(confined, AUTOMATION, THEIRS.id, ""),
        lambda: automating.drop_overlay(confined, AUTOMATION, THEIRS.id, "x"),
        lambda: desk.governing.throw(confined, Level.TENANT, THEIRS.id, "x"),
    ):
        with pytest.raises(NotPermittedError, match="for other clients"):
            act()
    for attempt in (
        lambda: desk.governing.throw(confined, Level.GLOBAL, "", "x"),
        lambda: desk.governing.release(confined, Level.CONNECTOR, "psa_connectwise", "x"),
        lambda: desk.governing.add_account(confined, Account("more", "More", EVERYTHING)),
        lambda: desk.governing.change_account(confined, Account("ours", "Ours", EVERYTHING)),
        lambda: desk.governing.set_password(confined, "first", "a password nobody has"),
        lambda: desk.governing.propose_grants(confined, []),
        lambda: automating.pause(confined, AUTOMATION, "x"),
        lambda: automating.save_draft(confined, AUTOMATION, ""),
        lambda: automating.approve(confined, AUTOMATION, 1, ""),
        lambda: automating.draft_from_run(confined, run),
        lambda: desk.holding.resolve(confined, f"{THEIRS.id}02", OURS.id),
        lambda: desk.maintaining.propose_change(run, confined),
    ):
        with pytest.raises(NotPermittedError, match="concerns all clients"):
            attempt()
    assert size(desk) == before


def test_an_approver_for_some_clients_has_no_vote_on_others_nor_lends_one(desk: Desk, confined: Account) -> None:
    ours, theirs = (approvals.find(desk.records, each.names["approval"]) for each in (OURS, THEIRS))
    assert ours is not None
    assert theirs is not None
    with desk.records.reading() as connection:
        electorate = Electorate.of(connection, utc_now())
    assert electorate.rights(ours, confined.name) == (confined.name,)
    assert electorate.rights(theirs, confined.name) == ()
    assert electorate.objection(theirs, "both-roles", confined.name) is not None
    with pytest.raises(DeskRefusedError, match="is for other clients"):
        desk.resolving.decide(confined, theirs.id, theirs.plan_sha256, Verdict.DENY)


def test_policy_takes_whoever_is_for_other_clients_for_somebody_without_a_role(confined: Account) -> None:
    for client, roles in ((OURS, EVERYTHING), (THEIRS, frozenset[Role]())):
        asked = plan(reset(), requested_by=confined.name, tenant=client.id)
        circumstances = Circumstances(utc_now(), client.id, client.id, requester=confined)
        assert request_for(asked, asked.steps[0], circumstances).roles == roles


# The store


def test_every_table_says_whose_its_rows_are() -> None:
    every_table = set(schema.metadata.tables.values())
    assert CONDITIONS.keys() | EVERYBODYS == every_table
    assert not CONDITIONS.keys() & EVERYBODYS


def test_what_cannot_be_confined_is_refused(desk: Desk) -> None:
    store = ConfinedRecords(desk.records, frozenset({OURS.id}))
    inner = select(schema.runs.c.ticket_id).where(schema.runs.c.tenant_id == THEIRS.id)
    for query in (text("SELECT * FROM runs"), select(schema.accounts).where(schema.accounts.c.name.in_(inner))):
        with store.reading() as connection, pytest.raises(RuntimeError):
            connection.execute(query)


def test_counting_and_joining_are_confined_too(desk: Desk) -> None:
    store = ConfinedRecords(desk.records, frozenset({OURS.id}))
    joined = schema.runs.outerjoin(schema.diagnoses, schema.diagnoses.c.run_id == schema.runs.c.id)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(schema.runs)).scalar_one() == 1
        assert connection.execute(select(schema.runs.c.tenant_id).select_from(joined)).scalars().all() in ([], ["7"])
    for client, is_there in ((OURS, True), (THEIRS, False)):
        assert (store.find(schema.runs, {"id": client.names["run"]}) is not None) == is_there
    assert runs.find(desk.records, THEIRS.names["run"]) is not None, "the store itself is as it was"
