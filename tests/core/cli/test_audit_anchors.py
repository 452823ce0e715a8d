import json
import shutil
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from tests.core.cli.conftest import Run, Shop


@pytest.fixture
def anchors(shop: Shop, tmp_path: Path) -> Path:
    """Configure a file on what stands for another volume."""
    path = tmp_path / "volume" / "anchors.txt"
    path.parent.mkdir()
    with shop.file.open("a", encoding="utf-8") as file:
        file.write(f"\n[audit.anchors.file]\npath = '{path}'\n")
    return path


def test_anchoring_now_copies_the_signed_log_to_every_place(run: Run, shop: Shop, anchors: Path) -> None:
    result = run("audit", "anchor", "-c", shop.file)
    assert result.exit_code == ExitCode.OK, result.stderr
    assert str(anchors.name) in result.stdout
    document = json.loads(run("audit", "verify", "-c", shop.file, "--json").stdout)
    assert document["anchor"] in anchors.read_text()
    assert document["anchors"] == {"file": {"count": 1, "newest": document["entries"], "unread": ""}}
    assert "1 anchors agree" in run("audit", "verify", "-c", shop.file).stdout


def test_without_a_place_there_is_nothing_to_anchor_in(run: Run, shop: Shop) -> None:
    result = run("audit", "anchor", "-c", shop.file)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "[audit.anchors]" in result.stderr


def test_a_place_that_cannot_be_used_is_told_and_no_entry_is_called_proved_by_it(
    run: Run, shop: Shop, anchors: Path
) -> None:
    anchors.parent.rmdir()
    result = run("audit", "anchor", "-c", shop.file, "--json")
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "its volume is mounted" in json.loads(result.stdout)[0]["trouble"]
    anchors.parent.mkdir()
    anchors.write_bytes(b"\xff")
    unread = run("audit", "verify", "-c", shop.file)
    assert unread.exit_code == ExitCode.UNAVAILABLE
    assert "not every anchor was read" in unread.stderr
    assert run("audit", "verify", "-c", shop.file, "--offline").exit_code == ExitCode.OK


def test_a_rollback_past_the_last_anchor_is_found_and_its_witness_named(
    run: Run, shop: Shop, anchors: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(shop.folder / "state", backup)
    assert run("audit", "accept", "-c", shop.file, "--reason", "looked at it").exit_code == ExitCode.OK
    assert run("audit", "anchor", "-c", shop.file).exit_code == ExitCode.OK
    shutil.rmtree(shop.folder / "state")
    shutil.copytree(backup, shop.folder / "state")
    found = run("audit", "verify", "-c", shop.file)
    assert found.exit_code == ExitCode.FAILED
    assert "entries are cut off" in found.stderr
    assert "what contradicts it: the anchors of file" in found.stderr
    assert json.loads(run("audit", "verify", "-c", shop.file, "--json").stdout)["contradicted_by"] == ["file"]
    assert run("audit", "anchor", "-c", shop.file).exit_code == ExitCode.UNAVAILABLE
    accepted = run("audit", "anchor", "-c", shop.file, "--accept-rollback", "restored after a fire")
    assert accepted.exit_code == ExitCode.OK, accepted.stderr
    assert "Accepted as lost" in accepted.stdout
    assert anchors.read_text().count("#") == 2
    assert run("audit", "verify", "-c", shop.file).exit_code == ExitCode.OK
    assert "restored after a fire" in run("audit", "export", "-c", shop.file).stdout
