from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from argon2 import PasswordHasher

from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.governance.accounts import Passwords, begin_session
from deskhand.records import accounts
from deskhand.records.accounts import Account, Role
from deskhand.web.access import form_key
from deskhand.web.app import create_app
from tests.core.desk.msp import quick_folder, write_configuration
from tests.core.web.browser import Browser
from tests.core.web.documents import fill

Visit = Callable[..., Browser]
WORDS = "A customer's own words"
NOWHERE = "http://127.0.0.1:9"
PASSWORD = "a password only tests use"  # noqa: S105  # of invented people
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
EVERYTHING = frozenset(Role)


def visitor(desk: Desk) -> Visit:
    """Visit a desk from an address, under a name, in roles: by default somebody with all of them, on this machine.

    Without roles (None) nobody is signed in.
    """
    app = create_app(desk)
    tokens: dict[frozenset[Role], str] = {}

    def visit(
        address: str = "127.0.0.1",
        name: str = "127.0.0.1:8484",
        roles: frozenset[Role] | None = EVERYTHING,
        scheme: str = "http",
        *,
        is_new: bool = False,
    ) -> Browser:
        if roles is not None and (is_new or roles not in tokens):
            tokens[roles] = signed_in(desk, roles)
        token = tokens[roles] if roles is not None else ""
        return Browser(app, address, name, token, form_key(token), scheme)

    return visit


def signed_in(desk: Desk, roles: frozenset[Role]) -> str:
    """Begin a session for somebody with exactly these roles and return its token."""
    account = account_with(desk, roles)
    with desk.records.transaction("test") as transaction:
        session = begin_session(transaction, account)
    assert session.token is not None
    return session.token.get_secret_value()


def account_with(desk: Desk, roles: frozenset[Role]) -> Account:
    """Return the account of these roles, made where it is not there yet; a second admin keeps the desk set up."""
    name = "-".join(sorted(role.value for role in roles)) or "none"
    found = accounts.find(desk.records, name)
    if found is not None:
        return found
    with desk.records.transaction("test") as transaction:
        return accounts.add(transaction, Account(name, name.title(), roles), password_hash=_hash(name))


@cache
def _hash(name: str) -> str:
    return QUICK.hash(name, PASSWORD)


@contextmanager
def quiet_desk(*, is_set_up: bool = True, **sections: Any) -> Iterator[Desk]:  # noqa: ANN401  # a TOML document
    """Open a desk that contacts nobody."""
    with quick_folder() as folder, Desk.open(load(write_configuration(folder, NOWHERE, sections))) as opened:
        opened.governing.passwords = QUICK
        if is_set_up:
            _set_up(opened)
        yield opened


def _set_up(desk: Desk) -> None:
    secret = desk.governing.offer_set_up().get_secret_value()
    desk.governing.set_up(secret=secret, name="first", display_name="First Admin", password=PASSWORD)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk that has handled nothing yet."""
    with quiet_desk() as opened:
        yield opened


@pytest.fixture
def visit(desk: Desk) -> Visit:
    return visitor(desk)


@pytest.fixture
def browser(visit: Visit) -> Browser:
    return visit()


@pytest.fixture(scope="package")
def busy_desk() -> Iterator[Desk]:
    """A desk that has handled ticket 1 and holds ticket 10. Only for tests that change nothing."""
    with quiet_desk() as opened:
        fill(opened, WORDS)
        yield opened


@pytest.fixture(scope="package")
def visit_busy(busy_desk: Desk) -> Visit:
    return visitor(busy_desk)
