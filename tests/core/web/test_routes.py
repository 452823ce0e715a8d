"""Every route and every method: what answers, and what each answer carries."""

import pytest

from deskhand.desk.desk import Desk
from deskhand.sdk.webhooks import LARGEST_BODY
from deskhand.web.headers import CONTENT_SECURITY_POLICY
from tests.core.web.browser import Browser
from tests.core.web.conftest import Visit

READING = ("GET", "HEAD")
OTHERS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
PAGES = ("/", "/tickets/1", "/quarantine", "/record", "/healthz", "/static/console.css", "/static/live.js")
MISSING = (
    "/nowhere",
    "/tickets",
    "/tickets/",
    "/tickets/999",
    "/static/",
    "/static/nothing.js",
    "/static/../console.py",
    "/static/%2e%2e/console.py",
    "/healthz/",
    "/healthz/more",
    "/callbacks",
    "/callbacks/",
    "/callbacks/a/b",
    "//evil.example/",
    "/%00",
    "/.git/config",
)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", READING)
def test_every_page_can_be_read(visit_busy: Visit, method: str, path: str) -> None:
    answer = visit_busy().request(method, path)
    assert answer.status_code == 200
    assert answer.content or method == "HEAD"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", OTHERS)
def test_no_page_can_be_written_to(visit_busy: Visit, method: str, path: str) -> None:
    assert visit_busy().request(method, path).status_code == 405


@pytest.mark.parametrize("method", [each for each in (*READING, *OTHERS) if each != "POST"])
def test_callbacks_are_only_posted(visit_busy: Visit, method: str) -> None:
    assert visit_busy().request(method, "/callbacks/psa_connectwise").status_code == 405


@pytest.mark.parametrize("path", MISSING)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_there_is_not_found_and_not_repeated(visit_busy: Visit, method: str, path: str) -> None:
    answer = visit_busy().request(method, path)
    assert answer.status_code in {404, 405}
    assert "location" not in answer.headers
    assert path not in answer.text.replace("begins at /", "")


@pytest.mark.parametrize("path", [*PAGES, *MISSING, "/callbacks/psa_connectwise", "/callbacks/psa_unknown"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_to_anyone_carries_the_security_headers_once(visit_busy: Visit, method: str, path: str) -> None:
    expected = {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
    }
    for who in (visit_busy(), visit_busy("192.0.2.7"), visit_busy(name="evil.example")):
        answer = who.request(method, path)
        for name, value in expected.items():
            assert answer.headers.get_list(name) == [value], (name, answer.status_code)
        assert not {"set-cookie", "access-control-allow-origin"} & set(answer.headers)


def test_so_does_the_answer_to_a_request_that_broke_us(browser: Browser, desk: Desk) -> None:
    del desk.configuration
    answer = browser.get("/")
    assert answer.status_code == 500
    assert answer.text == "Internal Server Error"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", ["/", "/tickets/1", "/quarantine", "/record"])
def test_a_page_whose_records_cannot_be_read_says_so_and_how_to_mend_it(
    browser: Browser, desk: Desk, path: str
) -> None:
    file = desk.configuration.state / "records.db"
    desk.records.close()
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    file.write_bytes(b"not a database at all" * 100)
    answer = browser.get(path)
    assert answer.status_code == 503
    assert "not a database" in answer.text
    assert "restore it from a backup" in answer.text


def test_the_policy_lets_nothing_in_but_our_own_files() -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in CONTENT_SECURITY_POLICY.split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_a_static_file_says_what_it_is(visit_busy: Visit) -> None:
    assert visit_busy().get("/static/live.js").headers["content-type"].startswith("text/javascript")
    assert visit_busy().get("/static/console.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("size", [LARGEST_BODY + 1, LARGEST_BODY * 8])
def test_a_body_too_large_is_refused(visit_busy: Visit, size: int) -> None:
    answer = visit_busy("192.0.2.7").post(
        "/callbacks/psa_connectwise", content=b"x" * size, headers={"x-content-signature": "AAAA"}
    )
    assert (answer.status_code, answer.text) == (413, "refused")


def test_a_callback_for_a_connector_that_takes_none_is_not_found(visit_busy: Visit) -> None:
    for name in ("psa_unknown", "psa_connectwise%20", "PSA_CONNECTWISE", "%00"):
        answer = visit_busy("192.0.2.7").post(f"/callbacks/{name}", content=b"{}")
        assert answer.status_code == 404, name
        assert "unknown" not in answer.text
