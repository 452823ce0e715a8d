"""Signing in with Entra ID: away to its page, and back. What the way needs is kept here, and found by a cookie."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response

from deskhand.governance.entra.sign_in import Begun, EntraRefusedError
from deskhand.web import cookies
from deskhand.web.shell.pages import part, with_status
from deskhand.web.signing_in.limits import SignInLimit
from deskhand.web.signing_in.views import TOO_OFTEN, begun, own_path
from deskhand.web.visit import SEE_OTHER, MissingError, Visit

CALLBACK = "/sign-in/entra/callback"
"""With the desk's own origin before it, the redirect URI to register in Entra."""


@dataclass(frozen=True, slots=True)
class EntraViews:
    """The two addresses. Neither is shown in a frame: Entra's own page would not be either."""

    limit: SignInLimit

    def start(self, visit: Visit) -> Response:
        """Send the browser to Entra ID; it comes back to wherever it was going."""
        _refuse_where_off(visit)
        if not visit.is_set_up:
            return RedirectResponse("/setup", SEE_OTHER)
        wanted = own_path(visit.query.get("next", ""))
        if self.limit.is_reached(visit.client):
            return _refused(visit, TOO_OFTEN, wanted, 429)
        try:
            started = visit.desk.entra.begin(f"{visit.origin}{CALLBACK}", wanted, visit.client)
        except EntraRefusedError as error:
            return _refused(visit, str(error), error.wanted, 502)
        return _away(visit, started)

    def come_back(self, visit: Visit) -> Response:
        """Check what Entra ID answered, begin a session, and go where the visitor was going."""
        _refuse_where_off(visit)
        if self.limit.is_reached(visit.client):
            return _refused(visit, TOO_OFTEN, "", 429)
        try:
            signed_in = visit.desk.entra.finish(visit.underway, visit.query)
        except EntraRefusedError as error:
            self.limit.failed(visit.client)
            return _refused(visit, str(error), error.wanted, 403 if error.is_known else 401)
        answer = begun(visit, signed_in.token.get_secret_value(), own_path(signed_in.wanted))
        return _forgotten(visit, answer)


def _refuse_where_off(visit: Visit) -> None:
    if not visit.desk.entra.is_on:
        raise MissingError("Signing in with Entra ID is not set up here: see [web.entra] in the settings.")


def _away(visit: Visit, started: Begun) -> Response:
    answer = RedirectResponse(started.where, SEE_OTHER)
    headers = MutableHeaders(raw=answer.raw_headers)
    cookies.keep_underway(headers, started.token.get_secret_value(), is_secure=visit.is_secure)
    return answer


def _refused(visit: Visit, problem: str, wanted: str, status: int) -> Response:
    """Say why nobody is signed in, and lead to another try."""
    again = f"/sign-in?next={quote(own_path(wanted), safe='/')}"
    answer = part(visit, "signing_in/not_signed_in.html", problem=problem, again=again)
    return _forgotten(visit, with_status(answer, status))


def _forgotten(visit: Visit, answer: Response) -> Response:
    cookies.keep_underway(MutableHeaders(raw=answer.raw_headers), "", is_secure=visit.is_secure)
    return answer
