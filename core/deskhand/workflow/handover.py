"""What passes through a run in memory alone: codes people read out come in, temporary passwords go out.

It is the desk's memory: whatever needs it is carried out there, and nowhere else.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr

from deskhand.automation.plan import PlannedStep, SourceKind
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.sdk.actions import Tier
from deskhand.sdk.clock import Clock

LASTS = timedelta(hours=1)
"""After that nobody has come for it, and it is forgotten."""

_Place = tuple[str, str]


def is_for_the_desk(step: PlannedStep) -> bool:
    """Tell whether a step is carried out at the desk alone, by what its plan declares: no hand ever tries.

    That is what asks a person, what may make a password, and all of tier 3, which waits for anchors the desk keeps.
    """
    asks = any(each.source is SourceKind.PROMPT for each in step.arguments.values())
    return asks or step.needs_proof or step.tier >= Tier.HARD_GATE


@dataclass(frozen=True, slots=True)
class Handover:
    """Secrets by run and step, gone with the process. Thread-safe.

    What a step made is looked for by the ``scanner`` until somebody fetched it, so that nothing else writes it down.
    """

    clock: Clock
    scanner: LeakScanner | None = None
    _answers: dict[_Place, tuple[datetime, SecretStr]] = field(default_factory=dict, init=False, repr=False)
    _secrets: dict[_Place, tuple[datetime, Mapping[str, SecretStr]]] = field(
        default_factory=dict, init=False, repr=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def answer(self, run_id: str, step_id: str, value: SecretStr) -> None:
        """Bring what a person typed for a step that waits for it."""
        with self._lock:
            self._answers[(run_id, step_id)] = (self.clock() + LASTS, value)

    def answered(self, run_id: str, step_id: str) -> SecretStr | None:
        """Look at what was typed; it stays until it is forgotten."""
        with self._lock:
            self._clear()
            found = self._answers.get((run_id, step_id))
        return None if found is None else found[1]

    def forget(self, run_id: str, step_id: str) -> None:
        """Drop what was typed: it has been tried."""
        with self._lock:
            self._answers.pop((run_id, step_id), None)

    def put(self, run_id: str, step_id: str, secrets: Mapping[str, SecretStr]) -> None:
        """Keep what a step made for one person."""
        if secrets:
            with self._lock:
                self._secrets[(run_id, step_id)] = (self.clock() + LASTS, dict(secrets))
                if self.scanner is not None:
                    for name, secret in secrets.items():
                        self.scanner.watch(_called(run_id, step_id, name), secret)

    def take(self, run_id: str, step_id: str) -> Mapping[str, SecretStr]:
        """Hand over what a step made, once; nothing where it was taken, is too old, or the process is another."""
        with self._lock:
            self._clear()
            return self._removed((run_id, step_id))

    def holds(self, run_id: str, step_id: str) -> bool:
        """Tell whether there is something to `take`."""
        with self._lock:
            self._clear()
            return (run_id, step_id) in self._secrets

    def _clear(self) -> None:
        now = self.clock()
        for place in [place for place, (until, _) in self._answers.items() if until <= now]:
            del self._answers[place]
        for place in [place for place, (until, _) in self._secrets.items() if until <= now]:
            self._removed(place)

    def _removed(self, place: _Place) -> Mapping[str, SecretStr]:
        _, secrets = self._secrets.pop(place, (None, {}))
        if self.scanner is not None:
            for name in secrets:
                self.scanner.forget(_called(*place, name))
        return secrets


def _called(run_id: str, step_id: str, name: str) -> str:
    return f"{name} of {step_id} in {run_id}"
