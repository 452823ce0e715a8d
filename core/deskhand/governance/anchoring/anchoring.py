"""Keeps the record anchored: copies checkpoints to every place when it is time, and tells when that fails too long."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from deskhand.governance.anchoring.memory import Memory, Remembered
from deskhand.governance.anchoring.place import Place, PlaceError, Sealed
from deskhand.governance.anchoring.settings import AnchorSettings
from deskhand.records.audit.anchors import Anchor, AnchorError, anchor_of
from deskhand.records.audit.checkpoints import Checkpoint
from deskhand.records.audit.entries import read_entry
from deskhand.records.database import Records
from deskhand.records.schema import audit, audit_head, checkpoints, store
from deskhand.sdk.clock import Clock

RETRY = timedelta(minutes=5)
"""How long a place that failed is left alone."""
ROLLBACK_ACCEPTED = "audit.rollback_accepted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with one place: where the copy is, or what is wrong."""

    place: str
    size: int
    reference: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one place stands: what it has, since when, and what is wrong with it."""

    place: str
    size: int
    anchored_at: datetime | None
    trouble: str


@dataclass(slots=True)
class Anchoring:
    """The places of one record store. Thread-safe; `anchor` may take a minute where places do not answer."""

    records: Records
    places: Sequence[Place]
    settings: AnchorSettings
    memory: Memory
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def due(self) -> bool:
        """Tell whether some place should get a copy now. Cheap enough to ask every minute."""
        size = self._size()
        return any(self._is_due(place, size) for place in self.places)

    def anchor(self, *, at_once: bool = False) -> tuple[Outcome, ...]:
        """Sign what is new and copy the checkpoint to each place that is due, or with ``at_once`` to every one.

        A place that fails is tried again later and never raises; that the anchors have become stale, or current again,
        is put on the record. Raises RecordsUnavailableError.
        """
        with self._lock:
            size = self._size()
            wanted = [place for place in self.places if at_once or self._is_due(place, size)]
            outcomes = self._copied(wanted) if wanted and size else ()
            self._note_staleness()
            return outcomes

    def is_stale(self) -> bool:
        """Tell whether an entry has been without any anchor for too long: whatever is tier 3 or above has to wait.

        False where no place is configured: then nobody asked for anchors. Raises RecordsUnavailableError.
        """
        if not self.places:
            return False
        newest = max(self.memory.of(place.name).size for place in self.places)
        if newest > self._size():
            return True  # the log is shorter than what was anchored: a person has to look
        since = self._unanchored_since(newest)
        return since is not None and self.clock() - since > self.settings.stale_after

    def standings(self) -> tuple[Standing, ...]:
        """Tell how each place stands, as last seen."""
        remembered = ((place.name, self.memory.of(place.name)) for place in self.places)
        return tuple(Standing(name, each.size, each.anchored_at, each.trouble) for name, each in remembered)

    def accept_rollback(self, actor: str, reason: str) -> tuple[Anchor, ...]:
        """Go on after a restore that lost entries: put the anchors that no longer hold on the record, and return them.

        What they vouched for stays lost, and everybody who reads the log can see that it is.
        """
        lost = sorted({each for place in self.places for each in self._lost(place)}, key=Anchor.line)
        if lost:
            lines = [each.line() for each in lost]
            with self.records.transaction(actor) as transaction:
                transaction.audit(ROLLBACK_ACCEPTED, detail={"anchors": list(lines), "reason": reason})
        return tuple(lost)

    def _copied(self, places: Sequence[Place]) -> tuple[Outcome, ...]:
        self.records.checkpoint()
        with self.records.reading() as connection:
            note = connection.execute(select(checkpoints.c.note).order_by(checkpoints.c.epoch.desc()).limit(1)).scalar()
        sealed = Sealed(Checkpoint.read(str(note)), str(note))
        return tuple(self._put(place, sealed) for place in places)

    def _put(self, place: Place, sealed: Sealed) -> Outcome:
        now, before, size = self.clock(), self.memory.of(place.name), sealed.checkpoint.size
        try:
            self._refuse_rollback(place)
            reference = place.put(sealed)
        except PlaceError as error:
            self.memory.keep(place.name, before.model_copy(update={"tried_at": now, "trouble": str(error)}))
            return Outcome(place.name, size, trouble=str(error))
        remembered = Remembered(size=size, anchored_at=now, reference=reference, tried_at=now)
        self.memory.keep(place.name, remembered)
        return Outcome(place.name, size, reference=reference)

    def _refuse_rollback(self, place: Place) -> None:
        """Leave a place alone that vouches for more than there is: a copy would bury the evidence."""
        lost = self._lost(place)
        if lost:
            raise PlaceError(
                f"it vouches for {max(each.size for each in lost)} entries that the log, with {self._size()}, does not "
                "have: the record was rolled back; find out why, then `deskhand audit anchor --accept-rollback REASON`"
            )

    def _lost(self, place: Place) -> set[Anchor]:
        """Read back what a place vouches for and this log is too short, or was ended otherwise, to have."""
        ours = anchor_of(self.records)
        with self.records.reading() as connection:
            origin = str(connection.execute(select(store.c.origin)).scalar_one())
            accepted = accepted_losses(connection)
        theirs = {each for each in place.anchors(origin) or () if each.size >= ours.size}
        return theirs - accepted - {ours}

    def _is_due(self, place: Place, size: int) -> bool:
        known, now = self.memory.of(place.name), self.clock()
        if known.size == size:
            return False
        if known.trouble and known.tried_at is not None and abs(now - known.tried_at) < RETRY:
            return False
        every = place.every or self.settings.every
        return known.anchored_at is None or known.size > size or abs(now - known.anchored_at) >= every

    def _size(self) -> int:
        with self.records.reading() as connection:
            return int(connection.execute(select(audit_head.c.size)).scalar_one())

    def _unanchored_since(self, size: int) -> datetime | None:
        with self.records.reading() as connection:
            entry = connection.execute(select(audit.c.entry).where(audit.c.seq == size)).scalar_one_or_none()
        return None if entry is None else read_entry(entry).at

    def _note_staleness(self) -> None:
        is_stale = self.is_stale()
        if is_stale == self.memory.is_stale:
            return
        with self.records.transaction("audit") as transaction:
            detail = {each.place: each.trouble or "current" for each in self.standings()}
            transaction.audit("audit.anchors_stale" if is_stale else "audit.anchors_current", detail={**detail})
        self.memory.keep_staleness(is_stale=is_stale)


def accepted_losses(connection: Connection) -> frozenset[Anchor]:
    """Read from the log which anchors it no longer has to keep, since a person accepted the loss."""
    query = select(audit.c.entry).where(audit.c.entry.contains(f'"kind":"{ROLLBACK_ACCEPTED}"', autoescape=True))
    lost: set[Anchor] = set()
    for written in connection.execute(query).scalars():
        lines = read_entry(written).detail.get("anchors")
        for line in lines if isinstance(lines, list) else ():
            try:
                lost.add(Anchor.read(str(line)))
            except ValueError as error:
                raise AnchorError("an accepted loss cannot be read: `deskhand audit verify` tells more") from error
    return frozenset(lost)
