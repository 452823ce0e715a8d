"""A visit: one checked request, as a view sees it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from starlette.responses import RedirectResponse, Response

from deskhand.desk.desk import Desk
from deskhand.records.accounts import Account, Role

NOTHING = 204
SEE_OTHER = 303


class MissingError(Exception):
    """There is no such page; the message says what there is none of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who asks for what. Views are called only after the door has checked all that a route demands."""

    desk: Desk
    origin: str
    """Scheme, name and port under which this desk was asked."""
    address: str
    """The path that was asked for, without its query."""
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    account: Account | None
    token: str
    """The session's token, empty without a session; it leaves the server only in the session's cookie."""
    csrf: str
    """What a form has to send back: known to this session's own pages only."""
    nonce: str
    theme: str
    underway: str
    """What finds a sign-in elsewhere that this browser has under way; empty without one."""
    client: str
    """The address the request came from."""
    is_secure: bool
    is_local: bool
    """Asked on this machine, under one of its own names."""
    is_partial: bool
    """Asked for by a script of the page, which takes a part of it and not a page."""
    is_document: bool
    """Asked for by a program, which takes one JSON document."""
    is_framed: bool
    is_set_up: bool
    """Whether anybody may sign in yet."""

    @property
    def who(self) -> Account:
        """The account that is signed in. Raises LookupError on routes that are open to strangers."""
        if self.account is None:
            raise LookupError("nobody is signed in")
        return self.account

    def may(self, *roles: Role) -> bool:
        """Tell whether the account holds one of these roles."""
        return self.account is not None and not self.account.roles.isdisjoint(roles)

    def done(self, back: str) -> Response:
        """Answer a change that was made: a script takes the parts anew, a browser goes back to the page."""
        if self.is_partial:
            return Response(status_code=NOTHING, headers={"hx-trigger": "changed"})
        return RedirectResponse(back, SEE_OTHER)

    def go(self, where: str) -> Response:
        """Send the visitor to another page, whether a script asks or a browser."""
        if self.is_partial:
            return Response(status_code=NOTHING, headers={"hx-redirect": where})
        return RedirectResponse(where, SEE_OTHER)


View: TypeAlias = Callable[[Visit], Response]
"""Answers a visit. Runs in a thread; raises MissingError, DeskRefusedError, and the stores' and connectors' errors."""
