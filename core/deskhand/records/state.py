"""One number that stands for every row of the record store, kept up to date as rows come and go.

It is the sum, modulo 2**4096, of a hash of each row (AdHash: Bellare and Micciancio, EUROCRYPT 1997). A change costs
two hashes, the order of rows does not matter, and whoever rewrites, adds or removes a row cannot keep the sum: at this
size the best attack known, Wagner's generalised birthday, takes 2**128 steps.
"""

import hashlib
from collections.abc import Mapping
from typing import Self

from sqlalchemy import Connection, text

from deskhand.records.canonical import canonical_json
from deskhand.records.schema import RECORDS

_QUERIES = {
    table.name: text(f"SELECT {', '.join(column.name for column in table.columns)} FROM {table.name}")  # noqa: S608  # ours
    for table in RECORDS
}
"""As text, since each verification opens the store anew and would compile them anew."""
_SIZE = 512
_MODULUS = 1 << (8 * _SIZE)


class State:
    """The sum over a set of rows. Starts empty."""

    __slots__ = ("_sum",)

    def __init__(self, stored: bytes = b"") -> None:
        self._sum = int.from_bytes(stored, "big")

    def add(self, table: str, row: Mapping[str, str | int | None]) -> None:
        """Count a row in."""
        self._sum = (self._sum + _weigh(table, row)) % _MODULUS

    def remove(self, table: str, row: Mapping[str, str | int | None]) -> None:
        """Count a row out."""
        self._sum = (self._sum - _weigh(table, row)) % _MODULUS

    def stored(self) -> bytes:
        """Return the sum as the bytes the constructor takes."""
        return self._sum.to_bytes(_SIZE, "big")

    def digest(self) -> str:
        """Identify the set by SHA-256, in hex: this is what an audit entry carries."""
        return hashlib.sha256(self.stored()).hexdigest()

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """Count every row there is, in constant memory."""
        state = cls()
        for table, query in _QUERIES.items():
            with connection.execute(query, execution_options={"yield_per": 1000}) as rows:
                for row in rows.mappings():
                    state.add(table, dict(row))
        return state


def _weigh(table: str, row: Mapping[str, str | int | None]) -> int:
    written = canonical_json({"table": table, "row": dict(row)})
    return int.from_bytes(hashlib.shake_256(written.encode()).digest(_SIZE), "big")
