"""Every route and every method: what answers, and what each answer carries."""

import pytest

from deskhand.desk.desk import Desk
from deskhand.sdk.webhooks import LARGEST_BODY
from deskhand.web.headers import content_security_policy
from tests.core.web.browser import Browser
from tests.core.web.conftest import Visit
from tests.core.web.html_pages import read

READING = ("GET", "HEAD")
OTHERS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
FILES = ("/static/app.css", "/static/htmx.min.js", "/static/icons.svg")
PAGES = ("/", "/tickets/1", "/panel/1", "/quarantine", "/approvals", "/runs", "/automations", "/govern", "/reviews")
MORE_PAGES = ("/record", "/switches", "/accounts", "/candidates", "/healthz", *FILES)
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


@pytest.mark.parametrize("path", [*PAGES, *MORE_PAGES])
@pytest.mark.parametrize("method", READING)
def test_every_page_can_be_read(visit_busy: Visit, method: str, path: str) -> None:
    answer = visit_busy().request(method, path)
    assert answer.status_code == 200
    assert answer.content or method == "HEAD"


@pytest.mark.parametrize("path", [*PAGES, *MORE_PAGES])
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
    assert path == "/tickets/" or path not in answer.text


EXPECTED = {
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize("path", [*PAGES, *FILES, *MISSING, "/callbacks/psa_connectwise", "/callbacks/psa_unknown"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_to_anyone_carries_the_security_headers_once(visit_busy: Visit, method: str, path: str) -> None:
    for who in (visit_busy(), visit_busy(roles=None), visit_busy("192.0.2.7"), visit_busy(name="evil.example")):
        answer = who.request(method, path)
        is_file = path in FILES and answer.status_code == 200
        expected = {**EXPECTED, "cache-control": "private, max-age=86400" if is_file else "no-store"}
        for name, value in expected.items():
            assert answer.headers.get_list(name) == [value], (name, answer.status_code)
        assert len(answer.headers.get_list("content-security-policy")) == 1
        assert not {"set-cookie", "access-control-allow-origin"} & set(answer.headers)


def test_no_two_answers_share_a_nonce_and_a_page_uses_its_own(visit_busy: Visit) -> None:
    answers = [visit_busy().get("/") for _ in range(3)]
    nonces = [nonce_of(each.headers["content-security-policy"]) for each in answers]
    assert len(set(nonces)) == 3
    for answer, nonce in zip(answers, nonces, strict=True):
        page = read(answer.text)
        assert page.values("script", "nonce") == [nonce] * 3
        assert {value for _, each in page.elements for name, value in each if name == "hx-nonce"} == {nonce}


def nonce_of(policy: str) -> str:
    return policy.partition("'nonce-")[2].partition("'")[0]


def test_so_does_the_answer_to_a_request_that_broke_us(browser: Browser, desk: Desk) -> None:
    del desk.configuration
    answer = browser.get("/")
    assert answer.status_code == 500
    assert answer.text == "Internal Server Error"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


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
    assert browser.get("/healthz").status_code == 503


def test_the_policy_lets_nothing_in_but_our_own_files() -> None:
    written = content_security_policy("abc")
    policy = dict(part.strip().partition(" ")[::2] for part in written.split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == "'nonce-abc'"
    assert policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "htmx")
    assert "unsafe" not in written


def test_a_static_file_says_what_it_is(visit_busy: Visit) -> None:
    types = {path: visit_busy().get(path).headers["content-type"].partition(";")[0] for path in FILES}
    assert types == dict(zip(FILES, ("text/css", "text/javascript", "image/svg+xml"), strict=True))


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
