from dataclasses import replace

import pytest

from deskhand.knowledge.case import Candidate, Scope, Wording
from deskhand.knowledge.history import SUREST_UNMEASURED, History, Ranking
from deskhand.knowledge.text import comparable
from deskhand.knowledge.training import CLOSED_LISTS, Lesson, train
from deskhand.mirror.mirror import PastTicket
from deskhand.records.documents import FieldName
from deskhand.sdk.models import Level, Reference
from tests.core.knowledge.examples import BOARD, SUBJECTS, SUBTYPES, TYPES, past, untaught

TYPE = Scope(FieldName.TYPE, (BOARD.id,))
TYPE_CANDIDATES = tuple(Candidate(each.id, each.name, below=tuple(SUBJECTS[each.name])) for each in TYPES.values())


@pytest.fixture(scope="module")
def history() -> History:
    return train(past(400))


def rank(history: History, text: str, scope: Scope = TYPE, among: tuple[Candidate, ...] = TYPE_CANDIDATES) -> Ranking:
    return history.rank(history.case(Wording("", text, compared=comparable(text))), scope, among)


def test_history_decides_types_and_says_that_it_was_measured(history: History) -> None:
    ranking = rank(history, "tray stuck again, colleague says so")
    assert ranking.candidates[0].label == "Printing"
    assert ranking.is_calibrated
    assert ranking.confidence >= ranking.threshold


def test_subtypes_are_learned_within_their_type(history: History) -> None:
    scope = Scope(FieldName.SUBTYPE, (BOARD.id, TYPES["Printing"].id))
    among = tuple(Candidate(SUBTYPES[each].id, each) for each in SUBJECTS["Printing"])
    assert rank(history, "toner empty", scope, among).candidates[0].label == "Toner"


def test_evidence_quotes_the_tickets_own_words(history: History) -> None:
    case = history.case(Wording("", "toner empty", compared="toner empty"))
    evidence = history.explain(case, TYPE, history.rank(case, TYPE, TYPE_CANDIDATES))
    assert any("learned from" in each and "toner" in each for each in evidence)
    assert any(each.startswith("neighbours: 5 of the 5 closest were “Printing”") for each in evidence)


def test_another_board_is_not_judged_by_this_ones_history(history: History) -> None:
    ranking = rank(history, "toner empty", Scope(FieldName.TYPE, ("another",)))
    assert "history" not in ranking.spoke
    assert not ranking.is_calibrated
    assert ranking.confidence <= SUREST_UNMEASURED


def test_a_stranger_is_not_familiar(history: History) -> None:
    assert rank(history, "paper jam again").is_familiar
    assert not rank(history, "zebra crossing quarrel").is_familiar


def test_without_any_history_labels_speak_for_themselves() -> None:
    ranking = rank(untaught(), "the printer says paper jam and the toner is low")
    assert ranking.candidates[0].label == "Printing"
    assert not ranking.is_calibrated
    assert ranking.confidence <= SUREST_UNMEASURED


@pytest.mark.parametrize("count", [1, 2, 39, 101])
def test_any_amount_of_history_can_be_learned_from(count: int) -> None:
    learned = train(past(count))
    assert len(learned.tickets) == count
    assert rank(learned, "vpn fails").candidates


def test_the_same_tickets_teach_the_same_and_others_do_not(history: History) -> None:
    again, other = train(past(400)), train(past(400, seed=2))
    assert history.identity == again.identity
    assert history.identity != other.identity
    assert rank(history, "vpn fails") == rank(again, "vpn fails")


def test_only_the_newest_tickets_count_when_there_are_too_many() -> None:
    learned = train(past(60), Lesson(most=20))
    assert learned.tickets == tuple(each.ticket.id for each in past(60)[-20:])


def test_types_that_mean_nobody_chose_are_not_learned() -> None:
    unsorted = [
        PastTicket(replace(each.ticket, type=Reference("t9", "Needs Triage"), subtype=None), each.text, None)
        for each in past(100)
    ]
    learned = train([*unsorted, *past(100)], Lesson(unset=frozenset({"needs triage"})))
    assert "t9" not in learned.memory.heads[TYPE].labels


def test_a_level_that_every_ticket_has_is_a_default_and_teaches_nothing() -> None:
    learned = train(past(200, impact=Level.MEDIUM))
    assert Scope(FieldName.IMPACT) not in learned.memory.groups


def test_levels_that_people_chose_are_learned() -> None:
    by_type = {"t0": Level.LOW, "t1": Level.MEDIUM, "t2": Level.HIGH}
    chosen = [
        PastTicket(
            replace(each.ticket, impact=by_type[each.ticket.type.id if each.ticket.type else ""]), each.text, None
        )
        for each in past(300)
    ]
    ranking = rank(train(chosen), "vpn fails", Scope(FieldName.IMPACT), CLOSED_LISTS[FieldName.IMPACT])
    assert (ranking.candidates[0].value, ranking.is_calibrated) == ("high", True)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Thanks, it works again!", "no action"),
        ("The monitor does not work any more", "incident"),
        ("Please order a new keyboard for me", "service request"),
        ("Bitte einen neuen Benutzer anlegen", "service request"),
        ("CRITICAL: host unreachable, threshold exceeded", "alert"),
    ],
)
def test_kind_is_told_without_history(text: str, kind: str) -> None:
    ranking = rank(untaught(), text, Scope(FieldName.KIND), CLOSED_LISTS[FieldName.KIND])
    assert ranking.candidates[0].value == kind


def test_a_ticket_from_monitoring_is_an_alert_whatever_it_says() -> None:
    learned = train([], Lesson(monitoring_sources=("rmm",)))
    wording = Wording("", "please look", "Datto RMM", "please look")
    ranking = learned.rank(learned.case(wording), Scope(FieldName.KIND), CLOSED_LISTS[FieldName.KIND])
    assert ranking.candidates[0].value == "alert"


def test_not_urgent_is_not_urgent() -> None:
    ranking = rank(
        untaught(), "it is not urgent at all, no rush", Scope(FieldName.URGENCY), CLOSED_LISTS[FieldName.URGENCY]
    )
    assert ranking.candidates[0].value == "low"
