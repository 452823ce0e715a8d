"""How well recurring patterns are found in closed tickets, and what that costs.

``uv run python benchmarks/candidates.py`` takes the public data of ../shared: CLINC150's 150 intents, where every
request has a known intent, and the IT tickets, repeated up to ``--tickets``, where only eight categories are known.
Purity is the share of grouped tickets whose label is their group's commonest; NMI is normalised mutual information.
"""

import argparse
import csv
import gzip
import json
import resource
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

from sklearn.metrics import normalized_mutual_info_score

from deskhand.knowledge.doing import Doable
from deskhand.knowledge.opportunities import ranked
from deskhand.knowledge.patterns import Pattern, patterns
from deskhand.mirror.mirror import PastTicket
from deskhand.registry import Registry
from deskhand.sdk.models import Reference, Ticket

SHARED = Path(__file__).parents[2] / "shared" / "data" / "tickets"
START = datetime(2026, 1, 1, tzinfo=UTC)
BOARD = Reference("1", "Service")
FIXES = ("Reset the password and revoked all sessions.", "Unlocked the account.", "Replaced the toner.", None)

Row = tuple[str, str]
"""A ticket's text and its label."""


def main() -> None:
    """Print one line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=50_000)
    options = parser.parse_args()
    measure("CLINC150, labels hidden", clinc(), is_filed=False)
    tickets = list(islice(cycle(it_tickets()), options.tickets))
    measure("IT tickets, labels hidden", tickets, is_filed=False)
    measure("IT tickets, filed by category", tickets, is_filed=True)


def clinc() -> list[Row]:
    """Read CLINC150's training requests."""
    data = json.loads(gzip.decompress((SHARED / "clinc150.json.gz").read_bytes()))
    return [(text, label) for text, label in data["train"]]


def it_tickets() -> list[Row]:
    """Read the IT tickets."""
    with gzip.open(SHARED / "it-service-tickets.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        return [(row["text"], row["category"]) for row in csv.DictReader(lines)]


def measure(title: str, rows: Sequence[Row], *, is_filed: bool) -> None:
    """Find and rank patterns, and print how good they are and what it took."""
    past = [closed(place, row, is_filed=is_filed) for place, row in enumerate(rows)]
    doables = catalogue()
    started = time.perf_counter()
    found = patterns(past)
    grouped = time.perf_counter() - started
    opportunities = ranked(found, doables, lambda _client, _action: True)
    spent = time.perf_counter() - started
    purity, information = quality([each for each in found if each.is_of_one_mind], rows)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    covered = sum(len(each.tickets) for each in found) / len(rows)
    print(
        f"{title:30} {len(rows):6,} tickets  {len(opportunities):4} patterns  covered {covered:.2f}"
        f"  purity {purity:.3f}  NMI {information:.3f}  grouping {grouped:.1f} s  with ranking {spent:.1f} s"
        f"  peak {memory:.0f} MB"
    )


def quality(found: Sequence[Pattern], rows: Sequence[Row]) -> tuple[float, float]:
    """Return purity and normalised mutual information of the tickets that were grouped."""
    groups = [[rows[int(number)][1] for number in each.tickets] for each in found]
    truth = [label for group in groups for label in group]
    guess = [place for place, group in enumerate(groups) for _ in group]
    purity = sum(Counter(group).most_common(1)[0][1] for group in groups) / len(truth)
    return purity, float(normalized_mutual_info_score(truth, guess))


def catalogue() -> list[Doable]:
    """List what the installed connectors can do."""
    actions = [each for plugin in Registry.discover().plugins.values() for each in plugin.actions]
    return [Doable(each.name, each.title, int(each.tier), each.irreversible) for each in actions]


def closed(place: int, row: Row, *, is_filed: bool) -> PastTicket:
    """Make a closed ticket of a row."""
    text, label = row
    moment = START + timedelta(minutes=10 * place)
    ticket = Ticket(
        id=str(place),
        version="1",
        summary=text[:100],
        board=BOARD,
        status=Reference("c", "Closed"),
        is_closed=True,
        created_at=moment,
        updated_at=moment,
        company=Reference(str(place % 50), f"Client {place % 50}"),
        type=Reference(label, label) if is_filed else None,
        closed_at=moment,
        hours_worked=0.25,
    )
    return PastTicket(ticket, f"{text[:100]}\n{text}", FIXES[place % len(FIXES)] if is_filed else None)


if __name__ == "__main__":
    main()
