import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from deskhand.records import database, effects, migrations, schema, work
from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, RecordsUnavailableError, UnauditedChangeError, url_of
from deskhand.records.work import WorkItem
from deskhand.sdk.clock import Clock, utc_now
from tests.core.records import children
from tests.core.records.examples import PSA, enqueue, why


def test_a_change_and_its_audit_entry_are_one_commit(records: Records) -> None:
    enqueue(records, "1")
    with pytest.raises(LookupError), records.transaction("desk") as transaction:  # noqa: PT012  # the second line raises
        work.finish(transaction, WorkItem(PSA, "1", "1"), why("1"))
        work.release(transaction, PSA, "unknown", "again")
    assert [entry.kind for entry in records.audit_entries()] == ["work.enqueued"]
    assert work.counts(records)["pending"] == 1


def test_after_a_rollback_the_log_goes_on_where_it_was(records: Records, url: str, file: Path) -> None:
    enqueue(records, "1")
    with pytest.raises(LookupError), records.transaction("desk") as transaction:  # noqa: PT012  # the second line raises
        transaction.audit("something")
        work.release(transaction, PSA, "unknown", "again")
    enqueue(records, "2")
    assert [entry.seq for entry in records.audit_entries()] == [0, 1]
    assert verify(url, signing=file).ok


def test_entries_say_who_when_what_and_about_whom(records: Records) -> None:
    with records.transaction("desk") as transaction:
        seq = transaction.audit(
            "gate.refused", tenant="19", ticket="4711", detail={"key": "a", "reasons": [1, None, "é"]}
        )
    (entry,) = records.audit_entries(ticket="4711")
    assert (seq, entry.seq, entry.actor, entry.kind, entry.tenant) == (0, 0, "desk", "gate.refused", "19")
    assert entry.detail == {"key": "a", "reasons": [1, None, "é"]}
    assert entry.at.tzinfo is not None


def test_entries_can_be_had_newest_first(records: Records) -> None:
    enqueue(records, "1", "2", "3")
    assert [entry.ticket for entry in records.audit_entries(newest=2)] == ["3", "2"]


def test_a_change_without_an_audit_entry_is_refused(records: Records) -> None:
    with pytest.raises(UnauditedChangeError), records.transaction("desk") as transaction:
        transaction.insert(
            schema.identity_rules, {"kind": "domain", "value": "a.example", "tenant_id": "", "tenant_name": ""}
        )
    with records.reading() as connection:
        assert connection.execute(select(schema.identity_rules)).all() == []


def test_a_change_after_the_last_audit_entry_is_refused(records: Records) -> None:
    with pytest.raises(UnauditedChangeError), records.transaction("desk") as transaction:  # noqa: PT012  # its end raises
        enqueued = work.enqueue(transaction, PSA, "1", "1", reason="new")
        transaction.update(schema.work, {"connector": PSA, "ticket_id": "1"}, {"attempts": 3})
    assert enqueued
    assert work.counts(records)["pending"] == 0
    assert records.audit_entries() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE work SET attempts = 9",
        "  delete from work",
        "INSERT INTO identity_rules VALUES ('domain', 'a', '1', 'A')",
        'UPDATE "audit_head" SET size = 0',
    ],
)
def test_nothing_gets_at_records_past_the_transaction(records: Records, statement: str) -> None:
    enqueue(records, "1")
    with pytest.raises(UnauditedChangeError), records.transaction("desk") as transaction:
        transaction.connection.execute(text(statement))
    with pytest.raises(UnauditedChangeError), records.transaction("desk") as transaction:
        transaction.connection.execute(update(schema.work).values(attempts=9))
    assert work.pending(records, now=utc_now(), limit=1)[0].attempts == 0


def test_records_are_not_changed_while_reading(records: Records) -> None:
    enqueue(records, "1")
    with pytest.raises(UnauditedChangeError), records.reading() as connection:
        connection.execute(update(schema.work).values(attempts=9))
    assert work.pending(records, now=utc_now(), limit=1)[0].attempts == 0


def test_another_rooms_table_joins_the_commit_but_not_without_an_entry(records: Records) -> None:
    parcels = Table("parcels", MetaData(), Column("id", Integer, primary_key=True))
    with records.transaction("engine") as transaction:
        parcels.create(transaction.connection)
        transaction.connection.execute(insert(parcels).values(id=1))
        transaction.audit("run.started")
    with pytest.raises(UnauditedChangeError), records.transaction("engine") as transaction:
        transaction.connection.execute(insert(parcels).values(id=2))
    with records.reading() as connection:
        assert connection.execute(select(parcels.c.id)).scalars().all() == [1]


@contextmanager
def stranger(url: str) -> Iterator[Connection]:
    """Connect past the record store."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.mark.parametrize("statement", ["DELETE FROM audit", "UPDATE audit SET seq = 7", "DELETE FROM checkpoints"])
def test_the_log_is_append_only_for_everyone_else_too(records: Records, url: str, statement: str) -> None:
    enqueue(records, "1")
    records.checkpoint()
    with pytest.raises(DBAPIError, match="append-only"), stranger(url) as connection:
        connection.execute(text(statement))


def test_transactions_do_not_nest(records: Records) -> None:
    with pytest.raises(RuntimeError, match="nest"), records.transaction("a"), records.transaction("b"):
        pass
    enqueue(records, "1")


def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(records: Records) -> None:
    enqueue(records, "1")
    count = select(schema.work)
    with records.reading() as connection:
        assert len(connection.execute(count).all()) == 1
        enqueue(records, "2")
        assert len(connection.execute(count).all()) == 1
    assert work.counts(records)["pending"] == 2


def test_two_threads_write_one_unbroken_log(records: Records, url: str, file: Path) -> None:
    def write(name: str) -> None:
        for number in range(40):
            enqueue(records, f"{name}{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert work.counts(records)["pending"] == 80
    checked = verify(url, signing=file)
    assert (checked.ok, checked.entries) == (True, 80)


def test_two_processes_write_one_unbroken_log(url: str, file: Path, clock: Clock) -> None:
    """The command line writes while the desk runs."""
    stores = {
        "desk": Records.open(url, signing=file, clock=clock),
        "command": Records.open(url, signing=file, clock=clock),
    }
    failures: list[Exception] = []

    def write(name: str) -> None:
        try:
            for number in range(20):
                enqueue(stores[name], f"{name}{number}")
                stores[name].checkpoint()
        except RecordsUnavailableError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checked = verify(url, signing=file)
    assert failures == []
    assert (checked.ok, checked.entries, checked.covered) == (True, 40, 40)
    for store in stores.values():
        store.close()


def test_what_no_database_can_store_is_replaced_not_refused(records: Records, url: str, file: Path) -> None:
    hostile = "nul \x00, half a pair \ud83d, all right 🙂"
    with records.transaction("desk") as transaction:
        effects.claim(transaction, "k", action="a", tenant=hostile, ticket=hostile, arguments_sha256="")
        effects.mark_needs_review(transaction, "k", hostile)
    found = effects.find(records, "k")
    assert found is not None
    assert found.reason == "nul \ufffd, half a pair \ufffd, all right 🙂"
    assert verify(url, signing=file).ok


def test_a_store_is_durable_and_private(sqlite_records: Records, file: Path) -> None:
    with sqlite_records.reading() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]
    assert file.stat().st_mode & 0o777 == 0o600
    assert Path(f"{file}.key").stat().st_mode & 0o777 == 0o600


def test_opening_again_changes_nothing(records: Records, url: str, file: Path, clock: Clock) -> None:
    enqueue(records, "1")
    records.checkpoint()
    again = Records.open(url, signing=file, clock=clock)
    assert [entry.kind for entry in again.audit_entries()] == ["work.enqueued"]
    assert again.checkpoint() is None
    again.close()


def test_a_store_of_a_newer_version_is_left_alone(records: Records, url: str, file: Path, clock: Clock) -> None:
    records.close()
    with stranger(url) as connection:
        connection.execute(text("UPDATE store SET version = 7"))
    with pytest.raises(RecordsUnavailableError, match=r"version 7 .* newer one"):
        Records.open(url, signing=file, clock=clock)


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "nonsense", "postgresql+nothing://x/y"],
    ids=lambda url: url.split(":")[0] + url[-3:],
)
def test_a_url_that_cannot_work_says_what_would(url: str) -> None:
    with pytest.raises(RecordsUnavailableError, match="expected"):
        Records.open(url, clock=utc_now)


def test_a_file_that_is_no_database_says_so(file: Path, sqlite_url: str) -> None:
    file.write_bytes(b"no database at all, but long enough to be looked at " * 20)
    with pytest.raises(RecordsUnavailableError, match="not a database: restore it") as error:
        Records.open(sqlite_url, clock=utc_now)
    assert str(file) in str(error.value)


def test_a_damaged_file_says_so(sqlite_records: Records, file: Path, sqlite_url: str) -> None:
    enqueue(sqlite_records, *map(str, range(200)))
    sqlite_records.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(RecordsUnavailableError, match=r"damaged: .* restore it"):
        Records.open(sqlite_url, clock=utc_now)


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordsUnavailableError, match="check that its folder exists"):
        Records.open(url_of(tmp_path / "nowhere" / "records.db"), clock=utc_now)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        Path(name).chmod(0o755)


def open_as_nobody(url: str, say: Callable[[str], None]) -> None:
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        Records.open(url, clock=utc_now)
    except RecordsUnavailableError as error:
        say(str(error))


def said_to_nobody(url: str) -> str:
    status, said = children.start(lambda say: open_as_nobody(url, say)).wait()
    assert status == 0
    return said.decode()


def test_a_read_only_folder_says_so(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    assert "this user may write the folder" in said_to_nobody(url_of(open_folder / "records.db"))


def test_a_store_of_another_user_says_so(open_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can leave a file that this user may not write")
    open_folder.chmod(0o777)
    Records.open(url_of(open_folder / "records.db"), clock=utc_now).close()
    assert "this user may write the folder and the file" in said_to_nobody(url_of(open_folder / "records.db"))


def test_an_upgrade_takes_each_step_once(monkeypatch: pytest.MonkeyPatch, url: str, file: Path, clock: Clock) -> None:
    monkeypatch.setattr(schema, "VERSION", 1)
    Records.open(url, signing=file, clock=clock).close()
    taken: list[int] = []
    steps = tuple(lambda _, number=number: taken.append(number) for number in range(3))
    monkeypatch.setattr(migrations, "STEPS", steps)
    for module in (schema, database):
        monkeypatch.setattr(module, "VERSION", 4)
    Records.open(url, signing=file, clock=clock).close()
    Records.open(url, signing=file, clock=clock).close()
    assert taken == [0, 1, 2]
