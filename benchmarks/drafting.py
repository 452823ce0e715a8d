"""How long it takes from a finished run to a back-tested draft, without a model, on 50,000 mirrored closed tickets.

``uv run python benchmarks/drafting.py`` takes the public tickets of ../shared, round and round, with resolutions of our
own wording (simulated: the set has none, so precision and recall mean little); without the set all is simulated, and it
says so. Mirroring is not timed: it is done by then.
"""

import argparse
import csv
import gzip
import itertools
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deskhand.agent.drafting.back_test import Trial, back_test
from deskhand.agent.drafting.drafts import Draft, Source, draft_from_run
from deskhand.agent.drafting.lifting import TicketFacts
from deskhand.automation.document import FactSource
from deskhand.automation.known import KnownActions, known
from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.desk.automation_facts import PastChecks
from deskhand.knowledge.corpus import Corpus
from deskhand.knowledge.matching import Reading, words_in
from deskhand.mirror.mirror import Mirror
from deskhand.records.runs import Run, StepRecord, StepState
from deskhand.registry import Registry
from deskhand.sdk.models import Note, NoteKind, Person, Reference, Ticket

SHARED = Path(__file__).parents[2] / "shared" / "data" / "tickets" / "it-service-tickets.csv.gz"
START = datetime(2026, 1, 1, tzinfo=UTC)
BOARD = Reference("1", "Service")
CLIENTS = tuple(Reference(str(number), f"Client {number}") for number in range(1, 41))
USER = "0b7f5a6e-2a52-4a0e-9a0d-3a1f5d2c9b11"
FIXES = {
    "Access": ("Password reset, sessions revoked.", "Unlocked after call-back.", "Added to the group.", ""),
    "Hardware": ("Changed the battery.", "Restarted it.", ""),
}
WORDS = ("account", "password", "locked", "login", "access", "printer", "screen", "network", "vpn", "folder", "order")
STEPS = ("identity_entra.revoke_sessions", "identity_entra.reset_password")


def main() -> None:
    """Print the time of each part, and what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mirror = Mirror.open(Path(folder) / "mirror.db")
        print(f"{fill(mirror, options.tickets):,} closed tickets mirrored, from {source_of_texts()}; no model")
        measure(mirror)
        mirror.close()


def measure(mirror: Mirror) -> None:
    """Take the way from a finished run to a back-tested draft."""
    begun = time.perf_counter()
    corpus = Corpus.of(mirror.each_closed_ticket())
    read = time.perf_counter()
    made = draft(corpus)
    drafted = time.perf_counter()
    again = Corpus.of(mirror.each_closed_ticket())
    examples = {
        each: words_in(found.summary) for each in made.document.match.examples if (found := mirror.ticket(each))
    }
    tested = back_test(Trial(made.document, again, examples, None, PastChecks(mirror, made.document).unmet), START)
    end = time.perf_counter()
    quality = made.learned.quality
    print(f"rule: {made.document.match.model_dump(exclude_defaults=True)}")
    print(f"precision {quality.precision:.2f}, recall {quality.recall:.2f}; held out: {made.learned.held_out}")
    print(f"back-test: {tested.summary}")
    print(f"read the history {read - begun:6.1f} s   draft {drafted - read:6.1f} s   back-test {end - drafted:6.1f} s")
    print(f"finished run → back-tested draft {end - begun:.1f} s (promised: 120 s)")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def draft(corpus: Corpus) -> Draft:
    """Draft from a run that ended sessions and reset a password."""
    actions = known(action for plugin in Registry.discover().plugins.values() for action in plugin.actions)
    plan = Plan(
        id="p-0123456789abcdef",
        ticket_id="new",
        tenant=Named(id="1", name="Client 1"),
        requested_by="tess",
        steps=tuple(step(number, name, actions) for number, name in enumerate(STEPS, 1)),
    )
    run = Run(
        id="r-0123456789abcdef",
        plan_id=plan.id,
        plan_sha256=plan.sha256(),
        ticket_id="new",
        tenant_id="1",
        steps=tuple(StepRecord(id=each.id, action=each.action, state=StepState.DONE) for each in plan.steps),
        requested_by="tess",
        started_at=START,
    )
    facts = TicketFacts({FactSource.TENANT_ID: "1", FactSource.REQUESTER_DIRECTORY_USER: USER})
    reading = Reading.of("account locked password expired please reset my login", "Access")
    return draft_from_run(plan, run, Source("new", reading, facts), corpus, actions)


def step(number: int, name: str, actions: KnownActions) -> PlannedStep:
    """Plan one step for the one user."""
    values = {"company_id": "1", "user_id": USER}
    return PlannedStep(
        id=f"s{number}",
        action=name,
        title=actions[name].title,
        tier=actions[name].tier,
        effect=actions[name].effect,
        irreversible=actions[name].irreversible,
        arguments={
            each: Argument(source=SourceKind.DIRECTORY, value=value, origin=each) for each, value in values.items()
        },
    )


def fill(mirror: Mirror, count: int) -> int:
    """Mirror tickets, each with the customer's message and mostly a resolution."""
    mirror.save_people(Person(f"p{each.id}", "An Example", each, phones=("+441632960000",)) for each in CLIENTS)
    dice = random.Random(1)  # noqa: S311  # a fixed seed, no secret
    batch: list[Ticket] = []
    for number, (text, kind) in enumerate(itertools.islice(texts(dice), count)):
        mirror.save_notes(str(number), notes(str(number), text, dice.choice(FIXES.get(kind, ("Done.", "")))))
        batch.append(closed(number, text, kind))
        if len(batch) == 1_000:
            mirror.save_tickets(batch)
            batch.clear()
    mirror.save_tickets(batch)
    return mirror.counts()["past_tickets"]


def closed(number: int, text: str, kind: str) -> Ticket:
    """Make one closed ticket."""
    when, client = START + timedelta(minutes=10 * number), CLIENTS[number % len(CLIENTS)]
    return Ticket(
        id=str(number),
        version="1",
        summary=text[:100],
        board=BOARD,
        status=BOARD,
        is_closed=True,
        created_at=when,
        updated_at=when,
        closed_at=when,
        company=client,
        contact=Reference(f"p{client.id}", "An Example"),
        type=Reference(kind, kind),
    )


def notes(ticket_id: str, text: str, fix: str) -> list[Note]:
    """Make the notes of one ticket."""
    found = [Note(f"{ticket_id}a", ticket_id, text, NoteKind.DISCUSSION, START, from_customer=True)]
    if fix:
        found.append(Note(f"{ticket_id}b", ticket_id, fix, NoteKind.RESOLUTION, START))
    return found


def source_of_texts() -> str:
    """Say where the texts come from."""
    return f"{SHARED.name} (real texts, simulated resolutions)" if SHARED.exists() else "simulated texts"


def texts(dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield texts with their kind, without end."""
    if not SHARED.exists():
        while True:
            yield " ".join(dice.choices(WORDS, k=40)), dice.choice(["Access", "Hardware", "Miscellaneous"])
    with gzip.open(SHARED, "rt", encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    yield from itertools.cycle(rows)


if __name__ == "__main__":
    main()
