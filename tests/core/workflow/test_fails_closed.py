"""Where nothing can be put on the record nothing is done: whatever keeps the log from being written."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from deskhand.records.audit.verification import verify
from deskhand.records.database import Records, RecordsUnavailableError, url_of
from deskhand.sdk.clock import utc_now
from deskhand.workflow.gate import Gate
from tests.core.records import children
from tests.core.workflow.conftest import MakeCall
from tests.core.workflow.vendor import Board
from tests.postgresql import Server

Hindrance = Callable[[Records, str], AbstractContextManager[None]]
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@contextmanager
def locked(records: Records, url: str) -> Iterator[None]:
    """Somebody keeps the write lock for longer than anybody waits."""
    with records.reading() as connection:
        connection.execute(text("PRAGMA busy_timeout=50"))
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as stranger:
        stranger.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        stranger.exec_driver_sql("ROLLBACK")
    engine.dispose()


@contextmanager
def headless(records: Records, url: str) -> Iterator[None]:
    """The row every entry follows is gone."""
    del records
    engine = create_engine(url)
    with engine.begin() as connection:
        kept = connection.execute(text("SELECT * FROM audit_head")).one()
        connection.execute(text("DELETE FROM audit_head"))
    yield
    with engine.begin() as connection:
        names = [f":{name}" for name in kept._fields]
        connection.execute(text(f"INSERT INTO audit_head VALUES ({', '.join(names)})"), kept._asdict())  # noqa: S608  # ours
    engine.dispose()


@contextmanager
def held_at_the_server(records: Records, url: str) -> Iterator[None]:
    """Somebody keeps the end of the log locked."""
    with records.reading() as connection:
        connection.execute(text("SET lock_timeout TO '50ms'"))
    engine = create_engine(url)
    with engine.begin() as stranger:
        stranger.execute(text("SELECT * FROM audit_head FOR UPDATE"))
        yield
    engine.dispose()


@pytest.fixture
def on_sqlite(tmp_path: Path) -> str:
    return url_of(tmp_path / "records.db")


def refused(gate: Gate, call: MakeCall, board: Board) -> None:
    """Try three calls, and find that the vendor heard of none."""
    before = list(board.notices)
    for number in range(3):
        with pytest.raises(RecordsUnavailableError):
            gate.perform(call("Meanwhile", key=f"meanwhile-{number}"))
    assert (board.notices, len(board.changes)) == (before, len(before))


def nothing_is_done_without_the_log(url: str, file: Path, call: MakeCall, board: Board, hindrance: Hindrance) -> None:
    records = Records.open(url, signing=file, clock=utc_now)
    gate = Gate(records, "gate")
    gate.perform(call("Before", key="before"))
    with hindrance(records, url):
        refused(gate, call, board)
    records.close()
    again = Records.open(url, signing=file, clock=utc_now)
    Gate(again, "gate").perform(call("After", key="meanwhile-0"))
    again.close()
    assert [key for _, _, key in board.notices] == ["before", "meanwhile-0"]
    assert verify(url, signing=file).ok


@pytest.mark.parametrize("hindrance", [locked, headless])
def test_no_call_is_made_while_the_log_cannot_be_written_and_it_is_made_once_it_can(
    on_sqlite: str, tmp_path: Path, call: MakeCall, board: Board, hindrance: Hindrance
) -> None:
    nothing_is_done_without_the_log(on_sqlite, tmp_path / "records.db", call, board, hindrance)


def read_only(folder: Path) -> None:
    """Be somebody who may only read the file; what root opened before stays open to root."""
    for each in (folder, *folder.iterdir()):
        each.chmod(0o555 if each.is_dir() else 0o444)
    os.setuid(65534)


def without_disk(_folder: Path) -> None:
    """Have the system refuse every further byte."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))


@pytest.mark.parametrize("hinder", [read_only, without_disk])
def test_nor_where_the_system_lets_nothing_be_written(
    on_sqlite: str, tmp_path: Path, call: MakeCall, board: Board, hinder: Callable[[Path], None]
) -> None:
    if hinder is read_only and os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    Records.open(on_sqlite, clock=utc_now).close()

    def perform(say: Callable[[str], None]) -> None:
        records = Records.open(on_sqlite, clock=utc_now)
        records.close()
        hinder(tmp_path)
        refused(Gate(records, "gate"), call, board)
        say(f"{len(board.notices)} notices")

    tmp_path.chmod(0o755)
    assert children.start(perform).wait() == (0, b"0 notices\n")


def test_nor_where_somebody_keeps_the_servers_log_locked(
    postgresql_url: str, tmp_path: Path, call: MakeCall, board: Board
) -> None:
    nothing_is_done_without_the_log(postgresql_url, tmp_path / "keys", call, board, held_at_the_server)


@pytest.mark.parametrize(
    ("hinder", "let"),
    [
        ("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", "ALTER DATABASE {} WITH ALLOW_CONNECTIONS true"),
        ("ALTER DATABASE {} SET default_transaction_read_only = on", "ALTER DATABASE {} RESET ALL"),
    ],
    ids=["gone", "read-only"],
)
def test_nor_where_the_server_takes_nothing(  # what it takes
    postgresql_url: str,
    postgresql_server: Server,
    tmp_path: Path,
    call: MakeCall,
    board: Board,
    hinder: str,
    let: str,
) -> None:
    @contextmanager
    def hindrance(_records: Records, url: str) -> Iterator[None]:
        name = url.rpartition("/")[2].partition("?")[0]
        postgresql_server.run(hinder.format(name))
        postgresql_server.run(END_OTHERS, name) if "SET" in hinder else postgresql_server.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608  # ours
        )
        yield
        postgresql_server.run(let.format(name))
        if "SET" in hinder:
            postgresql_server.run(END_OTHERS, name)

    nothing_is_done_without_the_log(postgresql_url, tmp_path / "keys", call, board, hindrance)
