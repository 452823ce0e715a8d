"""Who may take which route, and from what kind of page: the rules the door applies, each on its own."""

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum

from starlette.datastructures import Headers

from deskhand.records.accounts import Account, Role
from deskhand.web.visit import View

EVERYONE = frozenset(Role)
"""Any account that may sign in: all of them may read."""

_WITHIN = frozenset({"iframe", "frame", "object", "embed", "fencedframe"})


class Framing(StrEnum):
    """Where an answer may be shown."""

    NEVER = "never"
    """In no frame."""
    PANEL = "panel"
    """Also in a frame of the origins in ``[web] frame_ancestors``."""
    TOP_LEVEL = "top level"
    """Only as a document of its own that a person went to: what is decided there is decided in plain sight."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One route: who may take it with which method. ``roles`` None lets strangers in."""

    method: str
    path: str
    view: View
    roles: frozenset[Role] | None = EVERYONE
    framing: Framing = Framing.NEVER
    is_of_all: bool = False
    """What it shows or changes is of every client at once, so that an account for some of them stays out."""

    @property
    def is_change(self) -> bool:
        """Tell whether it changes anything; then it needs proof that our own page asks."""
        return self.method == "POST"


class RefusedVisitError(Exception):
    """A visit that is turned away; the message is for the visitor."""


class NoSessionError(Exception):
    """The route needs someone who is signed in."""


def is_navigation(headers: Headers) -> bool:
    """Tell whether a person is going to a page, so that a redirect helps; a browser too old to say so takes HTML."""
    mode = headers.get("sec-fetch-mode")
    return "text/html" in headers.get("accept", "") if mode is None else mode == "navigate"


def refuse_other_pages(headers: Headers, origin: str) -> None:
    """Let only a page of this very origin make changes: the browser has to say that it is one.

    https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site and Origin. A request with neither is refused.
    """
    site, stated = headers.get("sec-fetch-site"), headers.get("origin")
    if (site is None and stated is None) or site not in {None, "same-origin"} or stated not in {None, origin}:
        raise RefusedVisitError("This change was not asked for by a page of this desk.")


def refuse_frames(framing: Framing, headers: Headers, *, may_be_framed: bool) -> None:
    """Refuse to be shown where the route may not be shown, on top of the frame-ancestors of its answer."""
    destination = headers.get("sec-fetch-dest", "")
    if framing is Framing.TOP_LEVEL and destination != "document":
        raise RefusedVisitError("This page is only shown on its own. Open it in a tab of a current browser.")
    if destination in _WITHIN and not (framing is Framing.PANEL and may_be_framed):
        raise RefusedVisitError("This page may not be shown inside another. Open it in a tab of its own.")


def refuse_other_forms(token: str, sent: str) -> None:
    """Let only a form of this session make changes."""
    if not hmac.compare_digest(form_key(token).encode(), sent.encode()):
        raise RefusedVisitError("This form is not of your present session. Go back, load the page again, and repeat.")


def refuse_other_roles(entry: Entry, account: Account) -> None:
    """Let only those roles in that the table names."""
    if entry.roles is not None and account.roles.isdisjoint(entry.roles):
        needed = " or ".join(sorted(role.value for role in entry.roles))
        raise RefusedVisitError(
            f"This takes the role {needed}, which {account.name} does not have. Ask an admin for it."
        )


def refuse_other_clients(entry: Entry, account: Account) -> None:
    """Keep an account for some clients from what concerns all of them."""
    if entry.is_of_all and account.is_confined:
        raise RefusedVisitError(
            f"This concerns all clients, and {account.name} is for some of them. Ask somebody who is for all."
        )


def form_key(token: str) -> str:
    """Return what a session's own forms carry; it tells nothing about the session's token."""
    return hmac.new(token.encode(), b"deskhand form", hashlib.sha256).hexdigest()[:32] if token else ""
