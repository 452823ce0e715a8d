from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deskhand.configuration.schema import Configuration
from deskhand.desk.desk import Desk
from deskhand.desk.judgement import FACTS_FRESH_FOR
from deskhand.records import reviews
from deskhand.records.documents import FieldName
from deskhand.records.reviews import Mark, Review, Subject
from deskhand.sdk.models import Company, Reference
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import START, Hurry, Msp, drain, hurried


def history_file(configuration: Configuration) -> Path:
    (file,) = configuration.state.glob("history-*.npz")
    return file


def learned(desk: Desk) -> str:
    desk.intake.backfill(lambda _done, _total: None)
    desk.judgement.learn()
    assert desk.judgement.history
    return desk.judgement.history.identity


def test_before_anything_was_learned_nothing_is_judged(configured: Configure) -> None:
    with hurried(configured()) as desk:
        assert desk.judgement.history is None
        with pytest.raises(RuntimeError, match="nothing was learned yet"):
            _ = desk.judgement.triager


def test_what_was_learned_is_taken_up_by_the_next_start(configured: Configure) -> None:
    configuration = configured()
    with hurried(configuration) as desk:
        first = learned(desk)
    written = history_file(configuration).stat().st_mtime_ns
    with hurried(configuration) as desk:
        assert learned(desk) == first
    assert history_file(configuration).stat().st_mtime_ns == written


def test_more_history_is_learned_from_and_a_little_more_is_not(configured: Configure, msp: Msp) -> None:
    configuration = configured()
    for _ in range(10):
        msp.remember(1)
    with hurried(configuration) as desk:
        first = learned(desk)
    for more, is_learned in ((1, False), (10, True)):
        for number in range(more):
            msp.close(msp.ticket(f"Laptop {number} is slow"), "Hardware")
        with hurried(configuration) as desk:
            desk.intake.poll()
            assert (learned(desk) != first) == is_learned


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_file_is_told_and_learned_anew(configured: Configure, damage: str) -> None:
    configuration = configured()
    with hurried(configuration) as desk:
        first = learned(desk)
    file = history_file(configuration)
    whole = file.read_bytes()
    middle = len(whole) // 2
    broken = {
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        "empty": b"",
        "text": b"not a history",
    }
    file.write_bytes(broken[damage])
    with hurried(configuration) as desk, capture_logs() as logged:
        assert learned(desk) == first
    assert [each["event"] for each in logged if each["log_level"] == "warning"] == ["learning anew"]
    with hurried(configuration) as desk, capture_logs() as logged:
        assert learned(desk) == first
    assert not [each for each in logged if each["log_level"] == "warning"]


def test_other_settings_have_a_file_of_their_own(configured: Configure) -> None:
    configuration = configured()
    with hurried(configuration) as desk:
        learned(desk)
    configuration = configured(triage={"target_precision": 0.9})
    with hurried(configuration) as desk:
        learned(desk)
    assert len(list(configuration.state.glob("history-*.npz"))) == 2


def test_where_it_cannot_be_kept_the_desk_goes_on_and_says_so(configured: Configure, msp: Msp) -> None:
    msp.ticket()
    configuration = configured()
    with hurried(configuration) as desk, capture_logs() as logged:
        file = desk.judgement._file({})
        file.with_name(file.name + ".new").mkdir()
        assert len(drain(desk)) == 1
    assert "what was learned cannot be kept" in [each["event"] for each in logged]
    assert not list(configuration.state.glob("history-*.npz"))


def test_whose_domains_are_whose_is_read_again_after_ten_minutes(configured: Configure) -> None:
    hurry = Hurry()
    with hurried(configured(), hurry) as desk:
        resolver = desk.judgement.resolver()
        hurry.offset += FACTS_FRESH_FOR - timedelta(seconds=30)
        assert desk.judgement.resolver() is resolver
        hurry.offset += timedelta(seconds=31)
        assert desk.judgement.resolver() is not resolver


def test_or_at_once_for_a_client_that_is_new(configured: Configure) -> None:
    with hurried(configured()) as desk:
        resolver = desk.judgement.resolver()
        new = Reference("77", "New client")
        assert desk.judgement.resolver(new) is resolver, "the mirror does not know it either"
        desk.mirror.save_companies([Company("77", "New client", "NEW")])
        assert desk.judgement.resolver(new) is not resolver
        assert desk.judgement.resolver(new) is desk.judgement.resolver()


def test_learning_leaves_nothing_half_written(configured: Configure) -> None:
    configuration = configured()
    with hurried(configuration) as desk:
        learned(desk)
    assert not list(configuration.state.glob("*.new"))


def test_what_reviewers_said_of_closed_tickets_is_learned(configured: Configure, msp: Msp) -> None:
    configuration = configured()
    for _ in range(10):
        msp.remember(1)
    with hurried(configuration) as desk:
        first = learned(desk)
        number = desk.mirror.closed_tickets()[0].ticket.id
        mark(desk, number, Reference("77", "Elsewhere"))
        desk.judgement.learn()
        assert desk.judgement.history
        corrected = desk.judgement.history.identity
    assert corrected != first
    assert history_file(configuration).exists(), "the file of fewer marks is gone"
    with hurried(configuration) as desk:
        assert learned(desk) == corrected


def test_marks_of_tickets_that_are_open_wait(configured: Configure) -> None:
    with hurried(configured()) as desk:
        first = learned(desk)
        mark(desk, "999999", Reference("77", "Elsewhere"))
        assert learned(desk) == first


def mark(desk: Desk, number: str, right: Reference) -> None:
    review = Review(
        subject=Subject.TRIAGE,
        id=f"{number}:type",
        ticket_id=number,
        tenant_id="1",
        field=FieldName.TYPE,
        value="1",
        label="Accounts",
        rate=1,
        because="a test",
        decided_at=START,
    )
    wrong = {"mark": Mark.WRONG, "right_value": right.id, "right_label": right.name}
    with desk.records.transaction("jo") as transaction:
        reviews.draw(transaction, review)
        reviews.mark(transaction, review.model_copy(update=wrong))
