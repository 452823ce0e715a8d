import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deskhand.governance.matrix import PriorityMatrix, UrgencyRow
from deskhand.sdk.models import Level, Priority

LEVELS = st.sampled_from(Level)
WEIGHT = {Level.LOW: 0, Level.MEDIUM: 1, Level.HIGH: 2}


def rows() -> st.SearchStrategy[dict[str, dict[str, int]]]:
    row = st.fixed_dictionaries({level.value: st.integers(1, 20) for level in Level})
    return st.fixed_dictionaries({level.value: row for level in Level})


@given(LEVELS, LEVELS)
def test_the_default_matrix_ranks_every_pair_within_four_priorities(impact: Level, urgency: Level) -> None:
    assert 1 <= PriorityMatrix().rank(impact, urgency) <= 4


@given(rows(), LEVELS, LEVELS, LEVELS)
def test_an_accepted_matrix_never_makes_more_impact_or_urgency_wait_longer(
    table: dict[str, dict[str, int]], one: Level, other: Level, same: Level
) -> None:
    try:
        matrix = PriorityMatrix.model_validate(table)
    except ValidationError:
        return
    if WEIGHT[one] >= WEIGHT[other]:
        assert matrix.rank(one, same) <= matrix.rank(other, same)
        assert matrix.rank(same, one) <= matrix.rank(same, other)


def test_a_matrix_that_punishes_impact_is_refused_and_the_cell_named() -> None:
    with pytest.raises(ValidationError, match=r"impact high ranks below impact medium at urgency low: lower high\.low"):
        PriorityMatrix(high=UrgencyRow(high=1, medium=2, low=9))


def test_a_row_with_a_hole_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"high\.low"):
        PriorityMatrix.model_validate({"high": {"high": 1, "medium": 2}})


def test_a_misspelt_row_is_refused() -> None:
    with pytest.raises(ValidationError, match="hihg"):
        PriorityMatrix.model_validate({"hihg": {"high": 1, "medium": 2, "low": 3}})


def test_the_priority_is_the_offered_one_of_that_rank() -> None:
    offered = [Priority("7", "Emergency", 1), Priority("9", "Quick", 2)]
    assert PriorityMatrix().priority(Level.HIGH, Level.MEDIUM, offered) == offered[1]


def test_there_is_no_priority_where_the_psa_offers_none_of_that_rank() -> None:
    assert PriorityMatrix().priority(Level.LOW, Level.LOW, [Priority("7", "Emergency", 1)]) is None
