"""What the simulated PSA remembers: tables of JSON records, the clock, and who acts."""

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import TypeAlias

from pydantic import JsonValue

from deskhand.sdk.clock import Clock
from deskhand_psa_connectwise.simulation.filter_syntax import MOMENT

Record: TypeAlias = dict[str, JsonValue]

FIRST_IDS = {
    "companies": 20,
    "sites": 40,
    "contacts": 300,
    "configurations": 700,
    "members": 140,
    "boards": 1,
    "types": 60,
    "subtypes": 160,
    "items": 360,
    "statuses": 500,
    "priorities": 4,
    "sources": 2,
    "tickets": 10_001,
    "notes": 50_001,
    "times": 80_001,
    "callbacks": 900,
}
"""Every table counts from elsewhere, so that a mixed-up identifier is never right by accident."""
PARENTS = {
    "sites": "company",
    "types": "board",
    "subtypes": "board",
    "items": "board",
    "statuses": "board",
    "notes": "ticketId",
    "times": "chargeToId",
}


class Table:
    """Records by ascending id, and by the record they belong to."""

    def __init__(self, first_id: int, parent: str | None = None) -> None:
        self._next = first_id
        self._parent = parent
        self._records: dict[int, Record] = {}
        self._ids: list[int] = []
        self._children: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Record]:
        return self.after(0)

    def add(self, record: Record) -> Record:
        """Give a record the next id and keep it; its id stands first."""
        return self.put({"id": self._next, **record})

    def put(self, record: Record) -> Record:
        """Keep a record under the id it has."""
        number = identifier(record)
        self._next = max(self._next, number + 1)
        self._records[number] = record
        insort(self._ids, number)
        if self._parent is not None:
            insort(self._children.setdefault(self._parent_of(record), []), number)
        return record

    def replace(self, record: Record) -> None:
        """Keep a record in place of the one with its id; both belong to the same parent."""
        self._records[identifier(record)] = record

    def find(self, number: int | None) -> Record | None:
        """Return a record, or None."""
        return self._records.get(number) if number is not None else None

    def after(self, number: int) -> Iterator[Record]:
        """Go through the records with a higher id."""
        start = bisect_right(self._ids, number)
        return (self._records[each] for each in self._ids[start:])

    def children(self, parent: int) -> list[Record]:
        """List the records that belong to another one."""
        return [self._records[each] for each in self._children.get(parent, ())]

    def remove(self, number: int) -> None:
        """Forget a record that is there."""
        record = self._records.pop(number)
        self._ids.remove(number)
        if self._parent is not None:
            self._children[self._parent_of(record)].remove(number)

    def _parent_of(self, record: Record) -> int:
        value = record.get(self._parent or "")
        number = value.get("id") if isinstance(value, dict) else value
        return number if isinstance(number, int) else 0


class State:
    """All tables, the clock and the member behind the API key."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tables = {name: Table(first, PARENTS.get(name)) for name, first in FIRST_IDS.items()}

    def __getitem__(self, table: str) -> Table:
        return self.tables[table]

    def now(self) -> str:
        """Read the vendor's clock: whole seconds, UTC."""
        return self.clock().strftime(MOMENT)

    def stamp(self, record: Record, by: str, *, at: str | None = None) -> None:
        """Note that a record changed; the first time also when it was entered."""
        moment, info = at or self.now(), record.get("_info")
        entered = info if isinstance(info, dict) else {"dateEntered": moment, "enteredBy": by}
        record["_info"] = {**entered, "lastUpdated": moment, "updatedBy": by}

    def snapshot(self) -> dict[str, JsonValue]:
        """Return everything as JSON."""
        return {name: list(table) for name, table in self.tables.items()}

    def restore(self, snapshot: dict[str, JsonValue]) -> None:
        """Take everything from a snapshot in place of what is there."""
        for name, first in FIRST_IDS.items():
            table = self.tables[name] = Table(first, PARENTS.get(name))
            records = snapshot.get(name)
            for record in records if isinstance(records, list) else []:
                if isinstance(record, dict):
                    table.put(record)


def identifier(record: Record) -> int:
    """Return a record's id."""
    number = record.get("id")
    if not isinstance(number, int):
        raise TypeError("a record without an id")
    return number


def reference(record: Record, *fields: str) -> Record:
    """Point at a record, as the vendor does: its id, its name, and the other fields asked for."""
    return {field: record[field] for field in ("id", *(fields or ("name",))) if field in record}
