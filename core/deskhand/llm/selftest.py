"""Does this model runtime survive a quantized model? Asked of a child process with the project's own tiny model."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from deskhand.llm import grammar
from deskhand.llm.process import Launch, ModelProcess, ModelRefusedError, ProcessDiedError, StoppedByDeadlineError
from deskhand.llm.selftest_model import tiny_model

MODEL_NAME: Final = "selftest-Q8_0.gguf"
PASSED_NAME: Final = "selftest.json"
_SECONDS: Final = 60.0
_QUESTIONS: Final = (("type", ("incident", "service request")), ("impact", ("one person", "a team")))
_WORKER: Final = Path(__file__).parent / "worker"


class SelfTestError(Exception):
    """The runtime does not survive, or answers nonsense; the message says how it ended."""


def ensure_passed(python: Path, folder: Path) -> None:
    """Run the self-test unless this runtime passed it before with the same model and worker.

    ``folder`` is the runtime's own: the model and the note of the pass are kept there. Raises SelfTestError.
    """
    passed = folder / PASSED_NAME
    mark = {"passed": _fingerprint()}
    if passed.is_file() and passed.read_text(encoding="utf-8") == json.dumps(mark):
        return
    run(python, folder)
    with contextlib.suppress(OSError):  # a folder that is read-only is tested at every start
        passed.write_text(json.dumps(mark), encoding="utf-8")


def run(python: Path, folder: Path) -> None:
    """Let a child process score labels and decode with the tiny model. Raises SelfTestError."""
    model = write_model(folder)
    try:
        process = ModelProcess(Launch(python, model, "instruct", context_tokens=1024, threads=1))
    except (ProcessDiedError, ModelRefusedError) as error:
        raise SelfTestError(f"the model runtime failed its self-test at loading: {error}") from error
    try:
        _exercise(process)
    except (ProcessDiedError, ModelRefusedError, StoppedByDeadlineError) as error:
        raise SelfTestError(f"the model runtime failed its self-test: {error}") from error
    finally:
        process.close()


def write_model(folder: Path) -> Path:
    """Put the tiny model into a folder, whole, and return its path."""
    path = folder / MODEL_NAME
    content = tiny_model()
    if not path.is_file() or path.read_bytes() != content:
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(content)
        unfinished.replace(path)
    return path


def _exercise(process: ModelProcess) -> None:
    about: dict[str, Any] = {"instructions": "Sort the ticket.", "questions": _QUESTIONS}
    texts = ["The printer is out of paper.", "Please set up a new account."] * 4
    priors = process.ask("calibrate", {**about, "texts": texts}, seconds=_SECONDS)["priors"]
    asked = {**about, "text": "Nothing prints since this morning. " * 10, "priors": priors}
    first, second = (process.ask("choose", asked, seconds=_SECONDS)["scores"] for _ in range(2))
    if first != second:
        raise SelfTestError("the model runtime failed its self-test: the same question got two answers")
    form = grammar.write(grammar.choice_object(_QUESTIONS))
    written = {"instructions": "Sort the ticket.", "text": "Nothing prints.", "grammar": form, "max_tokens": 100}
    answer = json.loads(process.ask("generate", written, seconds=_SECONDS)["text"])
    if answer.keys() != dict(_QUESTIONS).keys():
        raise SelfTestError("the model runtime failed its self-test: it broke out of a grammar")


def _fingerprint() -> str:
    """Return what a pass depends on: the tiny model and every line of the worker."""
    digest = hashlib.sha256(tiny_model())
    for path in sorted(_WORKER.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
