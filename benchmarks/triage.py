"""How good triage is without any model, beside the linear baseline everybody can build, and what it costs.

``uv run python benchmarks/triage.py`` takes the public data of ../shared; ``--history`` rows are closed tickets, the
``--test`` rows after them come in. Nothing was tuned on the rows that come in.
"""

import argparse
import csv
import gzip
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from deskhand.agent.hostility import warnings_about
from deskhand.agent.learning import learn
from deskhand.agent.settings import TriageSettings
from deskhand.agent.triage import Triager
from deskhand.governance.evaluation import FieldReport, evaluate, judged
from deskhand.governance.matrix import PriorityMatrix
from deskhand.knowledge.examples import starter
from deskhand.llm.none import NoEngine
from deskhand.mirror.mirror import Mirror, PastTicket
from deskhand.records.documents import FieldName
from deskhand.sdk.models import Note, NoteKind, Priority, Reference, Taxonomy, TenantContext, Ticket

SHARED = Path(__file__).parents[2] / "shared"
START = datetime(2026, 1, 1, tzinfo=UTC)
BOARD = Reference("1", "Service")
CLIENT = Reference("1", "Client")
PRIORITIES = tuple(Priority(str(rank), f"Priority {rank}", rank) for rank in range(1, 5))

Row = tuple[str, str]
"""A ticket's text and its label."""


def main() -> None:
    """Print one table for each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=SHARED / "data/tickets/it-service-tickets.csv.gz")
    parser.add_argument("--history", type=int, default=2000)
    parser.add_argument("--test", type=int, default=500)
    options = parser.parse_args()
    rows = read(options.file)
    history, test = rows[: options.history], rows[options.history : options.history + options.test]
    baseline(history, test)
    show(f"deskhand, {len(history)} closed tickets", run(history, test))
    show("deskhand, no history at all", run([], test))
    strangers(SHARED / "data/tickets/clinc150.json.gz")
    attacks(SHARED / "data/attacks", [text for text, _ in history[:2000]])


def read(file: Path) -> list[Row]:
    """Read texts and labels."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return [(row["text"], row["category"]) for row in csv.DictReader(lines)]


def baseline(history: Sequence[Row], test: Sequence[Row]) -> None:
    """Print what TF-IDF with a linear SVM makes of the same rows."""
    vectorizer = TfidfVectorizer()
    machine = LinearSVC(random_state=0).fit(
        vectorizer.fit_transform(text for text, _ in history), [y for _, y in history]
    )
    guesses = machine.predict(vectorizer.transform(text for text, _ in test))
    truth = [label for _, label in test]
    right = sum(guess == label for guess, label in zip(guesses, truth, strict=True))
    macro = f1_score(truth, guesses, average="macro")
    print(f"{'TF-IDF + LinearSVC':34} accuracy {right / len(test):.3f}  macro-F1 {macro:.3f}")


def run(history: Sequence[Row], test: Sequence[Row]) -> FieldReport:
    """Triage the test rows as the desk does, with a mirror and without a model."""
    types = {
        label: Reference(f"t{place}", label) for place, label in enumerate(sorted({y for _, y in (*history, *test)}))
    }
    taxonomy = Taxonomy(BOARD, tuple(types.values()), (), (), ())
    with tempfile.TemporaryDirectory() as folder:
        mirror = Mirror.open(Path(folder) / "mirror.db")
        mirror.save_tickets([past_ticket(place, row, types).ticket for place, row in enumerate(history)])
        started, engine, settings = time.perf_counter(), NoEngine("benchmark"), TriageSettings()
        learned = learn([past_ticket(place, row, types) for place, row in enumerate(history)], engine, settings)
        trained = time.perf_counter() - started
        triager = Triager(learned, mirror, engine, settings)
        spent, decisions = time.process_time(), []
        for place, (text, label) in enumerate(test):
            ticket = open_ticket(str(len(history) + place), text)
            note = Note("n", ticket.id, text, NoteKind.DISCUSSION, START, from_customer=True)
            context = TenantContext(CLIENT, ticket.id, None, ())
            triage = triager.triage(context, ticket, [note], taxonomy, PRIORITIES, PriorityMatrix())
            decisions.append(judged(triage.decision(FieldName.TYPE), label))
        spent = time.process_time() - spent
        mirror.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'':34} learning {trained:.1f} s  CPU {spent / len(test) * 1000:.1f} ms/ticket  peak {memory:.0f} MB")
    return evaluate(decisions)


def show(title: str, report: FieldReport) -> None:
    """Print one report on one line."""
    print(
        f"{title:34} accuracy {report.accuracy:.3f}  macro-F1 {report.macro_f1:.3f}  coverage {report.coverage:.3f}"
        f"  precision {report.precision:.3f}  ECE {report.calibration_error:.3f}"
    )


def past_ticket(place: int, row: Row, types: dict[str, Reference]) -> PastTicket:
    """Make a closed ticket of a row."""
    text, label = row
    moment = START + timedelta(minutes=place)
    ticket = Ticket(
        id=str(place),
        version="1",
        summary=text[:100],
        board=BOARD,
        status=Reference("c", "Closed"),
        is_closed=True,
        created_at=moment,
        updated_at=moment,
        company=CLIENT,
        type=types[label],
        closed_at=moment,
    )
    return PastTicket(ticket, f"{text[:100]}\n{text}", None)


def open_ticket(ticket_id: str, text: str) -> Ticket:
    """Make an open ticket of a text."""
    status = Reference("n", "New")
    return Ticket(ticket_id, "1", text[:100], BOARD, status, is_closed=False, created_at=START, updated_at=START)


def strangers(file: Path) -> None:
    """Print how many requests no label fits are left open, beside those that have one (40 of CLINC150's intents)."""
    data = json.loads(gzip.decompress(file.read_bytes()))
    chosen = set(sorted({label for _, label in data["train"]})[::4][:40])
    history = [(text, label) for text, label in data["train"] if label in chosen]
    history = [row for turn in range(100) for row in history[turn::100]]
    known = [(text, label) for text, label in data["test"] if label in chosen][::3]
    show("CLINC150, 40 known intents", run(history, known))
    report = run(history, [(text, "none of them") for text, _ in data["oos_test"]][:400])
    print(f"{'CLINC150, requests of none of them':34} left open {1 - report.coverage:.3f}")


def attacks(folder: Path, honest: Sequence[str]) -> None:
    """Print how often text that gives orders is noticed, and honest text is not suspected. A warning, no defence."""
    for name, wanted in (("msp_attacks", None), ("corpus", "attack"), ("corpus", "benign")):
        texts = [
            row["text"]
            for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
            if line and (row := json.loads(line)).get("kind") == wanted
        ]
        noticed = sum(bool(warnings_about(text)) for text in texts)
        print(f"{f'warned of, {name} {wanted or str()}':34} {noticed / len(texts):.3f} of {len(texts)}")
    suspected = sum(bool(warnings_about(text)) for text in (*honest, *(each.text for each in starter())))
    print(f"{'warned of, honest tickets':34} {suspected} of {len(honest) + len(starter())}")


if __name__ == "__main__":
    main()
