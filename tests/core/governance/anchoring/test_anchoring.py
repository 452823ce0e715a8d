import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.governance.anchoring.anchoring import RETRY, ROLLBACK_ACCEPTED, Anchoring
from deskhand.governance.anchoring.memory import Memory
from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.governance.anchoring.settings import AnchorSettings
from deskhand.records.audit.anchors import Anchor, anchor_of
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, url_of
from tests.core.governance.anchoring.conftest import Watch, write

HOURLY = AnchorSettings(every_minutes=60, stale_after_hours=4)


@dataclass
class Shelf:
    """A place outside that can be out of reach."""

    name: str = "shelf"
    every: timedelta | None = None
    kept: list[Sealed] = field(default_factory=list)
    is_away: bool = False

    def put(self, sealed: Sealed) -> str:
        self._answer()
        self.kept.append(sealed)
        return f"shelf {len(self.kept)}"

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        self._answer()
        return tuple(each.anchor for each in self.kept if each.checkpoint.origin == origin)

    def _answer(self) -> None:
        if self.is_away:
            raise PlaceError("the shelf is away")


@dataclass
class Slot(Shelf):
    """A place that cannot be read back."""

    name: str = "slot"

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        del origin
        return None


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def slot() -> Slot:
    return Slot()


@pytest.fixture
def anchoring(records: Records, shelf: Shelf, slot: Slot, tmp_path: Path, watch: Watch) -> Anchoring:
    return Anchoring(records, (shelf, slot), HOURLY, Memory(tmp_path / "anchors.json"), watch)


def kinds(records: Records) -> list[str]:
    return [each.kind for each in records.audit_entries() if each.kind.startswith("audit.")]


def test_what_is_new_is_signed_and_copied_to_every_place(anchoring: Anchoring, shelf: Shelf, slot: Slot) -> None:
    assert not anchoring.due()
    assert anchoring.anchor() == ()
    write(anchoring.records, "1", "2")
    assert anchoring.due()
    outcomes = anchoring.anchor()
    assert [(each.place, each.size, each.reference, each.trouble) for each in outcomes] == [
        ("shelf", 2, "shelf 1", ""),
        ("slot", 2, "shelf 1", ""),
    ]
    assert shelf.kept[0].anchor == slot.kept[0].anchor == anchor_of(anchoring.records)
    assert not anchoring.due()


def test_a_place_gets_the_next_copy_when_its_time_has_come_and_there_is_anything_new(
    anchoring: Anchoring, shelf: Shelf, slot: Slot, watch: Watch
) -> None:
    slot.every = timedelta(hours=24)
    write(anchoring.records, "1")
    anchoring.anchor()
    watch.forward(hours=48)
    assert not anchoring.due(), "nothing is new"
    anchoring.anchor()
    write(anchoring.records, "2")
    anchoring.anchor()
    watch.forward(minutes=59)
    write(anchoring.records, "3")
    assert not anchoring.due()
    watch.forward(minutes=1)
    assert [each.place for each in anchoring.anchor()] == ["shelf"]
    assert [each.checkpoint.size for each in shelf.kept] == [1, 2, 3]
    assert [each.checkpoint.size for each in slot.kept] == [1, 2]
    write(anchoring.records, "4")
    assert [each.place for each in anchoring.anchor(at_once=True)] == ["shelf", "slot"]


def test_a_place_that_fails_is_left_alone_for_a_while_and_keeps_no_other_from_its_copy(
    anchoring: Anchoring, shelf: Shelf, slot: Slot, watch: Watch
) -> None:
    shelf.is_away = True
    write(anchoring.records, "1")
    assert [each.trouble for each in anchoring.anchor()] == ["the shelf is away", ""]
    assert (len(slot.kept), anchoring.standings()[0].trouble) == (1, "the shelf is away")
    assert not anchoring.due()
    watch.forward(seconds=RETRY.total_seconds())
    assert anchoring.due()
    shelf.is_away = False
    assert [each.place for each in anchoring.anchor()] == ["shelf"]
    assert anchoring.standings()[0].trouble == ""


def test_anchors_are_stale_when_an_entry_was_without_any_for_too_long(
    anchoring: Anchoring, shelf: Shelf, slot: Slot, watch: Watch
) -> None:
    assert not anchoring.is_stale(), "nothing happened yet"
    write(anchoring.records, "1")
    anchoring.anchor()
    watch.forward(hours=1000)
    assert not anchoring.is_stale(), "everything is anchored, however long ago"
    shelf.is_away = slot.is_away = True
    write(anchoring.records, "2")
    watch.forward(hours=4)
    anchoring.anchor()
    assert not anchoring.is_stale()
    watch.forward(seconds=1)
    assert anchoring.is_stale()
    slot.is_away = False
    watch.forward(minutes=5)
    anchoring.anchor()
    assert not anchoring.is_stale(), "one place is enough"


def test_staleness_and_its_end_are_on_the_record_once_each(
    anchoring: Anchoring, shelf: Shelf, slot: Slot, watch: Watch
) -> None:
    shelf.is_away = slot.is_away = True
    write(anchoring.records, "1")
    for _ in range(4):
        watch.forward(hours=3)
        anchoring.anchor()
    assert kinds(anchoring.records) == ["audit.anchors_stale"]
    shelf.is_away = slot.is_away = False
    watch.forward(hours=3)
    anchoring.anchor()
    anchoring.anchor()
    assert kinds(anchoring.records) == ["audit.anchors_stale", "audit.anchors_current"]
    watch.forward(hours=3)
    anchoring.anchor()
    assert len(shelf.kept) == 2
    watch.forward(hours=3)
    assert not anchoring.due(), "anchoring alone makes no work for itself"


def test_without_a_place_nothing_is_ever_stale(records: Records, tmp_path: Path, watch: Watch) -> None:
    anchoring = Anchoring(records, (), HOURLY, Memory(tmp_path / "anchors.json"), watch)
    write(records, "1")
    watch.forward(hours=1000)
    assert not anchoring.is_stale()
    assert anchoring.anchor(at_once=True) == ()


def test_what_was_anchored_is_remembered_across_restarts(
    anchoring: Anchoring, shelf: Shelf, slot: Slot, tmp_path: Path, watch: Watch
) -> None:
    write(anchoring.records, "1")
    anchoring.anchor()
    again = Anchoring(anchoring.records, (shelf, slot), HOURLY, Memory(tmp_path / "anchors.json"), watch)
    assert not again.due()
    (tmp_path / "anchors.json").write_text("nonsense")
    forgetful = Anchoring(anchoring.records, (shelf, slot), HOURLY, Memory(tmp_path / "anchors.json"), watch)
    assert forgetful.due(), "lost memory costs a copy too many"


@pytest.fixture
def rolled_back(anchoring: Anchoring, shelf: Shelf, slot: Slot, tmp_path: Path, watch: Watch) -> Iterator[Anchoring]:
    """Put the whole state folder back to what it was four entries ago, as restoring a snapshot does."""
    write(anchoring.records, "1", "2")
    anchoring.anchor()
    backup = tmp_path.with_name(f"{tmp_path.name}-backup")
    anchoring.records.close()
    shutil.copytree(tmp_path, backup)
    write(anchoring.records, "3", "4", "5", "6")
    anchoring.anchor(at_once=True)
    records = Records.open(url_of(backup / "records.db"), clock=watch)
    yield Anchoring(records, (shelf, slot), HOURLY, Memory(backup / "anchors.json"), watch)
    records.close()


def test_a_rollback_past_the_last_anchor_is_found(rolled_back: Anchoring, shelf: Shelf) -> None:
    url = str(rolled_back.records._engine.url)
    assert verify(url).ok, "by itself the log is whole"
    found = verify(url, anchors=[each.anchor for each in shelf.kept])
    assert (found.ok, found.first_bad) == (False, 2)
    assert "cut off" in found.reason


def test_a_log_that_was_rolled_back_does_not_bury_the_evidence(
    rolled_back: Anchoring, shelf: Shelf, slot: Slot
) -> None:
    write(rolled_back.records, "other")
    by_name = {each.place: each.trouble for each in rolled_back.anchor(at_once=True)}
    assert "vouches for 6 entries" in by_name["shelf"]
    assert "--accept-rollback" in by_name["shelf"]
    assert (len(shelf.kept), len(slot.kept), by_name["slot"]) == (2, 3, "")


def test_a_log_as_long_as_the_anchor_but_another_is_found_too(rolled_back: Anchoring) -> None:
    write(rolled_back.records, "a", "b", "c", "d")
    assert "rolled back" in rolled_back.anchor(at_once=True)[0].trouble


def test_a_memory_that_knows_of_more_than_there_is_makes_it_stale(
    rolled_back: Anchoring, shelf: Shelf, tmp_path: Path, watch: Watch
) -> None:
    newer = Anchoring(rolled_back.records, (shelf,), HOURLY, Memory(tmp_path / "anchors.json"), watch)
    assert newer.is_stale()
    assert newer.due()


def test_after_a_restore_a_person_says_so_and_it_goes_on_with_the_loss_on_the_record(
    rolled_back: Anchoring, shelf: Shelf
) -> None:
    lost = shelf.kept[1].anchor
    assert rolled_back.accept_rollback("Jo Doe", "the disk died") == (lost,)
    assert rolled_back.accept_rollback("Jo Doe", "again") == ()
    (entry,) = [each for each in rolled_back.records.audit_entries() if each.kind == ROLLBACK_ACCEPTED]
    assert (entry.actor, entry.detail) == ("Jo Doe", {"anchors": [lost.line()], "reason": "the disk died"})
    assert not any(each.trouble for each in rolled_back.anchor(at_once=True))
    assert shelf.kept[-1].checkpoint.size == 3
    assert not rolled_back.is_stale()
