"""What we sell, whole: a sentence is carried out, becomes an automation, runs by itself, breaks, and is mended."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskhand.demo.play import DemoOptions, played
from deskhand.demo.rehearsal import Script
from deskhand.llm import runtime
from deskhand.llm.build import InstallProgress
from deskhand.records.documents import Why

ACTS = (
    "A technician's sentence is carried out",
    "A run becomes a draft",
    "Whatever is called reversible is put back",
    "Shadow, then ask, then by itself",
    "The vendor changes, and the automation is mended",
    "Stopped within a second",
)


class Silence:
    """An audience that hears everything and says nothing."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def phase(self, name: str) -> None:
        self.lines.append(name)

    def advanced(self, done: int, total: int) -> None:
        del done, total

    def handled(self, why: Why) -> None:
        self.lines.append(why.ticket_id)

    def building(self, report: InstallProgress) -> None:
        del report

    def remarked(self, remark: str) -> None:
        self.lines.append(remark)

    def opened(self, console: str, tickets: int) -> None:
        self.lines.append(f"{console} {tickets}")

    def act(self, title: str) -> None:
        self.lines.append(title)

    def told(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize("engine", ["none", "auto"])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_loop_closes(database: str, engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if engine == "auto" and runtime.status().state != "installed":
        pytest.skip("no model runtime is installed: deskhand model install")
    url = request.getfixturevalue("postgresql_url") if database == "postgresql" else None
    tickets = tmp_path / "tickets.csv"
    tickets.write_text("text,label\n" + "".join(f"printer {each} is jammed,Hardware\n" for each in range(6)))
    script = Script(now=datetime.now(UTC), tickets=tickets, limit=3)
    options = DemoOptions(
        script, tmp_path / "state", engine="auto" if engine == "auto" else "none", database=url, port=0
    )
    heard = Silence()
    with played(options, heard, threading.Event()) as report:
        assert report.problems == (), "\n".join(heard.lines)
        assert report.story is not None
        assert report.story.acts == ACTS
        assert report.audit.ok
        assert ("No model" in str(heard.lines)) == (engine == "none")
