import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskhand.mirror.mirror import Mirror
from deskhand.sdk.errors import UnavailableError
from deskhand.sdk.models import Company, Device, Person, Priority, Reference, Subtype, Taxonomy

ACME = Reference("7", "Acme")
ADA = Person("1", "Ada Bell", ACME, ("ada@acme.example", "ada.bell@acme.example"))
NOW = datetime(2026, 1, 7, tzinfo=UTC)
MAX = Person("2", "Max Orr", None, ("max@orr.example",))


def test_records_come_back_as_they_were_saved(mirror: Mirror) -> None:
    acme = Company("7", "Acme", "ACME", ("acme.example",))
    laptop = Device("1", "ACME-LT-01", ACME, "Laptop", serial_number="X1")
    mirror.save_companies([acme])
    mirror.save_people([ADA, MAX])
    mirror.save_devices([laptop])
    assert mirror.companies() == (acme,)
    assert mirror.company("7") == acme
    assert mirror.company("8") is None
    assert mirror.people("7") == (ADA,)
    assert mirror.person("2") == MAX
    assert mirror.person("3") is None
    assert mirror.devices("7") == (laptop,)


def test_a_person_is_found_by_any_address_whatever_its_case(mirror: Mirror) -> None:
    mirror.save_people([ADA, MAX])
    assert mirror.people_by_email(" Ada.Bell@ACME.example") == (ADA,)
    assert mirror.people_by_email("nobody@acme.example") == ()
    assert mirror.people_by_email("%") == ()


def test_an_address_that_a_person_lost_no_longer_finds_them(mirror: Mirror) -> None:
    mirror.save_people([ADA])
    mirror.save_people([replace(ADA, emails=("ada@new.example",))])
    assert mirror.people_by_email("ada@acme.example") == ()
    assert len(mirror.people_by_email("ada@new.example")) == 1


def test_a_shared_address_finds_everyone_who_has_it_active_people_first(mirror: Mirror) -> None:
    former = replace(ADA, is_active=False)
    current = replace(ADA, id="9", company=Reference("8", "Other"))
    mirror.save_people([former, current])
    assert mirror.people_by_email("ada@acme.example") == (current, former)


def test_devices_are_found_by_name_whatever_its_case_at_every_client(mirror: Mirror) -> None:
    mirror.save_devices([Device("1", "Laptop-01", ACME), Device("2", "LAPTOP-01", Reference("8", "Other"))])
    assert {device.id for device in mirror.devices_by_name("laptop-01 ")} == {"1", "2"}


def test_what_a_complete_listing_no_longer_has_becomes_inactive_and_may_return(mirror: Mirror) -> None:
    mirror.save_people([ADA, MAX], complete=True)
    mirror.save_people([ADA], complete=True)
    assert mirror.person("2") == replace(MAX, is_active=False)
    assert mirror.person("1") == ADA
    assert mirror.people_by_email("max@orr.example") == (replace(MAX, is_active=False),)
    mirror.save_people([MAX])
    assert mirror.person("2") == MAX


@pytest.mark.parametrize("listing", [[ADA], []])
def test_a_partial_or_an_empty_listing_makes_nobody_inactive(mirror: Mirror, listing: list[Person]) -> None:
    mirror.save_people([ADA, MAX], complete=True)
    mirror.save_people(listing, complete=not listing)
    assert mirror.person("2") == MAX


def test_a_listing_that_breaks_off_makes_nothing_inactive(mirror: Mirror) -> None:
    companies = [Company(str(number), f"Client {number}") for number in range(2500)]
    mirror.save_companies(companies, complete=True)

    def broken() -> Iterator[Company]:
        yield replace(companies[0], name="Renamed")
        yield from companies[1:1500]
        raise UnavailableError("the vendor went away")

    with pytest.raises(UnavailableError):
        mirror.save_companies(broken(), complete=True)
    assert all(company.is_active for company in mirror.companies())
    assert mirror.company("0") == replace(companies[0], name="Renamed")


def test_nothing_is_locked_while_a_listing_waits_for_the_vendor(mirror: Mirror) -> None:
    asked, answered = threading.Event(), threading.Event()

    def slow() -> Iterator[Company]:
        asked.set()
        assert answered.wait(5)
        yield Company("7", "Acme")

    saver = threading.Thread(target=lambda: mirror.save_companies(slow()))
    saver.start()
    assert asked.wait(5)
    assert mirror.company("7") is None
    answered.set()
    saver.join(5)
    assert mirror.company("7") is not None


def test_taxonomy_and_priorities_replace_those_before(mirror: Mirror) -> None:
    board = Reference("1", "Service desk")
    before = Taxonomy(board, (Reference("1", "Hardware"),), (), (), ())
    after = Taxonomy(board, (Reference("2", "Mail"),), (Subtype("3", "Quota", frozenset({"2"})),), (), ())
    mirror.save_taxonomy(before)
    mirror.save_taxonomy(after)
    assert mirror.taxonomy("1") == after
    assert mirror.taxonomy("2") is None
    mirror.save_priorities([Priority("1", "Low", 3), Priority("2", "High", 1)])
    mirror.save_priorities([Priority("3", "Normal", 2), Priority("2", "High", 1)])
    assert [priority.name for priority in mirror.priorities()] == ["High", "Normal"]


def test_counts_tell_how_many_records_there_are(mirror: Mirror) -> None:
    mirror.save_people([ADA, MAX])
    assert mirror.counts()["people"] == 2
    assert mirror.counts()["tickets"] == 0


DAY = timedelta(days=1)


def with_numbers(*numbers: str) -> Person:
    return replace(ADA, phones=numbers)


def since(mirror: Mirror, number: str, person: str = ADA.id) -> datetime | None:
    return mirror.number_since(person, number)


def test_a_number_is_as_old_as_it_has_been_seen_however_it_is_spaced(mirror: Mirror) -> None:
    mirror.save_people([with_numbers("+44 1632 960001")], seen_at=NOW)
    mirror.save_people([with_numbers("+44 (1632) 960-001", "+44 1632 960002")], seen_at=NOW + DAY)
    assert since(mirror, "+441632960001") == since(mirror, "+44 1632 960001") == NOW
    assert since(mirror, "+441632960002") == NOW + DAY
    assert since(mirror, "+441632960003") is None
    assert since(mirror, "+441632960001", "another") is None


def test_a_number_that_was_gone_in_between_begins_anew(mirror: Mirror) -> None:
    for day, numbers in enumerate((["+44 1632 960001"], ["+44 1632 960002"], ["+44 1632 960001"])):
        mirror.save_people([with_numbers(*numbers)], complete=True, seen_at=NOW + day * DAY)
    assert since(mirror, "+441632960001") == NOW + 2 * DAY
    assert since(mirror, "+441632960002") is None


def test_nothing_is_known_of_a_number_nobody_saw_at_a_moment(mirror: Mirror) -> None:
    mirror.save_people([with_numbers("+44 1632 960001")])
    assert since(mirror, "+441632960001") is None
    mirror.save_people([with_numbers("+44 1632 960001")], seen_at=NOW)
    assert since(mirror, "+441632960001") == NOW
