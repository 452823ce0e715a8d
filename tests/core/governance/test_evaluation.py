import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.governance.evaluation import Judged, evaluate, judged
from deskhand.records.documents import Choice, Decision, FieldName

ROWS = st.builds(
    Judged, st.sampled_from("abc"), st.none() | st.sampled_from("abc"), st.floats(0, 1), is_made=st.booleans()
)


def test_each_share_is_what_its_name_says() -> None:
    report = evaluate(
        [
            Judged("a", "a", 0.9, is_made=True),
            Judged("a", "b", 0.9, is_made=True),
            Judged("b", "b", 0.4, is_made=False),
            Judged("b", "a", 0.4, is_made=False),
        ]
    )
    assert (report.count, report.accuracy, report.coverage, report.precision) == (4, 0.5, 0.5, 0.5)
    assert report.macro_f1 == pytest.approx(0.5)
    assert report.calibration_error == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)


def test_perfect_confidence_has_no_calibration_error() -> None:
    rows = [Judged("a", "a", 1.0, is_made=True)] * 3 + [Judged("a", "b", 0.0, is_made=False)] * 2
    assert evaluate(rows).calibration_error == 0


def test_a_rare_label_weighs_as_much_as_a_common_one() -> None:
    rows = [Judged("common", "common", 0.9, is_made=True)] * 9 + [Judged("rare", "common", 0.9, is_made=True)]
    assert evaluate(rows).macro_f1 < 0.5 < evaluate(rows).accuracy


def test_evaluating_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate([])


@given(st.lists(ROWS, min_size=1))
def test_every_share_lies_between_none_and_all(rows: list[Judged]) -> None:
    report = evaluate(rows)
    shares = (report.accuracy, report.coverage, report.precision, report.macro_f1, report.calibration_error)
    assert all(0 <= share <= 1 for share in shares)
    assert sum(each.count for each in report.bins) == len(rows)


def test_an_abstention_is_judged_by_its_first_choice() -> None:
    left_open = Decision(
        field=FieldName.TYPE,
        value=None,
        label=None,
        confidence=0.4,
        abstained_because="close",
        ranking=(Choice(value="1", label="Network", probability=0.4),),
    )
    assert judged(left_open, "Network") == Judged("Network", "Network", 0.4, is_made=False)


def test_no_decision_at_all_is_a_miss() -> None:
    assert not judged(None, "Network").is_right
