"""Promise 2: whatever instant the process dies at, the end is the same as if it had not."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from deskhand.demo.rehearsal import Script
from deskhand.records.documents import Why
from tests.journeys.conftest import SetStage, Stage
from tests.repository import SHARED

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FIELDS = 5
REAL = SHARED / "data" / "tickets" / "it-service-tickets.csv.gz"


def lasting(why: Why) -> dict[str, object]:
    """What of an explanation does not depend on the clock or on how long something took."""
    document = why.model_dump(exclude={"decided_at", "note_id", "reasons"})
    if document["triage"] is not None:
        del document["triage"]["seconds"]
    document["reasons"] = [each for each in why.reasons if not each.startswith("One internal note")]
    return document


def die_often(stage: Stage, times: int, seed: int) -> int:
    chance = random.Random(seed)
    killed = sum(
        stage.kill_after(chance.choice((chance.uniform(0.1, 2.5), chance.uniform(2.5, 8.0)))) for _ in range(times)
    )
    stage.finish()
    return killed


def assert_same_end(killed: Stage, reference: Stage, tickets: int) -> None:
    found, expected = killed.explanations(), reference.explanations()
    assert len(expected) == tickets
    assert [lasting(why) for why in found] == [lasting(why) for why in expected]
    in_the_psa = killed.in_the_psa()
    assert in_the_psa == reference.in_the_psa()
    assert all(len(row) <= FIELDS + 1 for row in in_the_psa.values()), "a ticket has two notes"
    assert killed.verifies()


def test_a_desk_killed_while_the_rehearsal_plays_ends_as_one_that_was_not(set_stage: SetStage) -> None:
    script = Script(now=NOW)
    killed, reference = set_stage(script), set_stage(script)
    with ThreadPoolExecutor(1) as beside:
        undisturbed = beside.submit(reference.finish)
        assert die_often(killed, 8, seed=1) >= 5
        undisturbed.result()
    assert_same_end(killed, reference, len(killed.vendor.world.open_tickets))


@pytest.mark.skipif(not REAL.exists(), reason=f"needs {REAL}: real tickets, which are no part of the project")
def test_fifty_deaths_over_five_hundred_real_tickets_lose_and_double_nothing(set_stage: SetStage) -> None:
    script = Script(now=NOW, tickets=REAL, limit=500)
    killed, reference = set_stage(script), set_stage(script)
    with ThreadPoolExecutor(1) as beside:
        undisturbed = beside.submit(reference.finish)
        deaths = die_often(killed, 50, seed=2)
        undisturbed.result()
    assert_same_end(killed, reference, 500)
    assert deaths == 50, f"only {deaths} of 50 kills found the desk alive"
