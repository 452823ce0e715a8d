"""A process that others took for dead: what it still says and does about a run they carry on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection

from deskhand.records.database import url_of
from deskhand.records.effects import EffectState
from deskhand.records.runs import RunState
from deskhand.sdk.errors import RejectedError
from deskhand.workflow.calls import unobserved
from deskhand.workflow.journal import SupersededError
from tests.core.workflow.desk import Desk
from tests.core.workflow.inline import Inline
from tests.core.workflow.office import plan, said, step
from tests.core.workflow.test_engine import happened, state_of
from tests.core.workflow.vendor import Death

TEXT = step("send_text", text=said("x"))
JOIN = step("join_group", group=said("vpn"))


class Losing(Inline):
    """Carries segments out until they are lost to somebody else, which it is told only when it asks."""

    is_lost = False

    def hold(self, connection: Connection) -> None:
        del connection
        if self.is_lost:
            raise SupersededError("taken over")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk.open(url_of(tmp_path / "records.db"), tmp_path)
    opened.inline = Losing()
    opened.start()
    yield opened
    opened.close()


def lose(desk: Desk, at: str) -> None:
    """Have the process stand still at a call of the vendor's for so long that others take over."""

    def stand_still(where: str) -> None:
        if where == at:
            assert isinstance(desk.inline, Losing)
            desk.inline.is_lost = True

    desk.office.on_call = stand_still


def test_whoever_lost_a_run_before_its_intent_sends_nothing(desk: Desk) -> None:
    lose(desk, "send_text inspect")
    run = desk.run(plan(TEXT))
    assert happened(desk) == []
    assert state_of(desk, run, "send_text") is None
    assert run.state is RunState.RUNNING


@pytest.mark.parametrize("verb", ["send_text", "join_group"])
def test_an_error_after_the_run_was_lost_gives_no_claim_up(desk: Desk, verb: str) -> None:
    """The claim may be somebody else's by now: were it given up, a third attempt could be made beside the second."""
    lose(desk, f"{verb} before")
    desk.office.trouble[f"{verb} before"] = [RejectedError("400")]
    run = desk.run(plan(TEXT if verb == "send_text" else JOIN))
    assert state_of(desk, run, verb) is EffectState.CLAIMED
    assert run.state is RunState.RUNNING


def test_a_receipt_that_comes_after_the_run_was_lost_is_kept_because_it_is_true(desk: Desk) -> None:
    lose(desk, "send_text after")
    run = desk.run(plan(TEXT))
    assert state_of(desk, run, "send_text") is EffectState.DONE
    assert happened(desk) == ["text"]
    assert run.state is RunState.RUNNING, "the run itself is somebody else's to end"


def test_an_idempotent_effect_is_not_made_again_by_whoever_lost_the_run(desk: Desk) -> None:
    """Somebody else may have made it, and undone it, meanwhile."""
    run = desk.submit(plan(JOIN))
    desk.at = Dying("claimed")
    desk.start()
    with pytest.raises(Death):
        desk.inline.run()
    desk.at = unobserved
    desk.clock.move(minutes=2)
    desk.start()
    lose(desk, "join_group inspect")
    desk.inline.run()
    assert happened(desk) == []
    assert state_of(desk, run, "join_group") is EffectState.CLAIMED


@dataclass
class Dying:
    """Ends what it observes at a boundary."""

    boundary: str

    def __call__(self, boundary: str, subject: str) -> None:
        del subject
        if boundary == self.boundary:
            raise Death
