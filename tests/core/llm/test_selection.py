import contextlib
import random
from pathlib import Path

import pytest
from pydantic import ValidationError

from deskhand.llm.engine import EngineError, Question
from deskhand.llm.process import Launch
from deskhand.llm.runtime_folder import Runtime
from deskhand.llm.selection import EngineSettings, open_engine
from deskhand.llm.selftest import SelfTestError, ensure_passed
from deskhand.llm.selftest_model import tiny_model
from tests.core.llm.conftest import broken_after

QUESTION = Question("type", ("incident", "service request"))


def test_engine_none_is_what_the_configuration_says() -> None:
    engine = open_engine(EngineSettings(kind="none"))
    assert "engine.kind = none" in engine.health().detail


def test_without_a_runtime_there_is_no_engine_and_the_command_that_mends_it(tmp_path: Path) -> None:
    engine = open_engine(EngineSettings(runtime_directory=tmp_path))
    assert not engine.can_choose
    assert "`deskhand model install`" in engine.health().detail


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"<html>404</html>", "is not a whole GGUF model file"),
        (tiny_model()[:50_000], "is truncated"),
        (tiny_model()[:-1000], "could not be loaded"),
    ],
)
def test_a_model_file_that_is_none_leaves_no_engine_and_a_clear_reason(
    runtime: Runtime, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    engine = open_engine(EngineSettings(model=path, runtime_directory=runtime.folder.parent))
    assert not engine.can_choose
    assert str(path) in engine.health().detail
    assert complaint in engine.health().detail


def test_a_good_model_beside_a_missing_embedding_model_answers_and_says_what_is_missing(
    runtime: Runtime, tiny_file: Path, tmp_path: Path
) -> None:
    asked = EngineSettings(model=tiny_file, embedding_model=tmp_path / "absent.gguf", threads=1)
    engine = open_engine(asked.model_copy(update={"runtime_directory": runtime.folder.parent}))
    try:
        assert engine.can_choose
        assert not engine.can_embed
        assert "absent.gguf does not exist" in engine.health().detail
        assert engine.choose("Sort.", "text", [QUESTION], deadline_seconds=10)
    finally:
        engine.close()


def test_damaged_model_files_never_take_the_desk_down(runtime: Runtime, tmp_path: Path) -> None:
    for seed in range(6):
        chance = random.Random(seed)
        content = bytearray(tiny_model())
        for _ in range(chance.choice([1, 4, 16])):
            content[chance.randrange(7000)] = chance.randrange(256)
        path = tmp_path / f"damaged{seed}.gguf"
        path.write_bytes(content)
        engine = open_engine(EngineSettings(model=path, threads=1, runtime_directory=runtime.folder.parent))
        with contextlib.suppress(EngineError), contextlib.closing(engine):
            assert engine.choose("Sort.", "text", [QUESTION], deadline_seconds=5)


def test_a_runtime_built_wrongly_fails_its_self_test_with_the_command_that_mends_it(
    tiny_file: Path, tmp_path: Path
) -> None:
    launch = broken_after(0, "ILL", tmp_path, Launch(Path("/bin/true"), tiny_file, "instruct", 1024, 1))
    with pytest.raises(SelfTestError, match=r"SIGILL.*deskhand model install --portable"):
        ensure_passed(launch.python, tmp_path)


def test_a_passed_self_test_is_not_run_again(runtime: Runtime, tmp_path: Path) -> None:
    ensure_passed(runtime.python, tmp_path)
    ensure_passed(Path("/nonexistent"), tmp_path)


def test_settings_refuse_what_is_misspelt_or_out_of_range() -> None:
    for wrong in ({"knd": "none"}, {"kind": "gpt"}, {"context_tokens": 1}, {"model_sha256": "abc"}):
        with pytest.raises(ValidationError):
            EngineSettings.model_validate(wrong)
    assert all(field.description for field in EngineSettings.model_fields.values())
