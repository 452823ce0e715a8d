import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.clustering import MOST_COMPARED, groups, located
from deskhand.knowledge.patterns import Pattern, patterns
from deskhand.knowledge.text import comparable
from deskhand.mirror.mirror import PastTicket
from deskhand.sdk.models import Reference
from tests.core.knowledge.examples import ticket

START = datetime(2026, 1, 5, tzinfo=UTC)
SUBJECTS = {
    "password": (
        "cannot sign in, password expired",
        "forgot password, cannot sign in",
        "password reset, sign in fails",
    ),
    "printer": ("printer jam in tray two", "paper jam, printer blinks", "printer tray jam again"),
    "vpn": ("vpn tunnel drops at home", "tunnel over vpn drops", "vpn drops every hour at home"),
}
ENDINGS = ("please help", "since monday", "urgent", "thanks", "in the office", "again")


def closed(
    number: int, summary: str, *, label: tuple[str, ...] = (), client: str = "1", hours: float | None = 0.25
) -> PastTicket:
    at = START + timedelta(hours=12 * number)
    kind, subtype = (*(Reference(name, name) for name in label), None, None)[:2]
    facts = {"is_closed": True, "closed_at": at, "updated_at": at, "hours_worked": hours}
    owner = Reference(client, f"Client {client}")
    record = ticket(f"{number}", summary, company=owner, type=kind, subtype=subtype, **facts)
    return PastTicket(record, summary, None)


def mixed(count: int, *, label: tuple[str, ...] = (), seed: int = 1) -> list[PastTicket]:
    dice = random.Random(seed)
    subjects = [wording for wordings in SUBJECTS.values() for wording in wordings]
    return [
        closed(number, f"{dice.choice(subjects)} {dice.choice(ENDINGS)}", label=label, client=str(number % 3))
        for number in range(count)
    ]


def subject_of(pattern: Pattern, past: Sequence[PastTicket]) -> set[str]:
    texts = {each.ticket.id: each.text for each in past}
    return {name for name in SUBJECTS for number in pattern.tickets if name in texts[number]}


def test_tickets_filed_under_nothing_are_grouped_by_what_they_are_about() -> None:
    past = mixed(240)
    found = patterns(past)
    assert {name for each in found for name in subject_of(each, past)} == set(SUBJECTS)
    assert all(len(subject_of(each, past)) == 1 for each in found)
    assert sum(len(each.tickets) for each in found) > 200


def test_no_ticket_is_in_two_patterns() -> None:
    numbers = [number for each in patterns(mixed(200)) for number in each.tickets]
    assert len(numbers) == len(set(numbers))


def test_what_people_filed_apart_stays_apart() -> None:
    past = [*mixed(60, label=("Access", "Password")), *mixed(60, label=("Network",))]
    assert {each.label for each in patterns(past)} == {"Access / Password", "Network"}


def test_tickets_alike_only_in_their_label_are_one_pattern_that_says_so() -> None:
    odd = ["zebra", "quartz", "violin", "lagoon", "pepper", "helmet", "garnet"]
    past = [closed(number, word, label=("Access", "Password")) for number, word in enumerate(odd)]
    (found,) = patterns(past)
    assert not found.is_of_one_mind
    assert found.label == "Access / Password"
    assert len(found.tickets) == 7


def test_a_few_tickets_are_no_pattern() -> None:
    assert patterns([]) == []
    assert patterns([closed(number, "printer jam") for number in range(4)]) == []
    assert len(patterns([closed(number, "printer jam") for number in range(5)])) == 1


def test_minutes_are_the_median_of_recorded_time() -> None:
    hours = (0.1, 0.5, 0.5, 0.5, 40.0, None, 0.0)
    (found,) = patterns([closed(number, "printer jam", hours=each) for number, each in enumerate(hours)])
    assert found.minutes == 30
    assert found.timed == 5
    (untimed,) = patterns([closed(number, "printer jam", hours=None) for number in range(5)])
    assert untimed.minutes is None


def test_frequency_is_reckoned_over_the_whole_time() -> None:
    past = [closed(number, "printer jam") for number in range(121)]
    (found,) = patterns(past)
    assert round(found.per_month, 1) == 60.5
    assert found.last - found.first == timedelta(days=60)


def test_who_has_it_is_counted_client_by_client() -> None:
    past = [closed(number, "printer jam", client="7" if number else "8") for number in range(6)]
    (found,) = patterns(past)
    assert found.clients == {"7": 5, "8": 1}
    assert found.names == {"7": "Client 7", "8": "Client 8"}


def test_the_same_history_gives_the_same_patterns() -> None:
    assert patterns(mixed(150)) == patterns(mixed(150))


def test_what_is_quoted_of_tickets_is_inert() -> None:
    (found,) = patterns([closed(number, "printer \x1b[31m<b>jam</b>\u202e now") for number in range(5)])
    assert "\x1b" not in found.summaries[0]
    assert "<b>" not in found.summaries[0]
    assert "\u202e" not in found.summaries[0]


@given(st.lists(st.text(max_size=60), min_size=1, max_size=25))
def test_whatever_tickets_say_each_is_counted_once_at_most(texts: list[str]) -> None:
    past = [closed(number, text, label=("T",) if number % 2 else ()) for number, text in enumerate(texts)]
    numbers = [number for each in patterns(past, 2) for number in each.tickets]
    assert len(numbers) == len(set(numbers))


def test_of_very_many_texts_some_are_compared_and_all_are_placed() -> None:
    dice = np.random.default_rng(0)
    middles = np.eye(3, 16, dtype=np.float32)
    rows = np.repeat(middles, MOST_COMPARED, axis=0) + dice.normal(0, 0.02, (3 * MOST_COMPARED, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert [len(each) for each in groups(rows, 5)] == [MOST_COMPARED] * 3


def test_what_is_like_no_group_is_in_none() -> None:
    rows = np.repeat(np.eye(2, 3, dtype=np.float32), 20, axis=0)
    stranger = np.array([[0, 0, 1]], dtype=np.float32)
    assert [each.tolist() for each in groups(np.vstack([rows, stranger]), 5)] == [list(range(20)), list(range(20, 40))]


def test_where_requests_say_nothing_what_was_done_tells_them_apart() -> None:
    texts = [""] * 40
    done = [comparable("replaced the toner cartridge" if number % 2 else "reset password") for number in range(40)]
    found = groups(located(texts, done, 1.0), 5)
    assert sorted(sorted({number % 2 for number in each.tolist()}) for each in found) == [[0], [1]]
