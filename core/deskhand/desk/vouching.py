"""Copies of the signed record in places outside this machine, made beside the work and never instead of it."""

import threading
from dataclasses import dataclass, field

import structlog

from deskhand.desk.anchoring import anchor_light
from deskhand.desk.health import Light
from deskhand.governance.anchoring.anchoring import Anchoring
from deskhand.records.database import RecordsUnavailableError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Vouching:
    """Anchors what is due in a thread of its own: a place that does not answer holds up no ticket."""

    anchoring: Anchoring
    _thread: threading.Thread | None = field(default=None, init=False)

    def look(self) -> None:
        """Begin to anchor where that is due and not under way. Raises RecordsUnavailableError."""
        if (self._thread is None or not self._thread.is_alive()) and self.anchoring.due():
            self._thread = threading.Thread(target=self._anchor, name="anchors", daemon=True)
            self._thread.start()

    def is_unanchored(self) -> bool:
        """Tell whether what must not be denied has to wait."""
        return self.anchoring.is_stale()

    def light(self) -> Light:
        """Tell how the anchors are. Raises RecordsUnavailableError."""
        return anchor_light(self.anchoring)

    def _anchor(self) -> None:
        try:
            for outcome in self.anchoring.anchor():
                log.info("record anchored", outcome=str(outcome))
        except RecordsUnavailableError as error:
            log.warning("the record was not anchored", reason=str(error))
