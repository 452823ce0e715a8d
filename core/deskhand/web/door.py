"""The door: every visit passes the same checks in the same order, then its view answers.

own page → kind of page → somebody signed in → own form → role → client → view. What goes wrong in a view becomes an
answer here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from deskhand.desk.desk import Desk
from deskhand.desk.refusals import DeskRefusedError, NotPermittedError
from deskhand.desk.seeing import is_shown
from deskhand.mirror.database import MirrorUnavailableError
from deskhand.records.accounts import Account
from deskhand.records.database import RecordsUnavailableError
from deskhand.sdk.errors import ConnectorError
from deskhand.web import cookies
from deskhand.web.access import (
    Entry,
    Framing,
    NoSessionError,
    RefusedVisitError,
    form_key,
    is_navigation,
    refuse_frames,
    refuse_other_clients,
    refuse_other_forms,
    refuse_other_pages,
    refuse_other_roles,
)
from deskhand.web.headers import FRAMERS, NONCE, is_local
from deskhand.web.shell.pages import part, with_status
from deskhand.web.visit import SEE_OTHER, MissingError, Visit

LARGEST_FORM = 256 * 1024
FORM_SECONDS = 10.0
MOST_FIELDS = 200

_TOLD: Mapping[type[Exception], tuple[str, int, str]] = {
    RefusedVisitError: ("Not allowed", 403, ""),
    MissingError: ("Not found", 404, ""),
    NotPermittedError: ("Not allowed", 403, ""),
    DeskRefusedError: ("Not done", 409, ""),
    ConnectorError: ("Not reached", 502, "A connected system did not answer as it should: "),
    RecordsUnavailableError: ("Not now", 503, "This page cannot be shown now. "),
    MirrorUnavailableError: ("Not now", 503, "This page cannot be shown now. "),
}
"""What a view's errors become: a title, a status, and what stands before the error's own words; the first that fits."""

Endpoint = Callable[[Request], Awaitable[Response]]


class BadFormError(Exception):
    """The body of a request is no form of ours."""


@dataclass(slots=True)
class SetUp:
    """Whether the desk has its first admin. That is so for good, so it is asked only until then."""

    desk: Desk
    _is_over: bool = field(default=False, init=False)

    def is_over(self) -> bool:
        """Tell whether anybody can sign in."""
        self._is_over = self._is_over or self.desk.governing.is_set_up()
        return self._is_over


@dataclass(frozen=True, slots=True)
class Door:
    """Lets visits in to one desk. ``framers`` are the origins that may frame the panel."""

    desk: Desk
    framers: Sequence[str]
    set_up: SetUp

    def endpoint(self, entry: Entry) -> Endpoint:
        """Return what Starlette calls for a route."""

        async def answer(request: Request) -> Response:
            try:
                form = await _form(request) if entry.is_change else {}
            except BadFormError as error:
                return PlainTextResponse(str(error), 400, headers={"connection": "close"})
            return await run_in_threadpool(self._answer, entry, request, form)

        return answer

    def _answer(self, entry: Entry, request: Request, form: Mapping[str, str]) -> Response:
        visit = self._stranger(request, form)
        try:
            if entry.is_change:
                refuse_other_pages(request.headers, visit.origin)
            refuse_frames(entry.framing, request.headers, may_be_framed=bool(self.framers))
            if entry.framing is Framing.PANEL:
                request.scope[FRAMERS] = tuple(self.framers)
            visit = self._known(visit, entry, request)
            return self._checked(visit, entry)
        except NoSessionError:
            return self._ask_in(visit, entry, request)
        except tuple(_TOLD) as error:
            title, status, opening = next(told for kind, told in _TOLD.items() if isinstance(error, kind))
            return _told(visit, title, f"{opening}{error}", status)

    def _checked(self, visit: Visit, entry: Entry) -> Response:
        if entry.roles is not None:
            if visit.account is None:
                raise NoSessionError
            if entry.is_change:
                refuse_other_forms(visit.token, visit.form.get("csrf", ""))
            refuse_other_roles(entry, visit.account)
            refuse_other_clients(entry, visit.account)
            if not is_shown(visit.desk, visit.account, visit.path):
                raise MissingError("There is no such page.")
        return entry.view(visit)

    def _stranger(self, request: Request, form: Mapping[str, str]) -> Visit:
        """Describe a visit before anything is known of who visits."""
        return Visit(
            desk=self.desk,
            origin=f"{request.url.scheme}://{request.url.netloc}",
            address=request.url.path,
            path=dict(request.path_params),
            query=dict(request.query_params),
            form=form,
            account=None,
            token="",
            csrf="",
            nonce=request.scope[NONCE],
            theme=cookies.theme(request.cookies),
            underway=cookies.underway_token(request.cookies, is_secure=request.url.scheme == "https"),
            client=request.client.host if request.client else "",
            is_secure=request.url.scheme == "https",
            is_local=is_local(request.scope),
            is_partial=request.headers.get("hx-request") == "true",
            is_document=request.headers.get("accept") == "application/json",
            is_framed=False,
            is_set_up=True,
        )

    def _known(self, visit: Visit, entry: Entry, request: Request) -> Visit:
        """Find out who visits: by the session at the top level, or on the panel by one that began in a frame."""
        token = cookies.session_token(request.cookies, is_secure=visit.is_secure)
        account = self._account(token)
        is_framed = request.headers.get("sec-fetch-dest") == "iframe" and visit.is_secure
        if account is None and entry.framing is Framing.PANEL and self.framers:
            token = cookies.framed_token(request.cookies, is_secure=visit.is_secure)
            account = self._account(token)
            is_framed = is_framed or account is not None
        is_set_up = account is not None or self.set_up.is_over()
        if account is None:
            return replace(visit, is_framed=is_framed, is_set_up=is_set_up)
        desk = self.desk.seen_by(account)
        return replace(visit, desk=desk, account=account, token=token, csrf=form_key(token), is_framed=is_framed)

    def _account(self, token: str) -> Account | None:
        return self.desk.governing.session(token) if token else None

    def _ask_in(self, visit: Visit, entry: Entry, request: Request) -> Response:
        """Lead a stranger who navigates to sign-in or set-up; all else is refused, and says where to go."""
        if not visit.is_set_up and not visit.is_local:
            return PlainTextResponse("This desk is not set up yet. Set it up on its own machine.\n", 403)
        where = f"/sign-in?next={quote(_wanted(visit, request), safe='/')}" if visit.is_set_up else "/setup"
        if visit.is_partial or entry.is_change or not is_navigation(request.headers):
            return PlainTextResponse("Sign in first.\n", 401, headers={"hx-redirect": where})
        return RedirectResponse(where, SEE_OTHER)


def _wanted(visit: Visit, request: Request) -> str:
    """Return the page to come back to: where a part of it was asked for, the page it is a part of."""
    if not visit.is_partial:
        return f"{visit.address}?{request.url.query}" if request.url.query else visit.address
    _, _, path = request.headers.get("hx-current-url", "").partition(f"//{request.url.netloc}")
    return path or "/"


def _told(visit: Visit, title: str, message: str, status: int) -> Response:
    """Say what was not done and why, as a page or as the part of one where notices stand."""
    answer = with_status(part(visit, "shell/told.html", title=title, message=message), status)
    if visit.is_partial:
        headers = MutableHeaders(raw=answer.raw_headers)
        headers["hx-retarget"], headers["hx-reswap"] = "#notice", "innerHTML"
    return answer


async def _form(request: Request) -> Mapping[str, str]:
    """Read a form of ours. Raises BadFormError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadFormError("A form is sent as application/x-www-form-urlencoded.")
    try:
        async with asyncio.timeout(FORM_SECONDS):
            body = await limited_body(request, LARGEST_FORM)
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except (ClientDisconnect, TimeoutError) as error:
        raise BadFormError("The form did not arrive in one piece.") from error
    except ValueError as error:
        raise BadFormError("The form is damaged.") from error


async def limited_body(request: Request, most: int) -> bytes:
    """Read a body. Raises BadFormError where it is larger than it may be."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise BadFormError("The form is too large.")
    return bytes(received)
