import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deskhand.knowledge import store
from deskhand.knowledge.case import Candidate, Scope, Wording
from deskhand.knowledge.history import History
from deskhand.knowledge.store import HistoryFileError, load, save
from deskhand.knowledge.training import Lesson, train
from deskhand.records.documents import FieldName
from tests.core.knowledge.examples import BOARD, TYPES, past


@pytest.fixture(scope="module")
def history() -> History:
    return train(past(150), Lesson(monitoring_sources=("rmm",)))


def test_a_history_comes_back_as_it_was(history: History, tmp_path: Path) -> None:
    save(history, tmp_path / "history.npz")
    loaded = load(tmp_path / "history.npz")
    case = Wording("", "vpn fails at home", compared="vpn fails at home")
    scope = Scope(FieldName.TYPE, (BOARD.id,))
    among = tuple(Candidate(each.id, each.name) for each in TYPES.values())
    assert loaded.identity == history.identity
    assert loaded.rank(loaded.case(case), scope, among) == history.rank(history.case(case), scope, among)
    assert (loaded.tickets, loaded.companies, loaded.cues) == (history.tickets, history.companies, history.cues)


def test_saving_leaves_nothing_else_behind(history: History, tmp_path: Path) -> None:
    save(history, tmp_path / "history.npz")
    save(history, tmp_path / "history.npz")
    assert [each.name for each in tmp_path.iterdir()] == ["history.npz"]


def test_no_changed_byte_is_ever_taken_for_the_same_history(history: History, tmp_path: Path) -> None:
    path, dice = tmp_path / "history.npz", random.Random(3)
    save(history, path)
    sound = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(sound)
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            assert load(path).identity == history.identity
        except HistoryFileError as error:
            assert "train anew" in str(error)  # noqa: PT017  # either outcome is right, a wrong history is not


def test_an_array_that_was_replaced_is_noticed(history: History, tmp_path: Path) -> None:
    path = tmp_path / "history.npz"
    save(history, path)
    with np.load(path) as held:
        arrays = {name: held[name] for name in held.files}
    arrays["rarity"] = arrays["rarity"] * 2
    np.savez(path, allow_pickle=False, **arrays)
    with pytest.raises(HistoryFileError, match="do not match its hash"):
        load(path)


@pytest.mark.parametrize("contents", [b"", b"not a zip", b"PK\x03\x04 torn"])
def test_what_is_no_history_is_refused_with_the_mend(contents: bytes, tmp_path: Path) -> None:
    (tmp_path / "history.npz").write_bytes(contents)
    with pytest.raises(HistoryFileError, match="delete the file to train anew"):
        load(tmp_path / "history.npz")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryFileError):
        load(tmp_path / "nowhere.npz")


def test_another_format_is_refused(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(history, tmp_path / "history.npz")
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    with pytest.raises(HistoryFileError, match="format"):
        load(tmp_path / "history.npz")


def test_nothing_in_the_file_can_run(history: History, tmp_path: Path) -> None:
    save(history, tmp_path / "history.npz")
    with zipfile.ZipFile(tmp_path / "history.npz") as archive:
        heads = [archive.read(name)[:128] for name in archive.namelist()]
    assert heads
    assert all(each.startswith(b"\x93NUMPY") and b"'O'" not in each for each in heads)
