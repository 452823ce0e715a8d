import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from deskhand.governance.traffic.circuit import Circuit, Turn
from deskhand.governance.traffic.settings import LimitSettings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = LimitSettings(breaker_failures=3, breaker_pause_seconds=10, breaker_longest_seconds=30)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def opened() -> Circuit:
    circuit = Circuit(SETTINGS)
    assert [circuit.failed(NOON) for _ in range(3)] == [Turn.NONE, Turn.NONE, Turn.OPENED]
    return circuit


def elsewhere(ask: Callable[[], float]) -> float:
    """Ask in another thread."""
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(ask()))
    thread.start()
    thread.join()
    return found[0]


def test_it_opens_after_so_many_failures_in_a_row_and_no_sooner() -> None:
    circuit = Circuit(SETTINGS)
    for _ in range(5):
        circuit.failed(NOON)
        circuit.failed(NOON)
        assert circuit.succeeded() is Turn.NONE
    assert circuit.wait(NOON) == 0
    assert opened().wait(NOON) == 10


def test_one_tries_after_the_pause_and_the_others_wait_for_it() -> None:
    circuit = opened()
    assert circuit.wait(after(9)) == 1
    assert circuit.wait(after(10)) == 0
    assert elsewhere(lambda: circuit.wait(after(11))) == 9
    assert circuit.wait(after(12)) == 0, "whoever tries may make all its requests"
    assert circuit.succeeded() is Turn.CLOSED
    assert elsewhere(lambda: circuit.wait(after(12))) == 0


def test_each_vain_try_doubles_the_pause_up_to_the_longest() -> None:
    circuit, at, pauses = opened(), 10.0, []
    for _ in range(4):
        assert circuit.wait(after(at)) == 0
        assert circuit.failed(after(at)) is Turn.OPENED
        pauses.append(circuit.wait(after(at)))
        at += pauses[-1]
    assert pauses == [20, 30, 30, 30]


def test_a_try_nobody_hears_of_again_keeps_no_one_waiting_for_ever() -> None:
    circuit = opened()
    assert elsewhere(lambda: circuit.wait(after(10))) == 0
    assert circuit.wait(after(19)) == 1
    assert circuit.wait(after(20)) == 0


def test_calls_that_were_under_way_when_it_opened_change_nothing() -> None:
    circuit = opened()
    assert circuit.failed(after(1)) is Turn.NONE
    assert circuit.wait(after(1)) == 9


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    assert opened().wait(after(-3_600)) == 0


def test_a_process_goes_on_where_the_one_before_ended_with_a_try() -> None:
    circuit = Circuit(SETTINGS)
    circuit.restore(4, NOON)
    assert circuit.is_open
    assert circuit.wait(after(100)) == 0
    assert elsewhere(lambda: circuit.wait(after(101))) == 9
    assert circuit.failed(after(102)) is Turn.OPENED
