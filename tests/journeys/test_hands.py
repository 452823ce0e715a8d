"""Hands beside a desk, over one record store on a server: they do what it would, and leave it what is its own."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.schema import Configuration
from deskhand.demo.play import DemoOptions, configured
from deskhand.demo.rehearsal import Rehearsal, Script, rehearsal
from deskhand.demo.story import CLIENT, SARAH, Cast, hire
from deskhand.desk.desk import Desk
from deskhand.desk.hands import executors
from deskhand.desk.stores import open_records, verify_records
from deskhand.governance.approval import Verdict
from deskhand.records import runs
from deskhand.records.approvals import Approval
from deskhand.records.runs import Run, RunState
from tests.journeys.office import wait_until
from tests.journeys.test_by_command import Server, free_port


@dataclass(frozen=True)
class Floor:
    """A rehearsal's vendors, and a desk configured over a server; nobody runs yet."""

    vendor: Rehearsal
    configuration: Configuration
    cast: Cast
    folder: Path

    @contextmanager
    def process(self, *words: str, configuration: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a command until the end of the block."""
        command = [sys.executable, "-m", "deskhand", *words, "--config", str(configuration or self.configuration.file)]
        with (self.folder / f"log {words[0]}").open("a") as log, subprocess.Popen(command, stderr=log) as process:  # noqa: S603  # ourselves
            try:
                yield process
            finally:
                process.kill()

    def log(self, command: str) -> str:
        return (self.folder / f"log {command}").read_text()

    def ticket(self) -> str:
        created = datetime.now(UTC).isoformat()
        words = {"summary": "Strange sign-in", "text": "That was not me."}
        return str(self.vendor.ask("ticket", company=CLIENT, contact=SARAH.key, created=created, **words))

    def approved(self, desk: Desk, sentence: str) -> Run:
        """Plan a sentence and have it approved; whoever carries runs out begins."""
        proposal = desk.resolving.propose(self.cast.technician, self.ticket(), sentence)
        assert proposal.plan is not None, proposal
        asked = desk.resolving.submit(self.cast.technician, proposal.plan.id)
        assert isinstance(asked, Approval)
        begun = desk.resolving.decide(self.cast.approver, asked.id, proposal.plan.sha256(), Verdict.APPROVE)
        assert isinstance(begun, Run)
        return begun


@pytest.fixture
def floor(tmp_path: Path, postgresql_url: str) -> Iterator[Floor]:
    tickets = tmp_path / "tickets.csv"
    tickets.write_text("text,label\n" + "".join(f"printer {each} is jammed,Hardware\n" for each in range(4)))
    script = Script(now=datetime.now(UTC), tickets=tickets, limit=1)
    with rehearsal(script) as vendor:
        options = DemoOptions(script, tmp_path / "state", engine="none", port=free_port(), database=postgresql_url)
        configuration = configured(options, vendor)
        with Desk.open(configuration) as desk:
            desk.intake.refresh_reference_data()
            yield Floor(vendor, configuration, hire(desk), tmp_path)


def is_in(desk: Desk, run: Run, state: RunState) -> bool:
    found = runs.find(desk.records, run.id)
    assert found is not None
    return found.state is state


def test_a_hand_carries_out_what_was_approved_and_says_so(floor: Floor) -> None:
    with Desk.open(floor.configuration) as desk, floor.process("hand", "--name", "site-b", "--json") as hand:
        run = floor.approved(desk, "revoke the sessions")
        wait_until(lambda: is_in(desk, run, RunState.DONE), "the hand has done it", 180)
        light = next(each for each in desk.health().lights if each.name == "hands")
        assert (light.is_well, light.text) == (True, "Hands at work: 1")
        assert "site-b" in light.detail
        hand.send_signal(signal.SIGTERM)
        assert hand.wait(30) == 0
        assert [each.name for each in desk.health().lights if each.name == "hands"] == []
    said = [json.loads(line) for line in floor.log("hand").splitlines()]
    assert [each["run"] for each in said if each["event"] == "a run was carried on"] == [run.id]
    assert said[-1]["event"] == "hand stops"
    assert verify_records(floor.configuration).ok


def test_what_takes_the_desks_memory_works_beside_a_hand_as_it_does_without(floor: Floor) -> None:
    with ExitStack() as stack:
        stack.enter_context(floor.process("run"))
        stack.enter_context(floor.process("hand", "--name", "site-b"))
        records = stack.enter_context(closing(open_records(floor.configuration)))
        server = Server(floor.vendor, floor.configuration.file, floor.cast.password, records)
        wait_until(lambda: len(server.ask("runs", "hands")) == 2, "both are there", 180)
        ticket = server.ticket("Locked out of my account", "I cannot sign in this morning.")
        planned = server.ask(
            "plan", ticket, "verify the user via MFA, reset the password and text them", "--submit", name="maya"
        )
        run = server.ask(
            "approval", "approve", planned["approval"]["id"], "--sha256", planned["plan"]["sha256"], name="tom"
        )["id"]
        wait_until(lambda: server.is_in(run, RunState.WAITING), "the run waits for the code", 60)
        waiting = server.ask("runs", "show", run)["waits_for"]["step_id"]
        code = str(floor.vendor.ask("code", number=SARAH.number))
        server.type("runs", "answer", run, "--step", waiting, name="maya", typed=f"{code}\n")
        wait_until(lambda: server.is_in(run, RunState.DONE), "the run is done", 90)
        shown = server.ask("runs", "reveal", run, "--step", "reset_password", name="maya")
        account = floor.vendor.ask("account", company=CLIENT, address=SARAH.address)
        assert shown == {"temporary_password": account["password"]}


def test_a_second_desk_over_the_same_server_is_refused_whatever_folder_it_has(floor: Floor) -> None:
    copy = floor.folder / "copy"
    shutil.copytree(floor.configuration.file.parent, copy)  # before anybody works in it: a torn copy is another matter
    text = (copy / "deskhand.toml").read_text()
    port = f"port = {floor.configuration.web.port}"
    (copy / "deskhand.toml").write_text(text.replace(port, f"port = {free_port()}"))
    with floor.process("run"):
        with closing(open_records(floor.configuration)) as records:
            wait_until(lambda: executors(records), "the desk carries runs out", 180)
        with floor.process("run", configuration=copy / "deskhand.toml") as second:
            assert second.wait(180) == ExitCode.CONFIGURATION, floor.log("run")[-3000:]
    assert "another desk works on this record store" in floor.log("run")
