"""What is stopped, by whom and why: one row a thrown switch, none where everything goes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from deskhand.records.canonical import written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.schema import switches

_ALL = select(switches)


class Level(StrEnum):
    """How much a switch stops."""

    GLOBAL = "global"
    TENANT = "tenant"
    CONNECTOR = "connector"
    AUTOMATION = "automation"


@dataclass(frozen=True, slots=True)
class Switch:
    """A thrown switch; ``subject`` is the tenant's id or the name of the connector or automation, empty for all."""

    level: Level
    subject: str
    thrown_by: str
    thrown_at: datetime
    reason: str

    @property
    def sentence(self) -> str:
        """Say to a person what is stopped, since when, by whom and why."""
        what = "Everything" if self.level is Level.GLOBAL else f"{self.level.value.capitalize()} {self.subject}"
        return f"{what} is stopped since {self.thrown_at:%Y-%m-%d %H:%M} UTC by {self.thrown_by}: {self.reason}"


def throw(transaction: Transaction, level: Level, subject: str, *, by: str, reason: str) -> Switch:
    """Stop it; a switch that is thrown already keeps its first reason, and that it was thrown again is on record."""
    key = _key(level, subject)
    tenant = subject if level is Level.TENANT else ""
    found = transaction.find(switches, key)
    if found is None:
        found = {**key, "thrown_by": by, "thrown_at": written_time(transaction.clock()), "reason": reason}
        transaction.insert(switches, found)
    transaction.audit("switch.thrown", tenant=tenant, detail={**key, "by": by, "reason": reason})
    return Switch(
        level, subject, str(found["thrown_by"]), datetime.fromisoformat(str(found["thrown_at"])), str(found["reason"])
    )


def release(transaction: Transaction, level: Level, subject: str, *, by: str, reason: str) -> None:
    """Let it go again. Raises LookupError where it is not stopped."""
    key = _key(level, subject)
    if transaction.find(switches, key) is None:
        raise LookupError(f"{level.value} {subject} is not stopped".replace("  ", " "))
    transaction.delete(switches, key)
    tenant = subject if level is Level.TENANT else ""
    transaction.audit("switch.released", tenant=tenant, detail={**key, "by": by, "reason": reason})


def thrown(records: Records) -> tuple[Switch, ...]:
    """List what is stopped, the widest first."""
    found = _thrown(records)
    return tuple(sorted(found, key=lambda each: (tuple(Level).index(each.level), each.subject)))


def stopping(records: Records, *, tenant: str, connector: str, automation: str) -> Switch | None:
    """Return the widest switch that stops a call, read now. Raises RecordsUnavailableError: then nothing may go."""
    subjects = {Level.GLOBAL: "", Level.TENANT: tenant, Level.CONNECTOR: connector, Level.AUTOMATION: automation}
    touching = [each for each in _thrown(records) if each.subject == subjects[each.level]]
    return min(touching, key=lambda each: tuple(Level).index(each.level), default=None)


def _key(level: Level, subject: str) -> dict[str, str]:
    if bool(subject) == (level is Level.GLOBAL):
        raise ValueError("a switch names what it stops, and the global one stops everything: give exactly that")
    return {"level": level, "subject": subject}


def _thrown(records: Records) -> list[Switch]:
    return [
        Switch(Level(level), subject, by, datetime.fromisoformat(at), reason)
        for level, subject, by, at, reason in records.ask(_ALL)  # few are thrown, and each call asks
    ]
