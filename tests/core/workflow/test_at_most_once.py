"""Promise 2 at the gate: whatever crashes and whichever answers are lost, an effect happens at most once."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deskhand.records import effects
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, url_of
from deskhand.records.effects import EffectState
from deskhand.sdk.errors import ConnectorError, RateLimitedError, RejectedError, UnavailableError
from deskhand.workflow.gate import Call, Gate
from tests.core.workflow.conftest import SteppingClock, context
from tests.core.workflow.vendor import Board, Death, Notice, Where, answer_lost, notice_action

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  # a folder of ours is made inside
KEYS = ("a", "b")
NOTHING_CHANGED = (Death, lambda: UnavailableError("503"), lambda: RateLimitedError("429", retry_after=1), answer_lost)
PLACES: dict[Where, tuple[object, ...]] = {
    "inspect": (Death, lambda: UnavailableError("503")),
    "before": (*NOTHING_CHANGED, lambda: RejectedError("400")),
    "after": (Death, answer_lost),
    "verify": (Death, lambda: UnavailableError("503")),
    "probe": (Death, lambda: UnavailableError("503")),
}


class Lives(RuleBasedStateMachine):
    """A desk that is restarted after each death, over a vendor that goes on living."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.board = Board()
        self.performed: set[str] = set()
        self.open()

    def open(self) -> None:
        self.records = Records.open(url_of(self.folder / "records.db"), clock=SteppingClock())
        self.gate = Gate(self.records, "gate")

    def restart(self) -> None:
        self.records.close()
        self.open()

    def call(self, key: str) -> Call:
        arguments = Notice(ticket_id="1", text=f"Note {key}")
        return Call(notice_action(), self.board, context(), arguments, key)

    @rule(where=st.sampled_from(sorted(PLACES)), data=st.data())
    def break_something(self, where: Where, data: st.DataObject) -> None:
        make = data.draw(st.sampled_from(PLACES[where]))
        assert callable(make)
        self.board.trouble[where] = make()

    @rule()
    def mend_everything(self) -> None:
        self.board.trouble.clear()
        self.board.is_deaf = False

    @rule()
    def answer_without_doing(self) -> None:
        self.board.is_deaf = True

    @rule(key=st.sampled_from(KEYS))
    def perform(self, key: str) -> None:
        try:
            receipt = self.gate.perform(self.call(key))
        except ConnectorError:
            return
        except Death:
            self.restart()
            return
        self.performed.add(key)
        assert self.board.notices[int(receipt.reference) - 1][2] == key

    @rule()
    def restart_in_between(self) -> None:
        self.restart()

    @invariant()
    def every_effect_happened_at_most_once(self) -> None:
        posted = [key for _, _, key in self.board.notices]
        assert len(posted) == len(set(posted))

    @invariant()
    def what_was_reported_done_is_done_and_claimed_on_the_record(self) -> None:
        assert self.performed <= {key for _, _, key in self.board.notices}

    @invariant()
    def whatever_is_at_the_vendor_was_claimed_before(self) -> None:
        for _, _, key in self.board.notices:
            assert effects.find(self.records, key) is not None

    @precondition(lambda self: not self.board.trouble and not self.board.is_deaf)
    @rule(key=st.sampled_from(KEYS))
    def without_trouble_it_comes_to_its_end(self, key: str) -> None:
        self.gate.perform(self.call(key))
        effect = effects.find(self.records, key)
        assert effect
        assert effect.state is EffectState.DONE
        assert [each for _, _, each in self.board.notices].count(key) == 1

    def teardown(self) -> None:
        self.records.close()
        assert verify(url_of(self.folder / "records.db")).ok
        shutil.rmtree(self.folder)


TestLives = pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")(Lives.TestCase)
TestLives.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
