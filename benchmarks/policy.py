"""How long policy takes with 1,000 grants, and whether it agrees with an independent oracle on 100,000 cases.

`uv run python -m benchmarks.policy [--cases 100000]` prints median and 99th percentile of a decision, in microseconds,
with no grants, 10 and 1,000, and the number of cases on which Cedar's decision or its rules are not the oracle's.
"""

import argparse
import time
from random import Random

from deskhand.governance.permission import Permissions, guard_rails
from tests.core.governance.policy_cases import ACTION, Case, Row, generated, oracle

DECISIONS = 3_000


def main() -> None:
    """Measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    cases = parser.parse_args().cases
    for grants in (0, 10, 1_000):
        print("{:>5} grants: p50 {:6.0f} µs, p99 {:6.0f} µs".format(grants, *latency(grants)))
    wrong, allowed = disagreements(cases)
    print(f"{cases:,} cases, {allowed:,} of them allowed: {wrong} decided otherwise than by the oracle")


def latency(grants: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of one decision in microseconds."""
    rows = [Row(str(number % 250), f"action:identity_example.a{number // 250}", "ask") for number in range(grants - 1)]
    permissions = Permissions(row.grant() for row in [*rows, Row("19", f"action:{ACTION}", "ask")][:grants])
    request, taken = Case().request(), []
    for _ in range(DECISIONS):
        begun = time.perf_counter_ns()
        permissions.decide(request)
        taken.append((time.perf_counter_ns() - begun) / 1_000)
    taken.sort()
    return taken[DECISIONS // 2], taken[DECISIONS * 99 // 100]


def disagreements(cases: int) -> tuple[int, int]:
    """Count the cases that policy and oracle decide otherwise, and those that are allowed."""
    random, wrong, allowed = Random(), 0, 0  # noqa: S311  # other cases each time
    for _ in range(cases):
        case = generated(random)
        request = case.request()
        decision = guard_rails().ask(case.verb, request, case.table().standing(request))
        wrong += (decision.is_allowed, frozenset(decision.rules)) != oracle(case)
        allowed += decision.is_allowed
    return wrong, allowed


if __name__ == "__main__":
    main()
