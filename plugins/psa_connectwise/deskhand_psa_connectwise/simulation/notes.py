"""What the simulated PSA accepts as a note or a time entry, and how a ticket shows both together."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

from deskhand_psa_connectwise.simulation.filter_syntax import MOMENT
from deskhand_psa_connectwise.simulation.refusals import invalid
from deskhand_psa_connectwise.simulation.tables import Record, State, identifier, reference
from deskhand_psa_connectwise.simulation.tickets import find, shown

NOTE_FLAGS = ("detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag")
TIME_FLAGS = {
    "detailDescriptionFlag": "addToDetailDescriptionFlag",
    "internalAnalysisFlag": "addToInternalAnalysisFlag",
    "resolutionFlag": "addToResolutionFlag",
}
CHARGES = frozenset({"Company", "ServiceTicket", "ProjectTicket", "ChargeCode", "Activity"})
BILLABLE = frozenset({"Billable", "DoNotBill", "NoCharge", "NoDefault"})


def note_of(state: State, ticket: Record, body: Mapping[str, JsonValue], member: Record) -> Record:
    """Check a note and return it as it is stored, signed by the member behind the API key."""
    faults = [("InvalidType", flag) for flag in NOTE_FLAGS if not isinstance(body.get(flag, False), bool | None)]
    if not isinstance(body.get("text"), str) or not str(body["text"]).strip():
        faults.append(("MissingRequiredField", "text"))
    if not any(body.get(flag) for flag in NOTE_FLAGS):
        faults.append(("MissingRequiredField", NOTE_FLAGS[0]))
    if faults:
        raise invalid("note", *faults)
    return {
        "ticketId": identifier(ticket),
        "text": body["text"],
        **{flag: bool(body.get(flag)) for flag in NOTE_FLAGS},
        "issueFlag": False,
        "member": shown("members", member),
        "customerUpdatedFlag": bool(body.get("customerUpdatedFlag")),
        "processNotifications": body.get("processNotifications") is not False,
        "dateCreated": state.now(),
        "createdBy": member["identifier"],
        "internalFlag": not body.get("detailDescriptionFlag"),
        "externalFlag": bool(body.get("detailDescriptionFlag")),
    }


def time_entry_of(state: State, body: Mapping[str, JsonValue], api_member: Record) -> Record:
    """Check a time entry and return it as it is stored."""
    faults: list[tuple[str, str]] = []
    started, ended = _moment(body, "timeStart", faults), _moment(body, "timeEnd", faults)
    if started is None:
        faults.append(("MissingRequiredField", "timeStart"))
    charge, ticket = body.get("chargeToType", "ServiceTicket"), None
    if charge not in CHARGES:
        faults.append(("InvalidValue", "chargeToType"))
    if charge == "ServiceTicket":
        number = body.get("chargeToId")
        ticket = state["tickets"].find(number if isinstance(number, int) else None)
        faults += [] if ticket is not None else [("ObjectNotFound", "chargeToId")]
    if body.get("billableOption", "Billable") not in BILLABLE:
        faults.append(("InvalidValue", "billableOption"))
    member = find(state, "members", body["member"]) if body.get("member") else api_member
    hours = _hours(body, started, ended, faults)
    if member is None:
        faults.append(("ObjectNotFound", "member"))
    if faults or member is None or started is None:
        raise invalid("timeEntry", *faults)
    return {
        "chargeToId": body.get("chargeToId"),
        "chargeToType": charge,
        "company": ticket["company"] if ticket is not None else None,
        "member": shown("members", member),
        "timeStart": started.strftime(MOMENT),
        "timeEnd": ended.strftime(MOMENT) if ended is not None else None,
        "actualHours": hours,
        "billableOption": body.get("billableOption", "Billable"),
        "notes": body.get("notes") or "",
        "internalNotes": body.get("internalNotes") or "",
        **{flag: bool(body.get(flag)) for flag in TIME_FLAGS.values()},
        "emailContactFlag": bool(body.get("emailContactFlag")),
        "enteredBy": api_member["identifier"],
        "dateEntered": state.now(),
        "ticket": reference(ticket, "summary") if ticket is not None else None,
    }


def hours_worked(state: State, ticket: int) -> float:
    """Add up the hours recorded on a ticket, as the vendor shows them on it."""
    hours = [entry["actualHours"] for entry in state["times"].children(ticket)]
    return round(sum(each for each in hours if isinstance(each, int | float)), 2)


def all_notes(state: State, ticket: Record) -> list[Record]:
    """Show a ticket's notes and its time entries' notes in one list, by id."""
    notes = [_as_ticket_note(ticket, note) for note in state["notes"].children(identifier(ticket))]
    entries = [_as_time_note(ticket, entry) for entry in state["times"].children(identifier(ticket))]
    return sorted([*notes, *(entry for entry in entries if entry["text"])], key=identifier)


def without_nothing(record: Record) -> Record:
    """Leave out what has no value, as the vendor does."""
    return {key: value for key, value in record.items() if value is not None}


def _as_ticket_note(ticket: Record, note: Record) -> Record:
    return without_nothing(
        {
            "id": note["id"],
            "noteType": "TicketNote",
            "ticket": reference(ticket, "summary"),
            "text": note["text"],
            "isMarkdownFlag": False,
            **{flag: note[flag] for flag in NOTE_FLAGS},
            "bundledFlag": False,
            "mergedFlag": False,
            "issueFlag": note["issueFlag"],
            "originalAuthor": note["createdBy"],
            "createdByParentFlag": False,
            "member": note.get("member"),
            "contact": note.get("contact"),
            "_info": {**_information(note), "sortByDate": note["dateCreated"]},
        }
    )


def _as_time_note(ticket: Record, entry: Record) -> Record:
    return without_nothing(
        {
            "id": entry["id"],
            "noteType": "TimeEntryNote",
            "ticket": reference(ticket, "summary"),
            "text": entry["notes"],
            "isMarkdownFlag": False,
            **{flag: entry[spelled] for flag, spelled in TIME_FLAGS.items()},
            "timeStart": entry["timeStart"],
            "timeEnd": entry.get("timeEnd"),
            "originalAuthor": entry["enteredBy"],
            "member": entry["member"],
            "_info": {**_information(entry), "sortByDate": entry["timeStart"]},
        }
    )


def _information(record: Record) -> Record:
    info = record.get("_info")
    known = info if isinstance(info, dict) else {}
    return {key: known[key] for key in ("lastUpdated", "updatedBy") if key in known}


def _moment(body: Mapping[str, JsonValue], field: str, faults: list[tuple[str, str]]) -> datetime | None:
    text = body.get(field)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        faults.append(("InvalidValue", field))
        return None
    return moment.astimezone(UTC)


def _hours(
    body: Mapping[str, JsonValue], started: datetime | None, ended: datetime | None, faults: list[tuple[str, str]]
) -> float:
    if started is not None and ended is not None:
        if ended <= started:
            faults.append(("InvalidValue", "timeEnd"))
        return round((ended - started).total_seconds() / 3600, 2)
    hours = body.get("actualHours")
    if isinstance(hours, bool) or not isinstance(hours, int | float) or hours <= 0:
        faults.append(("MissingRequiredField", "timeEnd"))
        return 0.0
    return float(hours)
