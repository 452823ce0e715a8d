"""Our own OpenAPI is true: to the table of routes, what views read, what pages send, and what is answered."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from deskhand.configuration.schema import WebSettings
from deskhand.daemon import serving
from deskhand.desk.desk import Desk
from deskhand.records.accounts import Role
from deskhand.sdk.testing import SimulatorHost
from deskhand.web.access import Entry, form_key
from deskhand.web.app import create_app
from deskhand.web.openapi import FORMS, QUERIES, document
from tests.core.desk.msp import Msp, configure, quick_folder
from tests.core.web.conftest import EVERYTHING, PASSWORD, QUICK, signed_in
from tests.core.web.test_door import CHANGES, TABLE, every, name_of
from tests.core.web.two_clients import OURS, fill
from tests.repository import ROOT

EXAMPLES = 3
"""For each route; every one is asked by two visitors, so that together all six ask."""
BARE = re.compile(r"\{(\w+)(?::\w+)?\}")
READ = re.compile(r"""form(?:\.get\(|\[)\s*f?"([\w{}.-]+)\"""")


def test_every_route_is_in_the_document_and_nothing_else() -> None:
    found = {(method.upper(), path) for path, item in document()["paths"].items() for method in item}
    machines = {("GET", "/healthz"), ("POST", "/callbacks/{connector}")}
    assert found == machines | {(each.method, BARE.sub(r"{\1}", each.path)) for each in TABLE}
    assert FORMS.keys() == {each.path for each in CHANGES}
    assert QUERIES.keys() <= {each.path for each in TABLE if not each.is_change}


def test_who_may_take_a_route_is_told_as_the_table_has_it() -> None:
    for entry in TABLE:
        told = document()["paths"][BARE.sub(r"{\1}", entry.path)][entry.method.lower()]
        assert bool(told["security"]) == (entry.roles is not None)
        assert told["x-roles"] == ", ".join(sorted(entry.roles or ())) or entry.roles is None


@every(CHANGES)
def test_a_field_a_view_reads_is_in_the_document(entry: Entry) -> None:
    source = inspect.getsource(inspect.unwrap(entry.view))
    for name in READ.findall(source):
        assert name in {*FORMS[entry.path], "csrf"}, name_of(entry)


def test_a_field_in_the_document_is_read_by_the_module_of_its_view() -> None:
    for entry in CHANGES:
        source = inspect.getsource(sys.modules[entry.view.__module__])
        unread = [each for each in FORMS[entry.path] if f'"{each}"' not in source]
        roles = {f"role-{role.value}" for role in Role}
        triage = {"item", "priority", "impact", "urgency"}
        assert set(unread) <= roles | triage, name_of(entry)


def forms(template: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield where each form of a template is sent, as a pattern, and the names of its fields."""
    text = template.read_text(encoding="utf-8")
    for attributes, content in re.findall(r"<form\b([^>]*)>(.*?)</form>", text, re.DOTALL):
        action = re.search(r'action="((?:\{\{.*?\}\}|[^"])*)"', attributes)
        names = set(re.findall(r'<(?:input|select|textarea|button)\b[^>]*?\bname="([a-z_0-9]+)"', content))
        if action is not None and action[1].startswith("/"):
            yield re.sub(r"\{\{.*?\}\}", "[^/]+", action[1]), names


def test_a_form_on_a_page_sends_no_field_that_nobody_reads() -> None:
    templates = sorted((ROOT / "core" / "deskhand" / "web").rglob("*.html"))
    found = [each for template in templates for each in forms(template)]
    assert len(found) > 20
    for action, names in found:
        paths = [path for path in FORMS if re.fullmatch(action, BARE.sub("x", path))]
        assert len(paths) == 1, action
        assert names <= {*FORMS[paths[0]], "csrf"}, action


# What is answered, asked in ways nobody thought of


@dataclass(frozen=True)
class Surface:
    """A desk on a socket, its PSA on another, and a session for each kind of visitor."""

    url: str
    desk: Desk
    tokens: dict[str, str]
    turns: Iterator[int]

    def token(self, who: str, roles: frozenset[Role]) -> str:
        """Return an open session: what is asked may have ended the last one."""
        if who not in self.tokens or self.desk.governing.session(self.tokens[who]) is None:
            self.tokens[who] = signed_in(self.desk, roles)
        return self.tokens[who]


VISITORS: dict[str, frozenset[Role] | None] = {
    "stranger": None,
    **{role.value: frozenset({role}) for role in Role},
    "all": EVERYTHING,
}


@pytest.fixture(scope="module")
def surface() -> Iterator[Surface]:
    with (
        quick_folder() as folder,
        SimulatorHost(Msp().psa) as psa,
        Desk.open(configure(folder, psa)) as desk,
        serving(create_app(desk), WebSettings(port=0)) as url,
    ):
        desk.governing.passwords = QUICK
        secret = desk.governing.offer_set_up().get_secret_value()
        desk.governing.set_up(secret=secret, name="first", display_name="First", password=PASSWORD)
        fill(desk)
        yield Surface(url, desk, {}, count())


schema = schemathesis.openapi.from_dict(
    {**document(), "paths": {path: each for path, each in document()["paths"].items() if "/events/" not in path}}
)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_every_route_answers_as_documented_whoever_asks_for_whatever(case: Any, surface: Surface) -> None:  # noqa: ANN401
    original, given = dict(case.path_parameters or {}), dict(case.body) if isinstance(case.body, dict) else case.body
    turn = next(surface.turns)
    for place in (turn % len(VISITORS), (turn + 3) % len(VISITORS)):
        who, roles = list(VISITORS.items())[place]
        known = {name: OURS.names.get(name, value) for name, value in original.items()}
        case.path_parameters = known if place % 2 else original
        token = "" if roles is None else surface.token(who, roles)
        if isinstance(given, dict) and case.path.startswith("/callbacks") is False:
            case.body = {**given, "csrf": form_key(token)}
        case.call_and_validate(
            base_url=surface.url,
            headers=headers(surface.url, token, place),
            allow_redirects=False,
            checks=[not_a_server_error, status_code_conformance, content_type_conformance],
        )


def headers(url: str, token: str, place: int) -> dict[str, str]:
    """Return what a browser, a script of a page, or a program says of itself, in turn."""
    said = (
        {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate"},
        {"sec-fetch-dest": "empty", "sec-fetch-mode": "cors", "hx-request": "true"},
        {"sec-fetch-dest": "document", "accept": "application/json"},
    )[place % 3]
    return {**said, "sec-fetch-site": "same-origin", "origin": url, "cookie": f"deskhand-session={token}"}


# Where there is no browser


def test_a_machine_without_a_session_is_told_401_and_a_person_is_led_to_sign_in(surface: Surface) -> None:
    ways: dict[str, tuple[dict[str, str], int]] = {
        "a browser that navigates": ({"sec-fetch-mode": "navigate", "accept": "text/html"}, 303),
        "a browser too old to say so": ({"accept": "text/html,application/xhtml+xml,*/*"}, 303),
        "curl": ({"accept": "*/*"}, 401),
        "a program": ({"accept": "application/json"}, 401),
        "a script that takes HTML": ({"sec-fetch-mode": "cors", "accept": "text/html"}, 401),
        "a stream": ({"accept": "text/event-stream"}, 401),
        "nothing said": ({"accept": ""}, 401),
    }
    with httpx.Client(base_url=surface.url, trust_env=False) as client:
        for name, (said, status) in ways.items():
            for path in ("/", "/runs", "/record", f"/panel/{OURS.ticket}"):
                answer = client.get(path, headers=said)
                assert answer.status_code == status, (name, path)
                assert OURS.words not in answer.text
