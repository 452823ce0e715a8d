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

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowHandle
from dbos._context import get_local_dbos_context
from pydantic import JsonValue
from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from deskhand.records.server import LONGEST_IDLE_MILLISECONDS
from deskhand.records.write_lock import take_turns, write_lock
from deskhand.workflow.executors import Executor, Kind, Register
from deskhand.workflow.journal import SupersededError
from deskhand.workflow.pulse import Company, Pulse
from deskhand.workflow.tables import SCHEMA
from deskhand.workflow.watch import Fate

log = structlog.get_logger(__name__)

APPLICATION = "deskhand"
VERSION = "1"
"""Of the shape of a segment: work queued under another version waits for a process that still has it."""
QUEUE = "runs"
AT_THE_DESK = "at the desk"
"""The queue of attempts that only the desk makes, whoever carries out their segment."""
_WORKFLOW = "segment"
_ATTEMPT = "attempt"
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

_MIGRATING = int.from_bytes(b"workflow")
"""The advisory lock under which processes make the tables one after another."""

_LAUNCHED = threading.Lock()
"""Held by the one that is launched: DBOS is one per process, and would not say that it is another's."""

Segment = Callable[[str, int], None]
"""Carries out one segment of a run, by its id and the segment's number."""
Attempt = Callable[[str, int, str], dict[str, JsonValue]]
"""Makes one attempt at a step: a run's id, the segment's number, the step's id."""

_OWNER = text(f'SELECT owner_xid FROM "{SCHEMA}".workflow_status WHERE workflow_uuid = :id FOR SHARE')  # noqa: S608  # ours
"""Locked, so that nobody takes it over before the transaction that asks has ended."""


class Durable:
    """Queued segments in one database. Thread-safe.

    ``url`` is the record store's own, so that a segment is queued in the same transaction as the rows it is about. On a
    server several processes carry segments out, each as an executor of its own: survivors take over from the dead.
    """

    def __init__(self, url: str, *, me: Executor | None = None, company: Company | None = None) -> None:
        """Be ready to queue, also in the midst of a transaction; the tables must be there."""
        self._url = url
        self._me = me or Executor()
        self._company = company or Company()
        self._pulse: Pulse | None = None
        self._engine = _connect(url)
        self._register = Register(self._engine, self._company.silence)
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
        """Make DBOS's tables and the executors', or bring them up to date; not in the midst of a transaction."""
        location = make_url(url)
        if location.get_backend_name() != "sqlite":
            _one_after_another(location.render_as_string(hide_password=False))
            return
        DBOS.migrate(location.render_as_string(hide_password=False), schema=SCHEMA)

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

    def launch(self, segment: Segment, attempt: Attempt) -> None:
        """Carry out segments from now on, beginning with those a dead process left.

        Raises RuntimeError where this process carries out others already, ConfigurationError where there is another
        desk.
        """
        if not _LAUNCHED.acquire(blocking=False):
            raise RuntimeError("this process carries out the runs of another desk: close that one first")
        try:
            if self.is_shared:
                self._register.refuse_beside_a_desk(self._me)
            self.migrate(self._url)
            if self.is_shared:
                self._register.enter(self._me)
        except BaseException:
            _LAUNCHED.release()
            raise
        self._is_launched = True
        self._offer(segment, attempt)
        self._start()
        if self.is_shared:
            self._pulse = Pulse(self._register, self._me, self._company, self._take_over)
            self._pulse.start()

    def _offer(self, segment: Segment, attempt: Attempt) -> None:
        self._ready().register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=_MOST_AT_ONCE,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )
        self._ready().register_queue(
            AT_THE_DESK,
            worker_concurrency=_MOST_AT_ONCE,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )

        @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=_MOST_DEATHS)
        def carry_out(run_id: str, number: int) -> None:
            with self._counted(run_id, number) as is_open:
                if is_open:  # else whoever is launched next finds that nobody carries the run on
                    begun = time.monotonic()
                    segment(run_id, number)
                    seconds = round(time.monotonic() - begun, 2)
                    log.info("a run was carried on", run=run_id, segment=number, seconds=seconds)

        @DBOS.workflow(name=_ATTEMPT, max_recovery_attempts=_MOST_DEATHS)
        def make(run_id: str, number: int, step_id: str) -> dict[str, JsonValue]:
            return attempt(run_id, number, step_id)

    def _start(self) -> None:
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": "sqlite:///unused" if self._is_sqlite else "postgresql://unused/unused",
            "system_database_engine": self._engine,
            "dbos_system_schema": SCHEMA,
            "application_version": VERSION,
            "executor_id": self._me.id if self.is_shared else Kind.DESK.value,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": 0.2,
            "run_migrations": False,
        }
        DBOS(config=config)
        DBOS.listen_queues([QUEUE, AT_THE_DESK] if self._me.kind is Kind.DESK else [QUEUE])
        DBOS.launch()

    def close(self, *, patience: float = 10.0) -> None:
        """Wait, for so many seconds at most, for segments that are being carried out, and let go of everything."""
        if self._is_launched:
            with self._idle:
                self._is_closing = True
                is_idle = self._idle.wait_for(lambda: self._busy == 0, timeout=patience)
            if is_idle:
                self._await_outcomes()
            if self._pulse is not None:
                self._pulse.stop()
            DBOS.destroy(destroy_registry=True)
            if self._pulse is not None and is_idle:
                self._leave()
            self._is_launched = False
            _LAUNCHED.release()
        if self._client is not None:
            self._client.destroy()
            self._client = None
        self._engine.dispose()

    def act_at_desk(self, name: str, run_id: str, segment: int, step_id: str) -> dict[str, JsonValue]:
        """Have the desk make an attempt, and wait for it. Asked again after a crash, it returns what came of the first.

        Not asked as a child of this segment's workflow: DBOS knows children by their order, and a segment that is
        carried out again goes on where the run's row says, not at its beginning.
        """
        options: EnqueueOptions = {
            "workflow_name": _ATTEMPT,
            "queue_name": AT_THE_DESK,
            "workflow_id": f"{_workflow_id(run_id, segment)}:{name}",
            "app_version": VERSION,
        }
        handle: WorkflowHandle[dict[str, JsonValue]] = self._ready().enqueue(options, run_id, segment, step_id)
        return handle.get_result(polling_interval_sec=_POLL_SECONDS)

    def hold(self, connection: Connection) -> None:
        """Keep what this thread carries out its own until this transaction ends.

        Raises SupersededError where others took this process for dead and carry it out: nothing it knows is true.
        """
        context = get_local_dbos_context()
        if not self.is_shared or context is None or context.owner_xid is None:
            return
        if connection.execute(_OWNER, {"id": context.workflow_id}).scalar_one_or_none() != context.owner_xid:
            raise SupersededError(f"{context.workflow_id} was taken over by another process")

    def pause(self, seconds: float) -> None:
        """Pause inside a segment until a moment that stays the same after a crash."""
        DBOS.sleep(seconds)

    @property
    def is_shared(self) -> bool:
        """Tell whether other processes may carry out segments of the same store."""
        return not self._is_sqlite

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _take_over(self) -> None:
        """Queue again what executors have begun that nobody hears of any more.

        The work is listed before the living are: whoever begins something is known by then. DBOS lets each be taken
        up once, and lets nobody write for it who lost it.
        """
        pending = self._ready().list_workflows(status="PENDING", load_input=False, load_output=False)
        holders = {str(each.executor_id) for each in pending}
        dead = holders - self._register.living() if holders else set()
        if dead:
            log.warning("work of executors nobody hears of is taken up", executors=sorted(dead))
            DBOS._recover_pending_workflows(sorted(dead))  # noqa: SLF001  # the only way; tests hold DBOS to it

    def _leave(self) -> None:
        try:
            self._register.leave(self._me)
        except SQLAlchemyError as error:
            log.warning("the others learn only later that this executor ended", reason=type(error).__name__)

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


def _one_after_another(url: str) -> None:
    """Make the tables on a server, where several processes may begin at once.

    The lock is the session's, not a transaction's: DBOS builds indexes that wait for every open transaction.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(select(func.pg_advisory_lock(_MIGRATING)))
            DBOS.migrate(url, schema=SCHEMA)
            Register(engine).create()
    finally:
        engine.dispose()


def _workflow_id(run_id: str, segment: int) -> str:
    return f"{run_id}:{segment}"


def _segment_of(workflow_id: str) -> tuple[str, int]:
    run_id, _, segment = workflow_id.rpartition(":")
    return run_id, int(segment)


def _connect(url: str) -> Engine:
    """Return an engine for DBOS alone: it writes rows the records' own engine would refuse."""
    if make_url(url).get_backend_name() != "sqlite":
        options = {"options": f"-c idle_in_transaction_session_timeout={LONGEST_IDLE_MILLISECONDS}"}
        return create_engine(url, pool_size=2 * _MOST_AT_ONCE, max_overflow=0, pool_pre_ping=True, connect_args=options)
    engine = create_engine(url, pool_size=_MOST_AT_ONCE + 4, max_overflow=0)
    event.listen(engine, "connect", _make_durable)
    take_turns(engine, write_lock(engine.url))
    return engine


def _make_durable(connection: SQLiteConnection, _record: object) -> None:
    """Make writers wait for each other, and commits durable, as the records' own connections do."""
    connection.isolation_level = "IMMEDIATE"
    for setting in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
