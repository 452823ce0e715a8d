"""A learned rule is small, made of words that tell, and measured on tickets it was not learned from."""

import random

from deskhand.knowledge.corpus import Corpus
from deskhand.knowledge.matching import Reading
from deskhand.knowledge.rules import Example, learn_rule
from deskhand.mirror.mirror import PastTicket
from tests.core.knowledge.test_matching import past

LOCKED = ("account locked", "locked out of my account", "login locked again", "konto gesperrt", "gesperrt nach urlaub")
PADDING = ("please help", "since monday", "in the office", "Ada King", "thank you", "urgent please")
OTHERS = (
    ("Hardware", "Changed the toner.", ("printer jam", "toner empty", "paper jam on printer")),
    ("Network", "Restarted the router.", ("wifi drops", "vpn fails", "no network upstairs")),
    ("Accounts", "Registered the app again.", ("authenticator gone", "phone app asks for codes", "new phone codes")),
    (
        "Accounts",
        "Added to the group Rota.",
        ("folder access please", "rota folder locked for me", "need the rota folder"),
    ),
)


def archive(count: int = 200, fixed: str = "Unlocked after call-back.") -> list[PastTicket]:
    dice = random.Random(3)
    found = []
    for number in range(count):
        if number % 4 == 0:
            text, kind, fix = dice.choice(LOCKED), "Accounts", fixed
        else:
            kind, fix, texts = dice.choice(OTHERS)
            text = dice.choice(texts)
        note = fix if number % 5 else None
        found.append(past(number, f"{text}\n{dice.choice(PADDING)}", kind, note))
    return found


def example(text: str = "My account is locked, Ada King", kind: str | None = "Accounts") -> Example:
    return Example("900", Reading.of(text, kind), frozenset({"enable_account"}))


def test_the_words_that_set_a_sort_apart_are_found_and_measured() -> None:
    learned = learn_rule(Corpus.of(archive()), example())
    assert {"gesperrt"} <= set(learned.rule.any)
    assert {"locked", "login", "account"} & set(learned.rule.any)
    assert learned.quality.precision > 0.9
    assert learned.quality.recall > 0.9
    assert learned.held_out is not None
    assert learned.held_out.precision > 0.9
    assert len(learned.rule.any) + len(learned.rule.required) + len(learned.rule.forbidden) <= 8


def test_no_name_gets_into_a_rule() -> None:
    tickets = [past(number, "Ada King locked", "Accounts", "Unlocked.") for number in range(6)]
    tickets += [past(100 + number, "printer jam", "Hardware", "Changed the toner.") for number in range(20)]
    learned = learn_rule(Corpus.of(tickets), example("Ada King locked"), names=["Ada King"])
    assert learned.rule.any == ("locked",)
    assert learned.rule.examples == ("900",)


def test_where_little_is_known_only_the_examples_own_words_count_and_likeness_to_it() -> None:
    tickets = [
        past(number, f"locked {word}", "Accounts", "Unlocked.") for number, word in enumerate(("zebra", "zebra"))
    ]
    tickets += [past(100 + number, "printer jam", "Hardware", "Changed the toner.") for number in range(20)]
    learned = learn_rule(Corpus.of(tickets), example())
    assert learned.rule.any == ("locked",)
    assert learned.rule.similarity is not None


def test_the_most_alike_tickets_of_the_sort_are_named_first() -> None:
    learned = learn_rule(Corpus.of(archive()), example())
    corpus = {each.ticket.id: each for each in archive()}
    assert 0 < len(learned.similar) <= 5
    assert all("locked" in corpus[name].text for name in learned.similar[:2])


def test_without_anything_like_it_the_example_itself_is_the_rule() -> None:
    learned = learn_rule(
        Corpus.of(archive()), Example("900", Reading.of("coffee machine leaks"), frozenset({"descale"}))
    )
    assert learned.rule.examples == ("900",)
    assert learned.rule.similarity is not None
    assert learned.quality.true == 0
    assert learned.held_out is None


def test_an_empty_archive_gives_a_rule_by_likeness_as_well() -> None:
    learned = learn_rule(Corpus.of([]), example())
    assert learned.rule.examples == ("900",)


def test_the_same_tickets_give_the_same_rule() -> None:
    assert learn_rule(Corpus.of(archive()), example()) == learn_rule(Corpus.of(archive()), example())
