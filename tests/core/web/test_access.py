"""Who sees customers' words: this machine, under its own name, and nobody a proxy speaks for."""

import socket
from collections.abc import Iterator
from html import unescape
from http.client import HTTPConnection

import pytest

from deskhand.configuration.schema import WebSettings
from deskhand.daemon import serving
from deskhand.desk.desk import Desk
from deskhand.web.app import create_app
from tests.core.web.conftest import EVERYTHING, PASSWORD, WORDS, Visit, quiet_desk, signed_in, visitor
from tests.core.web.documents import fill

CONSOLE = (
    "/",
    "/tickets/1",
    "/sign-in",
    "/setup",
    "/record",
    "/static/app.css",
    "/nowhere",
    "/healthzz",
    "/callbacksx",
)


@pytest.mark.parametrize("path", CONSOLE)
@pytest.mark.parametrize(
    "address", ["192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "2001:db8::1", "testclient", "", "0.0.0.1"]
)
def test_a_client_that_is_not_this_machine_is_refused(visit_busy: Visit, address: str, path: str) -> None:
    answer = visit_busy(address).get(path)
    assert answer.status_code == 403
    assert WORDS not in answer.text
    assert "SSH tunnel" in answer.text


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "evil.example:8484",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "192.0.2.7:8484",
        "[2001:db8::1]:8484",
        "0.0.0.0:8484",
        "2130706433",
        "0x7f.1",
        "127.1",
    ],
)
def test_a_page_that_rebinds_its_own_name_to_this_machine_is_refused(visit_busy: Visit, name: str) -> None:
    answer = visit_busy().get("/", headers={"host": name})
    assert answer.status_code == 403
    assert WORDS not in answer.text


@pytest.mark.parametrize("name", ["", " ", "127.0.0.1:8484:1", "[::1", "127.0.0.1:port", "127.0.0.1/", "127.0.0.1 "])
def test_a_host_header_that_names_nothing_is_refused(visit_busy: Visit, name: str) -> None:
    assert visit_busy().get("/", headers={"host": name}).status_code == 403


def test_two_host_headers_are_refused(visit_busy: Visit) -> None:
    hosts = [("host", "127.0.0.1:8484"), ("host", "evil.example")]
    assert visit_busy().get("/", headers=hosts).status_code == 403


@pytest.mark.parametrize(
    "name",
    ["127.0.0.1", "127.0.0.1:8484", "localhost", "localhost:9000", "LOCALHOST:1", "[::1]", "[::1]:8484", "127.8.8.8"],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.0.0.53"])
def test_this_machine_under_any_of_its_own_names_is_let_in(visit_busy: Visit, address: str, name: str) -> None:
    answer = visit_busy(address).get("/", headers={"host": name})
    assert answer.status_code == 200
    assert WORDS in answer.text.replace("&#39;", "'")


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "X-Forwarded-Host", "x-forwarded-for"]
)
@pytest.mark.parametrize("value", ["127.0.0.1", "192.0.2.7", "for=127.0.0.1", "localhost", ""])
def test_what_a_proxy_says_of_its_client_opens_nothing(visit_busy: Visit, header: str, value: str) -> None:
    for address in ("192.0.2.7", "127.0.0.1"):
        answer = visit_busy(address).get("/", headers={header: value})
        assert answer.status_code == 403, address
        assert WORDS not in answer.text


def test_health_gives_details_to_this_machine_only(visit_busy: Visit) -> None:
    here = visit_busy().get("/healthz").json()
    assert {"lights", "phase", "version", "work"} <= here.keys()
    for stranger in (visit_busy("192.0.2.7"), visit_busy(name="evil.example")):
        assert stranger.get("/healthz").json() == {"ok": True}
    assert visit_busy().get("/healthz", headers={"x-forwarded-for": "127.0.0.1"}).json() == {"ok": True}


def test_health_is_a_failure_while_something_is_wrong(visit: Visit, desk: Desk) -> None:
    assert visit().get("/healthz").status_code == 200
    desk.mirror.close()
    answer = visit("192.0.2.7").get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"ok": False})
    assert [light["is_well"] for light in visit().get("/healthz").json()["lights"]] == [True, False, True, True]


def raw(port: int, request: bytes) -> bytes:
    """Send bytes and return the beginning of what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


def test_over_a_real_socket_the_server_trusts_no_forwarding_header_and_names_no_software(busy_desk: Desk) -> None:
    token = signed_in(busy_desk, EVERYTHING)
    with serving(create_app(busy_desk), WebSettings(port=0)) as url:
        port = int(url.rpartition(":")[2])
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        session = {"Cookie": f"deskhand-session={token}"}
        connection.request("GET", "/", headers=session)
        answer = connection.getresponse()
        assert WORDS.replace("'", "&#39;") in answer.read().decode()
        assert (answer.status, answer.getheader("server")) == (200, None)
        for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "evil.example"}):
            connection.request("GET", "/", headers={**session, **headers})
            answer = connection.getresponse()
            assert (answer.status, b"customer" in answer.read()) == (403, False)
        connection.close()


@pytest.fixture
def open_to_others() -> Iterator[Visit]:
    """Visits to a desk that answers technicians' machines under one name."""
    files = {"certificate": "/nowhere/desk.pem", "private_key": "/nowhere/desk.key"}
    with quiet_desk(web={**files, "hosts": ["desk.msp.example"]}) as desk:
        fill(desk, WORDS)
        yield visitor(desk)


def test_another_machine_is_answered_by_https_under_a_name_that_is_set_and_nothing_else(open_to_others: Visit) -> None:
    for name, scheme, status in (
        ("desk.msp.example", "https", 200),
        ("desk.msp.example:8484", "https", 200),
        ("DESK.MSP.EXAMPLE", "https", 200),
        ("desk.msp.example", "http", 403),
        ("evil.example", "https", 403),
        ("desk.msp.example.evil.example", "https", 403),
        ("192.0.2.1", "https", 403),
    ):
        answer = open_to_others("192.0.2.7", name, scheme=scheme).get("/")
        assert (answer.status_code, WORDS in unescape(answer.text)) == (status, status == 200), (name, scheme)
    proxied = open_to_others("192.0.2.7", "desk.msp.example", scheme="https").get("/", headers={"via": "1.1 proxy"})
    assert proxied.status_code == 403


def test_over_https_the_session_cookie_is_bound_to_this_host_and_the_browser_keeps_to_https(
    open_to_others: Visit,
) -> None:
    stranger = open_to_others("192.0.2.7", "desk.msp.example", roles=None, scheme="https")
    answer = stranger.submit("/sign-in", {"name": "first", "password": PASSWORD})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-deskhand=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"HELO mail\r\n\r\n",
    ],
)
def test_a_request_that_is_none_gets_no_page(busy_desk: Desk, request_: bytes) -> None:
    with serving(create_app(busy_desk), WebSettings(port=0)) as url:
        port = int(url.rpartition(":")[2])
        answer = raw(port, request_)
        assert answer.split(b" ")[1] in {b"400", b"403", b"404", b"414", b"431"}
        assert WORDS.encode() not in answer
        assert raw(port, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 200")
