"""The places a configured desk anchors its record in: joined here, told to people here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deskhand.configuration.schema import Configuration
from deskhand.desk.connections import Connections
from deskhand.desk.health import Light
from deskhand.desk.stores import records_keys, records_location, records_url, verify_records
from deskhand.governance.anchoring.anchoring import Anchoring, accepted_losses
from deskhand.governance.anchoring.file_place import FilePlace
from deskhand.governance.anchoring.memory import Memory
from deskhand.governance.anchoring.object_lock import ObjectLockPlace
from deskhand.governance.anchoring.place import Place, PlaceError
from deskhand.governance.anchoring.psa_note import InternalNotes, NotePlace
from deskhand.governance.anchoring.syslog import SyslogPlace
from deskhand.governance.anchoring.timestamp import TimestampPlace
from deskhand.records.audit.anchors import Anchor
from deskhand.records.audit.keys import KeyFiles, Trust
from deskhand.records.audit.verification import Progress, Verification, unwatched
from deskhand.records.database import Records, RecordsUnavailableError, connect
from deskhand.records.failures import explained
from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.errors import RejectedError
from deskhand.sdk.models import NoteKind
from deskhand.sdk.roles import TicketSystem

WriteNote = Callable[[str, str, str], str]
"""Writes an internal note through the gate: ticket, text, key → reference."""


@dataclass(frozen=True, slots=True)
class TicketNotes:
    """Internal notes of the PSA: read from it, written through the gate, where there is one to write through."""

    system: TicketSystem
    write: WriteNote | None = None

    def add(self, ticket_id: str, text: str, key: str) -> str:
        """Write a note. Raises RejectedError where only the running desk may."""
        if self.write is None:
            raise RejectedError("only the running desk writes notes; it does so by itself")
        return self.write(ticket_id, text, key)

    def read(self, ticket_id: str) -> Sequence[str]:
        """Read the texts of internal notes: nobody outside the MSP wrote them."""
        return [note.text for note in self.system.notes(ticket_id) if note.kind is NoteKind.INTERNAL]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one place vouches for, or why that is not known; ``is_open`` where it never can be from here."""

    place: str
    anchors: tuple[Anchor, ...] = ()
    unread: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification against everything that was noted elsewhere.

    ``blamed`` names the places whose anchors contradict a log that is whole by itself.
    """

    result: Verification
    seen: tuple[Seen, ...]
    blamed: tuple[str, ...] = ()


def open_anchoring(
    configuration: Configuration, records: Records, *, notes: InternalNotes | None = None, clock: Clock = utc_now
) -> Anchoring:
    """Join the record store with its configured places; nobody is contacted. The note needs ``notes`` to be used."""
    memory = Memory(configuration.state / "anchors.json")
    return Anchoring(records, places(configuration, notes, clock), configuration.audit.anchors, memory, clock)


def places(configuration: Configuration, notes: InternalNotes | None = None, clock: Clock = utc_now) -> list[Place]:
    """List the configured places."""
    settings, folder = configuration.audit.anchors, configuration.file.parent
    found: list[Place] = []
    if settings.file.path is not None:
        found.append(FilePlace(folder / settings.file.path))
    if settings.syslog.host:
        ca_file, certificate = _within(folder, settings.syslog.ca_file), _within(folder, settings.syslog.certificate)
        found.append(SyslogPlace(settings.syslog.host, settings.syslog.port, ca_file, certificate))
    if settings.s3.bucket:
        found.append(ObjectLockPlace(settings.s3, clock))
    if settings.timestamp.url:
        roots = folder / (settings.timestamp.roots or "")
        kept = _within(folder, settings.timestamp.folder) or configuration.state / "anchors"
        found.append(TimestampPlace(settings.timestamp.url, roots, kept, settings.timestamp.allow_private_addresses))
    if settings.note.ticket and notes is not None:
        found.append(NotePlace(notes, settings.note.ticket, settings.note.every))
    return found


@contextmanager
def readable_places(configuration: Configuration) -> Iterator[list[Place]]:
    """Yield the configured places to read from, the PSA's notes among them; nothing is written to the PSA."""
    with ExitStack() as stack:
        notes = None
        if configuration.audit.anchors.note.ticket:
            notes = TicketNotes(stack.enter_context(Connections.open(configuration)).ticket_system)
        yield places(configuration, notes)


def look(place: Place, origin: str) -> Seen:
    """Read back what a place vouches for; what is wrong with it is an answer too."""
    try:
        anchors = place.anchors(origin)
    except PlaceError as error:
        return Seen(place.name, unread=str(error))
    if anchors is None:
        reason = "it cannot be read from here: give its lines to `deskhand audit verify --anchors`"
        return Seen(place.name, unread=reason, is_open=True)
    return Seen(place.name, anchors)


def told_of(seen: Seen) -> str:
    """Tell people in one line what a place vouches for."""
    if seen.unread:
        return seen.unread
    newest = max((each.size for each in seen.anchors), default=0)
    return f"{len(seen.anchors)} anchors agree, the newest over {newest} entries" if seen.anchors else "no anchor yet"


def verify_with_places(
    configuration: Configuration,
    trust: Trust | None,
    noted: Sequence[Anchor],
    *,
    offline: bool,
    progress: Progress = unwatched,
) -> Report:
    """Verify the record against anchors that were noted by hand and those of every configured place.

    What a person accepted as lost after a restore does not count. Never raises for what is wrong with the record.
    """
    origin = trust.origin if trust is not None else _origin_on_file(configuration)
    with ExitStack() as stack:
        found = [] if offline or not origin else stack.enter_context(readable_places(configuration))
        seen = tuple(look(place, origin) for place in found)
    lost = _losses(configuration) if any(each.anchors for each in seen) else frozenset()
    seen = tuple(replace(each, anchors=tuple(a for a in each.anchors if a not in lost)) for each in seen)
    anchors = [*noted, *(anchor for each in seen for anchor in each.anchors)]
    result = verify_records(configuration, trust=trust, anchors=anchors, progress=progress)
    if result.ok or not any(each.anchors for each in seen):
        return Report(result, seen)
    if not verify_records(configuration, trust=trust, anchors=noted).ok:
        return Report(result, seen)
    alone = ((each, verify_records(configuration, trust=trust, anchors=each.anchors)) for each in seen)
    return Report(result, seen, tuple(each.place for each, checked in alone if not checked.ok))


def _origin_on_file(configuration: Configuration) -> str:
    """Return the log's name as the trust file has it; nothing where that is missing, which the verification tells."""
    try:
        trust = KeyFiles(records_keys(configuration)).trust()
    except RecordsUnavailableError:
        return ""
    return "" if trust is None else trust.origin


def _losses(configuration: Configuration) -> frozenset[Anchor]:
    """Return the anchors a person accepted as lost; none where the record cannot tell, which the verification says."""
    engine = connect(records_url(configuration))
    try:
        with explained(records_location(configuration)), engine.connect() as connection:
            return accepted_losses(connection)
    except (RecordsUnavailableError, ValueError):
        return frozenset()
    finally:
        engine.dispose()


def anchor_light(anchoring: Anchoring) -> Light:
    """Tell how the anchors are, in one light. Raises RecordsUnavailableError."""
    standings = anchoring.standings()
    detail = "; ".join(f"{each.place}: {each.trouble or f'{each.size:,} entries'}" for each in standings)
    if not standings:
        text = "a rewrite by whoever owns this machine would not be found: set [audit.anchors]"
        return Light(name="anchors", is_well=True, is_quiet=True, text="Record not anchored", detail=text)
    if anchoring.is_stale():
        return Light(name="anchors", is_well=False, text="Anchors are stale: tier 3 and above wait", detail=detail)
    if any(each.trouble for each in standings):
        return Light(name="anchors", is_well=False, text="An anchor's place is in trouble", detail=detail)
    return Light(name="anchors", is_well=True, text="Record anchored", detail=detail)


def _within(folder: Path, path: Path | None) -> Path | None:
    return None if path is None else folder / path
