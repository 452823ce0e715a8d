"""A process that stood still for too long sends nothing more."""

import httpx
import pytest

from deskhand.sdk.errors import TooLateError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.sending import check, sending_until, uptime


def test_nothing_is_late_where_nobody_set_an_end() -> None:
    check()


def test_what_begins_too_late_does_not_begin() -> None:
    with pytest.raises(TooLateError), sending_until(uptime() - 0.001):
        raise AssertionError("it began")


def test_an_end_holds_to_the_end_of_its_block() -> None:
    with sending_until(uptime() + 60):
        check()
        with pytest.raises(TooLateError), sending_until(uptime() - 1):
            pass
        check()
    check()


def test_each_request_asks_again_and_a_late_one_never_reaches_the_wire() -> None:
    """The second request comes after the end, which the answer to the first one took its time for."""
    sent: list[str] = []
    ends: list[float] = []

    def vendor(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        while uptime() <= ends[0]:
            pass
        return httpx.Response(200, json={})

    client = HttpClient("http://127.0.0.1:1", allow_private_addresses=True, transport=httpx.MockTransport(vendor))
    with client:
        ends.append(uptime() + 0.3)
        with sending_until(ends[0]):
            client.send("POST", "/first")
            with pytest.raises(TooLateError):
                client.send("POST", "/second")
    assert sent == ["/first"]
