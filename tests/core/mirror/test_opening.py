import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from deskhand.mirror.mirror import Mirror, MirrorUnavailableError
from tests.core.mirror.examples import closed, note, ticket


def test_what_was_saved_is_there_after_reopening(path: Path) -> None:
    first = Mirror.open(path)
    first.save_tickets([closed(summary="Outlook asks for the password")])
    first.save_notes("1", [note("every morning")])
    first.reach("read everything")
    first.close()
    second = Mirror.open(path)
    assert second.ticket("1") == closed(summary="Outlook asks for the password")
    assert [hit.ticket_id for hit in second.search("outlook morning", limit=5)] == ["1"]
    assert second.has_reached("read everything")
    second.close()


def test_a_save_is_on_the_disk_when_it_returns(mirror: Mirror) -> None:
    assert mirror._database.execute("pragma synchronous").fetchone() == (2,)
    assert mirror._database.journal_mode == "wal"


def test_a_mirror_of_a_newer_deskhand_is_refused_with_a_fix(path: Path) -> None:
    Mirror.open(path).close()
    with Database(path) as database:
        database.table("_sqlite_migrations").insert(
            {"migration_set": "mirror", "name": "telepathy", "applied_at": "2031-01-01"}
        )
    with pytest.raises(MirrorUnavailableError, match=r"newer deskhand wrote it \(step telepathy\)") as caught:
        Mirror.open(path)
    assert "rebuild-mirror" in caught.value.fix


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    with Database(path) as database:
        database.table("accounts").insert({"iban": "x"})
    with pytest.raises(MirrorUnavailableError, match="some other program's database"):
        Mirror.open(path)
    with Database(path) as database:
        assert database.table_names() == ["accounts"]


def test_a_file_that_is_no_database_is_named_with_its_fix(path: Path) -> None:
    path.write_bytes(b"this was never a database " * 500)
    with pytest.raises(MirrorUnavailableError) as caught:
        Mirror.open(path)
    assert str(path) in str(caught.value)
    assert "not a database" in caught.value.problem
    assert "deskhand db rebuild-mirror" in caught.value.fix


def test_a_damaged_page_is_found_when_it_is_read_and_named_with_its_fix(path: Path) -> None:
    first = Mirror.open(path)
    first.save_tickets(ticket(str(number), summary=f"number {number}") for number in range(2000))
    first.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 16384))
    with pytest.raises(MirrorUnavailableError, match="damaged"):
        _read_all(path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MirrorUnavailableError, match="create the folder") as caught:
        Mirror.open(tmp_path / "nowhere" / "mirror.db")
    assert str(tmp_path / "nowhere") in caught.value.fix


def test_a_folder_in_place_of_the_file_is_explained(path: Path) -> None:
    path.mkdir()
    with pytest.raises(MirrorUnavailableError, match="cannot be opened"):
        Mirror.open(path)


def test_a_closed_mirror_says_so(mirror: Mirror) -> None:
    mirror.close()
    with pytest.raises(MirrorUnavailableError, match="closed"):
        mirror.ticket("1")


@pytest.mark.parametrize("content", [b"garbage" * 1000, b""])
def test_rebuilding_replaces_whatever_is_there_by_an_empty_mirror(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    mirror = Mirror.rebuild(path)
    assert set(mirror.counts().values()) == {0}
    mirror.save_tickets([ticket()])
    mirror.close()


def test_rebuilding_forgets_what_was_reached(path: Path) -> None:
    first = Mirror.open(path)
    first.reach("read everything")
    first.close()
    second = Mirror.rebuild(path)
    assert not second.has_reached("read everything")
    second.close()


def test_a_mirror_that_another_process_uses_is_not_rebuilt_under_it(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from deskhand.mirror.mirror import Mirror\n"
        "mirror = Mirror.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: S603  # our own interpreter and script
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(MirrorUnavailableError, match="another process"):
            Mirror.rebuild(path)
        other.communicate()
    Mirror.rebuild(path).close()


def test_a_full_disk_is_explained_saves_nothing_by_halves_and_mends_itself(mirror: Mirror) -> None:
    mirror.save_tickets([ticket("1")])
    pages = mirror._database.execute("pragma page_count").fetchone()[0]
    mirror._database.execute(f"pragma max_page_count = {pages + 5}")
    with pytest.raises(MirrorUnavailableError, match="the disk is full") as caught:
        mirror.save_tickets(closed(str(number), summary="x" * 90) for number in range(900))
    assert "free some space" in caught.value.fix
    assert mirror.counts()["tickets"] == 1
    mirror._database.execute("pragma max_page_count = 1000000")
    mirror.save_tickets(closed(str(number), summary="x" * 90) for number in range(900))
    assert mirror.counts()["tickets"] == 900


def test_steps_are_applied_once(path: Path) -> None:
    for _ in range(3):
        Mirror.open(path).close()
    with sqlite3.connect(path) as connection:
        names = [row[0] for row in connection.execute("select name from _sqlite_migrations")]
    connection.close()
    assert len(names) == len(set(names)) == 3


def _read_all(path: Path) -> None:
    mirror = Mirror.open(path)
    try:
        for number in range(2000):
            mirror.ticket(str(number))
    finally:
        mirror.close()
