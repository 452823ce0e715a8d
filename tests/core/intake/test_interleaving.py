"""Whatever changes in the PSA at whatever moment, and however intake fails: nothing is lost, nothing doubled."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from deskhand.intake.settings import IntakeSettings
from deskhand.sdk.errors import ConnectorError, RateLimitedError, UnavailableError
from deskhand.sdk.models import Signal, SignalSource
from tests.core.intake.desk_side import MEMORY, Death, DeskSide
from tests.core.intake.pocket_psa import START, PocketPsa

MISHAPS = st.sampled_from(["open", "change oldest", "change newest", "close", "reopen", "die", "down", "throttle"])
SCRIPTS = st.dictionaries(st.integers(0, 12), st.lists(MISHAPS, min_size=1, max_size=3), max_size=5)
"""What happens around which of the coming calls: even numbers before the call takes effect, odd ones after."""


class AnyInterleaving(RuleBasedStateMachine):
    """A desk polls while the PSA goes on living, with no overlap to hide behind."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=MEMORY)

    @initialize(whole_seconds=st.booleans(), backlog=st.integers(0, 5), page_size=st.integers(1, 3))
    def begin(self, whole_seconds: bool, backlog: int, page_size: int) -> None:  # noqa: FBT001  # passed by name
        self.psa = PocketPsa(START, page_size=page_size, whole_seconds=whole_seconds)
        for _ in range(backlog):
            self.psa.open_ticket()
            self.psa.tick(0.4)
        self.backlog = set(map(str, self.psa.tickets))
        chosen = IntakeSettings(overlap_seconds=0, history_days=0, readers=1)
        self.desk = DeskSide(Path(self.folder.name), self.psa, chosen, lambda: self.psa.now)
        self.desk.intake.poll()

    @rule(script=SCRIPTS)
    def poll(self, script: dict[int, list[str]]) -> None:
        self._during(script, self.desk.intake.poll)

    @rule(script=SCRIPTS, number=st.integers(1, 12))
    def follow_a_hint(self, script: dict[int, list[str]], number: int) -> None:
        self.psa.tick(11)
        self.desk.intake.hint(Signal(self.psa.name, str(number), SignalSource.CALLBACK, START))
        self._during(script, self.desk.intake.follow_hints)

    @rule(script=SCRIPTS)
    def read_history(self, script: dict[int, list[str]]) -> None:
        self._during(script, lambda: self.desk.intake.read_history(lambda _done, _total: None))

    @rule(mishap=MISHAPS.filter(lambda each: each not in ("die", "down", "throttle")))
    def change(self, mishap: str) -> None:
        self._happen(mishap)

    @rule()
    def restart(self) -> None:
        self.desk.restart()

    @rule()
    def lose_mirror(self) -> None:
        self.desk.lose_mirror()

    @rule()
    def settle(self) -> None:
        """After two quiet sweeps the mirror is the PSA, and the queue is what was open since the start."""
        for _ in range(2):
            self.desk.intake.poll()
        self.desk.assert_mirrors(self.psa)
        is_open = {ticket.id for ticket in self.psa.tickets.values() if not ticket.is_closed}
        queued = self.desk.queued
        assert is_open - self.backlog <= set(queued)
        assert not set(queued) & self.backlog
        assert self.desk.enqueued_on_record == queued

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.settle()
            self.desk.close()
        self.folder.cleanup()

    def _during(self, script: dict[int, list[str]], act: Callable[[], object]) -> None:
        moment = iter(range(1000))

        def play(_call: str) -> None:
            for mishap in script.get(next(moment), []):
                self._happen(mishap)

        self.psa.before = self.psa.after = play
        try:
            act()
        except ConnectorError:
            pass
        except Death:
            self.desk.restart()
        finally:
            self.psa.before = self.psa.after = lambda _call: None

    def _happen(self, mishap: str) -> None:
        numbers = sorted(self.psa.tickets)
        self.psa.tick(0.4)
        match mishap:
            case "die":
                raise Death
            case "down":
                raise UnavailableError("psa_pocket is down")
            case "throttle":
                raise RateLimitedError("psa_pocket asks for a pause", retry_after=1)
            case "open":
                self.psa.open_ticket()
            case _ if not numbers:
                pass
            case "change oldest":
                self.psa.change(str(numbers[0]), summary=f"at {self.psa.now}")
            case "change newest":
                self.psa.change(str(numbers[-1]), summary=f"at {self.psa.now}")
            case "close":
                self.psa.close_ticket(str(numbers[len(numbers) // 2]))
            case "reopen":
                self.psa.reopen(str(numbers[len(numbers) // 2]))


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
