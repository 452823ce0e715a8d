import gzip
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from deskhand.sdk.errors import (
    AuthorizationError,
    ConfigurationError,
    ConnectorError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.sdk.http import HttpClient, Patience
from deskhand.sdk.secrets import basic
from deskhand.sdk.testing import (
    DropAfterEffect,
    DropBefore,
    HtmlErrorPage,
    Latency,
    SimulatedResponse,
    SimulatorHost,
    Throttle,
    TruncatedBody,
)
from tests.core.sdk.scripted_vendor import Answer, Naps, ScriptedVendor, ok, raw_server, status

SECRET = "-".join(["hush"] * 2)


class Line:
    """A client, the vendor it speaks to, and how long it would have waited."""

    def __init__(self, host: SimulatorHost, vendor: ScriptedVendor, stack: ExitStack) -> None:
        self.host, self.vendor, self._stack, self.naps = host, vendor, stack, Naps()
        self.client = self.open()

    def open(self, path: str = "", **options: object) -> HttpClient:
        settings: dict[str, object] = {
            "allow_private_addresses": True,
            "requests_per_minute": 1_000_000,
            "timeout_seconds": 5.0,
            "patience": self.naps.patience(),
        }
        client = HttpClient(self.host.url + path, **(settings | options))  # type: ignore[arg-type]  # a test's own options
        return self._stack.enter_context(client)


Dial = Callable[..., Line]


@pytest.fixture
def dial() -> Iterator[Dial]:
    with ExitStack() as stack:

        def start(*answers: Answer) -> Line:
            vendor = ScriptedVendor(*answers)
            return Line(stack.enter_context(SimulatorHost(vendor)), vendor, stack)

        yield start


# What is sent


def test_a_request_arrives_as_it_was_meant(dial: Dial) -> None:
    line = dial(ok({"id": 7}))
    client = line.open("/v1", headers={"clientId": "abc"}, credential=lambda: basic("user", "pass"))
    sent = client.json("POST", "/tickets/a%2Fb", json={"summary": "Grüße"}, params={"page": 2, "q": 'x"&y'})
    request = line.vendor.seen[0]
    assert sent == {"id": 7}
    assert (request.method, request.path) == ("POST", "/v1/tickets/a%2Fb")
    assert request.query == {"page": ("2",), "q": ('x"&y',)}
    assert request.json() == {"summary": "Grüße"}
    assert request.headers["clientid"] == "abc"
    assert request.headers["authorization"].startswith("Basic ")


def test_a_form_arrives_as_a_form(dial: Dial) -> None:
    line = dial(ok({"id": 7}))
    assert line.client.json("POST", "/x", form={"To": "+44 7", "Body": "a=b&c\nGrüße"}) == {"id": 7}
    line.client.send("POST", "/x", form={"To": ""})
    first, second = line.vendor.seen
    assert first.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(first.body.decode()) == [("To", "+44 7"), ("Body", "a=b&c\nGrüße")]
    assert second.body == b"To="


def test_bytes_arrive_as_they_are_with_the_type_they_were_given(dial: Dial) -> None:
    line = dial(ok())
    line.client.send("POST", "/x", content=b"\x00\xff", headers={"Content-Type": "application/timestamp-query"})
    (request,) = line.vendor.seen
    assert (request.headers["content-type"], request.body) == ("application/timestamp-query", b"\x00\xff")


def test_a_body_is_json_a_form_or_bytes(dial: Dial) -> None:
    line = dial(ok())
    bodies: list[dict[str, Any]] = [
        {"json": {}, "form": {}},
        {"json": {}, "content": b""},
        {"form": {}, "content": b""},
    ]
    for each in bodies:
        with pytest.raises(RejectedError, match="more than one body"):
            line.client.send("POST", "/x", **each)
    assert not line.vendor.seen


def test_an_absolute_address_on_the_same_origin_is_taken(dial: Dial) -> None:
    line = dial(ok())
    line.client.get(f"{line.host.url}/next?pageId=7")
    assert line.vendor.seen[0].query == {"pageId": ("7",)}


@pytest.mark.parametrize(
    "path",
    [
        "http://127.0.0.1:1/tickets",
        "https://evil.example/tickets",
        "HTTPS://evil.example/",
        "//evil.example/tickets",
        "ftp://127.0.0.1/tickets",
        "http://user@{host}/tickets",
        "/tickets/../members",
        "/tickets/%2e%2E/members",
        "..",
        "/tickets/.",
        "http://{host}/a/../b",
        "/tickets/7#8",
        "/tickets/\n7",
        "/tickets/\x007",
        "http://[::1",
    ],
)
def test_a_path_cannot_lead_anywhere_else(dial: Dial, path: str) -> None:
    line = dial(ok())
    with pytest.raises(RejectedError):
        line.client.get(path.replace("{host}", line.host.url.removeprefix("http://")))
    assert line.host.requests == 0


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vendor.example",
        "ftp://vendor.example",
        "https://",
        "https://u:p@vendor.example",
        "https://a.example/?x=1",
        "https://[::1",
    ],
)
def test_an_address_that_cannot_work_is_refused_at_once(address: str) -> None:
    with pytest.raises(ConfigurationError):
        HttpClient(address)


@pytest.mark.parametrize("body", ["\ud800", float("nan"), {"x": float("inf")}, {"x": object()}])
def test_a_body_that_is_no_json_is_refused_before_it_is_sent(dial: Dial, body: object) -> None:
    line = dial(ok())
    with pytest.raises(RejectedError, match="cannot be built"):
        line.client.send("POST", "/tickets", json=body)  # type: ignore[arg-type]  # that is the point
    assert line.host.requests == 0


def test_cookies_are_not_kept_between_requests(dial: Dial) -> None:
    line = dial(ok(Set_Cookie="session=1; Path=/"))
    line.client.get("/a")
    line.client.get("/b")
    assert "cookie" not in line.vendor.seen[1].headers


def test_a_proxy_of_the_environment_is_ignored(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert dial(ok()).client.json("GET", "/") == "ok"


# What comes back


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, RejectedError),
        (401, AuthorizationError),
        (403, AuthorizationError),
        (404, NotFoundError),
        (405, RejectedError),
        (408, UnavailableError),
        (409, RejectedError),
        (415, RejectedError),
        (422, RejectedError),
        (429, RateLimitedError),
        (500, UnavailableError),
        (503, UnavailableError),
        (300, RejectedError),
    ],
)
def test_a_status_becomes_what_the_host_does_next(dial: Dial, code: int, error: type[ConnectorError]) -> None:
    line = dial(status(code))
    with pytest.raises(ConnectorError, match=f"GET 127.0.0.1/tickets was answered with {code}") as caught:
        line.client.get("/tickets")
    assert type(caught.value) is error


def test_the_vendors_own_codes_may_join_the_message(dial: Dial) -> None:
    line = dial(status(400))
    client = line.open(explain=lambda answer: f"code\n{answer.json()['code']}" + "x" * 1000)
    with pytest.raises(RejectedError) as caught:
        client.get("/tickets")
    assert "with 400: code 400xxx" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_an_explanation_that_fails_does_not_hide_the_outcome(dial: Dial) -> None:
    line = dial(status(500))
    client = line.open(explain=lambda answer: str(answer.json()["message"]))
    with pytest.raises(UncertainError):
        client.send("POST", "/tickets", json={})


def test_a_429_that_no_pause_mends_is_a_refusal_and_is_sent_once(dial: Dial) -> None:
    line = dial(status(429))
    client = line.open(is_final=lambda answer: bool(answer.json()["code"] == 429))
    with pytest.raises(RejectedError):
        client.json("POST", "/x")
    assert (len(line.vendor.seen), line.naps.taken) == (1, [])


def test_a_429_whose_shape_is_unknown_is_a_pause(dial: Dial) -> None:
    line = dial(SimulatedResponse(429, b"slow down"), ok())
    client = line.open(is_final=lambda answer: bool(answer.json()["code"]))
    assert client.json("POST", "/x") == "ok"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Maintenance</html>", b'{"id": 7', b"[" * 100_000, b'{"id": NaN}', b"\xff\xfe", b"{} {}"],
)
def test_a_body_that_is_no_json_is_an_outage_for_reads_and_uncertain_for_writes(dial: Dial, body: bytes) -> None:
    line = dial(SimulatedResponse(200, body, {"Content-Type": "application/json"}))
    with pytest.raises(UnavailableError):
        line.client.json("GET", "/tickets")
    assert line.client.requests_sent == 4
    with pytest.raises(UncertainError):
        line.client.json("POST", "/tickets", json={})
    assert line.client.requests_sent == 5


def test_an_html_page_is_called_by_its_name(dial: Dial) -> None:
    line = dial(ok())
    line.host.faults.schedule(HtmlErrorPage(200), 4)
    with pytest.raises(UnavailableError, match="an HTML page"):
        line.client.json("GET", "/tickets")


def test_no_content_is_none(dial: Dial) -> None:
    assert dial(SimulatedResponse(204)).client.json("DELETE", "/tickets/7") is None


def test_a_truncated_body_is_read_again(dial: Dial) -> None:
    line = dial(ok({"id": 7}))
    line.host.faults.schedule(TruncatedBody())
    assert line.client.json("GET", "/tickets/7") == {"id": 7}
    assert line.client.requests_sent == 2


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
        b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"a":',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
)
def test_half_an_answer_is_none(answer: bytes) -> None:
    with raw_server(answer) as url, HttpClient(url, allow_private_addresses=True, patience=Naps().patience()) as client:
        with pytest.raises(UnavailableError):
            client.json("GET", "/tickets")
        with pytest.raises(UncertainError):
            client.json("POST", "/tickets", json={})


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_answer_has_a_largest_size_also_unpacked(dial: Dial, is_packed: bool) -> None:  # noqa: FBT001  # a case
    body = json.dumps("x" * 3_000_000).encode()
    headers = {"Content-Encoding": "gzip"} if is_packed else {}
    line = dial(SimulatedResponse(200, gzip.compress(body) if is_packed else body, headers))
    client = line.open(patience=line.naps.patience(largest_answer=2_000_000))
    with pytest.raises(UnavailableError, match="larger than 2000000 bytes"):
        client.get("/tickets")
    assert line.client.json("GET", "/tickets") == "x" * 3_000_000


def test_a_refusal_stands_even_where_its_body_is_broken() -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nhalf"
    with (
        raw_server(answer) as url,
        HttpClient(url, allow_private_addresses=True) as client,
        pytest.raises(NotFoundError),
    ):
        client.send("POST", "/tickets", json={})


# Patience


@pytest.mark.parametrize("code", [500, 502, 503, 504, 408])
def test_a_read_is_tried_four_times_with_bounded_pauses(dial: Dial, code: int) -> None:
    line = dial(status(code), status(code), status(code), ok())
    assert line.client.json("GET", "/tickets") == "ok"
    assert line.client.requests_sent == line.host.requests == 4
    assert len(line.naps.taken) == 3
    assert all(0 <= nap <= 8 for nap in line.naps.taken)


def test_pauses_are_jittered(dial: Dial) -> None:
    line = dial(status(500))
    for _ in range(5):
        with pytest.raises(UnavailableError):
            line.client.get("/tickets")
    assert len(set(line.naps.taken)) > 10


def test_a_read_is_given_up_after_four_times(dial: Dial) -> None:
    line = dial(status(500))
    with pytest.raises(UnavailableError, match="500"):
        line.client.get("/tickets")
    assert line.host.requests == 4


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409])
def test_a_refusal_is_not_asked_for_again(dial: Dial, code: int) -> None:
    line = dial(status(code))
    with pytest.raises(ConnectorError):
        line.client.get("/tickets")
    assert line.host.requests == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_write_is_never_sent_twice(dial: Dial, method: str, code: int) -> None:
    line = dial(status(code, Retry_After="1"))
    with pytest.raises(UncertainError):
        line.client.send(method, "/tickets", json={})
    assert line.host.requests == 1


def test_a_write_declared_idempotent_is_tried_again(dial: Dial) -> None:
    line = dial(ok(), status(500), ok())
    line.host.faults.schedule(DropAfterEffect())
    assert line.client.json("PATCH", "/tickets/7", json=[], idempotent=True) == "ok"
    assert line.host.requests == 3
    assert [request.body for request in line.vendor.seen] == [b"[]", b"[]", b"[]"]


def test_a_throttled_write_is_tried_again(dial: Dial) -> None:
    line = dial(ok())
    line.host.faults.schedule(Throttle(1), 2)
    assert line.client.json("POST", "/tickets", json={}) == "ok"
    assert len(line.vendor.seen) == 1
    assert all(1 <= nap <= 2 for nap in line.naps.taken)


def test_a_write_that_never_connected_is_no_mystery(dial: Dial) -> None:
    line = dial(ok())
    line.host.stop()
    with pytest.raises(UnavailableError, match="did not connect"):
        line.client.send("POST", "/tickets", json={})
    assert line.client.requests_sent == 4


@pytest.mark.parametrize(("fault", "effects"), [(DropBefore(), 0), (DropAfterEffect(), 1), (TruncatedBody(), 1)])
def test_a_broken_connection_leaves_a_write_uncertain(dial: Dial, fault: DropBefore, effects: int) -> None:
    line = dial(ok({"id": 7}))
    line.host.faults.schedule(fault)
    with pytest.raises(UncertainError, match="may or may not"):
        line.client.json("POST", "/tickets", json={})
    assert (line.host.requests, len(line.vendor.seen)) == (1, effects)


def test_silence_is_an_outage_for_reads_and_uncertain_for_writes(dial: Dial) -> None:
    line = dial(ok())
    client = line.open(timeout_seconds=0.1, patience=Patience(attempts=1))
    line.host.faults.schedule(Latency(0.4), 2)
    with pytest.raises(UnavailableError, match="ReadTimeout"):
        client.get("/tickets")
    with pytest.raises(UncertainError, match="ReadTimeout"):
        client.send("POST", "/tickets", json={})


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"])
def test_a_vendor_that_drips_is_cut_off(start: bytes) -> None:
    patience = Patience(attempts=1)
    with raw_server(start or b"HTTP/1.1 200", *[b"x"] * 50, pause=0.05) as url:
        began = datetime.now(UTC)
        with (
            HttpClient(url, allow_private_addresses=True, timeout_seconds=0.3, patience=patience) as client,
            pytest.raises(UnavailableError, match="ReadTimeout"),
        ):
            client.get("/tickets")
        assert datetime.now(UTC) - began < timedelta(seconds=1)


# Retry-After


def test_a_short_pause_is_waited_out(dial: Dial) -> None:
    line = dial(status(429, Retry_After="3"), ok())
    assert line.client.json("GET", "/") == "ok"
    assert 3 <= line.naps.taken[0] <= 4


def test_a_pause_until_a_date_is_counted_by_the_vendors_own_clock(dial: Dial) -> None:
    theirs = datetime(2020, 1, 1, tzinfo=UTC)
    until = format_datetime(theirs + timedelta(seconds=5), usegmt=True)
    line = dial(status(429, Retry_After=until, Date=format_datetime(theirs, usegmt=True)), ok())
    assert line.client.json("GET", "/") == "ok"
    assert 5 <= line.naps.taken[0] <= 6


def test_without_the_vendors_clock_a_date_is_counted_by_ours() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    until = format_datetime(now + timedelta(seconds=90), usegmt=True)
    answer = f"HTTP/1.1 429 Slow Down\r\nRetry-After: {until}\r\nContent-Length: 0\r\n\r\n".encode()
    patience = Patience(clock=lambda: now)
    with (
        raw_server(answer) as url,
        HttpClient(url, allow_private_addresses=True, patience=patience) as client,
        pytest.raises(RateLimitedError) as caught,
    ):
        client.get("/")
    assert caught.value.retry_after == 90


@pytest.mark.parametrize(("code", "method"), [(429, "GET"), (429, "POST"), (503, "GET")])
def test_a_long_pause_is_handed_to_the_host_at_once(dial: Dial, code: int, method: str) -> None:
    line = dial(status(code, Retry_After="120"))
    with pytest.raises(RateLimitedError) as caught:
        line.client.send(method, "/tickets")
    assert caught.value.retry_after == 120
    assert line.host.requests == 1
    assert line.naps.taken == []


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9", "nan", "", "99999999999", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_a_pause_that_makes_no_sense_falls_back_to_our_own(dial: Dial, nonsense: str) -> None:
    line = dial(status(429, Retry_After=nonsense))
    with pytest.raises(RateLimitedError) as caught:
        line.client.get("/tickets")
    assert caught.value.retry_after == 30
    assert line.host.requests == 4
    assert all(nap <= 8 for nap in line.naps.taken)


def test_a_pause_that_is_over_is_no_pause(dial: Dial) -> None:
    line = dial(status(429, Retry_After="Wed, 01 Jan 2020 00:00:00 GMT"), ok())
    assert line.client.json("GET", "/") == "ok"
    assert 0 <= line.naps.taken[0] <= 1


# Redirects


def test_a_read_follows_a_redirect_on_the_same_origin(dial: Dial) -> None:
    line = dial(status(302, Location="/there?x=1"), ok())
    client = line.open(credential=lambda: basic("user", "pass"), headers={"X-Key": "1"})
    assert client.json("GET", "/here", headers={"Accept": "application/vnd.vendor+json"}) == "ok"
    assert (line.vendor.seen[1].path, line.vendor.seen[1].query) == ("/there", {"x": ("1",)})
    for name in ("authorization", "accept", "x-key", "host"):
        assert line.vendor.seen[1].headers[name] == line.vendor.seen[0].headers[name]
    assert client.requests_sent == 2


def test_a_redirect_without_end_is_ended(dial: Dial) -> None:
    line = dial(status(301, Location="/here"))
    with pytest.raises(RejectedError, match="more than 3 times"):
        line.client.get("/here")
    assert line.host.requests == 4


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "http://127.0.0.1:1/",
        "http://localhost:{port}/",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_to_another_origin_is_refused_by_name(dial: Dial, target: str, method: str) -> None:
    line = dial(ok())
    line.vendor.answers = [status(307, Location=target.replace("{port}", line.host.url.rpartition(":")[2]))]
    with pytest.raises(RejectedError, match=r"redirected to (https?://evil|http://127|http://localhost|file://)"):
        line.client.send(method, "/here")
    assert line.host.requests == 1


@pytest.mark.parametrize(("target", "error"), [("http://[::1", UnavailableError), ("", RejectedError)])
def test_a_redirect_to_nowhere_is_not_followed(dial: Dial, target: str, error: type[ConnectorError]) -> None:
    line = dial(status(302, Location=target))
    with pytest.raises(error):
        line.client.get("/here")
    assert {request.path for request in line.vendor.seen} == {"/here"}


@pytest.mark.parametrize(
    ("code", "error"), [(307, RejectedError), (308, RejectedError), (302, UncertainError), (303, UncertainError)]
)
def test_a_write_follows_no_redirect(dial: Dial, code: int, error: type[ConnectorError]) -> None:
    line = dial(status(code, Location="/there"))
    with pytest.raises(error):
        line.client.send("POST", "/here", json={})
    assert line.host.requests == 1


# Pages


def test_pages_follow_the_link_to_the_next_one_as_they_are_asked_for(dial: Dial) -> None:
    line = dial(
        ok([1], Link='</tickets?page=2>; rel="next", </tickets?page=9>; rel="last"'),
        lambda request: ok([2], Link=f'<http://{request.headers["host"]}/tickets?page=3>; rel="last next"'),
        ok([3], Link='</tickets?page=1>; rel="first"'),
    )
    pages = line.client.pages("/tickets", params={"pageSize": 1}, headers={"pagination-type": "forward-only"})
    assert next(pages) == [1]
    assert line.host.requests == 1
    assert list(pages) == [[2], [3]]
    assert [request.query.get("page") for request in line.vendor.seen] == [None, ("2",), ("3",)]
    assert {request.headers["pagination-type"] for request in line.vendor.seen} == {"forward-only"}


def test_a_page_that_breaks_is_read_again(dial: Dial) -> None:
    line = dial(ok([1], Link='</tickets?page=2>; rel="next"'), ok([2]))
    line.host.faults.schedule(HtmlErrorPage(200), matching=lambda request: "page" in request.query)
    assert list(line.client.pages("/tickets")) == [[1], [2]]


@pytest.mark.parametrize("link", ["http://evil.example/tickets?page=2", "//evil.example/", "http://127.0.0.1:1/"])
def test_a_next_page_on_another_origin_is_refused(dial: Dial, link: str) -> None:
    line = dial(ok([1], Link=f'<{link}>; rel="next"'))
    with pytest.raises(RejectedError):
        list(line.client.pages("/tickets"))
    assert line.host.requests == 1


def test_pages_that_go_in_a_circle_are_an_outage(dial: Dial) -> None:
    line = dial(ok([1], Link='</tickets?page=2>; rel="next"'))
    with pytest.raises(UnavailableError, match="circle"):
        list(line.client.pages("/tickets"))
    assert line.host.requests == 2


# Secrets, threads, bookkeeping


@pytest.mark.parametrize(
    "answer",
    [
        status(401),
        status(429, Retry_After="99"),
        status(500),
        status(302, Location="https://x.example/?s=" + SECRET),
        ok("<"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_secret_is_in_a_message_or_in_what_it_is_chained_to(
    dial: Dial, answer: SimulatedResponse, method: str
) -> None:
    line = dial(answer if answer.status != 200 else SimulatedResponse(200, SECRET.encode()))
    client = line.open(headers={"X-Key": SECRET}, credential=lambda: basic("user", SECRET))
    with pytest.raises(ConnectorError) as caught:
        client.json(method, "/tickets", params={"token": SECRET}, json={"password": SECRET})
    assert SECRET not in repr(caught.value) + "".join(traceback.format_exception(caught.value, chain=True))


@pytest.mark.parametrize("value", [f"{SECRET}\r\nX-Injected: 1", f"{SECRET}\x00", f"{SECRET}\N{SNOWMAN}"])
def test_a_malformed_header_is_refused_without_being_quoted(dial: Dial, value: str) -> None:
    line = dial(ok())
    with pytest.raises(RejectedError) as caught:
        line.client.get("/tickets", headers={"X-Key": value})
    assert SECRET not in "".join(traceback.format_exception(caught.value, chain=True))
    assert line.host.requests == 0


def test_nothing_of_a_request_is_logged(dial: Dial, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    dial(ok()).client.get("/tickets", params={"email": "ada@client.example"})
    assert "ada" not in caplog.text


def test_threads_share_a_client(dial: Dial) -> None:
    line = dial(lambda request: ok(request.path))
    wrong: list[object] = []

    def ask(worker: int) -> None:
        for number in range(20):
            path = f"/{worker}/{number}"
            if (answer := line.client.json("GET", path)) != path:
                wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert line.client.requests_sent == line.host.requests == 120


def test_a_budget_spreads_the_requests(dial: Dial) -> None:
    line = dial(ok())
    client = line.open(requests_per_minute=60)
    for _ in range(30):
        client.get("/tickets")
    assert line.naps.now == pytest.approx((30 - 6) * 60 / 55, abs=0.1)
