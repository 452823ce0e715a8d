"""Our own HTTP surface as OpenAPI 3.1, made from the table of routes: what can be asked, by whom, and what is answered.

It is for whoever checks or guards the surface, and promises no stable interface: pages and forms change.
"""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, TypeAlias

from deskhand.records.accounts import Role
from deskhand.sdk.clock import utc_now
from deskhand.web.access import Entry, Framing
from deskhand.web.app import entries
from deskhand.web.headers import CALLBACKS, HEALTH
from deskhand.web.signing_in.limits import SignInLimit
from deskhand.web.signing_in.views import SigningIn

Json: TypeAlias = dict[str, Any]

_ROLES = tuple(f"role-{role.value}" for role in Role)
_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")

FORMS: Mapping[str, tuple[str, ...]] = {
    "/sign-in": ("name", "password", "next"),
    "/setup": ("secret", "name", "display_name", "password", "again"),
    "/sign-out": (),
    "/theme": ("theme", "back"),
    "/triage/{ticket:path}": ("what", "category", "item", "priority", "impact", "urgency"),
    "/plans/for/{ticket:path}": ("sentence", "automation"),
    "/plans/{plan}/submit": (),
    "/runs/{run}/steps/{step}/answer": ("value", "back"),
    "/runs/{run}/steps/{step}/undo": ("back",),
    "/runs/{run}/steps/{step}/reveal": (),
    "/runs/{run}/steps/{step}/settle": ("found", "back"),
    "/runs/{run}/undo": ("back",),
    "/runs/{run}/retry": ("from", "back"),
    "/runs/{run}/hold": ("back",),
    "/runs/{run}/let-go": ("back",),
    "/runs/{run}/cancel": ("back",),
    "/approvals/{approval}/decide": ("verdict", "plan_sha256", "comment", "for"),
    "/automations/{name}/versions/{version:int}/decide": ("verdict", "sha256", "comment"),
    "/automations/{name}/clients/{tenant}/overlay": ("what", "yaml", "sha256", "reason"),
    "/quarantine/resolve": ("ticket", "tenant", "other", "remember", "device"),
    "/delegations/add": ("to", "since", "until", "reason"),
    "/delegations/end": ("delegation",),
    "/automations/{name}/save": ("yaml",),
    "/automations/{name}/versions/{version:int}/back-test": (),
    "/automations/{name}/stage": ("tenant", "stage", "reason"),
    "/automations/{name}/state": ("what", "reason"),
    "/runs/{run}/draft": (),
    "/runs/{run}/diagnose": (),
    "/runs/{run}/mend": (),
    "/reviews/mark": ("subject", "id", "mark", "right", "comment"),
    "/switches/throw": ("what", "reason"),
    "/switches/release": ("what", "reason"),
    "/accounts/add": ("name", "display_name", "member_id", "clients", "password", *_ROLES),
    "/accounts/change": ("name", "member_id", "clients", "active", "password", "current", *_ROLES),
    "/accounts/local-sign-in": ("local",),
}
"""The fields each form is read for, besides ``csrf``. Any may be missing, and others are not looked at."""

QUERIES: Mapping[str, tuple[str, ...]] = {
    "/sign-in": ("next",),
    "/sign-in/entra": ("next",),
    "/sign-in/entra/callback": ("code", "state", "error", "error_description"),
    "/": ("outcome", "page"),
    "/runs": ("state", "automation"),
    "/panel/{ticket:path}": ("correct",),
    "/events/ticket/{ticket:path}": ("seen",),
    "/events/run/{run}": ("seen",),
}

_MEANINGS: Mapping[int, str] = {
    200: "What was asked for.",
    204: "Done, for a script of the page; `hx-redirect` or `hx-trigger` says what to do.",
    303: "Done, or to be had elsewhere: the next page.",
    400: "The form or the body is damaged.",
    401: "Nobody is signed in, or not with this.",
    403: "Not allowed: another page asks, inside a frame, without the role, for another client, or from elsewhere.",
    404: "There is no such page, or none for this account.",
    408: "The body took too long.",
    409: "Not done: the answer says why.",
    413: "The body is too large.",
    422: "What was given will not do: the form says why.",
    429: "Too many tries: wait a minute.",
    502: "A connected system did not answer as it should.",
    503: "The desk's own store cannot be read or written now; or, for health, something needs a person.",
}

_PAGE = frozenset({200, 303, 401, 403, 404, 409, 502, 503})
_CHANGE = frozenset({200, 204, 303, 400, 401, 403, 404, 409, 502, 503})
_STRANGERS: Mapping[str, frozenset[int]] = {
    "GET /sign-in": frozenset({200, 303, 403, 503}),
    "POST /sign-in": frozenset({303, 400, 401, 403, 429, 503}),
    "GET /sign-in/entra": frozenset({303, 403, 404, 429, 502}),
    "GET /sign-in/entra/callback": frozenset({303, 401, 403, 404, 429, 502, 503}),
    "GET /setup": frozenset({200, 403, 404, 503}),
    "POST /setup": frozenset({303, 400, 403, 404, 422, 429, 503}),
}


def document(table: Iterable[Entry] = ()) -> Json:
    """Return the document; of the application's own routes unless others are given."""
    paths: dict[str, Json] = {HEALTH: {"get": _health()}, f"{CALLBACKS}{{connector}}": {"post": _callback()}}
    for entry in table or entries(SigningIn(SignInLimit(utc_now))):
        paths.setdefault(_bare(entry.path), {})[entry.method.lower()] = _operation(entry)
    return {
        "openapi": "3.1.0",
        "info": {"title": "deskhand", "version": version("deskhand"), "description": _DESCRIPTION},
        "paths": paths,
        "components": {"securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "deskhand-session"}}},
    }


_DESCRIPTION = (
    "Health and callbacks for machines, pages and forms for browsers. A form needs the headers of a page of this very "
    "origin (`origin`, `sec-fetch-site`) and its session's `csrf`. Whoever is not signed in gets 303 to the sign-in "
    "page where a browser navigates (`sec-fetch-mode: navigate`, or `accept: text/html` without it), and 401 "
    "everywhere else. By HTTPS the cookie is `__Host-deskhand`."
)


def _operation(entry: Entry) -> Json:
    roles = "anybody" if entry.roles is None else ", ".join(sorted(role.value for role in entry.roles))
    operation: Json = {
        "operationId": re.sub(r"\W+", "-", f"{entry.method.lower()}{_bare(entry.path)}").strip("-"),
        "summary": (entry.view.__doc__ or "").strip().partition("\n")[0],
        "x-roles": roles,
        "x-framing": entry.framing.value,
        "x-is-of-all-clients": entry.is_of_all,
        "security": [] if entry.roles is None else [{"session": []}],
        "responses": _responses(_statuses(entry), "events" if entry.path.startswith("/events/") else "page"),
    }
    parameters = [*_path_parameters(entry.path), *(_parameter(name, "query") for name in _queries(entry))]
    if entry.framing is Framing.TOP_LEVEL:
        operation["x-top-level"] = True
    if parameters:
        operation["parameters"] = parameters
    if entry.is_change:
        operation["requestBody"] = _form(FORMS[entry.path])
    return operation


def _bare(path: str) -> str:
    """Write a path without Starlette's kinds of parameters."""
    return _PLACEHOLDER.sub(r"{\1}", path)


def _queries(entry: Entry) -> tuple[str, ...]:
    return () if entry.is_change else QUERIES.get(entry.path, ())


def _statuses(entry: Entry) -> frozenset[int]:
    if entry.roles is None:
        return _STRANGERS[f"{entry.method} {entry.path}"]
    return _CHANGE if entry.is_change else _PAGE


def _path_parameters(path: str) -> list[Json]:
    return [
        _parameter(name, "path", {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string"})
        for name, kind in _PLACEHOLDER.findall(path)
    ]


def _parameter(name: str, where: str, schema: Json | None = None) -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": schema or {"type": "string"}}


def _form(names: tuple[str, ...]) -> Json:
    properties: Json = {name: {"type": "string"} for name in ("csrf", *names)}
    schema = {"type": "object", "properties": properties}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def _responses(statuses: Iterable[int], kind: str) -> Json:
    text: Json = {"text/html": {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}}
    found: Json = {str(each): {"description": _MEANINGS[each], "content": text} for each in sorted(statuses)}
    if kind == "events":
        found["200"] = {"description": _MEANINGS[200], "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    for bare in ("204", "303"):
        if bare in found:
            found[bare] = {"description": found[bare]["description"]}
    return found


def _health() -> Json:
    content = {"application/json": {"schema": {"type": "object"}}}
    answers = {str(each): {"description": _MEANINGS[each], "content": content} for each in (200, 503)}
    return {
        "operationId": "get-healthz",
        "summary": "Is the desk well? Details to this machine only.",
        "x-roles": "anybody",
        "security": [],
        "responses": answers,
    }


def _callback() -> Json:
    return {
        "operationId": "post-callbacks-connector",
        "summary": "Take a hint from a vendor, verified on the raw bytes.",
        "x-roles": "anybody",
        "security": [],
        "parameters": [_parameter("connector", "path")],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": _responses((200, 400, 401, 404, 408, 413), "page"),
    }
