from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.records import quarantine, work
from deskhand.records.database import Records
from deskhand.records.quarantine import IdentityRule
from deskhand.records.state import State
from deskhand.records.transaction import Head
from deskhand.sdk.models import Reference
from tests.core.records.examples import PSA, handle

ROWS = st.dictionaries(st.text(max_size=4), st.one_of(st.none(), st.integers(), st.text(max_size=4)), max_size=3)


def of(*rows: tuple[str, dict[str, Any]]) -> str:
    state = State()
    for table, row in rows:
        state.add(table, row)
    return state.digest()


@given(st.lists(st.tuples(st.sampled_from(("work", "effects")), ROWS), max_size=6), st.randoms(use_true_random=False))
def test_rows_count_whatever_their_order(rows: list[tuple[str, dict[str, Any]]], random: Any) -> None:  # noqa: ANN401  # hypothesis's own
    mixed = list(rows)
    random.shuffle(mixed)
    assert of(*rows) == of(*mixed)


@given(ROWS, ROWS)
def test_a_removed_row_leaves_no_trace_and_another_row_another_number(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    state = State()
    state.add("work", first)
    before = state.digest()
    state.add("work", second)
    state.remove("work", second)
    assert state.digest() == before
    assert State(state.stored()).digest() == before
    assert (of(("work", first)) == of(("work", second))) == (first == second)
    assert of(("work", first)) != of(("effects", first))


def test_what_is_kept_up_to_date_is_what_counting_anew_finds(records: Records) -> None:
    for ticket_id in ("1", "2"):
        handle(records, ticket_id)
    with records.transaction("a technician") as transaction:
        work.release(transaction, PSA, "1", "again")
        for name in ("Pellard", "Marlow & Tern"):
            quarantine.remember(transaction, IdentityRule("domain", "a.example", Reference("1", name)))
    with records.reading() as connection:
        head = Head.read(connection)
        assert State.of(connection).digest() == head.state.digest() == records.audit_entries(newest=1)[0].state


@settings(max_examples=30)
@given(st.text())
def test_any_text_can_be_counted(words: str) -> None:
    assert len(of(("work", {"words": words}))) == 64
