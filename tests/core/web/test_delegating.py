"""The page on which an approver lets somebody else vote: who may lend, what is shown, and who may end it."""

from datetime import UTC, datetime, timedelta

from deskhand.desk.desk import Desk
from deskhand.records.accounts import Role
from tests.core.web.conftest import Visit, account_with

APPROVER, TECHNICIAN = frozenset({Role.APPROVER}), frozenset({Role.TECHNICIAN})
AUDITOR, ADMIN = frozenset({Role.AUDITOR}), frozenset({Role.ADMIN})
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FORM = {
    "to": "technician",
    "since": "",
    "until": f"{TODAY + timedelta(days=7):%Y-%m-%d}",
    "reason": "On <b>holiday</b>",
}


def lent(desk: Desk, visit: Visit) -> str:
    account_with(desk, TECHNICIAN)
    assert visit(roles=APPROVER).submit("/delegations/add", FORM).status_code == 303
    return desk.governing.delegations()[0].id


def test_an_approver_lends_their_vote_to_the_end_of_a_day(desk: Desk, visit: Visit) -> None:
    number = lent(desk, visit)
    (given,) = desk.governing.delegations()
    assert (given.delegator, given.delegate, given.ends_at) == ("approver", "technician", TODAY + timedelta(days=8))
    page = visit(roles=AUDITOR).get("/delegations").text
    assert number in page
    assert "On &lt;b&gt;holiday&lt;/b&gt;" in page
    assert "/delegations/add" not in page
    assert "/delegations/end" not in page


def test_who_may_not_lend_is_refused_and_a_form_that_is_wrong_says_so(desk: Desk, visit: Visit) -> None:
    account_with(desk, TECHNICIAN)
    for roles in (TECHNICIAN, AUDITOR, ADMIN):
        assert visit(roles=roles).submit("/delegations/add", FORM).status_code == 403
    wrong = [
        {"until": ""},
        {"until": "2020-01-01"},
        {"since": "soon"},
        {"to": "auditor"},
        {"to": "nobody"},
        {"reason": ""},
    ]
    account_with(desk, AUDITOR)
    for each in wrong:
        assert visit(roles=APPROVER).submit("/delegations/add", {**FORM, **each}).status_code == 409, each
    assert desk.governing.delegations() == ()


def test_either_of_the_two_and_an_admin_end_it_and_nobody_else(desk: Desk, visit: Visit) -> None:
    both = frozenset({Role.APPROVER, Role.TECHNICIAN})
    for roles in (APPROVER, TECHNICIAN, ADMIN):
        number = lent(desk, visit)
        assert visit(roles=both).submit("/delegations/end", {"delegation": number}).status_code in {403, 409}
        assert visit(roles=AUDITOR).submit("/delegations/end", {"delegation": number}).status_code == 403
        browser = visit(roles=roles)
        assert f'value="{number}"' in browser.get("/delegations").text
        assert browser.submit("/delegations/end", {"delegation": number}).status_code == 303
        page = browser.get("/delegations").text
        assert f'value="{number}"' not in page
        assert "Earlier" in page
    assert {each.ended_by for each in desk.governing.delegations()} == {"approver", "technician", "admin"}
