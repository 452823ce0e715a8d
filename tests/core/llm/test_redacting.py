from dataclasses import dataclass, field

from pydantic import SecretStr

from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.llm.engine import Question
from deskhand.llm.none import NoEngine
from deskhand.llm.redacting import RedactingEngine
from deskhand.llm.scripted import ScriptedEngine

SECRET = "-".join(["hush"] * 3)
SCANNER = LeakScanner({"the key": SecretStr(SECRET)})


@dataclass(slots=True)
class Listening(ScriptedEngine):
    """Keeps every text it is given."""

    heard: list[str] = field(default_factory=list)

    def generate(self, instructions: str, text: str, grammar: str, *, max_tokens: int, deadline_seconds: float) -> str:
        del grammar, max_tokens, deadline_seconds
        self.heard += [instructions, text]
        return "answer"


def test_a_model_is_asked_without_the_secrets_and_its_answers_still_fit() -> None:
    inner = Listening(lambda _text, question: question.labels[1])
    engine = RedactingEngine(inner, SCANNER.redact)
    question = Question("type", ("one", f"two {SECRET}"))
    (answer,) = engine.choose(f"sort {SECRET}", f"it is {SECRET}", [question], deadline_seconds=1)
    assert answer.probabilities.index(max(answer.probabilities)) == 1
    assert inner.calls
    assert not SCANNER.find(str(inner.calls))
    assert engine.generate(f"write {SECRET}", SECRET[::-1], "g", max_tokens=1, deadline_seconds=1) == "answer"
    assert inner.heard == ["write [the key]", "[the key]"]
    clean, leaky = engine.embed(["it is [the key]", f"it is {SECRET}"], deadline_seconds=1)
    assert (clean == leaky).all(), "what is embedded is the text without it"


def test_it_is_what_the_engine_below_it_is() -> None:
    below = NoEngine("no model here")
    engine = RedactingEngine(below, SCANNER.redact)
    assert (engine.can_choose, engine.can_embed) == (False, False)
    assert (engine.identity(), engine.health()) == (below.identity(), below.health())
    engine.close()
