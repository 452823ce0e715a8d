"""How many sentences come to exactly the plan, or exactly the refusals, they should; with a model and without.

Run: `uv run python benchmarks/planner.py [--engine none|auto] [--worlds 20000]`. A plan is exact where its actions,
their order and the arguments named in `tests/core/agent/planning/sentences.yaml` are; a refusal, where its reasons are.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the sentences stand among the tests

from deskhand.agent.planning.choosing import LEAST_RIGHT, TRIAL, Adviser
from deskhand.llm.engine import Engine, EngineError
from deskhand.llm.none import NoEngine
from deskhand.llm.selection import EngineSettings, open_engine
from tests.core.agent.planning.adversary import Author, violations
from tests.core.agent.planning.office import CATALOGUE, planner, propose
from tests.core.agent.planning.sentences import sentences


def measure(engine: Engine, *, is_tried: bool = True) -> None:
    """Print how many sentences are planned exactly with an engine; not ``is_tried``: as if it had passed its trial."""
    using = planner(engine=engine)
    if not is_tried:
        using.adviser = Trusting(engine)
    offered = {entry.name for entry in CATALOGUE}
    right, total = Counter[str](), Counter[str]()
    outside = chosen = unsafe = 0
    began = time.perf_counter()
    for sentence in sentences():
        part = "held out" if sentence.is_held_out else "tuned on"
        proposal = propose(sentence.say, using)
        total[part] += 1
        right[part] += sentence.problem(proposal) is None
        steps = proposal.plan.steps if proposal.plan else ()
        outside += sum(step.action not in offered for step in steps)
        unsafe += bool(steps) and sentence.plan != tuple(step.action.partition(".")[2] for step in steps)
        chosen += proposal.engine != "rules"
    seconds = time.perf_counter() - began
    for part in ("tuned on", "held out"):
        print(f"  {part}: {right[part]} of {total[part]} exact ({right[part] / total[part]:.1%})")
    print(
        f"  other plan than expected: {unsafe}; steps outside the catalogue: {outside}; chosen by the model: {chosen}"
    )
    print(f"  {1000 * seconds / len(sentences()):.1f} ms a sentence")


class Trusting(Adviser):
    """Believes any engine."""

    def share_right(self) -> float:
        """Claim that all of the trial was right."""
        return 1.0


def trial(engine: Engine) -> str:
    """Tell how the engine does in the trial it has to pass before its choice counts."""
    try:
        share = planner(engine=engine).adviser.share_right()
    except EngineError as error:
        return f"not asked: {error}"
    verdict = "its choice counts" if share >= LEAST_RIGHT else "its choice does not count"
    return f"{share:.0%} of {len(TRIAL)} right, {LEAST_RIGHT:.0%} needed: {verdict}"


def besiege(worlds: int) -> None:
    """Print what comes of so many hostile worlds."""
    began = time.perf_counter()
    plans = wrong = 0
    for seed in range(worlds):
        world = Author(seed).world()
        proposal = world.propose()
        plans += proposal.plan is not None
        wrong += bool(violations(world, proposal))
    seconds = time.perf_counter() - began
    print(f"{worlds:,} hostile worlds: {plans:,} plans, {wrong} against the oracle, {seconds:.0f} s")


def main() -> None:
    """Measure without a model, and with the default one where it is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("none", "auto"), default="auto")
    parser.add_argument("--worlds", type=int, default=0)
    options = parser.parse_args()
    print("without a model")
    measure(NoEngine("measured without"))
    if options.engine == "auto":
        engine = open_engine(EngineSettings())
        print(f"with {engine.identity()}; {engine.health().detail}")
        print(f"  trial: {trial(engine)}")
        measure(engine)
        print("with the same model, were it believed without a trial")
        measure(engine, is_tried=False)
        engine.close()
    if options.worlds:
        besiege(options.worlds)


if __name__ == "__main__":
    main()
