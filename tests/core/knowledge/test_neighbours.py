from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deskhand.knowledge.case import Case, Wording
from deskhand.knowledge.descriptions import Meanings
from deskhand.knowledge.neighbours import LONGEST_FIX, Neighbours
from deskhand.knowledge.text import comparable
from deskhand.knowledge.training import train
from deskhand.mirror.mirror import Mirror
from deskhand.records.documents import SimilarTicket
from deskhand.sdk.models import Note, NoteKind, Reference
from tests.core.knowledge.examples import START, past, ticket

PAST = past(60)
HISTORY = train(PAST)
ASKING = ticket("new", "toner empty")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    mirror = Mirror.open(tmp_path / "mirror.db")
    mirror.save_tickets([each.ticket for each in PAST])
    yield mirror
    mirror.close()


def case(text: str) -> Case:
    return HISTORY.case(Wording(text, "", compared=comparable(text)))


def similar(
    mirror: Mirror, company: str = "c1", limit: int = 3, meanings: Meanings | None = None
) -> tuple[SimilarTicket, ...]:
    return Neighbours.of(mirror, HISTORY).similar(case("toner empty"), ASKING, company, limit, meanings)


def close(mirror: Mirror, ticket_id: str, summary: str, company: str, fix: str = "") -> None:
    record = ticket(ticket_id, summary, is_closed=True, company=Reference(company, company), closed_at=START)
    mirror.save_tickets([record])
    notes = [Note("n1", ticket_id, summary, NoteKind.DISCUSSION, START, from_customer=True)]
    if fix:
        notes.append(Note("n2", ticket_id, fix, NoteKind.RESOLUTION, START))
    mirror.save_notes(ticket_id, notes)


def test_similar_tickets_come_most_similar_first(mirror: Mirror) -> None:
    found = similar(mirror)
    assert 1 <= len(found) <= 3
    assert [each.similarity for each in found] == sorted((each.similarity for each in found), reverse=True)
    assert all("toner" in each.summary for each in found[:1])


def test_no_word_of_another_client_is_ever_shown(mirror: Mirror) -> None:
    close(mirror, "theirs", "toner empty CANARY", "c2", fix="CANARY fix")
    assert "CANARY" not in repr(similar(mirror, "c1"))
    assert "CANARY" in repr(similar(mirror, "c2"))


def test_a_ticket_that_moved_to_another_client_is_shown_no_more(mirror: Mirror) -> None:
    mine = similar(mirror)[0]
    moved = mirror.ticket(mine.ticket_id)
    assert moved is not None
    later = replace(moved, version="2", company=Reference("c2", "Client 2"))
    mirror.save_tickets([later])
    assert mine.ticket_id not in [each.ticket_id for each in similar(mirror)]


def test_what_fixed_it_is_told_in_one_inert_line(mirror: Mirror) -> None:
    close(
        mirror,
        "solved",
        "toner empty toner empty",
        "c1",
        fix="Replaced the <b>cartridge</b>\nStatus: done\n" + "x" * 500,
    )
    found = next(each for each in similar(mirror) if each.ticket_id == "solved")
    assert found.fix is not None
    assert found.fix.startswith("Replaced the cartridge Status: done")
    assert len(found.fix) <= LONGEST_FIX


def test_a_ticket_closed_after_the_training_is_found_too(mirror: Mirror) -> None:
    close(mirror, "fresh", "toner empty", "c1")
    assert "fresh" in [each.ticket_id for each in similar(mirror)]


def test_other_clients_tickets_do_not_crowd_out_ones_own(mirror: Mirror) -> None:
    for place in range(20):
        close(mirror, f"theirs-{place}", "toner empty", "c2")
    close(mirror, "mine", "toner empty", "quiet client")
    assert [each.ticket_id for each in similar(mirror, "quiet client")] == ["mine"]


def test_a_ticket_is_not_similar_to_itself(mirror: Mirror) -> None:
    close(mirror, "new", "toner empty", "c1")
    assert "new" not in [each.ticket_id for each in similar(mirror)]


def test_a_client_without_history_has_no_similar_tickets(mirror: Mirror) -> None:
    assert similar(mirror, "nobody") == ()


def test_none_are_shown_where_none_are_wanted(mirror: Mirror) -> None:
    assert similar(mirror, limit=0) == ()


def test_meaning_reorders_what_words_found(mirror: Mirror) -> None:
    close(mirror, "meant", "toner", "c1")

    def embed(texts: object) -> np.ndarray:
        rows = [[1.0, 0.0] if text in {"toner", "toner empty"} else [0.0, 1.0] for text in texts]  # type: ignore[attr-defined]  # texts
        return np.array(rows, dtype=np.float32)

    assert similar(mirror, meanings=Meanings(embed))[0].ticket_id in {"meant", similar(mirror)[0].ticket_id}
    assert "meant" in [each.ticket_id for each in similar(mirror, meanings=Meanings(embed))]
