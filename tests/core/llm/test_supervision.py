import resource
import shutil
from pathlib import Path
from typing import Any

import pytest

from deskhand.llm.engine import EngineError, EngineUnavailableError
from deskhand.llm.process import Launch
from deskhand.llm.supervision import SupervisedModel
from tests.core.llm.conftest import broken_after

REQUEST: dict[str, Any] = {"text": "hello"}


def test_a_model_that_crashes_at_every_start_stays_down_with_the_reason(tiny: Launch, tmp_path: Path) -> None:
    model = SupervisedModel(broken_after(1, "SEGV", tmp_path, tiny), most_crashes=3, first_pause_seconds=0.01)
    try:
        assert model.ask("tokenise", REQUEST, seconds=10)["tokens"]
        assert model._process is not None
        model._process._process.kill()
        with pytest.raises(EngineUnavailableError, match="SIGSEGV"):
            model.ask("tokenise", REQUEST, seconds=10)
        with pytest.raises(EngineUnavailableError, match="left down until deskhand restarts"):
            model.ask("tokenise", REQUEST, seconds=10)
        assert "it was started 3 times" in model.reason_it_is_down
    finally:
        model.close()


def test_a_model_file_that_is_damaged_while_it_answers_is_named_at_the_restart(tiny: Launch, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    shutil.copy(tiny.model, copy)
    model = SupervisedModel(Launch(tiny.python, copy, "instruct", 1024, 1), first_pause_seconds=0.01)
    try:
        assert model._process is not None
        replacement = tmp_path / "replacement"
        replacement.write_bytes(tiny.model.read_bytes()[:-2000])
        replacement.replace(copy)
        model._process._process.kill()
        with pytest.raises(EngineUnavailableError, match=r"copy.gguf could not be loaded: .*Download it again"):
            model.ask("tokenise", REQUEST, seconds=10)
    finally:
        model.close()


def test_a_process_that_runs_out_of_memory_is_replaced_and_the_call_is_answered(tiny: Launch) -> None:
    model = SupervisedModel(tiny, first_pause_seconds=0.01)
    try:
        assert model.pid is not None
        assert model.reaches == () or "memory" not in model.reaches, "it cannot take all there is"
        used = int(Path(f"/proc/{model.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(model.pid, resource.RLIMIT_AS, (used, used))
        assert model.ask("tokenise", {"text": "printer " * 60_000}, seconds=30)["tokens"]
        assert model.restarts == 1
    finally:
        model.close()


def test_a_request_the_model_refuses_is_not_a_crash(tiny: Launch) -> None:
    model = SupervisedModel(tiny)
    try:
        arguments = {"instructions": "long " * 5000, "text": "x", "questions": [["a", ["b", "c"]]], "priors": [[0, 0]]}
        with pytest.raises(EngineError, match="shorten them or raise context_tokens"):
            model.ask("choose", arguments, seconds=10)
        assert model.restarts == 0
    finally:
        model.close()
