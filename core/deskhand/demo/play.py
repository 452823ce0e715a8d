"""The rehearsal from curtain to curtain: a vendor, a desk, tickets, and a verdict on what the desk did."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import tomli_w
from platformdirs import user_data_path
from sqlalchemy.engine import URL, make_url

from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration, LogSettings
from deskhand.daemon import configure_log, serving
from deskhand.demo import roster
from deskhand.demo.rehearsal import Rehearsal, Script, rehearsal
from deskhand.demo.story import Listener, told
from deskhand.demo.vendors import PSA
from deskhand.demo.verdict import DemoReport, judge
from deskhand.desk.desk import Desk
from deskhand.desk.lock import StateLock
from deskhand.desk.progress import Progress
from deskhand.desk.stores import verify_records
from deskhand.llm import runtime
from deskhand.llm.build import InstallProgress
from deskhand.sdk.errors import ConfigurationError
from deskhand.web.app import create_app


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to play: where the desk keeps its state, with which engine, on which port, with whose tickets."""

    script: Script
    state: Path
    engine: Literal["auto", "none"] = "auto"
    embedding_model: Path | None = None
    port: int = 8484
    database: str | None = None
    """The URL of an empty PostgreSQL database for the records, its password included; else SQLite in the state."""


class Audience(Progress, Listener, Protocol):
    """Watches the rehearsal."""

    def building(self, report: InstallProgress) -> None:
        """See how far the model runtime's build is."""
        ...

    def remarked(self, remark: str) -> None:
        """Hear something worth knowing, such as why there is no model."""
        ...

    def opened(self, console: str, tickets: int) -> None:
        """Learn where the console is and how many tickets will come."""
        ...


def default_state() -> Path:
    """Return the folder a rehearsal uses unless told otherwise; it is emptied at each start."""
    return user_data_path("deskhand") / "rehearsal"


@contextmanager
def played(options: DemoOptions, audience: Audience, stopping: threading.Event) -> Iterator[DemoReport]:
    """Play until every ticket has come to its end, then yield the verdict with the console still open.

    Raises TicketFileError, ConfigurationError, RecordsUnavailableError or MirrorUnavailableError.
    """
    configure_log(LogSettings(format="json", level="error"))
    if options.engine == "auto":
        _ensure_runtime(audience)
    audience.phase("opening the rehearsal's vendors")
    with rehearsal(options.script) as vendor:
        configuration = configured(options, vendor)
        with (
            StateLock(configuration.state),
            Desk.open(configuration, stopping=stopping) as desk,
            serving(create_app(desk), configuration.web) as console,
        ):
            audience.opened(console, len(vendor.world.open_tickets))
            _remark_on_engine(desk, audience)
            started, calls = time.monotonic(), vendor.requests()
            desk.run(audience, drain=True)
            elapsed, calls = time.monotonic() - started, vendor.requests() - calls
            audience.phase("reading back what was written")
            report = judge(desk, vendor.world, seconds=elapsed, calls=calls)
            audience.phase("one kind of ticket, from a sentence to an automation that is mended")
            story = told(desk, vendor, audience)
            yield replace(report, story=story, audit=verify_records(configuration))


def _ensure_runtime(audience: Audience) -> None:
    """Build the model runtime where it is missing. Without one the rehearsal goes on, and says why."""
    if runtime.status().state == "installed":
        return
    audience.phase("building the model runtime, once: about five minutes")
    try:
        runtime.install(audience.building, retry=False)
    except runtime.RuntimeInstallError as error:
        audience.remarked(f"No model: {error}. Triage stands on history and the boards' words.")


def _remark_on_engine(desk: Desk, audience: Audience) -> None:
    health = desk.engine.health()
    if health.is_ready:
        audience.remarked(f"Model: {desk.engine.identity()}")
    else:
        audience.remarked(f"No model: {health.detail}")


def configured(options: DemoOptions, vendor: Rehearsal) -> Configuration:
    """Write the rehearsal's configuration into an empty state folder, where every other command can use it."""
    _emptied(options.state)
    document: dict[str, Any] = {
        "desk": {"name": "deskhand", "state": ".", "ticket_system": PSA},
        "web": {"port": _free_port(options.port)},
        "intake": {"triage_backlog": True, "poll_seconds": 5.0, "history_days": 0, "history_notes": 20_000},
        "engine": {"kind": options.engine},
        "resolving": {"msp_name": roster.own_company().name},
        "identity": vendor.world.identity.model_dump(mode="json"),
        "connectors": dict(vendor.settings),
        "clients": {
            identifier: policy.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
            for identifier, policy in vendor.world.policies.items()
        },
    }
    if options.database is not None:
        document["records"] = _records(options.database, options.state)
    if options.embedding_model is not None:
        document["engine"]["embedding_model"] = str(options.embedding_model.resolve())
    path = options.state / "deskhand.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return load(path)


def _records(database: str, state: Path) -> dict[str, str]:
    """Return the section of a record store on a server; its password goes into a file of its own."""
    url = make_url(database)
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    if not url.password:
        return {"url": bare.render_as_string()}
    secret = state / "database-password"
    secret.touch(mode=0o600)
    secret.write_text(str(url.password), encoding="utf-8")
    return {"url": bare.render_as_string(), "password": f"file:{secret.resolve()}"}


def _emptied(state: Path) -> None:
    """Empty the folder of an earlier rehearsal; a folder that is none is never touched."""
    if state.exists() and any(state.iterdir()) and not (state / "deskhand.toml").exists():
        raise ConfigurationError(f"{state} is not empty and no rehearsal of ours: name another folder with --state")
    if state.exists():
        with StateLock(state):
            shutil.rmtree(state)
    state.mkdir(parents=True)


def _free_port(wanted: int) -> int:
    """Return the wanted port, or 0 for any where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
        return wanted
