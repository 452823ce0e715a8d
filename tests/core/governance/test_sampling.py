import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.governance.sampling import Draw, draw_for


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3, 1.0])
def test_about_as_many_are_drawn_as_the_rate_says(rate: float) -> None:
    taken = sum(Draw(rate, "").takes("triage", str(number)) for number in range(10_000))
    assert taken == pytest.approx(10_000 * rate, abs=150)


@given(st.text(), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_the_same_decision_is_always_drawn_or_never_and_more_at_a_higher_rate(
    subject: str, identifier: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert Draw(low, "").takes(subject, identifier) <= Draw(high, "").takes(subject, identifier)
    assert Draw(one, "").takes(subject, identifier) == Draw(one, "").takes(subject, identifier)


def test_doubtful_decisions_and_new_engines_are_drawn_more_often() -> None:
    sure = draw_for(0.1, confidence=1.0, is_new=False)
    doubtful = draw_for(0.1, confidence=0.5, is_new=False)
    new = draw_for(0.1, confidence=0.5, is_new=True)
    assert (sure.rate, doubtful.rate, new.rate) == pytest.approx((0.1, 0.2, 0.4))
    assert "confidence is low (0.50)" in doubtful.because
    assert "new" in new.because


@given(st.floats(0, 1), st.none() | st.floats(0, 1), st.booleans())
def test_a_rate_is_a_probability_and_nothing_is_drawn_where_a_client_wants_none(
    share: float,
    confidence: float | None,
    is_new: bool,  # noqa: FBT001  # hypothesis gives it
) -> None:
    rate = draw_for(share, confidence=confidence, is_new=is_new).rate
    assert share <= rate <= 1
    assert rate == 0 or share > 0
