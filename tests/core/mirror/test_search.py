import random
import statistics
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from deskhand.mirror.mirror import Mirror
from deskhand.mirror.search_terms import MOST_TERMS, any_of, most_telling, words
from deskhand.sdk.models import NoteKind, Reference
from tests.core.mirror.examples import at, closed, note, ticket

HOSTILE = [
    "",
    '"',
    "'; drop table tickets; --",
    'a" OR "b',
    "NEAR(a b) AND NOT *",
    "company_key : printer",
    "summary : * OR ^x",
    "-printer +jam (unbalanced",
    "\x00\x01\ud800",
    "printer " * 50_000,
    " ".join(f"word{number}" for number in range(5000)),
    "\uff30\uff32\uff29 \ufb01le \u0130stanbul ß 印刷機",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_finds_something_or_nothing_and_never_raises(mirror: Mirror, text: str) -> None:
    mirror.save_tickets([closed()])
    assert len(mirror.search(text, limit=5)) <= 1
    assert len(mirror.search(text, limit=5, company_id=text[:50])) == 0


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.none() | st.text(max_size=10))
def test_any_text_and_any_company_may_be_searched_for(mirror: Mirror, text: str, company: str | None) -> None:
    mirror.save_tickets([closed(summary=text, company=Reference(company or "1", "A"))])
    found = mirror.search(text, limit=1, company_id=company)
    assert [hit.ticket_id for hit in found] in ([], ["1"])


def test_the_best_match_comes_first_and_scores_are_positive(mirror: Mirror) -> None:
    mirror.save_tickets(
        [
            closed("1", summary="VPN drops when the laptop sleeps"),
            closed("2", summary="VPN for a new starter"),
            closed("3", summary="Printer jam"),
            *(closed(str(number), summary="Monthly report") for number in range(10, 20)),
        ]
    )
    hits = mirror.search("my vpn drops each time my laptop goes to sleep, sleeps", limit=5)
    assert [hit.ticket_id for hit in hits] == ["1", "2"]
    assert hits[0].score > hits[1].score > 0


def test_accents_and_case_do_not_matter(mirror: Mirror) -> None:
    mirror.save_tickets([closed("1", summary="Größe des Postfachs überschritten"), closed("2", summary="Café wifi")])
    assert mirror.search("GROSSE postfachs", limit=1)[0].ticket_id == "1"
    assert mirror.search("u\u0308berschritten", limit=1)[0].ticket_id == "1"
    assert mirror.search("cafe", limit=1)[0].ticket_id == "2"


def test_a_search_for_one_client_finds_only_its_tickets(mirror: Mirror) -> None:
    mirror.save_tickets(
        [closed("1", company=Reference("5", "A")), closed("2", company=Reference("55", "B")), closed("3")]
    )
    assert [hit.ticket_id for hit in mirror.search("printer jammed", limit=5, company_id="5")] == ["1"]
    assert len(mirror.search("printer jammed", limit=5)) == 3
    assert mirror.search("company35", limit=5) == []


def test_open_tickets_are_not_found(mirror: Mirror) -> None:
    mirror.save_tickets([ticket("1")])
    assert mirror.search("printer", limit=5) == []


def test_the_customers_words_and_the_resolution_are_found_and_internal_notes_are_not(mirror: Mirror) -> None:
    mirror.save_tickets([closed("1", summary="Help")])
    mirror.save_notes(
        "1",
        [
            note("teams freezes", id="1"),
            note("cleared the cache", id="2", kind=NoteKind.RESOLUTION),
            note("customer is grumpy", id="3", kind=NoteKind.INTERNAL),
        ],
    )
    assert mirror.search("freezes", limit=1)
    assert mirror.search("cache", limit=1)
    assert not mirror.search("grumpy", limit=1)


def test_the_rarest_words_are_taken_and_few_enough_to_stay_fast() -> None:
    occurrences = {f"w{number}": number for number in range(1, 100)} | {"the": 40_000}
    chosen = most_telling(["the", "unknown", *sorted(occurrences, reverse=True)], occurrences)
    assert chosen == tuple(f"w{number}" for number in range(1, MOST_TERMS + 1))
    assert most_telling(["the"], {"the": 40_000}) == ("the",)
    assert most_telling(["the", "a"], {"the": 40_000, "a": 50_000}) == ("the",)


@given(st.text())
def test_words_never_carry_a_character_that_means_something_in_a_query(text: str) -> None:
    assert all(word.isalnum() for word in words(text))
    assert any_of(words(text)).count('"') == 2 * len(words(text))


class IndexInStep(RuleBasedStateMachine):
    """Whatever is saved in whatever order, the index finds exactly what the closed tickets say."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.mirror = Mirror.open(Path(self.folder.name) / "mirror.db")
        self.words: dict[str, tuple[bool, str, str]] = {}
        self.clock = 0

    vocabulary = st.sampled_from(["alpha", "bravo", "carol", "delta"])
    ids = st.sampled_from(["1", "2", "3"])

    @rule(ticket_id=ids, word=vocabulary, is_closed=st.booleans())
    def save(self, ticket_id: str, word: str, is_closed: bool) -> None:  # noqa: FBT001  # hypothesis passes by name
        self.clock += 1
        plain = closed(ticket_id) if is_closed else ticket(ticket_id)
        state = replace(plain, summary=word, version=str(self.clock), updated_at=at(self.clock))
        self.mirror.save_tickets([state])
        self.words[ticket_id] = (is_closed, word, self.words.get(ticket_id, (False, "", ""))[2])

    @rule(ticket_id=ids, word=vocabulary)
    def save_note(self, ticket_id: str, word: str) -> None:
        self.mirror.save_notes(ticket_id, [note(word, ticket_id, id="1")])
        is_closed, summary, _ = self.words.get(ticket_id, (False, "", ""))
        self.words[ticket_id] = (is_closed, summary, word)

    @invariant()
    def finds_what_there_is(self) -> None:
        for word in ("alpha", "bravo", "carol", "delta"):
            expected = {key for key, (is_closed, *said) in self.words.items() if is_closed and word in said}
            assert {hit.ticket_id for hit in self.mirror.search(word, limit=9)} == expected
        self.mirror._database.execute("insert into past_tickets_fts(past_tickets_fts) values ('integrity-check')")

    def teardown(self) -> None:
        self.mirror.close()
        self.folder.cleanup()


TestIndexInStep = IndexInStep.TestCase
TestIndexInStep.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_fifty_thousand_tickets_are_saved_fast_and_searched_in_20_ms(mirror: Mirror) -> None:
    chance = random.Random(7)  # repeatable, not secret
    vocabulary = [f"term{number}" for number in range(4000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    summaries = [" ".join(chance.choices(vocabulary, weights, k=12)) for _ in range(50_000)]
    started = time.thread_time()
    mirror.save_tickets(closed(str(number), number, summary=text) for number, text in enumerate(summaries))
    assert time.thread_time() - started < 15
    spent = []
    for text in chance.sample(summaries, 40):
        started = time.thread_time()
        assert mirror.search(text, limit=10)
        spent.append(time.thread_time() - started)
    assert statistics.median(spent) < 0.02
