"""Which guard rails hold since when, on the signed record: who swaps them leaves a trace nobody takes back."""

from importlib.metadata import version

from deskhand.governance.permission import guard_rails
from deskhand.records.database import Records
from deskhand.records.schema import settings

_NAME = {"name": "guard rails"}


def note_guard_rails(records: Records) -> None:
    """Put on the record which guard rails hold from here on, where they are others than before.

    Raises PolicyDefectError where they are not this version's, RecordsUnavailableError.
    """
    present, row = guard_rails().sha256, records.find(settings, _NAME)
    before = str(row["value"]) if row is not None else ""
    if present == before:
        return
    with records.transaction("desk") as transaction:
        transaction.put(settings, _NAME, {"value": present})
        detail = {"sha256": present, "before": before, "deskhand": version("deskhand")}
        transaction.audit("guard_rails.in_force", detail=detail)
