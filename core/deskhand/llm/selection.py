"""From settings to an engine that answers, or to one that says why it does not."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from deskhand.llm import runtime
from deskhand.llm.calibration import PriorStore
from deskhand.llm.engine import Engine, EngineUnavailableError
from deskhand.llm.llama import LlamaEngine, LoadedModel
from deskhand.llm.model_file import SMOLLM2_SHA256, inspect
from deskhand.llm.none import NoEngine
from deskhand.llm.process import Launch
from deskhand.llm.runtime_folder import Runtime, locate
from deskhand.llm.selftest import SelfTestError, ensure_passed
from deskhand.llm.supervision import SupervisedModel

EMBEDDING_TOKENS: Final = 512
MOST_AUTOMATIC_THREADS: Final = 8


class EngineSettings(BaseModel):
    """The local model: which one, and how much of this machine it may use."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["auto", "llama", "none"] = Field(
        default="auto",
        description="`auto` and `llama` use a model where the model runtime is installed; `none` triages without.",
    )
    model: Path | None = Field(
        default=None,
        description="GGUF file of an instruct model; left out, the small one that comes with the model runtime.",
    )
    model_sha256: str = Field(
        default="", pattern=r"^([0-9a-f]{64})?$", description="The sha256 that `model` must have; empty: not checked."
    )
    embedding_model: Path | None = Field(
        default=None, description="GGUF file of an embedding model; left out, similarity does without."
    )
    threads: int = Field(default=0, ge=0, le=256, description="Processor threads of a model; 0 takes up to eight.")
    context_tokens: int = Field(
        default=4096,
        ge=1024,
        le=131072,
        description="Tokens of one prompt with its answer; a longer ticket loses its middle.",
    )
    runtime_directory: Path | None = Field(
        default=None,
        description="Folder of the model runtime; left out, DESKHAND_RUNTIME_DIR or the user's data folder.",
    )

    @property
    def thread_count(self) -> int:
        """The threads to use, at least one."""
        return self.threads or min(_processors(), MOST_AUTOMATIC_THREADS)


def open_engine(settings: EngineSettings, *, prior_texts: Sequence[str] = ()) -> Engine:
    """Return an engine that is ready, or NoEngine with the reason in its health. Never raises, never builds.

    ``prior_texts`` are past tickets of the MSP's own, to calibrate label scores on: at most eight are used, and
    the same ones have to be given after a restart for the same answers.
    """
    if settings.kind == "none":
        return NoEngine("the configuration says engine.kind = none")
    installed = locate(settings.runtime_directory)
    if installed is None:
        return NoEngine(f"the model runtime is {runtime.status(settings.runtime_directory).detail}")
    try:
        ensure_passed(installed.python, installed.folder)
    except (SelfTestError, OSError) as error:
        return NoEngine(str(error))
    return _opened(settings, installed, prior_texts)


def _opened(settings: EngineSettings, installed: Runtime, prior_texts: Sequence[str]) -> Engine:
    reasons: list[str] = []
    instruct = _loaded(_instruct_launch(settings, installed), _expected_sha256(settings), reasons)
    embedding = None
    if settings.embedding_model is not None:
        launch = Launch(installed.python, settings.embedding_model, "embed", EMBEDDING_TOKENS, settings.thread_count)
        embedding = _loaded(launch, "", reasons)
    if instruct is None and embedding is None:
        return NoEngine("; ".join(reasons))
    return LlamaEngine(
        instruct,
        embedding,
        remark="; ".join(reasons),
        priors=PriorStore(installed.folder / "priors"),
        prior_texts=prior_texts,
    )


def _instruct_launch(settings: EngineSettings, installed: Runtime) -> Launch:
    model = settings.model or installed.model
    return Launch(installed.python, model, "instruct", settings.context_tokens, settings.thread_count)


def _expected_sha256(settings: EngineSettings) -> str:
    return SMOLLM2_SHA256 if settings.model is None else settings.model_sha256


def _loaded(launch: Launch, expected_sha256: str, reasons: list[str]) -> LoadedModel | None:
    try:
        file = inspect(launch.model, expected_sha256=expected_sha256)
        return LoadedModel(file, SupervisedModel(launch))
    except EngineUnavailableError as error:
        reasons.append(str(error))
        return None


def _processors() -> int:
    """Count the processors this process may run on; not every system can say which."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
