"""What is PostgreSQL's own: how a store behaves there that several processes share, and that others get at."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateTable

from deskhand.records import schema, work
from deskhand.records.audit.verification import Verification, verify
from deskhand.records.database import Records, RecordsUnavailableError, is_made
from deskhand.sdk.clock import Clock, utc_now
from tests.core.records import children
from tests.core.records.examples import enqueue, handle
from tests.postgresql import PASSWORD, Server


@pytest.fixture
def url(postgresql_url: str) -> str:
    """Return where a record store is on PostgreSQL alone."""
    return postgresql_url


END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)
ALLOW_ALL = (
    "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
)


def run(url: str, *statements: str) -> None:
    """Get at a store past us, as whoever owns the database can."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_the_tables_are_written_in_its_words() -> None:
    dialect = PGDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
    tables = schema.LOG + schema.RECORDS
    written = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in tables)
    assert "chain BYTEA NOT NULL" in written
    assert "ticket TEXT COLLATE \"C\" GENERATED ALWAYS AS ((entry::json ->> 'ticket')) STORED" in written
    assert "STRICT" not in written


def test_processes_that_open_a_new_store_at_once_make_one(url: str, file: Path) -> None:
    opened: list[Records] = []
    ready = threading.Barrier(4)

    def open_it() -> None:
        ready.wait()
        opened.append(Records.open(url, clock=utc_now, signing=file))

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    for number, records in enumerate(opened):
        enqueue(records, str(number))
        records.close()
    assert verify(url, signing=file).ok


def write_forty(url: str, file: Path, name: str) -> None:
    records = Records.open(url, clock=utc_now, signing=file)
    for number in range(40):
        enqueue(records, f"{name}{number}")


def test_three_processes_write_one_unbroken_log(url: str, file: Path, clock: Clock) -> None:
    Records.open(url, clock=clock, signing=file).close()
    writers = [children.start(lambda _, name=name: write_forty(url, file, name)) for name in "abc"]  # type: ignore[misc]  # mypy cannot infer bound defaults
    assert [writer.wait() for writer in writers] == [(0, b"")] * 3
    found = verify(url, signing=file)
    assert (found.ok, found.entries) == (True, 120)


def test_a_schema_named_like_the_role_catches_nothing(url: str, file: Path, clock: Clock) -> None:
    role = make_url(url).username
    run(
        url,
        f"CREATE SCHEMA {role}",
        f"CREATE TABLE {role}.audit (seq integer)",
        f"CREATE TABLE {role}.store (id integer)",
    )
    records = Records.open(url, clock=clock, signing=file)
    enqueue(records, "1")
    records.close()
    assert verify(url, signing=file).ok


def test_a_store_is_looked_for_without_being_made(url: str, file: Path, clock: Clock) -> None:
    assert not is_made(url)
    assert not is_made(url)
    Records.open(url, clock=clock, signing=file).close()
    assert is_made(url)


def test_a_commit_is_durable_whatever_the_role_is_set_to(records: Records) -> None:
    with records.reading() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"


def test_a_connection_the_server_ended_is_replaced(records: Records, url: str) -> None:
    enqueue(records, "1")
    run(
        url,
        END_OTHERS,
    )
    enqueue(records, "2")
    assert work.counts(records)["pending"] == 2


def test_a_server_that_goes_away_in_the_middle_is_told_and_loses_nothing(
    records: Records, url: str, file: Path
) -> None:
    with pytest.raises(RecordsUnavailableError, match="did not answer"), records.transaction("desk") as transaction:  # noqa: PT012  # its end raises
        work.enqueue(transaction, "psa", "1", "1", reason="new")
        run(
            url,
            END_OTHERS,
        )
    assert records.audit_entries() == []
    enqueue(records, "1")
    assert verify(url, signing=file).ok


def test_whoever_keeps_the_log_locked_is_told_of(records: Records, url: str) -> None:
    with records.reading() as connection:
        connection.execute(text("SET lock_timeout TO '50ms'"))
    engine = create_engine(url)
    with engine.begin() as stranger:
        stranger.execute(text("SELECT * FROM audit_head FOR UPDATE"))
        with pytest.raises(RecordsUnavailableError, match="kept it locked"), records.transaction("desk"):
            pass
    engine.dispose()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password": "wrong"}, "user and password"),
        ({"database": "nowhere"}, "did not answer"),
        ({"query": {"host": "/nowhere"}}, "check that it runs"),
    ],
)
def test_what_keeps_us_from_the_server_is_told_without_the_password(
    url: str, file: Path, change: dict[str, str], told: str
) -> None:
    changed = make_url(url).set(**change).render_as_string(hide_password=False)  # type: ignore[arg-type]  # by name
    with pytest.raises(RecordsUnavailableError, match=told) as raised:
        Records.open(changed, clock=utc_now, signing=file)
    assert PASSWORD not in str(raised.value)
    assert "wrong" not in str(raised.value)


def test_a_role_that_may_not_make_tables_is_told_what_it_needs(url: str, postgresql_server: Server, file: Path) -> None:
    run(url, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    try:
        guest = make_url(url).set(username="guest", password="guest").render_as_string(hide_password=False)  # noqa: S106  # of this test
        with pytest.raises(RecordsUnavailableError, match="make it the owner of its database"):
            Records.open(guest, clock=utc_now, signing=file)
    finally:
        postgresql_server.run("DROP ROLE guest")


def test_a_database_that_cannot_hold_every_word_is_refused(postgresql_server: Server, url: str, file: Path) -> None:
    name = f"{make_url(url).database}_latin"
    postgresql_server.run(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
    )
    try:
        with pytest.raises(RecordsUnavailableError, match="createdb --encoding UTF8"):
            Records.open(postgresql_server.url(name), clock=utc_now, signing=file)
    finally:
        postgresql_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def attacked(records: Records, url: str, file: Path) -> Callable[..., Verification]:
    """Let the database's owner loose on a store of three tickets and one checkpoint, and verify what is left."""
    for ticket in ("1", "2", "3"):
        handle(records, ticket)
    records.checkpoint()
    assert verify(url, signing=file).ok

    def attack(*statements: str) -> Verification:
        tables = ("audit", "checkpoints")
        off, on = ([f"ALTER TABLE {table} {verb} TRIGGER USER" for table in tables] for verb in ("DISABLE", "ENABLE"))
        run(url, *off, *statements, *on)
        return verify(url, signing=file)

    return attack


def test_an_edited_entry_is_named(attacked: Callable[..., Verification]) -> None:
    found = attacked("UPDATE audit SET entry = replace(entry, '\"desk\"', '\"disk\"') WHERE seq = 6")
    assert (found.first_bad, found.entries) == (6, 6)


def test_a_deleted_entry_is_named(attacked: Callable[..., Verification]) -> None:
    assert attacked("DELETE FROM audit WHERE seq = 4").first_bad == 4


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE work SET attempts = 3 WHERE ticket_id = '2'", "was changed without it"),
        ("DELETE FROM effects", "was changed without it"),
        ("UPDATE audit_head SET size = 3", "end is not where"),
        ("UPDATE checkpoints SET note = replace(note, 'epoch', 'epic')", "not signed as it must be"),
        ("DROP TRIGGER audit_append_only ON audit", "a trigger of the store is missing or was changed"),
        (
            ALLOW_ALL,
            "a trigger",
        ),
        ("UPDATE store SET origin = 'deskhand/other'", "does not say that it is"),
    ],
)
def test_what_was_changed_past_the_log_is_found(
    attacked: Callable[..., Verification], statement: str, told: str
) -> None:
    assert told in attacked(statement).reason


def test_a_trigger_that_was_only_switched_off_is_found(
    attacked: Callable[..., Verification], url: str, file: Path
) -> None:
    assert attacked("SELECT 1").ok
    run(url, "ALTER TABLE audit DISABLE TRIGGER USER")
    assert "a trigger" in verify(url, signing=file).reason
