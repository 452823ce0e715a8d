"""The web application: one place that lists every route, and who may take it."""

from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from deskhand.desk.desk import Desk
from deskhand.records.accounts import Role
from deskhand.web.access import Entry, Framing
from deskhand.web.approvals import delegations
from deskhand.web.approvals import views as approvals
from deskhand.web.automations import candidates, versions
from deskhand.web.automations import views as automations
from deskhand.web.door import Door, SetUp
from deskhand.web.governing import accounts, reviews
from deskhand.web.governing import views as governing
from deskhand.web.headers import CALLBACKS, HEALTH, KnownHosts, SecurityHeaders
from deskhand.web.machine import Machine
from deskhand.web.panel import views as panel
from deskhand.web.runs import views as runs
from deskhand.web.signing_in import entra
from deskhand.web.signing_in import views as signing_in
from deskhand.web.signing_in.limits import SignInLimit
from deskhand.web.tickets import quarantine
from deskhand.web.tickets import views as tickets

_TECHNICIAN = frozenset({Role.TECHNICIAN})
_APPROVER = frozenset({Role.APPROVER})
_ADMIN = frozenset({Role.ADMIN})
_AT_WORK = frozenset({Role.TECHNICIAN, Role.APPROVER, Role.ADMIN})
_PANEL = Framing.PANEL
_ALONE = Framing.TOP_LEVEL


def entries(strangers: signing_in.SigningIn) -> tuple[Entry, ...]:
    """List every page and every change, with who may ask for it; the first that fits answers."""
    elsewhere = entra.EntraViews(strangers.limit)
    return (
        Entry("GET", "/sign-in", strangers.ask, None, _PANEL),
        Entry("POST", "/sign-in", strangers.sign_in, None, _PANEL),
        Entry("GET", "/sign-in/entra", elsewhere.start, None),
        Entry("GET", entra.CALLBACK, elsewhere.come_back, None),
        Entry("GET", "/setup", strangers.ask_to_set_up, None),
        Entry("POST", "/setup", strangers.set_up, None),
        Entry("POST", "/sign-out", signing_in.sign_out),
        Entry("POST", "/theme", signing_in.choose_theme),
        # The panel, which the PSA may frame
        Entry("GET", "/panel/{ticket:path}", panel.panel, framing=_PANEL),
        Entry("GET", "/parts/work/{ticket:path}", panel.work, framing=_PANEL),
        Entry("GET", "/parts/offers/{ticket:path}", panel.offers, framing=_PANEL),
        Entry("GET", "/parts/correction/{ticket:path}", panel.correction, _TECHNICIAN, _PANEL),
        Entry("GET", "/events/ticket/{ticket:path}", panel.events, framing=_PANEL),
        Entry("POST", "/triage/{ticket:path}", panel.triage, _TECHNICIAN, _PANEL),
        Entry("POST", "/plans/for/{ticket:path}", panel.propose, _TECHNICIAN, _PANEL),
        Entry("POST", "/plans/{plan}/submit", panel.submit, _TECHNICIAN, _PANEL),
        Entry("POST", "/runs/{run}/steps/{step}/answer", runs.answer, _TECHNICIAN, _PANEL),
        Entry("POST", "/runs/{run}/steps/{step}/undo", runs.undo, _TECHNICIAN, _PANEL),
        Entry("POST", "/runs/{run}/steps/{step}/reveal", runs.reveal, _TECHNICIAN, _PANEL),
        Entry("POST", "/runs/{run}/steps/{step}/settle", runs.settle, _TECHNICIAN, _PANEL),
        Entry("POST", "/runs/{run}/undo", runs.undo, _TECHNICIAN, _PANEL),
        Entry("POST", "/runs/{run}/retry", runs.retry, _TECHNICIAN, _PANEL),
        Entry("POST", "/runs/{run}/cancel", runs.cancel, _AT_WORK, _PANEL),
        Entry("POST", "/runs/{run}/hold", runs.hold, _AT_WORK, _PANEL),
        Entry("POST", "/runs/{run}/let-go", runs.let_go, _AT_WORK, _PANEL),
        # Deciding, on pages of their own
        Entry("GET", "/open/{token}", approvals.open_link, framing=_ALONE),
        Entry("GET", "/approvals/{approval}", approvals.decision, framing=_ALONE),
        Entry("POST", "/approvals/{approval}/decide", approvals.decide, _AT_WORK, _ALONE),
        Entry("GET", "/automations/{name}/versions/{version:int}", versions.version, framing=_ALONE, is_of_all=True),
        Entry(
            "POST",
            "/automations/{name}/versions/{version:int}/decide",
            versions.decide,
            _APPROVER,
            _ALONE,
            is_of_all=True,
        ),
        Entry("GET", "/automations/{name}/clients/{tenant}", automations.client, framing=_ALONE),
        Entry("POST", "/automations/{name}/clients/{tenant}/overlay", automations.overlay, _AT_WORK, _ALONE),
        # The console
        Entry("GET", "/", tickets.listing),
        Entry("GET", "/tickets/{ticket:path}", tickets.ticket),
        Entry("GET", "/quarantine", quarantine.listing, is_of_all=True),
        Entry(
            "POST", "/quarantine/resolve", quarantine.resolve, frozenset({Role.TECHNICIAN, Role.ADMIN}), is_of_all=True
        ),
        Entry("GET", "/approvals", approvals.listing),
        Entry("GET", "/delegations", delegations.listing),
        Entry("POST", "/delegations/add", delegations.add, _APPROVER),
        Entry("POST", "/delegations/end", delegations.end, _AT_WORK),
        Entry("GET", "/runs", runs.listing),
        Entry("GET", "/runs/{run}", runs.run),
        Entry("GET", "/parts/run/{run}", runs.steps),
        Entry("GET", "/events/run/{run}", runs.events),
        Entry("GET", "/automations", automations.listing),
        Entry("GET", "/automations/{name}", automations.automation),
        Entry("GET", "/automations/{name}/edit", versions.edit, _AT_WORK, is_of_all=True),
        Entry("POST", "/automations/{name}/save", versions.save, _AT_WORK, is_of_all=True),
        Entry(
            "POST", "/automations/{name}/versions/{version:int}/back-test", versions.back_test, _AT_WORK, is_of_all=True
        ),
        Entry("POST", "/automations/{name}/stage", automations.stage, _AT_WORK),
        Entry("POST", "/automations/{name}/state", automations.change_state, _AT_WORK, is_of_all=True),
        Entry("POST", "/runs/{run}/draft", versions.draft, _AT_WORK, is_of_all=True),
        Entry("POST", "/runs/{run}/diagnose", runs.diagnose, _AT_WORK),
        Entry("POST", "/runs/{run}/mend", runs.mend, _AT_WORK, is_of_all=True),
        Entry("GET", "/candidates", candidates.listing, is_of_all=True),
        Entry("GET", "/govern", governing.govern, is_of_all=True),
        Entry("GET", "/record", governing.record),
        Entry("GET", "/reviews", reviews.listing, is_of_all=True),
        Entry("POST", "/reviews/mark", reviews.mark, _AT_WORK, is_of_all=True),
        Entry("GET", "/switches", governing.switches),
        Entry("POST", "/switches/throw", governing.throw, _AT_WORK),
        Entry("POST", "/switches/release", governing.release, _ADMIN),
        Entry("GET", "/accounts", accounts.listing, frozenset({Role.ADMIN, Role.AUDITOR}), is_of_all=True),
        Entry("POST", "/accounts/add", accounts.add, _ADMIN, is_of_all=True),
        Entry("POST", "/accounts/change", accounts.change, _ADMIN, is_of_all=True),
        Entry("POST", "/accounts/local-sign-in", accounts.local_sign_in, _ADMIN, is_of_all=True),
    )


def create_app(desk: Desk) -> ASGIApp:
    """Return the application for one desk."""
    machine, settings = Machine(desk), desk.configuration.web
    door = Door(desk, settings.frame_ancestors, SetUp(desk))
    strangers = signing_in.SigningIn(SignInLimit(desk.clock))
    pages = Starlette(
        routes=[
            Route(HEALTH, machine.health),
            Route(f"{CALLBACKS}{{connector:str}}", machine.callback, methods=["POST"]),
            Mount("/static", StaticFiles(directory=str(files("deskhand.web") / "static"))),
            *(Route(each.path, door.endpoint(each), methods=[each.method]) for each in entries(strangers)),
        ],
        exception_handlers={404: _not_found},
    )
    pages.router.redirect_slashes = False  # a redirect would repeat whatever name the request came under
    return SecurityHeaders(KnownHosts(pages, settings.hosts))


async def _not_found(request: Request, error: Exception) -> Response:
    """Say that there is no such page, without echoing its name."""
    del request, error
    return HTMLResponse("Not found. The console begins at /.", 404)
