"""The mirror's reference data: clients, their people and devices, and what boards accept."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlite_utils import Database

from deskhand.mirror.database import MirrorFile
from deskhand.mirror.documents import Document, moment, storable
from deskhand.mirror.rows import Row, batches, delete_where_key, rows_of, write_changed
from deskhand.sdk.models import Company, Device, Person, Priority, Taxonomy

_COMPANY = Document(Company)
_PERSON = Document(Person)
_DEVICE = Document(Device)
_TAXONOMY = Document(Taxonomy)
_PRIORITY = Document(Priority)


class ReferenceMirror(MirrorFile):
    """Saves replace records by their id and return how many were given.

    A listing may be lazy: it is read a batch at a time, and nothing is locked while the vendor is waited for.
    With ``complete=True``, what the listing no longer has becomes inactive once the listing has ended; an empty
    listing is taken for a fault of the vendor's and changes nothing.
    Lookups return inactive records too: look at ``is_active``.
    """

    def save_companies(self, companies: Iterable[Company], *, complete: bool = False) -> int:
        """Save clients."""
        listed: set[str] = set()
        for batch in batches(companies):
            with self._writing() as database:
                write_changed(database, "companies", [_company_row(each) for each in batch])
            listed.update(each.id for each in batch)
        self._retire("companies", listed, complete=complete)
        return len(listed)

    def save_people(self, people: Iterable[Person], *, complete: bool = False, seen_at: datetime | None = None) -> int:
        """Save contacts with their addresses; ``seen_at`` is when they were read, so that a number's age is known."""
        listed: set[str] = set()
        for batch in batches(people):
            with self._writing() as database:
                _write_people(database, batch)
                if seen_at is not None:
                    _note_numbers(database, batch, moment(seen_at))
            listed.update(each.id for each in batch)
        self._retire("people", listed, complete=complete)
        return len(listed)

    def save_devices(self, devices: Iterable[Device], *, complete: bool = False) -> int:
        """Save managed machines."""
        listed: set[str] = set()
        for batch in batches(devices):
            with self._writing() as database:
                write_changed(database, "devices", [_device_row(each) for each in batch])
            listed.update(each.id for each in batch)
        self._retire("devices", listed, complete=complete)
        return len(listed)

    def companies(self) -> tuple[Company, ...]:
        """Return every client, in the order of their ids as text."""
        return tuple(map(_COMPANY.read, self._documents("companies")))

    def company(self, company_id: str) -> Company | None:
        """Find a client."""
        return next(map(_COMPANY.read, self._documents("companies", "id = ?", company_id)), None)

    def people(self, company_id: str) -> tuple[Person, ...]:
        """Return a client's contacts, in the order of their ids as text."""
        return tuple(map(_PERSON.read, self._documents("people", "company_id = ?", company_id)))

    def person(self, person_id: str) -> Person | None:
        """Find a contact."""
        return next(map(_PERSON.read, self._documents("people", "id = ?", person_id)), None)

    def number_since(self, person_id: str, number: str) -> datetime | None:
        """Return since when a person has had a number, however it is spaced; None where it was not seen with them."""
        with self._reading() as database:
            where, key = "person_id = ? and number = ?", [storable(person_id), _digits(number)]
            rows = list(database.table("person_phones").rows_where(where, key, select="since"))
        return datetime.fromisoformat(rows[0]["since"]) if rows else None

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        """Find every contact that has this address, whatever its case; active contacts first."""
        where = "id in (select person_id from person_emails where email = ?)"
        found = map(_PERSON.read, self._documents("people", where, storable(address).strip().lower()))
        return tuple(sorted(found, key=lambda person: not person.is_active))

    def devices(self, company_id: str) -> tuple[Device, ...]:
        """Return a client's machines, in the order of their ids as text."""
        return tuple(map(_DEVICE.read, self._documents("devices", "company_id = ?", company_id)))

    def devices_by_name(self, name: str) -> tuple[Device, ...]:
        """Find every machine of this name, whatever its case; active machines first."""
        found = map(_DEVICE.read, self._documents("devices", "name_key = ?", _name_key(name)))
        return tuple(sorted(found, key=lambda device: not device.is_active))

    def save_taxonomy(self, taxonomy: Taxonomy) -> None:
        """Save what a board accepts, in place of what it accepted before."""
        with self._writing() as database:
            write_changed(database, "taxonomies", [{"id": taxonomy.board.id, "document": _TAXONOMY.write(taxonomy)}])

    def taxonomy(self, board_id: str) -> Taxonomy | None:
        """Return what a board accepted when it was last read; None where it never was."""
        return next(map(_TAXONOMY.read, self._documents("taxonomies", "id = ?", board_id)), None)

    def save_priorities(self, priorities: Sequence[Priority]) -> None:
        """Save the whole list of priorities, in place of the former."""
        rows = [{"id": each.id, "rank": each.rank, "document": _PRIORITY.write(each)} for each in priorities]
        with self._writing() as database:
            database.table("priorities").delete_where().insert_all(rows)

    def priorities(self) -> tuple[Priority, ...]:
        """Return the priorities, most pressing first."""
        return tuple(sorted(map(_PRIORITY.read, self._documents("priorities")), key=lambda each: each.rank))

    def _documents(self, table: str, where: str | None = None, *values: str) -> list[str]:
        parameters = [storable(value) for value in values]
        with self._reading() as database:
            rows = database.table(table).rows_where(where, parameters, select="document", order_by="id")
            return [row["document"] for row in rows]

    def _retire(self, table: str, listed: set[str], *, complete: bool) -> None:
        if not (complete and listed):
            return
        with self._writing() as database:
            rows = list(database.table(table).rows_where("is_active", select="id, document"))
            for row in rows:
                if row["id"] not in listed:
                    database.table(table).update(row["id"], _inactive(row))


def _inactive(row: Row) -> Row:
    document = {**json.loads(row["document"]), "is_active": False}
    return {"is_active": 0, "document": json.dumps(document, ensure_ascii=False)}


def _write_people(database: Database, people: Sequence[Person]) -> None:
    changed = {row["id"] for row in write_changed(database, "people", [_person_row(each) for each in people])}
    delete_where_key(database, "person_emails", "person_id", changed)
    addresses = {
        (person.id, storable(email).strip().lower())
        for person in people
        if person.id in changed
        for email in person.emails
    }
    database.table("person_emails").insert_all(
        {"person_id": owner, "email": email} for owner, email in sorted(addresses)
    )


def _note_numbers(database: Database, people: Sequence[Person], now: str) -> None:
    """Keep the moment at which each number was first seen; one that was gone in between begins anew."""
    known: dict[str, dict[str, str]] = {}
    for row in rows_of(database, "person_phones", (each.id for each in people), key="person_id"):
        known.setdefault(row["person_id"], {})[row["number"]] = row["since"]
    present = {each.id: {number for phone in each.phones if (number := _digits(phone))} for each in people}
    changed = {person_id: numbers for person_id, numbers in present.items() if numbers != set(known.get(person_id, {}))}
    delete_where_key(database, "person_phones", "person_id", changed)
    database.table("person_phones").insert_all(
        {"person_id": person_id, "number": number, "since": known.get(person_id, {}).get(number, now)}
        for person_id, numbers in sorted(changed.items())
        for number in sorted(numbers)
    )


def _digits(phone: str) -> str:
    """Return what makes a number that number: its digits, and a plus before them."""
    return "".join(each for each in phone if each in "+0123456789")


def _company_row(company: Company) -> Row:
    return {"id": company.id, "is_active": int(company.is_active), "document": _COMPANY.write(company)}


def _person_row(person: Person) -> Row:
    return {
        "id": person.id,
        "company_id": person.company.id if person.company else None,
        "is_active": int(person.is_active),
        "document": _PERSON.write(person),
    }


def _device_row(device: Device) -> Row:
    return {
        "id": device.id,
        "name_key": _name_key(device.name),
        "company_id": device.company.id if device.company else None,
        "is_active": int(device.is_active),
        "document": _DEVICE.write(device),
    }


def _name_key(name: str) -> str:
    return storable(name).strip().casefold()
