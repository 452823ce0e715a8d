"""How one version of an automation goes from one client to all of them, on the record."""

from enum import StrEnum

from pydantic import AwareDatetime, JsonValue
from sqlalchemy import select

from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.rows import Value
from deskhand.records.schema import canaries


class Wave(StrEnum):
    """How far a version has come."""

    ONE = "one"
    FIVE = "five"
    ALL = "all"
    """It is wherever it was staged, and nothing more is watched for."""
    STOPPED = "stopped"
    """It failed; each client is back where it was before."""


class Canary(StoredDocument):
    """One version on its way: ``clients`` in the order of their turns, ``given`` those that have it."""

    automation: str
    version: int
    wave: Wave = Wave.ONE
    clients: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    began_at: AwareDatetime
    since: AwareDatetime
    """When the present wave began."""
    held_by: str = ""
    """Who keeps it from going further; empty where nobody does."""
    reason: str = ""
    """Why it was held, went ahead or was stopped."""

    @property
    def is_under_way(self) -> bool:
        """Tell whether it still goes from wave to wave."""
        return self.wave in {Wave.ONE, Wave.FIVE}

    @property
    def waiting(self) -> tuple[str, ...]:
        """The clients whose turn has not come."""
        return tuple(each for each in self.clients if each not in self.given)


def put(transaction: Transaction, canary: Canary, what: str, by: str) -> Canary:
    """Keep how far a version has come; ``what`` names the change in the log."""
    document = canonical_json(canary.model_dump(mode="json"))
    key: dict[str, Value] = {"automation": canary.automation, "version": canary.version}
    transaction.put(canaries, key, {"state": canary.wave, "document": document})
    named: dict[str, JsonValue] = {"automation": canary.automation, "version": canary.version}
    detail: dict[str, JsonValue] = {**named, "wave": canary.wave, "given": list(canary.given), "by": by}
    transaction.audit(f"canary.{what}", detail={**detail, "reason": canary.reason})
    return canary


def find(records: Records, automation: str, version: int) -> Canary | None:
    """Find how far a version has come; None where it never stood at auto anywhere."""
    query = select(canaries.c.document).where(canaries.c.automation == automation, canaries.c.version == version)
    with records.reading() as connection:
        document = connection.execute(query).scalar_one_or_none()
    return None if document is None else Canary.model_validate_json(document)


def under_way(records: Records) -> list[Canary]:
    """List what still goes from wave to wave."""
    query = select(canaries.c.document).where(canaries.c.state.in_([Wave.ONE, Wave.FIVE]))
    with records.reading() as connection:
        found = connection.execute(query.order_by(canaries.c.automation, canaries.c.version)).scalars().all()
    return [Canary.model_validate_json(each) for each in found]
