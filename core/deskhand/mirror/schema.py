"""The mirror's tables, as steps that are applied once each; a step that was released is never edited.

A record is kept whole in ``document`` (JSON); the other columns are what the mirror is asked for. Times are
ISO 8601 text in UTC, all of one width, so that the order of the text is the order in time.
"""

from collections.abc import Iterable, Mapping

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("mirror")

_RECORD: dict[str, type] = {"id": str, "document": str}


@MIGRATIONS()
def first_tables(database: Database) -> None:
    """Add tickets and their notes, people and their addresses, companies, devices, and what boards accept."""
    _create(database, "companies", {**_RECORD, "is_active": int})
    _create(database, "people", {**_RECORD, "is_active": int, "company_id": str}, indexes=["company_id"])
    _create(
        database,
        "person_emails",
        {"person_id": str, "email": str},
        key=("person_id", "email"),
        indexes=["email"],
    )
    _create(
        database,
        "devices",
        {**_RECORD, "is_active": int, "company_id": str, "name_key": str},
        indexes=["company_id", "name_key"],
    )
    _create(database, "taxonomies", _RECORD)
    _create(database, "priorities", {**_RECORD, "rank": int})
    _create(database, "tickets", {**_RECORD, "version": str, "updated_at": str})
    _create(database, "notes", {**_RECORD, "ticket_id": str, "position": int}, key=("ticket_id", "id"))
    _create(database, "note_readings", {"ticket_id": str}, key="ticket_id")
    _create(database, "milestones", {"name": str}, key="name")


@MIGRATIONS()
def past_tickets_and_their_index(database: Database) -> None:
    """Add closed tickets as triage learns from them; triggers keep the full-text index in step.

    ``id`` is a real integer key because the index refers to it and VACUUM may renumber an implicit one.
    ``past_terms`` tells in how many tickets a word occurs.
    """
    table = "past_tickets"
    searched = ("company_key", "summary", "customer_text", "resolution")
    columns: dict[str, type] = {"id": int, "ticket_id": str, "closed_at": str, **dict.fromkeys(searched, str)}
    _create(database, table, columns, indexes=["closed_at"])
    database.table(table).create_index(["ticket_id"], unique=True)
    database.table(table).enable_fts(searched, tokenize="unicode61 remove_diacritics 2", create_triggers=True)
    database.execute("create virtual table past_terms using fts5vocab(past_tickets_fts, row)")


@MIGRATIONS()
def since_when_people_have_their_numbers(database: Database) -> None:
    """Add since when each person's number was seen; what was mirrored before this counts from the next reading."""
    _create(database, "person_phones", {"person_id": str, "number": str, "since": str}, key=("person_id", "number"))


def _create(
    database: Database,
    name: str,
    columns: Mapping[str, type],
    *,
    key: str | tuple[str, ...] = "id",
    indexes: Iterable[str] = (),
) -> None:
    table = database.table(name).create(dict(columns), pk=key, not_null=set(columns) - {"resolution", "company_id"})
    for column in indexes:
        table.create_index([column])
