from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.mirror.mirror import Mirror
from deskhand.sdk.models import Level, NoteKind, Reference, Ticket
from tests.core.mirror.examples import at, closed, note, ticket

texts = st.text(st.characters(codec="utf-8"), max_size=60)
references = st.none() | st.builds(Reference, id=texts, name=texts)
zones = st.sampled_from([UTC, timezone(timedelta(hours=5))])
times = st.builds(datetime.fromtimestamp, st.integers(0, 4_000_000_000), zones)
tickets = st.builds(
    Ticket,
    id=texts,
    version=texts,
    summary=texts,
    board=st.builds(Reference, id=texts, name=texts),
    status=st.builds(Reference, id=texts, name=texts),
    is_closed=st.booleans(),
    created_at=times,
    updated_at=times,
    company=references,
    contact=references,
    contact_name=texts,
    type=references,
    impact=st.none() | st.sampled_from(Level),
    closed_at=st.none() | times,
)


@settings(max_examples=60, deadline=None)
@given(tickets)
def test_a_ticket_comes_back_as_it_was_saved(given_ticket: Ticket) -> None:
    with TemporaryDirectory() as folder:
        mirror = Mirror.open(Path(folder) / "mirror.db")
        mirror.save_tickets([given_ticket])
        assert mirror.ticket(given_ticket.id) == given_ticket
        mirror.close()


def test_only_versions_the_mirror_did_not_have_are_new(mirror: Mirror) -> None:
    assert mirror.save_tickets([ticket("1"), ticket("2")]) == ("1", "2")
    assert mirror.save_tickets([ticket("1"), ticket("2"), ticket("3")]) == ("3",)
    assert mirror.save_tickets([ticket("2", version="2"), ticket("1")]) == ("2",)


def test_a_change_that_the_vendor_hid_from_the_version_is_saved_all_the_same(mirror: Mirror) -> None:
    mirror.save_tickets([ticket(summary="before")])
    assert mirror.save_tickets([ticket(summary="after")]) == ()
    assert mirror.ticket("1") == ticket(summary="after")


def test_an_older_state_that_arrives_late_does_not_replace_a_newer_one(mirror: Mirror) -> None:
    newer = ticket(version="2", updated_at=at(2))
    mirror.save_tickets([newer])
    assert mirror.save_tickets([ticket(version="1", updated_at=at(1))]) == ()
    assert mirror.ticket("1") == newer


def test_characters_that_cannot_be_stored_do_not_stop_a_ticket(mirror: Mirror) -> None:
    mirror.save_tickets([closed(summary="half \ud83d a character \x00 and a null")])
    mirror.save_notes("1", [note("a lone \udfff surrogate", id="7")])
    saved = mirror.ticket("1")
    assert saved is not None
    assert saved.summary == "half ? a character \x00 and a null"
    assert [each.text for each in mirror.notes("1")] == ["a lone ? surrogate"]
    assert mirror.search("half character surrogate \ud83d", limit=1)[0].ticket_id == "1"


def test_notes_replace_those_before_and_keep_their_order(mirror: Mirror) -> None:
    mirror.save_notes("1", [note("b", id="2"), note("a", id="1")])
    mirror.save_notes("1", [note("c", id="3"), note("b", id="2")])
    assert [each.id for each in mirror.notes("1")] == ["3", "2"]
    assert mirror.notes("2") == ()


def test_notes_count_as_read_until_the_ticket_changes(mirror: Mirror) -> None:
    mirror.save_tickets([ticket("1"), ticket("2")])
    mirror.save_notes("1", [])
    assert mirror.has_notes("1")
    assert not mirror.has_notes("2")
    mirror.save_tickets([ticket("1")])
    assert mirror.has_notes("1")
    mirror.save_tickets([ticket("1", version="2", updated_at=at(1))])
    assert not mirror.has_notes("1")


def test_a_past_ticket_is_the_customers_words_and_the_technicians_resolution(mirror: Mirror) -> None:
    mirror.save_tickets([closed(summary="Cannot print")])
    mirror.save_notes(
        "1",
        [
            note("it beeps", id="1"),
            note("calling the customer", id="2", from_customer=False),
            note("secret admin password", id="3", kind=NoteKind.INTERNAL, from_customer=False),
            note("and blinks", id="4"),
            note("replaced the fuser", id="5", kind=NoteKind.RESOLUTION, from_customer=False),
        ],
    )
    (past,) = mirror.closed_tickets()
    assert past.text == "Cannot print\nit beeps\nand blinks"
    assert past.resolution == "replaced the fuser"


def test_where_no_note_is_the_customers_own_the_first_discussion_note_speaks_for_them(mirror: Mirror) -> None:
    mirror.save_tickets([closed(summary="Call")])
    mirror.save_notes(
        "1", [note("she cannot log in", id="1", from_customer=False), note("done", id="2", from_customer=False)]
    )
    assert mirror.closed_tickets()[0].text == "Call\nshe cannot log in"


def test_notes_may_arrive_before_their_ticket_is_closed_or_even_known(mirror: Mirror) -> None:
    mirror.save_notes("1", [note("it beeps")])
    mirror.save_tickets([ticket(summary="Cannot print")])
    assert mirror.closed_tickets() == []
    mirror.save_tickets([closed(version="2", summary="Cannot print")])
    assert [past.text for past in mirror.closed_tickets()] == ["Cannot print\nit beeps"]


def test_closed_tickets_are_the_latest_and_come_oldest_first(mirror: Mirror) -> None:
    mirror.save_tickets([closed("1", 30), closed("2", 10), closed("3", 20), ticket("4")])
    assert [past.ticket.id for past in mirror.closed_tickets()] == ["2", "3", "1"]
    assert [past.ticket.id for past in mirror.closed_tickets(limit=2)] == ["3", "1"]


def test_a_limit_counts_the_latest_tickets_not_the_latest_that_lack_notes(mirror: Mirror) -> None:
    mirror.save_tickets([closed("1", 10), closed("2", 20), closed("3", 30)])
    mirror.save_notes("3", [])
    assert [past.ticket.id for past in mirror.closed_tickets(limit=2, without_notes=True)] == ["2"]


def test_a_reopened_ticket_is_no_longer_an_example(mirror: Mirror) -> None:
    mirror.save_tickets([closed(summary="wifi is slow")])
    mirror.save_tickets([ticket(version="2", summary="wifi is slow", updated_at=at(60))])
    assert mirror.closed_tickets() == []
    assert mirror.search("wifi slow", limit=3) == []


def test_saving_the_same_again_writes_nothing(mirror: Mirror) -> None:
    many = [closed(str(number)) for number in range(50)]
    mirror.save_tickets(many)
    before = mirror._database.conn.total_changes
    mirror.save_tickets([replace(each) for each in many])
    assert mirror._database.conn.total_changes == before


def test_every_closed_ticket_is_gone_through_once_oldest_first(mirror: Mirror) -> None:
    mirror.save_tickets([closed("2", 20), closed("1", 10), ticket("3"), closed("4", 20)])
    mirror.save_notes("1", [note("It is jammed", "1")])
    found = list(mirror.each_closed_ticket())
    assert [each.ticket.id for each in found] == ["1", "2", "4"]
    assert found == mirror.closed_tickets()
    assert "It is jammed" in found[0].text


def test_going_through_closed_tickets_sees_those_closed_meanwhile(mirror: Mirror) -> None:
    mirror.save_tickets(closed(str(number), number) for number in range(1, 2_500))
    seen: list[str] = []
    for each in mirror.each_closed_ticket():
        if not seen:
            mirror.save_tickets([closed("9999", 9_999)])
        seen.append(each.ticket.id)
    assert len(seen) == len(set(seen)) == 2_500
