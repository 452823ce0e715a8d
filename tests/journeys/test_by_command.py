"""Everything the panel does can be typed: plan, approve, answer, reveal, undo, beside a desk that runs."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deskhand.cli.main import cli
from deskhand.demo.play import DemoOptions, configured
from deskhand.demo.rehearsal import Rehearsal, Script, rehearsal
from deskhand.demo.story import CLIENT, SARAH, hire
from deskhand.desk.desk import Desk
from deskhand.desk.stores import open_records
from deskhand.records import explanations, runs
from deskhand.records.database import Records
from deskhand.records.runs import RunState
from tests.journeys.office import wait_until


@dataclass(frozen=True)
class Server:
    """A running desk and its configuration; commands are typed on the same machine."""

    vendor: Rehearsal
    configuration: Path
    password: str
    records: Records

    def type(self, *words: str, name: str = "", typed: str = "", code: int = 0) -> str:
        """Type a command and return what it prints."""
        environment = {"DESKHAND_PASSWORD": self.password, "COLUMNS": "200"}
        command = [*words, "--config", str(self.configuration), *(["--as", name] if name else [])]
        done = CliRunner(env=environment).invoke(cli, command, input=typed)
        assert done.exit_code == code, done.output
        return done.stdout + done.stderr

    def ask(self, *words: str, name: str = "") -> Any:  # noqa: ANN401  # JSON
        document, _ = json.JSONDecoder().raw_decode(self.type(*words, "--json", name=name))
        return document

    def ticket(self, summary: str, text: str) -> str:
        """Let a ticket come in, and wait until the desk has handled it."""
        created = datetime.now(UTC).isoformat()
        ticket = str(
            self.vendor.ask("ticket", company=CLIENT, contact=SARAH.key, summary=summary, text=text, created=created)
        )
        wait_until(lambda: explanations.find(self.records, ticket) is not None, "the ticket is handled", 60)
        return ticket

    def is_in(self, run: str, state: RunState) -> bool:
        found = runs.find(self.records, run)
        assert found is not None
        return found.state is state


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    tickets = tmp_path / "tickets.csv"
    tickets.write_text("text,label\n" + "".join(f"printer {each} is jammed,Hardware\n" for each in range(4)))
    script = Script(now=datetime.now(UTC), tickets=tickets, limit=1)
    with rehearsal(script) as vendor:
        options = DemoOptions(script, tmp_path / "state", engine="none", port=free_port())
        configuration = configured(options, vendor)
        with Desk.open(configuration) as desk:
            cast = hire(desk)
        command = [sys.executable, "-m", "deskhand", "run", "--config", str(configuration.file)]
        with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:  # noqa: S603  # ourselves
            records = open_records(configuration)
            try:
                yield Server(vendor, configuration.file, cast.password, records)
            finally:
                records.close()
                process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_locked_account_is_opened_by_typing(server: Server) -> None:
    ticket = server.ticket("Locked out of my account", "I cannot sign in this morning.")
    sentence = "verify the user via MFA, reset the password and text them"
    planned = server.ask("plan", ticket, sentence, "--submit", name="maya")
    approval, digest = planned["approval"]["id"], planned["plan"]["sha256"]
    assert planned["approval"]["sha256"] == digest
    assert any("password" in str(each["changes"]) for each in planned["plan"]["dry_run"])

    assert digest in server.ask("approval", "show", approval)["text"]
    assert "nobody approves what they asked for" in server.type(
        "approval", "approve", approval, "--sha256", digest, name="maya", code=1
    )
    run = server.ask("approval", "approve", approval, "--sha256", digest, name="tom")["id"]

    wait_until(lambda: server.is_in(run, RunState.WAITING), "the run waits for the code")
    waiting = server.ask("runs", "show", run)["waits_for"]["step_id"]
    code = str(server.vendor.ask("code", number=SARAH.number))
    server.type("runs", "answer", run, "--step", waiting, name="maya", typed=f"{code}\n")
    wait_until(lambda: server.is_in(run, RunState.DONE), "the run is done", 60)

    shown = server.ask("runs", "reveal", run, "--step", "reset_password", name="maya")
    account = server.vendor.ask("account", company=CLIENT, address=SARAH.address)
    assert shown == {"temporary_password": account["password"]}
    assert "shown already" in server.type("runs", "reveal", run, "--step", "reset_password", name="maya", code=1)
    assert re.search(r"done", server.type("runs", "list", "--ticket", ticket))


def test_a_stop_typed_in_another_process_holds_within_a_second(server: Server) -> None:
    ticket = server.ticket("Strange sign-in", "That was not me.")
    planned = server.ask("plan", ticket, "revoke the sessions", "--submit", name="maya")
    server.type("stop", "--tenant", planned["plan"]["tenant"]["id"], "--reason", "the test says so")
    run = server.ask(
        "approval", "approve", planned["approval"]["id"], "--sha256", planned["plan"]["sha256"], name="tom"
    )["id"]
    wait_until(lambda: server.is_in(run, RunState.WAITING), "the run is held")
    assert server.ask("runs", "show", run)["waits_for"]["kind"] == "switch"
    server.type("go", "--tenant", planned["plan"]["tenant"]["id"], "--reason", "the test goes on")
    wait_until(lambda: server.is_in(run, RunState.DONE), "the run goes on", 60)


def test_a_sentence_that_is_not_understood_is_refused_clause_by_clause(server: Server) -> None:
    ticket = server.ticket("Locked out of my account", "I cannot sign in this morning.")
    told = server.type("plan", ticket, "reset the password and order a pizza", name="maya", code=1)
    assert "order a pizza" in told
    assert "verify the user" in told
