"""The command line as a whole: quick help, exit codes that mean what the guide says, Ctrl-C, streams."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import click
import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.main import cli
from deskhand.sdk.testing import SimulatorHost
from deskhand.sdk.testing.faults import Latency
from tests.core.cli.conftest import Run, Shop
from tests.core.desk.msp import Msp, write_configuration
from tests.repository import ROOT

DESKHAND = Path(sys.executable).parent / "deskhand"
GUIDE = (ROOT / "docs" / "guide" / "commands.md").read_text(encoding="utf-8")


def processor_seconds(*command: str) -> float:
    """Run a command and return what it cost, however busy the machine is with something else."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # ourselves
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("command", [(str(DESKHAND), "--help"), (sys.executable, "-m", "deskhand", "--help")])
def test_help_takes_less_than_300_ms(command: tuple[str, ...]) -> None:
    assert min(processor_seconds(*command) for _ in range(5)) < 0.3


def test_help_names_every_command(run: Run) -> None:
    for flag in ("--help", "-h"):
        text = run(flag).stdout
        assert all(f"  {name} " in text for name in cli.list_commands(click.Context(cli)))
    assert "demo" in text
    assert "quarantine" in text


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child
        yield from leaves(child, (*path, name))


def test_every_command_has_help_that_says_what_it_does(run: Run) -> None:
    for path, command in leaves(cli):
        result = run(*path, "--help")
        assert result.exit_code == ExitCode.OK, path
        assert len((command.help or "").strip()) > 15, path
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or (parameter.help or "").strip(), (path, parameter.name)


def test_the_one_line_help_of_a_group_is_what_the_front_door_says(run: Run) -> None:
    front = " ".join(run("--help").stdout.split())
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command
        assert (command.help or "").strip() in front, name


def test_the_guide_lists_the_exit_codes_there_are() -> None:
    table = GUIDE.partition("## Exit codes")[2]
    told = {int(code): meaning.strip() for code, meaning in re.findall(r"^\| (\d+) \| (.+) \|$", table, re.MULTILINE)}
    assert set(told) == {int(code) for code in ExitCode}
    assert all(told.values())


def test_each_exit_code_comes_from_a_command(run: Run, shop: Shop, tmp_path: Path) -> None:
    assert run("init", tmp_path / "new.toml").exit_code == ExitCode.OK
    assert run("init", tmp_path / "new.toml").exit_code == ExitCode.FAILED
    assert run("init", "--no-such-option").exit_code == ExitCode.USAGE
    assert run("no-such-command").exit_code == ExitCode.USAGE
    assert run("config", "check", "-c", tmp_path / "nowhere.toml").exit_code == ExitCode.CONFIGURATION
    shop.records.unlink()
    assert run("audit", "verify", "-c", shop.file).exit_code == ExitCode.UNAVAILABLE


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "check", "-c", "nowhere.toml"),
        ("config", "show", "-c", "nowhere.toml"),
        ("config", "explain", "nonsense"),
        ("audit", "verify", "-c", "nowhere.toml", "--json"),
        ("audit", "show", "-c", "nowhere.toml", "--ticket", "1"),
        ("audit", "export", "-c", "nowhere.toml"),
        ("db", "status", "-c", "nowhere.toml", "--json"),
        ("db", "migrate", "-c", "nowhere.toml"),
        ("db", "rebuild-mirror", "--yes", "-c", "nowhere.toml"),
        ("doctor", "-c", "nowhere.toml", "--json"),
        ("quarantine", "list", "-c", "nowhere.toml", "--json"),
        ("quarantine", "resolve", "1", "--tenant", "1", "-c", "nowhere.toml"),
        ("plugin", "list", "-c", "nowhere.toml", "--json"),
        ("model", "status", "-c", "nowhere.toml", "--json"),
        ("run", "-c", "nowhere.toml"),
        ("demo", "--headless", "--tickets", "nowhere.csv", "--engine", "none", "--state", "{folder}/state"),
    ],
)
def test_an_error_goes_to_standard_error_alone_names_the_fix_and_shows_no_stack(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = run(*(each.replace("nowhere", f"{tmp_path}/nowhere").format(folder=tmp_path) for each in arguments))
    assert result.exit_code in {ExitCode.CONFIGURATION, ExitCode.USAGE}
    assert result.stdout == ""
    assert any(line.startswith("deskhand: ") for line in result.stderr.splitlines())
    assert "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_configuration_can_be_named_by_the_environment(run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_CONFIG", str(shop.file))
    assert json.loads(run("db", "status", "--json").stdout)["work"]["done"] == 2


# JSON


JSON = {
    ("audit", "show"): ("--ticket", "{triaged}"),
    ("audit", "verify"): (),
    ("config", "check"): (),
    ("config", "explain"): None,
    ("db", "status"): (),
    ("doctor",): ("--offline",),
    ("model", "status"): (),
    ("plugin", "list"): (),
    ("quarantine", "list"): (),
    ("account", "list"): (),
    ("approval", "list"): ("--all",),
    ("automation", "list"): (),
    ("automation", "candidates"): (),
    ("policy", "show"): (),
    ("report",): (),
    ("review", "list"): (),
    ("runs", "list"): (),
}

ELSEWHERE = {
    "account": "test_account.py",
    "approval": "../../journeys/test_by_command.py",
    "audit": "test_audit_anchors.py",
    "automation": "test_automation.py",
    "demo": "test_front_door.py",
    "go": "test_stop.py",
    "hand": "test_hand.py",
    "plan": "../../journeys/test_by_command.py",
    "policy": "test_policy.py",
    "review": "test_maintaining.py",
    "runs": "../../journeys/test_by_command.py",
    "secret": "test_secret.py",
    "stop": "test_stop.py",
    "triage": "test_triage.py",
}
"""Where the documents of commands that change something, or need something to be there, are looked at."""


def test_every_command_that_answers_json_is_tested_here() -> None:
    able = {path for path, command in leaves(cli) if any(each.name == "as_json" for each in command.params)}
    assert set(JSON) <= able
    for path in able - set(JSON):
        assert "json" in (Path(__file__).parent / ELSEWHERE[path[0]]).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("path", JSON, ids=" ".join)
def test_json_is_one_document_and_nothing_else_on_standard_output(run: Run, shop: Shop, path: tuple[str, ...]) -> None:
    more = JSON[path]
    arguments = () if more is None else (*(each.format(triaged=shop.triaged) for each in more), "-c", shop.file)
    result = run(*path, *arguments, "--json")
    assert result.exit_code == ExitCode.OK, result.stderr
    assert json.loads(result.stdout) is not None
    assert result.stdout.isascii()
    assert result.stdout.endswith(("}\n", "]\n"))
    assert result.stderr == ""


# Ctrl-C


@pytest.fixture
def psa() -> Iterator[SimulatorHost]:
    msp = Msp()
    msp.ticket()
    with SimulatorHost(msp.psa) as host:
        yield host
        host.faults.clear()


def interrupted(arguments: list[str], is_time: Callable[[str], bool], grace: float = 8) -> tuple[int, str, str]:
    """Run a command, press Ctrl-C when it is time by what was said so far, and return how it ended."""
    program = f"import deskhand.daemon as d, deskhand.cli.main as c; d.GRACE = {grace}; c.main()"
    command = [sys.executable, "-c", program, *arguments]
    with (
        TemporaryFile("w+") as error,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=error, text=True) as process,  # noqa: S603  # ourselves
    ):
        while not is_time(said(error)):
            assert process.poll() is None, said(error)
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        return process.returncode, out, said(error)


def said(file: IO[str]) -> str:
    return os.pread(file.fileno(), 1_000_000, 0).decode()


def test_ctrl_c_ends_the_desk_in_order_and_says_so(psa: SimulatorHost, tmp_path: Path) -> None:
    code, out, error = interrupted(
        ["run", "-c", str(write_configuration(tmp_path, psa.url))], lambda said: "ticket handled" in said
    )
    assert (code, out) == (ExitCode.INTERRUPTED, "")
    assert error.index("stopping") < error.index("desk stops")
    assert "Traceback" not in error


def test_ctrl_c_ends_the_desk_also_while_the_psa_keeps_it_waiting(psa: SimulatorHost, tmp_path: Path) -> None:
    psa.faults.schedule(Latency(60), times=1000)
    command = ["run", "-c", str(write_configuration(tmp_path, psa.url))]
    code, out, error = interrupted(command, lambda said: "desk runs" in said, grace=0.5)
    assert (code, out) == (ExitCode.INTERRUPTED, "")
    assert "nothing is lost" in error


def test_ctrl_c_ends_any_other_command_without_a_stack(psa: SimulatorHost, tmp_path: Path) -> None:
    psa.faults.schedule(Latency(60), times=1000)
    command = ["doctor", "-c", str(write_configuration(tmp_path, psa.url)), "--json"]
    code, out, error = interrupted(command, lambda _said: psa.requests > 0)
    assert (code, out) == (ExitCode.INTERRUPTED, "")
    assert "interrupted; nothing is lost" in error
    assert "Traceback" not in error


def test_ctrl_c_at_a_question_does_nothing(run: Run, shop: Shop) -> None:
    result = run("db", "rebuild-mirror", "-c", shop.file, answer="")
    assert result.exit_code == ExitCode.INTERRUPTED
    assert json.loads(run("db", "status", "-c", shop.file, "--json").stdout)["mirrored"]["tickets"] > 0


# Locales and pipes


def test_words_in_any_language_are_printed_in_any_locale(shop: Shop) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        result = subprocess.run(  # noqa: S603  # ourselves
            [DESKHAND, "audit", "show", "-c", shop.file, "--ticket", shop.triaged],
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            capture_output=True,
            check=False,
        )
        assert result.returncode == ExitCode.OK, result.stderr
        assert shop.triaged.encode() in result.stdout


def test_the_export_is_the_same_in_every_locale(shop: Shop) -> None:
    exports = {
        subprocess.run(  # noqa: S603  # ourselves
            [DESKHAND, "audit", "export", "-c", shop.file],
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            capture_output=True,
            check=True,
        ).stdout
        for encoding in ("ascii", "utf-8")
    }
    assert len(exports) == 1


def test_a_reader_that_leaves_early_is_no_error_worth_a_stack(shop: Shop) -> None:
    with subprocess.Popen(  # noqa: S603  # ourselves
        [DESKHAND, "audit", "export", "-c", shop.file], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert b"Traceback" not in process.stderr.read()
