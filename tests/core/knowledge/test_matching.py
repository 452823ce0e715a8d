"""One ticket or fifty thousand: a rule gives the same answer, and says why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.automation.document import MatchRule
from deskhand.knowledge.corpus import Corpus
from deskhand.knowledge.matching import Matcher, Reading, alike, telling_words, words_in
from deskhand.mirror.mirror import PastTicket
from deskhand.sdk.models import Reference
from tests.core.knowledge.examples import ticket

TEXT = "My account is locked\nHello, ich bin gesperrt. Zugang: ada@marlow.example"


def judge(rule: MatchRule, text: str = TEXT, kind: str | None = "Accounts", **examples: str) -> tuple[bool, str]:
    known = {name: words_in(each) for name, each in examples.items()}
    found = Matcher(rule, known).judge(Reading.of(text, kind))
    return found.is_match, "; ".join(found.reasons)


@pytest.mark.parametrize(
    ("rule", "is_match", "reason"),
    [
        (MatchRule(required=("account", "locked")), True, "it says “account”, “locked”"),
        (MatchRule(required=("account", "printer")), False, "the ticket has no “printer”"),
        (MatchRule(any=("printer", "gesperrt")), True, "it says “gesperrt”"),
        (MatchRule(any=("printer", "toner")), False, "none of “printer”, “toner”"),
        (MatchRule(any=("lock*",)), True, "it says “lock*”"),
        (MatchRule(any=("loc",)), False, "none of “loc”"),
        (MatchRule(any=("locked",), forbidden=("zugang",)), False, "the ticket has “zugang”"),
        (MatchRule(any=("locked",), types=("accounts ", "Access")), True, "its type is Accounts"),
        (MatchRule(any=("locked",), types=("Hardware",)), False, "its type is Accounts, not Hardware"),
        (MatchRule(types=("Accounts",)), False, "the rule is empty"),
        (MatchRule(any=("locked",), similarity=0.9, examples=("1",)), False, "it is unlike the examples"),
    ],
)
def test_each_part_of_a_rule_must_hold(rule: MatchRule, *, is_match: bool, reason: str) -> None:
    found, reasons = judge(rule)
    assert found is is_match
    assert reason in reasons


def test_a_ticket_without_a_type_is_judged_by_the_rest_and_says_so() -> None:
    assert judge(MatchRule(any=("locked",), types=("Hardware",)), kind=None) == (
        True,
        "it says “locked”; its type is not decided",
    )


def test_likeness_to_the_closest_example_counts() -> None:
    rule = MatchRule(similarity=0.5, examples=("7", "8"))
    found, reasons = judge(rule, "account locked", None, **{"7": "printer toner", "8": "the account is locked"})
    assert found
    assert "100% like ticket 8" in reasons


def test_a_rule_whose_examples_are_gone_matches_nothing() -> None:
    assert judge(MatchRule(similarity=0.1, examples=("7",)))[0] is False


def test_case_accents_addresses_and_numbers_are_no_words() -> None:
    assert words_in("GRÜSSE, Café") == {"grusse", "cafe"}
    assert telling_words(words_in("call +44 1632 960101 or ada@marlow.example for printer2")) == {"call"}


def test_likeness_is_between_none_and_all() -> None:
    assert alike(frozenset({"a", "b"}), frozenset({"b", "c"})) == pytest.approx(0.5)
    assert alike(frozenset(), frozenset({"b"})) == 0


WORDS = st.sampled_from(
    ["account", "locked", "lockout", "gesperrt", "printer", "toner", "vpn", "the", "a1b2", "password"]
)
RULES = st.builds(
    MatchRule,
    required=st.lists(WORDS, max_size=2).map(tuple),
    any=st.lists(WORDS | st.sampled_from(["lock*", "p*"]).filter(lambda word: len(word) > 2), max_size=3).map(tuple),
    forbidden=st.lists(WORDS, max_size=2).map(tuple),
    types=st.sampled_from([(), ("Accounts",), ("accounts", "Hardware")]),
    similarity=st.none() | st.sampled_from([0.1, 0.5, 0.7]),
    examples=st.just(("e1", "e2")),
)
TEXTS = st.lists(WORDS, max_size=6).map(" ".join)
TICKETS = st.lists(st.tuples(TEXTS, st.sampled_from([None, "Accounts", "Hardware", "Network"])), min_size=1, max_size=8)


def past(number: int, text: str, kind: str | None, resolution: str | None = None) -> PastTicket:
    record = ticket(str(number), text, is_closed=True, type=Reference(kind, kind) if kind else None)
    return PastTicket(record, text, resolution)


@settings(max_examples=300, deadline=None)
@given(RULES, TICKETS, TEXTS, TEXTS)
def test_the_table_and_the_single_ticket_always_agree(
    rule: MatchRule, tickets: list[tuple[str, str | None]], one: str, other: str
) -> None:
    matcher = Matcher(rule, {"e1": words_in(one), "e2": words_in(other)})
    corpus = Corpus.of(past(number, *each) for number, each in enumerate(tickets))
    single = [matcher.judge(Reading.of(text, kind)).is_match for text, kind in tickets]
    assert corpus.matches(matcher).tolist() == single


def test_an_empty_archive_matches_nothing() -> None:
    corpus = Corpus.of([])
    assert corpus.matches(Matcher(MatchRule(any=("locked",)), {})).tolist() == []
    assert corpus.alike(frozenset({"locked"})).tolist() == []
