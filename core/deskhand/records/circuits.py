"""Circuit breakers that are open: which connection to which vendor calls stopped on, since when and why."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import select

from deskhand.records.canonical import written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.rows import Value
from deskhand.records.schema import circuits


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """A connection that calls stopped on. ``connection`` is empty where a connector has but one."""

    connector: str
    connection: str
    opened_at: datetime
    failures: int
    reason: str

    @property
    def name(self) -> str:
        """Name the connection for people."""
        return f"{self.connector} ({self.connection})" if self.connection else self.connector

    @property
    def sentence(self) -> str:
        """Say what stopped, since when and why."""
        since = f"{self.opened_at:%Y-%m-%d %H:%M} UTC"
        return f"Calls to {self.name} have stopped since {since}, after {self.failures} failures: {self.reason}"


def put(transaction: Transaction, circuit: OpenCircuit) -> None:
    """Put on the record that calls stopped, or stay stopped."""
    key = {"connector": circuit.connector, "connection": circuit.connection}
    is_new = transaction.find(circuits, key) is None
    values: dict[str, Value] = {
        "opened_at": written_time(circuit.opened_at),
        "failures": circuit.failures,
        "reason": circuit.reason,
    }
    transaction.put(circuits, key, values)
    detail: dict[str, JsonValue] = {**key, "failures": circuit.failures, "reason": circuit.reason}
    transaction.audit("circuit.opened" if is_new else "circuit.stays_open", detail=detail)


def remove(transaction: Transaction, connector: str, connection: str) -> None:
    """Put on the record that calls go again; nothing where they never stopped."""
    key = {"connector": connector, "connection": connection}
    if transaction.find(circuits, key) is not None:
        transaction.delete(circuits, key)
        transaction.audit("circuit.closed", detail=dict(key))


def opened(records: Records, connector: str | None = None) -> tuple[OpenCircuit, ...]:
    """List what is open, of one connector or of all."""
    query = select(circuits).order_by(circuits.c.connector, circuits.c.connection)
    if connector is not None:
        query = query.where(circuits.c.connector == connector)
    with records.reading() as found:
        return tuple(
            OpenCircuit(row.connector, row.connection, datetime.fromisoformat(row.opened_at), row.failures, row.reason)
            for row in found.execute(query)
        )
