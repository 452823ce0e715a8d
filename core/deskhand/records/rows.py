"""What every step of a run reads and writes: SQLAlchemy writes each statement once, and the driver carries it out.

A step takes two dozen statements, and SQLAlchemy's way from a statement to its row takes ten times as long as SQLite's.
Whatever is asked less often goes through SQLAlchemy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Self

from sqlalchemy import Connection, Dialect, Select, Table, and_, bindparam, delete, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import ClauseElement

Value = str | int | None
"""What a column of a record holds."""

Values = Mapping[str, Value | bytes]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows one open connection of a driver sees. What the driver raises is raised as SQLAlchemy would raise it."""

    driver: Any
    dialect: Dialect
    _kind: str = field(init=False)

    def __post_init__(self) -> None:
        """Note whose SQL it takes."""
        object.__setattr__(self, "_kind", f"{self.dialect.name}+{self.dialect.driver}")

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """Return the rows a connection of SQLAlchemy's sees, within its transaction."""
        return cls(connection.connection.driver_connection, connection.dialect)

    def find(self, table: Table, key: Values, *, is_locking: bool = False) -> dict[str, Any] | None:
        """Read the row with this key; where it is locking, a server makes others who lock it wait for our end."""
        row = self._send(_finding(self._kind, table, is_locking), _keyed(key)).fetchone()
        return None if row is None else dict(zip(_columns(table), row, strict=True))

    def ask(self, query: Select[Any], values: Values) -> list[Any]:
        """Run a query that was made once, when its module was imported, and return its rows as tuples."""
        found: list[Any] = self._send(_asking(self._kind, query), values).fetchall()
        return found

    def insert(self, table: Table, row: Values) -> None:
        """Add a row. Raises IntegrityError where its key is taken."""
        self._send(_adding(self._kind, table, tuple(row)), row)

    def update(self, table: Table, key: Values, values: Values) -> None:
        """Change columns of the row with this key."""
        self._send(_changing(self._kind, table, tuple(values)), {**values, **_keyed(key)})

    def delete(self, table: Table, key: Values) -> None:
        """Remove the row with this key."""
        self._send(_removing(self._kind, table), _keyed(key))

    def _send(self, statement: "_Statement", values: Values) -> Any:  # noqa: ANN401  # the driver's cursor
        with raising_as_sqlalchemy(self.dialect, statement.sql):
            return self.driver.execute(statement.sql, statement.bound(values))


class raising_as_sqlalchemy:  # noqa: N801  # reads as a sentence after "with"
    """Have what a driver raises inside be raised as SQLAlchemy would raise it, without the values that were sent."""

    def __init__(self, dialect: Dialect, statement: str) -> None:
        self._dialect, self._statement = dialect, statement

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Raise it anew."""
        of_driver = self._dialect.loaded_dbapi.Error
        if isinstance(error, of_driver):
            raise DBAPIError.instance(self._statement, None, error, of_driver, dialect=self._dialect) from error


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement as a driver takes it: with its values in the order of ``names``, or by name where that is None."""

    sql: str
    names: tuple[str, ...] | None
    constants: Mapping[str, Any]

    @classmethod
    def of(cls, kind: str, clause: ClauseElement, columns: tuple[str, ...] | None = None) -> Self:
        dialect = _dialect(kind)
        compiled = dialect.statement_compiler(dialect, clause, column_keys=columns)
        order = compiled.positiontup
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return cls(str(compiled), None if order is None else tuple(order), constants)

    def bound(self, values: Values) -> Any:  # noqa: ANN401  # whatever the driver takes
        known = {**self.constants, **values} if self.constants else values
        return known if self.names is None else tuple([known[name] for name in self.names])


@cache
def _finding(kind: str, table: Table, is_locking: bool) -> _Statement:  # noqa: FBT001  # a cache's key
    query = select(table).where(_has_key(table))
    return _Statement.of(kind, query.with_for_update() if is_locking else query)


@lru_cache(maxsize=128)
def _asking(kind: str, query: Select[Any]) -> _Statement:
    return _Statement.of(kind, query)


@cache
def _adding(kind: str, table: Table, columns: tuple[str, ...]) -> _Statement:
    return _Statement.of(kind, insert(table), columns)


@cache
def _changing(kind: str, table: Table, columns: tuple[str, ...]) -> _Statement:
    return _Statement.of(kind, update(table).where(_has_key(table)), columns)


@cache
def _removing(kind: str, table: Table) -> _Statement:
    return _Statement.of(kind, delete(table).where(_has_key(table)))


@cache
def _dialect(kind: str) -> Dialect:
    return make_url(f"{kind}://").get_dialect()()


@cache
def _columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _has_key(table: Table) -> ColumnElement[bool]:
    return and_(*(column == bindparam(f"key_{column.name}") for column in table.primary_key))


def _keyed(key: Values) -> dict[str, Value | bytes]:
    """Name the parts of a key apart from the new values of the same columns."""
    return {f"key_{name}": value for name, value in key.items()}
