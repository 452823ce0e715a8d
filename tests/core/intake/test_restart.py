"""A process may die at any boundary: before or after any request, any mirror write, any transaction."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from deskhand.intake.settings import IntakeSettings
from tests.core.intake.desk_side import MEMORY, Death, DeskSide, Fuse
from tests.core.intake.pocket_psa import START, PocketPsa

SETTINGS = IntakeSettings(history_days=0, readers=1, overlap_seconds=5)


class Life:
    """One day at one PSA, in three acts; ``deadly`` is the boundary at which the desk dies in each of them."""

    def __init__(self, folder: Path, deadly: int | None = None) -> None:
        self.psa = PocketPsa(START)
        self.fuse = Fuse()
        self.deadly = deadly
        self.longest_act = 0
        for number in range(4):
            self.psa.tick()
            self.psa.open_ticket(f"old {number}")
        self.psa.close_ticket("1")
        self.psa.close_ticket("3")
        self.psa.before = self.psa.after = self.fuse.burn
        self.desk = DeskSide(folder, self.psa, SETTINGS, lambda: self.psa.now, self.fuse)

    def live(self) -> None:
        self._survive(lambda: self.desk.intake.backfill(_silent))
        for _ in range(4):
            self.psa.tick(60)
            self.psa.open_ticket("new")
        self.psa.close_ticket("2")
        self._survive(self._poll)
        self.psa.tick(60)
        self.psa.change("5", summary="changed")
        self._survive(self._poll)

    def _poll(self) -> None:
        self.desk.intake.poll()
        self.desk.intake.read_history(_silent)

    def _survive(self, act: Callable[[], None]) -> None:
        self.fuse.crossed, self.fuse.deadly = 0, self.deadly
        try:
            act()
        except Death:
            self.desk.restart()
            act()
        self.longest_act = max(self.longest_act, self.fuse.crossed)

    def state(self) -> dict[str, object]:
        """Everything that matters afterwards; the cursor may rest a sweep earlier, which only reads more."""
        return {
            "tickets": {number: self.desk.mirror.ticket(str(number)) for number in self.psa.tickets},
            "past": self.desk.mirror.closed_tickets(),
            "notes": {number: self.desk.mirror.notes(str(number)) for number in self.psa.tickets},
            "queue": self.desk.queued,
            "on record": self.desk.enqueued_on_record,
        }


def played(deadly: int | None) -> tuple[dict[str, object], int]:
    """Play a life to its end and return what is left of it, and how many boundaries its longest act had."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        life = Life(Path(folder), deadly)
        life.live()
        life.desk.assert_mirrors(life.psa)
        state = life.state()
        life.desk.close()
        return state, life.longest_act


def test_dying_at_any_boundary_loses_nothing_and_doubles_nothing() -> None:
    expected, boundaries = played(None)
    assert expected["on record"] == ["5", "6", "7", "8"]
    assert boundaries > 40
    for deadly in range(1, boundaries + 1):
        state, _ = played(deadly)
        assert state == expected, f"after dying at boundary {deadly}"


def _silent(done: int, total: int) -> None:
    del done, total
