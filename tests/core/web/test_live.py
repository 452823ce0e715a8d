"""A live page is told that something changed, never what, and not for ever."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from deskhand.web import live


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(live, "LONGEST", 0.5)


def told(look: Callable[[], str], seen: str, stopping: threading.Event | None = None) -> str:
    """Return all that a stream says until it ends."""

    async def read() -> str:
        answer = live.changes_of(look, seen, stopping or threading.Event())
        assert answer.media_type == "text/event-stream"
        return "".join([str(each) async for each in answer.body_iterator])

    return asyncio.run(read())


def words(*some: str) -> Callable[[], str]:
    """Return each word once and then the last one for ever."""

    def all_of_them() -> Iterator[str]:
        yield from some
        while True:
            yield some[-1]

    found = all_of_them()
    return lambda: next(found)


def test_what_the_page_has_seen_is_no_news() -> None:
    assert "changed" not in told(words("a"), "a")


def test_what_happened_between_the_page_and_its_stream_is_told_at_once() -> None:
    assert told(words("b"), "a").count("event: changed") == 1


def test_every_change_is_told_once_and_in_order() -> None:
    said = told(words("a", "b", "b", "c", "a"), "a")
    assert [line for line in said.splitlines() if line.startswith("data")] == ["data: b", "data: c", "data: a"]


def test_a_stream_ends_by_itself_and_with_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    told(words("a"), "a")
    monkeypatch.setattr(live, "LONGEST", 60.0)
    stopping = threading.Event()
    threading.Timer(0.05, stopping.set).start()
    told(words("a"), "a", stopping)


def test_a_quiet_stream_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_SIGN_OF_LIFE", 0.05)
    assert ": still here" in told(words("a"), "a")
