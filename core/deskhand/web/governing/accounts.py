"""Accounts: who may sign in, and in which roles."""

from dataclasses import replace

from starlette.responses import Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.records.accounts import Account, Role, account_name
from deskhand.web.shell.pages import page
from deskhand.web.visit import Visit


def listing(visit: Visit) -> Response:
    """Show every account."""
    return page(
        visit,
        "governing/accounts.html",
        accounts=visit.desk.governing.accounts(),
        roles=list(Role),
        companies=_companies(visit),
        local=visit.desk.governing.local_sign_in(),
        has_entra=visit.desk.entra.is_on,
    )


def add(visit: Visit) -> Response:
    """Add an account with its first password."""
    form = visit.form
    account = Account(
        name=form.get("name", ""),
        display_name=form.get("display_name", "").strip() or form.get("name", ""),
        roles=_roles(visit),
        member_id=form.get("member_id", "").strip() or None,
        clients=_clients(form.get("clients", "")),
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
        clients=_clients(form.get("clients", "")),
        is_active=form.get("active") == "yes",
    )
    if changed != known:
        visit.desk.governing.change_account(visit.who, changed)
    if form.get("password"):
        visit.desk.governing.set_password(visit.who, known.name, form["password"], current=form.get("current"))
    return visit.go("/accounts")


def local_sign_in(visit: Visit) -> Response:
    """Turn passwords off, or on again."""
    wanted = visit.form.get("local", "")
    if wanted not in {"on", "off"}:
        raise DeskRefusedError("Choose whether passwords open this desk.")
    visit.desk.governing.turn_local_sign_in(visit.who, is_on=wanted == "on")
    return visit.go("/accounts")


def _known(visit: Visit) -> Account:
    name = account_name(visit.form.get("name", ""))
    known = next((each for each in visit.desk.governing.accounts() if each.name == name), None)
    if known is None:
        raise DeskRefusedError(f"there is no account {name}")
    return known


def _companies(visit: Visit) -> dict[str, str]:
    return {each.id: each.name for each in visit.desk.mirror.companies()}


def _clients(written: str) -> frozenset[str]:
    """Read PSA ids, separated by commas or spaces."""
    return frozenset(written.replace(",", " ").split())


def _roles(visit: Visit) -> frozenset[Role]:
    return frozenset(role for role in Role if visit.form.get(f"role-{role.value}") == "yes")
