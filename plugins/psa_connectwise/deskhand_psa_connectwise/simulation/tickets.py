"""What the simulated PSA accepts as a ticket, and how it changes one."""

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import JsonValue

from deskhand_psa_connectwise.simulation.refusals import invalid, malformed
from deskhand_psa_connectwise.simulation.tables import Record, State, identifier, reference

LONGEST_SUMMARY = 100
LEVELS = ("Low", "Medium", "High")
REFERENCES = {
    "board": "boards",
    "status": "statuses",
    "company": "companies",
    "site": "sites",
    "contact": "contacts",
    "type": "types",
    "subType": "subtypes",
    "item": "items",
    "owner": "members",
    "priority": "priorities",
    "source": "sources",
}
"""The references a ticket holds, and the tables they point into."""
PER_BOARD = frozenset({"status", "type", "subType", "item"})
TEXTS = ("contactName", "contactPhoneNumber", "contactEmailAddress", "externalXRef", "poNumber", "requiredDate")
FLAGS = ("automaticEmailContactFlag", "automaticEmailResourceFlag", "automaticEmailCcFlag", "customerUpdatedFlag")
FIELDS = frozenset({"summary", "severity", "impact", "customFields", *REFERENCES, *TEXTS, *FLAGS})
"""What may be written; ``initial…`` fields become notes when a ticket is created."""

Faults: TypeAlias = list[tuple[str, str]]


def settled(state: State, draft: Mapping[str, JsonValue], by: str, *, before: Record | None = None) -> Record:
    """Turn what was asked for into a ticket as it is stored: whole references, defaults, closed or not.

    Refuses what the vendor refuses; nothing is stored yet. ``before`` is the ticket that this replaces.
    """
    faults: Faults = []
    record: Record = {"summary": _summary(draft, faults), "recordType": "ServiceTicket"}
    board = _board(state, draft, faults)
    for field, table in REFERENCES.items():
        found = _pointed_at(state, table, draft.get(field), board if field in PER_BOARD else None, field, faults)
        if found is not None:
            record[field] = shown(table, found)
    _fill_defaults(state, record, board)
    for field in (*TEXTS, *FLAGS, "customFields"):
        if draft.get(field) is not None:
            record[field] = draft[field]
    for field in ("severity", "impact"):
        record[field] = draft.get(field) or "Medium"
        if record[field] not in LEVELS:
            faults.append(("InvalidValue", field))
    _check_category(state, record, faults)
    if faults:
        raise invalid("ticket", *faults)
    _introduce_contact(state, record)
    _close(state, record, by, before)
    return record


def patched(ticket: Record, operations: JsonValue) -> Record:
    """Apply a PATCH to a copy. A sub-path such as ``status/id`` changes nothing, and is still answered with 200."""
    if not isinstance(operations, list) or not operations:
        raise malformed("a patch is an array of operations")
    draft = dict(ticket)
    for operation in operations:
        if not isinstance(operation, dict) or operation.get("op") not in {"add", "replace", "remove"}:
            raise malformed("an operation is {op, path, value}")
        path = operation.get("path")
        if not isinstance(path, str):
            raise malformed("a path is missing")
        field, _, rest = path.removeprefix("/").partition("/")
        if rest:
            continue
        if field not in FIELDS:
            raise invalid("ticket", ("UnknownField", field))
        draft[field] = None if operation["op"] == "remove" else operation.get("value")
    return draft


def shown(table: str, record: Record) -> Record:
    """Point at a record the way tickets do."""
    if table == "contacts":
        return {"id": record["id"], "name": full_name(record)}
    if table == "members":
        return {"id": record["id"], "identifier": record["identifier"], "name": full_name(record)}
    if table == "priorities":
        return {"id": record["id"], "name": record["name"], "sort": record["sortOrder"], "level": record["level"]}
    return reference(record, "identifier", "name")


def full_name(record: Record) -> str:
    """Return the name of a contact or a member."""
    return f"{record.get('firstName', '')} {record.get('lastName', '')}".strip()


def find(state: State, table: str, value: JsonValue, board: int | None = None) -> Record | None:
    """Follow a reference by id, identifier or name; with a board, among that board's own records."""
    if not isinstance(value, dict):
        return None
    number = value.get("id")
    if isinstance(number, int) and not isinstance(number, bool):
        record = state[table].find(number)
        is_elsewhere = record is not None and board is not None and _board_of(record) != board
        return None if is_elsewhere else record
    rows = state[table].children(board) if board is not None else state[table]
    for key in ("identifier", "name"):
        wanted = value.get(key)
        if isinstance(wanted, str):
            return next((row for row in rows if str(row.get(key, "")).casefold() == wanted.casefold()), None)
    return None


def _summary(draft: Mapping[str, JsonValue], faults: Faults) -> str:
    summary = draft.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        faults.append(("MissingRequiredField", "summary"))
        return ""
    if len(summary) > LONGEST_SUMMARY:
        faults.append(("StringTooLong", "summary"))
    return summary


def _board(state: State, draft: Mapping[str, JsonValue], faults: Faults) -> Record | None:
    board = find(state, "boards", draft["board"]) if draft.get("board") else next(iter(state["boards"]), None)
    if board is None:
        faults.append(("ObjectNotFound", "board"))
    return board


def _pointed_at(  # one reference and all that may be wrong with it
    state: State, table: str, value: JsonValue, board: Record | None, field: str, faults: Faults
) -> Record | None:
    if value is None:
        if field == "company":
            faults.append(("MissingRequiredField", field))
        return None
    found = find(state, table, value, identifier(board) if board is not None else None)
    if found is None:
        faults.append(("ObjectNotFound", field))
    return found


def _fill_defaults(state: State, record: Record, board: Record | None) -> None:
    if board is not None:
        record.setdefault("board", shown("boards", board))
        first = next((each for each in state["statuses"].children(identifier(board)) if each.get("defaultFlag")), None)
        if first is not None:
            record.setdefault("status", shown("statuses", first))
    usual = next((each for each in state["priorities"] if each.get("defaultFlag")), None)
    if usual is not None:
        record.setdefault("priority", shown("priorities", usual))


def _check_category(state: State, record: Record, faults: Faults) -> None:
    kind, subtype = find(state, "types", record.get("type")), find(state, "subtypes", record.get("subType"))
    if subtype is not None:
        allowed = subtype.get("typeAssociationIds")
        if kind is None or not isinstance(allowed, list) or kind["id"] not in allowed:
            faults.append(("InvalidAssociation", "subType"))
    elif record.get("item") is not None:
        faults.append(("InvalidAssociation", "item"))


def _introduce_contact(state: State, record: Record) -> None:
    contact = find(state, "contacts", record.get("contact"))
    if contact is None:
        return
    record.setdefault("contactName", full_name(contact))
    items = contact.get("communicationItems")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and item.get("defaultFlag"):
            field = {"Email": "contactEmailAddress", "Phone": "contactPhoneNumber"}.get(str(item["communicationType"]))
            if field is not None:
                record.setdefault(field, item["value"])


def _close(state: State, record: Record, by: str, before: Record | None) -> None:
    status = find(state, "statuses", record.get("status"))
    record["closedFlag"] = status is not None and status.get("closedStatus") is True
    if not record["closedFlag"]:
        return
    was_closed = before is not None and before.get("closedFlag") is True
    record["closedDate"] = before["closedDate"] if before is not None and was_closed else state.now()
    record["closedBy"] = before["closedBy"] if before is not None and was_closed else by


def _board_of(record: Record) -> JsonValue:
    board = record.get("board")
    return board.get("id") if isinstance(board, dict) else None
