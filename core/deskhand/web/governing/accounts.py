"""Accounts: who may sign in, and in which roles."""

from dataclasses import replace

from starlette.responses import Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.accounts import Account, Role, account_name
from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit


def listing(visit: Visit) -> Response:
    """Show every account."""
    return page(visit, "governing/accounts.html", accounts=visit.desk.governing.accounts(), roles=list(Role))


def add(visit: Visit) -> Response:
    """Add an account with its first password."""
    form = visit.form
    account = Account(
        name=form.get("name", ""),
        display_name=form.get("display_name", "").strip() or form.get("name", ""),
        roles=_roles(visit),
        member_id=form.get("member_id", "").strip() or None,
    )
    visit.desk.governing.add_account(visit.who, account, form.get("password") or None)
    return visit.go("/accounts")


def change(visit: Visit) -> Response:
    """Change roles, PSA member and whether an account may be used; set a password where one is given."""
    form = visit.form
    known = _known(visit)
    changed = replace(
        known,
        roles=_roles(visit),
        member_id=form.get("member_id", "").strip() or None,
        is_active=form.get("active") == "yes",
    )
    if changed != known:
        visit.desk.governing.change_account(visit.who, changed)
    if form.get("password"):
        visit.desk.governing.set_password(visit.who, known.name, form["password"], current=form.get("current"))
    return visit.go("/accounts")


def _known(visit: Visit) -> Account:
    name = account_name(visit.form.get("name", ""))
    known = next((each for each in visit.desk.governing.accounts() if each.name == name), None)
    if known is None:
        raise DeskRefusedError(f"there is no account {name}")
    return known


def _roles(visit: Visit) -> frozenset[Role]:
    return frozenset(role for role in Role if visit.form.get(f"role-{role.value}") == "yes")
