import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deskhand.desk.lock import StateLock
from deskhand.sdk.errors import ConfigurationError

HOLD = """
import sys, time
from pathlib import Path
from deskhand.desk.lock import StateLock
with StateLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(state: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLD, str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ourselves
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_desk_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with StateLock(tmp_path), pytest.raises(ConfigurationError) as raised, StateLock(tmp_path):
        pass
    assert f"another desk is running on {tmp_path}" in str(raised.value)
    assert "[desk] state" in str(raised.value)


def test_it_is_refused_also_in_another_process_and_let_in_once_that_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(ConfigurationError, match="another desk is running"), StateLock(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with StateLock(tmp_path):
            pass


def test_the_next_desk_is_let_in(tmp_path: Path) -> None:
    for _ in range(3):
        with StateLock(tmp_path):
            pass


def test_two_folders_are_two_desks(tmp_path: Path) -> None:
    with StateLock(tmp_path / "one"), StateLock(tmp_path / "two"):
        pass


def test_the_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    with StateLock(tmp_path / "deep" / "state"):
        assert stat.S_IMODE((tmp_path / "deep" / "state").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "deep" / "state" / "desk.lock").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"check \[desk\] state"), StateLock(tmp_path / "file" / "state"):
        pass


def test_refusals_leave_no_file_open(tmp_path: Path) -> None:
    with StateLock(tmp_path):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            with pytest.raises(ConfigurationError), StateLock(tmp_path):
                pass
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_place_is_the_same_for_everybody_who_holds_the_lock_in_turn_and_for_nobody_else(tmp_path: Path) -> None:
    places = []
    for _ in range(2):
        with StateLock(tmp_path / "one") as lock:
            places.append(lock.place)
    with StateLock(tmp_path / "two") as lock:
        assert lock.place not in places
    assert len(set(places)) == 1
    assert StateLock(tmp_path / "one").place == ""


def test_a_hand_and_a_desk_may_share_a_folder_and_two_hands_of_a_name_may_not(tmp_path: Path) -> None:
    def hand() -> StateLock:
        return StateLock(tmp_path, kind="hand", otherwise="another --name")

    with (
        StateLock(tmp_path),
        hand(),
        pytest.raises(ConfigurationError, match=r"another hand .* another --name"),
        hand(),
    ):
        pass
