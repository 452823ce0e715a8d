import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.llm.calibration import PriorStore
from deskhand.llm.llama import LlamaEngine, LoadedModel
from deskhand.llm.model_file import inspect
from deskhand.llm.process import Launch
from deskhand.llm.runtime_folder import Runtime, locate
from deskhand.llm.selftest import write_model
from deskhand.llm.supervision import SupervisedModel
from tests.repository import SHARED


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    installed = locate()
    if installed is None:
        pytest.skip("THE MODEL RUNTIME IS NOT INSTALLED: run `uv run deskhand model install`, then these tests count")
    return installed


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(runtime: Runtime, tiny_file: Path) -> Launch:
    return Launch(runtime.python, tiny_file, "instruct", context_tokens=2048, threads=1)


@pytest.fixture(scope="session")
def bundled(runtime: Runtime) -> Launch:
    return Launch(runtime.python, runtime.model, "instruct", context_tokens=2048, threads=1)


@pytest.fixture(scope="session")
def embedder(runtime: Runtime) -> Launch:
    model = SHARED / "models" / "all-minilm-l6-v2-q8.gguf"
    if not model.is_file():
        pytest.skip(f"{model} is not there: no embedding model to test with")
    return Launch(runtime.python, model, "embed", context_tokens=512, threads=1)


def opened(launch: Launch, priors: PriorStore | None = None) -> LlamaEngine:
    loaded = LoadedModel(inspect(launch.model), SupervisedModel(launch, first_pause_seconds=0.01))
    if launch.purpose == "embed":
        return LlamaEngine(None, loaded)
    return LlamaEngine(loaded, None, priors=priors)


@pytest.fixture(scope="session")
def bundled_priors(tmp_path_factory: pytest.TempPathFactory) -> PriorStore:
    return PriorStore(tmp_path_factory.mktemp("priors"))


@pytest.fixture(scope="module")
def engine(tiny: Launch) -> Iterator[LlamaEngine]:
    made = opened(tiny)
    yield made
    made.close()


@pytest.fixture(scope="module")
def instructed(bundled: Launch, bundled_priors: PriorStore) -> Iterator[LlamaEngine]:
    made = opened(bundled, bundled_priors)
    yield made
    made.close()


def broken_after(starts: int, signal_name: str, folder: Path, launch: Launch) -> Launch:
    """A launch whose interpreter works so many times and then dies of a signal at every start."""
    counter = folder / "starts"
    script = folder / "python"
    script.write_text(
        f"#!/bin/sh\necho x >> {counter}\n"
        f'if [ "$(wc -l < {counter})" -gt {starts} ]; then kill -{signal_name} $$; fi\n'
        f'exec {launch.python} "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o700)
    return dataclasses.replace(launch, python=script)
