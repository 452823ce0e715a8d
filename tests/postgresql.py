"""A PostgreSQL server of the tests' own: made in a temporary folder, gone with the session, never on a disk."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from tests.repository import MEMORY

SERVER_USER = "postgres"
"""Who the server runs as where the tests run as root, which PostgreSQL refuses."""
ROLE = "desk"
PASSWORD = "the-tests-own"  # noqa: S105  # of a server that only this session knows
MISSING = "no PostgreSQL server is installed: apt-get install postgresql"
_DEBIAN = Path("/usr/lib/postgresql")
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}

_SORTS_LIKE_PEOPLE = ("--locale", "C", "--locale-provider", "icu", "--icu-locale", "en")
"""As most servers are set up, and unlike SQLite: what relies on an order has to say which."""


def programs() -> Path | None:
    """Return the folder of the newest server's programs, or None where there is none or it cannot be run here."""
    if os.geteuid() == 0 and not _has_server_user():
        return None
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    elsewhere = shutil.which("initdb")
    return found[-1].parent if found else Path(elsewhere).resolve().parent if elsewhere else None


@dataclass(slots=True)
class Server:
    """A running server, reached over a socket in its own folder; with password, as a server elsewhere would be."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=count, init=False)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a fresh database; it is dropped afterwards, whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str) -> str:
        """Return the URL of a database, password included."""
        url = URL.create("postgresql+psycopg", ROLE, PASSWORD, database=database, query={"host": str(self.folder)})
        return url.render_as_string(hide_password=False)

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of any transaction."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


@contextmanager
def running_server(found: Path) -> Iterator[Server]:
    """Make a cluster with these programs and run it."""
    with TemporaryDirectory(prefix="deskhand-pg-", dir=MEMORY) as name:
        folder = Path(name)
        data, log, secret = folder / "data", folder / "log", folder / "password"
        secret.write_text(PASSWORD)
        _give_away(folder, secret)
        options = ("--username", ROLE, "--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8")
        _run(found / "initdb", "--pgdata", str(data), "--no-sync", *_SORTS_LIKE_PEOPLE, *options)
        settings = {**_QUICK, "listen_addresses": "", "unix_socket_directories": str(folder)}
        flags = " ".join(f"-c {setting}='{value}'" for setting, value in settings.items())
        pg_ctl = found / "pg_ctl"
        _run(pg_ctl, "start", "--wait", "--silent", "--pgdata", str(data), "--log", str(log), "--options", flags)
        try:
            yield Server(folder)
        finally:
            _run(pg_ctl, "stop", "--wait", "--silent", "--pgdata", str(data), "--mode", "immediate")


def _run(program: Path, *arguments: str) -> None:
    user = SERVER_USER if os.geteuid() == 0 else None
    command: Sequence[str] = [str(program), *arguments]
    subprocess.run(  # noqa: S603  # the server's own programs
        command,
        check=True,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
    )


def _has_server_user() -> bool:
    try:
        pwd.getpwnam(SERVER_USER)
    except KeyError:
        return False
    return True


def _give_away(*paths: Path) -> None:
    """Let the server's user own what is its own."""
    for path in paths if os.geteuid() == 0 else ():
        shutil.chown(path, SERVER_USER, SERVER_USER)
