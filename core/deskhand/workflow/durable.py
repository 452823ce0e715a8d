"""DBOS Transact, hidden: segments of runs that are queued in the records' own transactions and survive the process.

The only module that knows DBOS, and it takes a second to import: import it where runs are really queued or run. DBOS is
one per process, so only one `Durable` is launched at a time; a closed one can be followed by another.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from pydantic import JsonValue
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from deskhand.workflow.tables import SCHEMA
from deskhand.workflow.watch import Fate

APPLICATION = "deskhand"
VERSION = "1"
"""Of the shape of a segment: work queued under another version waits for a process that still has it."""
QUEUE = "runs"
_WORKFLOW = "segment"
_POLL_SECONDS = 0.1
_MOST_AT_ONCE = 8
_OUTCOME_SECONDS = 1.0
_MOST_DEATHS = 20
"""After so many processes that died in one segment nobody tries it again."""
_FATES = {
    "ENQUEUED": Fate.UNDER_WAY,
    "PENDING": Fate.UNDER_WAY,
    "DELAYED": Fate.UNDER_WAY,
    "SUCCESS": Fate.OVER,
}
"""What a status of DBOS's means; every other is a segment nobody tries again."""

_LAUNCHED = threading.Lock()
"""Held by the one that is launched: DBOS is one per process, and would not say that it is another's."""

Segment = Callable[[str, int], None]
"""Carries out one segment of a run, by its id and the segment's number."""


class Durable:
    """Queued segments in one database. Thread-safe.

    ``url`` is the record store's own, so that a segment is queued in the same transaction as the rows it is about.
    """

    def __init__(self, url: str, *, executor: str = "desk") -> None:
        """Be ready to queue, also in the midst of a transaction; the tables must be there."""
        self._url = url
        self._executor = executor
        self._engine = _connect(url)
        self._client: DBOSClient | None = DBOSClient(
            system_database_engine=self._engine,
            dbos_system_schema=SCHEMA,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            lazy=True,
        )
        self._is_launched = False
        self._is_closing = False
        self._busy = 0
        self._idle = threading.Condition()
        self._latest: deque[tuple[str, int]] = deque(maxlen=2 * _MOST_AT_ONCE)

    @staticmethod
    def migrate(url: str) -> None:
        """Make DBOS's tables, or bring them up to date; not in the midst of a transaction."""
        DBOS.migrate(make_url(url).render_as_string(hide_password=False), schema=SCHEMA)

    def enqueue(
        self, connection: Connection, run_id: str, segment: int, *, partition: str, delay: float | None = None
    ) -> None:
        """Queue a segment in the transaction of this connection: it is there if and only if that commits.

        Segments of one ``partition`` run one after another. ``delay`` is in seconds. Queuing one twice queues it once.
        """
        options: dict[str, Any] = {
            "workflow_name": _WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": _workflow_id(run_id, segment),
            "queue_partition_key": partition,
            "app_version": VERSION,
        }
        if delay is not None:
            options["delay_seconds"] = delay
        self._ready().enqueue_in_transaction(connection, options, run_id, segment)  # type: ignore[arg-type]  # a TypedDict with optional parts

    def fates(self, segments: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Fate]:
        """Return what became of the given segments; what was never queued is left out."""
        if not segments:
            return {}
        ids = [_workflow_id(run_id, segment) for run_id, segment in segments]
        found = self._ready().list_workflows(workflow_ids=ids, load_input=False, load_output=False)
        return {_segment_of(each.workflow_id): _FATES.get(str(each.status), Fate.BROKEN) for each in found}

    def launch(self, segment: Segment) -> None:
        """Carry out segments from now on, beginning with those a dead process left.

        Raises RuntimeError where this process carries out others already.
        """
        if not _LAUNCHED.acquire(blocking=False):
            raise RuntimeError("this process carries out the runs of another desk: close that one first")
        self._is_launched = True
        self.migrate(self._url)
        self._ready().register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=_MOST_AT_ONCE,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )

        @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=_MOST_DEATHS)
        def carry_out(run_id: str, number: int) -> None:
            with self._counted(run_id, number) as is_open:
                if is_open:  # else whoever is launched next finds that nobody carries the run on
                    segment(run_id, number)

        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": "sqlite:///unused" if self._is_sqlite else "postgresql://unused/unused",
            "system_database_engine": self._engine,
            "dbos_system_schema": SCHEMA,
            "application_version": VERSION,
            "executor_id": self._executor,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": 0.2,
            "run_migrations": False,
        }
        DBOS(config=config)
        DBOS.launch()

    def close(self, *, patience: float = 10.0) -> None:
        """Wait, for so many seconds at most, for segments that are being carried out, and let go of everything."""
        if self._is_launched:
            with self._idle:
                self._is_closing = True
                is_idle = self._idle.wait_for(lambda: self._busy == 0, timeout=patience)
            if is_idle:
                self._await_outcomes()
            DBOS.destroy(destroy_registry=True)
            self._is_launched = False
            _LAUNCHED.release()
        if self._client is not None:
            self._client.destroy()
            self._client = None
        self._engine.dispose()

    def act(self, name: str, do: Callable[[], dict[str, JsonValue]]) -> dict[str, JsonValue]:
        """Do something inside a segment once: after a crash what it returned is returned again. It must not raise."""
        return DBOS.run_step({"name": name}, do)

    def pause(self, seconds: float) -> None:
        """Pause inside a segment until a moment that stays the same after a crash."""
        DBOS.sleep(seconds)

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _ready(self) -> DBOSClient:
        if self._client is None:
            raise RuntimeError("the queue of runs is closed")
        return self._client

    def _await_outcomes(self) -> None:
        """Give DBOS a moment to write down how the latest segments ended; else they are repeated, in vain."""
        end = time.monotonic() + _OUTCOME_SECONDS
        while Fate.UNDER_WAY in self.fates(list(self._latest)).values() and time.monotonic() < end:
            time.sleep(_OUTCOME_SECONDS / 100)

    @contextmanager
    def _counted(self, run_id: str, number: int) -> Iterator[bool]:
        with self._idle:
            self._busy += 1
            self._latest.append((run_id, number))
            is_open = not self._is_closing
        try:
            yield is_open
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()


def _workflow_id(run_id: str, segment: int) -> str:
    return f"{run_id}:{segment}"


def _segment_of(workflow_id: str) -> tuple[str, int]:
    run_id, _, segment = workflow_id.rpartition(":")
    return run_id, int(segment)


def _connect(url: str) -> Engine:
    """Return an engine for DBOS alone: it writes rows the records' own engine would refuse."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_size=_MOST_AT_ONCE + 4, max_overflow=0, pool_pre_ping=True)
    engine = create_engine(url, pool_size=_MOST_AT_ONCE + 4, max_overflow=0)
    event.listen(engine, "connect", _make_durable)
    return engine


def _make_durable(connection: SQLiteConnection, _record: object) -> None:
    """Make writers wait for each other, and commits durable, as the records' own connections do."""
    connection.isolation_level = "IMMEDIATE"
    for setting in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
