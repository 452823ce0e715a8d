"""Signing in and out, and the first set-up: what works, what is refused, and what nobody can tell from outside."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deskhand.desk.desk import Desk
from deskhand.records.accounts import Role
from deskhand.sdk.clock import utc_now
from deskhand.web.app import create_app
from deskhand.web.cookies import theme
from deskhand.web.signing_in.limits import BY_ADDRESS, BY_ALL, WINDOW, SignInLimit
from deskhand.web.signing_in.views import own_path
from tests.core.web.browser import Browser
from tests.core.web.conftest import PASSWORD, Visit, quiet_desk, signed_in


@pytest.fixture
def stranger(visit: Visit) -> Browser:
    return visit(roles=None)


def enter(browser: Browser, name: str = "first", password: str = PASSWORD, wanted: str = "") -> tuple[int, str]:
    answer = browser.submit("/sign-in", {"name": name, "password": password, "next": wanted})
    cookies = answer.headers.get_list("set-cookie")
    return answer.status_code, cookies[0].partition("=")[2].partition(";")[0] if cookies else ""


def test_the_right_password_opens_the_console_until_the_way_out(stranger: Browser) -> None:
    status, token = enter(stranger)
    assert (status, len(token) > 40) == (303, True)
    mine = Browser(stranger.app, token=token)
    page = mine.get("/")
    assert page.status_code == 200
    assert "First Admin" in page.text
    assert token not in page.text
    key = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    gone = Browser(stranger.app, token=token, csrf=key).submit("/sign-out")
    assert (gone.status_code, gone.headers["location"]) == (303, "/sign-in")
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert mine.get("/").status_code == 303


def test_a_session_cookie_is_kept_from_scripts_and_other_sites(stranger: Browser) -> None:
    (cookie,) = stranger.submit("/sign-in", {"name": "first", "password": PASSWORD}).headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("first", "wrong password"),
        ("nobody-here", PASSWORD),
        ("first", ""),
        ("", ""),
        ("first\0", "x"),
        ("é" * 70, "x" * 5000),
    ],
)
def test_every_way_to_fail_looks_the_same(stranger: Browser, name: str, password: str) -> None:
    reference = stranger.submit("/sign-in", {"name": "first", "password": "surely wrong"})
    answer = stranger.submit("/sign-in", {"name": name, "password": password})
    assert (answer.status_code, reference.status_code) == (401, 401)
    assert "do not belong together" in answer.text
    assert "set-cookie" not in answer.headers
    assert password not in answer.text or len(password) < 2


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/ok\nset-cookie: x",
        " /runs",
        "/runs /",
        "runs",
        "",
    ],
)
def test_signing_in_leads_nowhere_but_to_our_own_pages(stranger: Browser, wanted: str) -> None:
    answer = stranger.submit("/sign-in", {"name": "first", "password": PASSWORD, "next": wanted})
    assert answer.headers["location"] == "/"


def test_signing_in_leads_to_where_the_visitor_was_going(stranger: Browser) -> None:
    assert stranger.get("/runs").headers["location"] == "/sign-in?next=/runs"
    assert stranger.get("/runs?state=done&x=//").headers["location"] == "/sign-in?next=/runs%3Fstate%3Ddone%26x%3D//"
    assert own_path("/panel/a%2Fb?correct=1") == "/panel/a%2Fb?correct=1"
    answer = stranger.submit("/sign-in", {"name": "first", "password": PASSWORD, "next": "/runs"})
    assert answer.headers["location"] == "/runs"


def test_a_part_of_a_page_that_asks_without_a_session_names_the_page_to_come_back_to(stranger: Browser) -> None:
    headers = {"hx-request": "true", "hx-current-url": f"{stranger.origin}/panel/7", "sec-fetch-dest": "empty"}
    answer = stranger.get("/parts/work/7", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=/panel/7")


def test_after_ten_failures_in_a_minute_an_address_has_to_wait(stranger: Browser) -> None:
    statuses = [enter(stranger, f"name{number}", "wrong")[0] for number in range(BY_ADDRESS + 2)]
    assert statuses == [401] * BY_ADDRESS + [429] * 2
    assert enter(stranger)[0] == 429
    assert enter(Browser(stranger.app, address="127.0.0.2"))[0] == 303


class Clock:
    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


def test_the_limit_forgets_after_a_minute_counts_everybody_together_and_stays_small() -> None:
    clock = Clock()
    limit = SignInLimit(clock)
    for number in range(BY_ALL):
        assert not limit.is_reached(f"192.0.2.{number}")
        limit.failed(f"192.0.2.{number}")
    assert limit.is_reached("198.51.100.1")
    clock.now += WINDOW + timedelta(seconds=1)
    assert not limit.is_reached("198.51.100.1")
    for number in range(10_100):
        limit.failed(f"2001:db8::{number:x}")
    assert len(limit._failures) < 10_050


def test_the_theme_is_kept_in_a_cookie_that_can_say_nothing_else(visit: Visit) -> None:
    browser = visit()
    for chosen, value in (("dark", "dark"), ("light", "light"), ("", ""), ("x;Domain=evil", ""), ("<script>", "")):
        answer = browser.submit("/theme", {"theme": chosen, "back": "/runs"})
        assert answer.headers["set-cookie"].startswith(f"deskhand-theme={value};")
        assert answer.headers["location"] == "/runs"
    assert theme({"deskhand-theme": "dark"}) == "dark"
    assert theme({"deskhand-theme": "dark'><script>"}) == ""


# The first set-up


SET_UP = {"name": "ada", "display_name": "Ada", "password": PASSWORD, "again": PASSWORD}


def test_the_first_admin_is_made_with_the_secret_once_and_then_there_is_no_such_page() -> None:
    with quiet_desk(is_set_up=False) as desk:
        stranger = Browser(create_app(desk))
        assert stranger.get("/sign-in").headers["location"] == "/setup"
        assert "Set-up secret" in stranger.get("/setup").text
        secret = desk.governing.offer_set_up().get_secret_value()
        answer = stranger.submit("/setup", {**SET_UP, "secret": secret})
        assert (answer.status_code, answer.headers["location"]) == (303, "/accounts")
        token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        assert Browser(stranger.app, token=token).get("/accounts").status_code == 200
        (account,) = desk.governing.accounts()
        assert Role.ADMIN in account.roles
        for status in (
            stranger.get("/setup").status_code,
            stranger.submit("/setup", {**SET_UP, "secret": secret}).status_code,
        ):
            assert status == 404
        assert Browser(create_app(desk)).get("/setup").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "guess"},
        {"secret": ""},
        {"password": "short", "again": "short"},
        {"again": "another one"},
        {"name": "root"},
    ],
)
def test_without_the_secret_or_with_what_will_not_do_nobody_is_made_admin(wrong: dict[str, str]) -> None:
    with quiet_desk(is_set_up=False) as desk:
        secret = desk.governing.offer_set_up().get_secret_value()
        answer = Browser(create_app(desk)).submit("/setup", {**SET_UP, "secret": secret, **wrong})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert PASSWORD not in answer.text
        assert desk.governing.accounts() == ()


def test_set_up_is_for_this_machine_alone(tmp_path: Path) -> None:
    files = {"certificate": str(tmp_path / "a.pem"), "private_key": str(tmp_path / "b.pem")}
    with quiet_desk(is_set_up=False, web={**files, "hosts": ["desk.msp.example"]}) as desk:
        app = create_app(desk)
        here = Browser(app)
        away = Browser(app, "192.0.2.7", "desk.msp.example", scheme="https")
        assert here.get("/").headers["location"] == "/setup"
        assert away.get("/").status_code == 403
        assert away.get("/setup").status_code == 403
        secret = desk.governing.offer_set_up().get_secret_value()
        assert away.submit("/setup", {**SET_UP, "secret": secret}).status_code == 403
        assert desk.governing.accounts() == ()


def test_a_disabled_account_is_out_at_once(desk: Desk, visit: Visit) -> None:
    technician = frozenset({Role.TECHNICIAN})
    token = signed_in(desk, technician)
    browser = Browser(visit().app, token=token)
    assert browser.get("/").status_code == 200
    admin = visit()
    answer = admin.submit("/accounts/change", {"name": "technician", "role-technician": "yes"})
    assert answer.status_code == 303
    assert browser.get("/").status_code == 303
