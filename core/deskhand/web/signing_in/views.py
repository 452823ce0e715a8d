"""Signing in and out, the first set-up, and light or dark."""

import re
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response

from deskhand.desk.refusals import DeskRefusedError
from deskhand.web import cookies
from deskhand.web.access import RefusedVisitError
from deskhand.web.shell.pages import part, with_status
from deskhand.web.signing_in.limits import SignInLimit
from deskhand.web.visit import SEE_OTHER, MissingError, Visit

_OUR_OWN_PATH = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f]*")
WRONG = "That name and password do not belong together, or the account is locked. Wait a little, or ask an admin."
TOO_OFTEN = "Too many tries. Wait a minute, then try again."


@dataclass(frozen=True, slots=True)
class SigningIn:
    """The views for people who are not signed in yet."""

    limit: SignInLimit

    def ask(self, visit: Visit) -> Response:
        """Show the form."""
        if not visit.is_set_up:
            return RedirectResponse("/setup", SEE_OTHER)
        return self._form(visit, visit.query.get("next", ""))

    def sign_in(self, visit: Visit) -> Response:
        """Begin a session and go where the visitor was going; the same words for every way it can fail."""
        wanted = visit.form.get("next", "")
        if self.limit.is_reached(visit.client):
            return self._form(visit, wanted, TOO_OFTEN, 429)
        token = visit.desk.governing.sign_in(visit.form.get("name", ""), visit.form.get("password", ""))
        if token is None:
            self.limit.failed(visit.client)
            return self._form(visit, wanted, WRONG, 401)
        return begun(visit, token, own_path(wanted))

    def ask_to_set_up(self, visit: Visit) -> Response:
        """Show the set-up form; once an admin exists there is no such page, for good."""
        _refuse_set_up(visit)
        return part(visit, "signing_in/setup.html", problem="", form={})

    def set_up(self, visit: Visit) -> Response:
        """Make the first admin's account and sign it in."""
        _refuse_set_up(visit)
        if self.limit.is_reached(visit.client):
            return self._set_up_form(visit, TOO_OFTEN, 429)
        if visit.form.get("password") != visit.form.get("again"):
            return self._set_up_form(visit, "The two passwords are not the same.", 422)
        try:
            token = visit.desk.governing.set_up(
                secret=visit.form.get("secret", "").strip(),
                name=visit.form.get("name", ""),
                display_name=visit.form.get("display_name", "").strip(),
                password=visit.form.get("password", ""),
            )
        except DeskRefusedError as error:
            self.limit.failed(visit.client)
            return self._set_up_form(visit, str(error), 422)
        return begun(visit, token, "/accounts")

    def _form(self, visit: Visit, wanted: str, problem: str = "", status: int = 200) -> Response:
        name = visit.form.get("name", "")
        form = part(
            visit,
            "signing_in/sign_in.html",
            problem=problem,
            wanted=own_path(wanted),
            name=name,
            has_entra=visit.desk.entra.is_on,
            is_local_on=visit.desk.governing.local_sign_in().is_on,
        )
        return with_status(form, status)

    def _set_up_form(self, visit: Visit, problem: str, status: int) -> Response:
        return with_status(part(visit, "signing_in/setup.html", problem=problem, form=visit.form), status)


def sign_out(visit: Visit) -> Response:
    """End the session, here and in the record."""
    visit.desk.governing.sign_out(visit.token)
    answer = RedirectResponse("/sign-in", SEE_OTHER)
    cookies.forget_session(MutableHeaders(raw=answer.raw_headers), is_secure=visit.is_secure, is_framed=visit.is_framed)
    return answer


def choose_theme(visit: Visit) -> Response:
    """Keep light, dark or as the system is."""
    answer = RedirectResponse(own_path(visit.form.get("back", "")), SEE_OTHER)
    cookies.keep_theme(MutableHeaders(raw=answer.raw_headers), visit.form.get("theme", ""), is_secure=visit.is_secure)
    return answer


def own_path(wanted: str) -> str:
    """Return a path of ours to go to: the one that is wanted, or the console's beginning."""
    return wanted if _OUR_OWN_PATH.fullmatch(wanted) else "/"


def _refuse_set_up(visit: Visit) -> None:
    """Set a desk up once, and only from its own machine."""
    if visit.is_set_up:
        raise MissingError("There is no such page.")
    if not visit.is_local:
        raise RefusedVisitError("This desk is not set up yet. Set it up on its own machine.")


def begun(visit: Visit, token: str, where: str) -> Response:
    """Go on with the session that has begun."""
    answer = RedirectResponse(where, SEE_OTHER)
    headers = MutableHeaders(raw=answer.raw_headers)
    cookies.keep_session(headers, token, is_secure=visit.is_secure, is_framed=visit.is_framed)
    return answer
