import json
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.desk.lock import StateLock
from tests.core.cli.conftest import Run, Shop


def status(run: Run, shop: Shop) -> dict[str, dict[str, object]]:
    document: dict[str, dict[str, object]] = json.loads(run("db", "status", "-c", shop.file, "--json").stdout)
    return document


def test_status_tells_files_sizes_and_what_they_hold(run: Run, shop: Shop) -> None:
    found = status(run, shop)
    assert found["records"] == {"file": str(shop.records), "bytes": shop.records.stat().st_size}
    assert found["mirror"]["file"] == str(shop.mirror)
    assert found["work"] == {"pending": 0, "done": 2, "quarantined": 1, "needs review": 0}
    assert found["mirrored"]["tickets"] == 15
    text = run("db", "status", "-c", shop.file).stdout
    assert "2 done" in text
    assert "15 tickets" in text


@pytest.mark.parametrize("missing", ["records", "mirror"])
def test_what_is_not_there_yet_is_told_and_not_made(run: Run, shop: Shop, missing: str) -> None:
    file: Path = getattr(shop, missing)
    file.unlink()
    result = run("db", "status", "-c", shop.file)
    assert (result.exit_code, result.stdout) == (ExitCode.UNAVAILABLE, "")
    assert f"{file}: not there yet" in result.stderr
    assert not file.exists()


def test_migrate_makes_and_upgrades(run: Run, shop: Shop) -> None:
    shop.mirror.unlink()
    assert run("db", "migrate", "-c", shop.file).exit_code == ExitCode.OK
    assert status(run, shop)["mirrored"]["tickets"] == 0
    assert status(run, shop)["work"]["done"] == 2


def test_the_mirror_is_discarded_only_after_a_yes(run: Run, shop: Shop) -> None:
    result = run("db", "rebuild-mirror", "-c", shop.file, answer="n\n")
    assert result.exit_code == ExitCode.FAILED
    assert status(run, shop)["mirrored"]["tickets"] == 15
    assert run("db", "rebuild-mirror", "-c", shop.file, answer="y\n").exit_code == ExitCode.OK
    assert status(run, shop)["mirrored"]["tickets"] == 0
    assert status(run, shop)["work"]["done"] == 2


def test_a_damaged_mirror_is_rebuilt(run: Run, shop: Shop) -> None:
    shop.mirror.write_bytes(b"nothing" * 1000)
    result = run("db", "status", "-c", shop.file)
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "deskhand db rebuild-mirror" in result.stderr
    assert run("db", "rebuild-mirror", "--yes", "-c", shop.file).exit_code == ExitCode.OK
    assert status(run, shop)["mirrored"]["tickets"] == 0


@pytest.mark.parametrize("command", [("migrate",), ("rebuild-mirror", "--yes")])
def test_nothing_is_touched_while_a_desk_is_running(run: Run, shop: Shop, command: tuple[str, ...]) -> None:
    with StateLock(shop.records.parent):
        result = run("db", *command, "-c", shop.file)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "another desk is running" in result.stderr
    assert status(run, shop)["mirrored"]["tickets"] == 15


def test_status_may_be_asked_while_a_desk_is_running(run: Run, shop: Shop) -> None:
    with StateLock(shop.records.parent):
        assert run("db", "status", "-c", shop.file).exit_code == ExitCode.OK
