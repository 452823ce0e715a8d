"""The model is missing, damaged, another one, or dies: triage stands without it, and says why."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from deskhand.llm import runtime
from deskhand.llm.selftest import write_model
from deskhand.records.documents import Why
from tests.journeys.office import Listener, Office, light

needs_runtime = pytest.mark.skipif(
    runtime.status().state != "installed",
    reason="THE MODEL RUNTIME IS NOT INSTALLED: run `uv run deskhand model install`, then these tests count",
)


def truncated(folder: Path) -> Path:
    whole = write_model(folder)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return whole


def no_gguf(folder: Path) -> Path:
    page = folder / "model.gguf"
    page.write_text("<!DOCTYPE html><title>404</title>", encoding="utf-8")
    return page


def empty(folder: Path) -> Path:
    nothing = folder / "model.gguf"
    nothing.touch()
    return nothing


def missing(folder: Path) -> Path:
    return folder / "model.gguf"


def assert_done_without(office: Office, *reasons: str) -> None:
    """Triage happened; the health document, the console and the record say why no model took part."""
    with office.desk() as desk:
        desk.run(Listener(), drain=True)
        engine = light(desk, "engine")
        assert (engine.text, engine.is_quiet) == ("No model", True)
        assert desk.health().is_well, "triage stands: nothing has to be done at once"
        line = desk.model_line
    office.assert_nothing_lost()
    for reason in reasons:
        assert reason in engine.detail
        assert reason in line
        for why in office.explanations().values():
            assert any(each.startswith("No model took part: ") and reason in each for each in why.reasons)


@needs_runtime
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(missing, "does not exist; correct the path", id="missing"),
        pytest.param(empty, "is empty; download it again", id="empty"),
        pytest.param(truncated, "download it again", id="truncated"),
        pytest.param(no_gguf, "is not a whole GGUF model file", id="not GGUF"),
    ],
)
def test_a_model_file_that_cannot_be_used_is_named(office: Office, make: Callable[[Path], Path], reason: str) -> None:
    file = make(office.folder)
    office.configure(engine={"kind": "auto", "model": str(file)})
    assert_done_without(office, str(file), reason)


@needs_runtime
def test_another_model_than_the_one_that_was_pinned_is_not_used(office: Office) -> None:
    file = write_model(office.folder)
    office.configure(engine={"kind": "auto", "model": str(file), "model_sha256": "0" * 64})
    assert_done_without(office, str(file), "not the pinned " + "0" * 64)


def test_without_the_runtime_the_reason_is_the_runtime(office: Office) -> None:
    office.configure(engine={"kind": "llama", "runtime_directory": str(office.folder / "nothing here")})
    assert_done_without(office, "runtime", "deskhand model install")


def test_where_no_model_is_wanted_none_is_missed(office: Office) -> None:
    office.work()
    for why in office.explanations().values():
        assert not any("model" in reason for reason in why.reasons)


@needs_runtime
@pytest.mark.parametrize("deaths", [1, 100])
def test_a_model_that_dies_while_tickets_are_handled_takes_none_with_it(office: Office, deaths: int) -> None:
    def kill(_why: Why) -> None:
        for pid in children() - ours:
            if len(killed) < deaths:
                killed.append(pid)
                crash(pid)

    ours, killed = children(), list[int]()
    model = write_model(office.folder)
    with office.desk(engine={"kind": "llama", "model": str(model)}, triage={"model_trial_tickets": 0}) as desk:
        assert light(desk, "engine").text == f"Model: {model.name}"
        desk.run(Listener(kill), drain=True)
        assert killed
        assert desk.health().is_well
    office.assert_nothing_lost()


@needs_runtime
def test_a_model_that_dies_whenever_it_is_asked_is_left_down_and_said_to_be(office: Office) -> None:
    def kill_on() -> None:
        while not is_over.wait(0.02):
            for pid in children() - ours:
                crash(pid)

    ours, is_over = children(), threading.Event()
    killer = threading.Thread(target=kill_on)
    model = write_model(office.folder)
    learned = set(office.state.glob("history-*.npz"))
    office.configure(engine={"kind": "llama", "model": str(model)})
    with office.desk() as desk:
        killer.start()
        desk.run(Listener(), drain=True)
        is_over.set()
        killer.join()
        assert light(desk, "engine").text == "No model"
        assert "SIGSEGV" in light(desk, "engine").detail
        assert "left down until deskhand restarts" in desk.model_line
    office.assert_nothing_lost()
    for why in office.explanations().values():
        assert any("No model took part: " in reason and "SIGSEGV" in reason for reason in why.reasons)
    assert set(office.state.glob("history-*.npz")) == learned, "what was learned from half a model's answers was kept"


def crash(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSEGV)


def children() -> frozenset[int]:
    """List our own child processes (Linux: https://man7.org/linux/man-pages/man5/proc_pid_task.5.html)."""
    lists = Path("/proc/self/task").glob("*/children")
    return frozenset(int(pid) for each in lists for pid in each.read_text(encoding="ascii").split())
