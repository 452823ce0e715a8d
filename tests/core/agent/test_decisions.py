import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.decisions import Slate, abstain, decide, prioritise
from deskhand.governance.matrix import PriorityMatrix
from deskhand.knowledge.case import Candidate
from deskhand.knowledge.history import Ranking
from deskhand.records.documents import Decision, FieldName
from deskhand.sdk.models import Priority
from tests.core.agent.examples import PRIORITIES, TAXONOMY, made

SLATE = Slate(TAXONOMY, frozenset({"needs triage"}))
AMONG = tuple(Candidate(each, each.upper()) for each in "abc")


def ranking(*probabilities: float, confidence: float = 0.9, **fields: object) -> Ranking:
    values: dict[str, object] = {
        "candidates": AMONG[: len(probabilities)],
        "probabilities": probabilities,
        "strength": probabilities[0],
        "confidence": confidence,
        "threshold": 0.7,
        "is_calibrated": True,
        "is_familiar": True,
        "spoke": ("history",),
        **fields,
    }
    return Ranking(**values)  # type: ignore[arg-type]  # a test's shorthand


def decided(rank: Ranking, *, field: FieldName = FieldName.TYPE, allowed: str = "abc") -> Decision:
    return decide(field, rank, ["words: “x”"], accepts=lambda value: value in allowed, least_uncalibrated=0.6)


def test_a_sure_first_choice_is_made() -> None:
    decision = decided(ranking(0.8, 0.2))
    assert (decision.value, decision.label, decision.confidence) == ("a", "A", 0.9)
    assert decision.abstained_because is None


@pytest.mark.parametrize(
    ("rank", "reason"),
    [
        (ranking(0.41, 0.38, confidence=0.4), "two types are close: “A” 0.41, “B” 0.38"),
        (ranking(0.69, 0.1, confidence=0.699), "not sure enough: “A” has 0.69, and 0.70 is needed"),
        (ranking(0.8, 0.2, is_familiar=False), "it is unlike any past ticket of this board"),
        (ranking(0.34, 0.33, confidence=0.3, spoke=()), "nothing in the ticket speaks for any of the values"),
        (
            ranking(0.5, 0.1, confidence=0.5, is_calibrated=False),
            "not sure enough: “A” has 0.50, and 0.60 is needed; no history here to tell",
        ),
    ],
)
def test_an_abstention_says_why(rank: Ranking, reason: str) -> None:
    decision = decided(rank)
    assert decision.value is None
    assert decision.abstained_because == reason
    assert decision.ranking[0].label == "A"


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=3),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from("abc")),
)
def test_a_value_that_is_not_accepted_never_comes_out(
    probabilities: list[float],
    confidence: float,
    is_calibrated: bool,  # noqa: FBT001  # generated
    is_familiar: bool,  # noqa: FBT001  # generated
    allowed: set[str],
) -> None:
    rank = ranking(*probabilities, confidence=confidence, is_calibrated=is_calibrated, is_familiar=is_familiar)
    decision = decided(rank, allowed="".join(allowed))
    assert {each.value for each in decision.ranking} <= allowed
    assert decision.value is None or decision.value in allowed
    assert (decision.value is None) == (decision.abstained_because is not None)


def test_placeholders_are_no_candidates() -> None:
    assert [each.label for each in SLATE.types()] == ["Identity", "Printing", "Network"]


def test_a_type_knows_the_subtypes_it_holds() -> None:
    printing = SLATE.types()[1]
    assert printing.below == ("Paper", "Toner")
    assert [(each.label, each.above) for each in SLATE.subtypes(printing)] == [
        ("Paper", ("Printing",)),
        ("Toner", ("Printing",)),
    ]


def test_only_items_that_were_used_with_a_subtype_and_still_exist_are_candidates() -> None:
    printing = SLATE.types()[1]
    path = (printing, SLATE.subtypes(printing)[0])
    assert [each.label for each in SLATE.items(path, ("i2", "gone"))] == ["Drum"]


def test_a_priority_is_as_sure_as_impact_and_urgency_together() -> None:
    impact, urgency = (
        made(FieldName.IMPACT, "high", "high", 0.9, ""),
        made(FieldName.URGENCY, "medium", "medium", 0.8, ""),
    )
    decision = prioritise(impact, urgency, PriorityMatrix(), PRIORITIES)
    assert (decision.value, decision.is_calibrated) == ("p2", False)
    assert decision.confidence == pytest.approx(0.72)


def test_without_urgency_there_is_no_priority() -> None:
    impact = made(FieldName.IMPACT, "high", "high", 0.9, "")
    decision = prioritise(impact, abstain(FieldName.URGENCY, "close"), PriorityMatrix(), PRIORITIES)
    assert decision.abstained_because == "it is computed from impact and urgency; left open: urgency"


def test_a_rank_the_psa_does_not_offer_is_not_made_up() -> None:
    levels = [made(field, "high", "high", 0.9, "") for field in (FieldName.IMPACT, FieldName.URGENCY)]
    decision = prioritise(levels[0], levels[1], PriorityMatrix(), [Priority("9", "Normal", 3)])
    assert decision.value is None
    assert "rank 1" in (decision.abstained_because or "")
