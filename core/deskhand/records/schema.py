"""The tables of the record store, written once for SQLite and PostgreSQL.

Every value is text, an integer or bytes: times are ISO 8601 in UTC with microseconds, which sort as text, and documents
are JSON text, so that what was hashed is what is stored.
"""

from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects import postgresql

from deskhand.records.generated import EntryField, GeneratedFromEntry

VERSION = 2
"""The version of the tables below; `migrations` brings older stores up to it."""

metadata = MetaData()

_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Sorts by code point everywhere, as SQLite does."""


def _table(name: str, *parts: Any) -> Table:  # noqa: ANN401  # SQLAlchemy's own boundary: columns and indexes alike
    return Table(name, metadata, *parts, sqlite_strict=True)


def _words(name: str) -> Column[str]:
    return Column(name, _TEXT, nullable=False)


def _key(name: str) -> Column[str]:
    return Column(name, _TEXT, primary_key=True, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=False, nullable=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


store = _table("store", _count("id"), _number("version"), _words("origin"))
"""One row: which version wrote the tables, and the name checkpoints are signed under."""

audit = _table(
    "audit",
    _count("seq"),
    _words("entry"),
    _bytes("chain"),
    Column("tenant", _TEXT, GeneratedFromEntry(EntryField("tenant"))),
    Column("ticket", _TEXT, GeneratedFromEntry(EntryField("ticket"))),
    Index("audit_by_tenant", "tenant", "seq"),
    Index("audit_by_ticket", "ticket", "seq"),
)
"""The log: canonical entries in order, each with the hash chain up to and including it. Append only."""

audit_head = _table("audit_head", _count("id"), _number("size"), _bytes("chain"), _bytes("frontier"), _bytes("state"))
"""One row: where the log ends, so that opening a store reads none of it. Checked whenever the log is verified."""

checkpoints = _table("checkpoints", _count("epoch"), _number("size"), _words("note"))
"""Signed notes, one an epoch. Append only."""

work = _table(
    "work",
    _key("connector"),
    _key("ticket_id"),
    _words("version"),
    _words("state"),
    _number("attempts"),
    Column("not_before", _TEXT),
    _number("place"),
    Index("work_by_state", "state", "place"),
)

cursors = _table(
    "cursors",
    _key("connector"),
    Column("since", _TEXT),
    Column("page", _TEXT),
    Column("highest", _TEXT),
    _words("phase"),
)

effects = _table(
    "effects",
    _key("key"),
    _words("action"),
    _words("tenant"),
    _words("ticket"),
    _words("arguments_sha256"),
    _words("state"),
    Column("receipt", _TEXT),
    _words("reason"),
)

explanations = _table(
    "explanations",
    _key("ticket_id"),
    _words("outcome"),
    Column("tenant_id", _TEXT),
    _number("place"),
    _words("document"),
    Index("explanations_by_place", "place"),
    Index("explanations_by_outcome", "outcome", "place"),
    Index("explanations_by_tenant", "tenant_id", "place"),
)

quarantine = _table(
    "quarantine",
    _key("connector"),
    _key("ticket_id"),
    _words("state"),
    _number("place"),
    _words("held_at"),
    _words("reason"),
    _words("suggestion"),
    _words("candidates"),
    _words("evidence"),
    Column("tenant_id", _TEXT),
    Column("tenant_name", _TEXT),
    Index("quarantine_by_ticket", "ticket_id"),
)

identity_rules = _table("identity_rules", _key("kind"), _key("value"), _words("tenant_id"), _words("tenant_name"))

plans = _table(
    "plans",
    _key("id"),
    _words("sha256"),
    _words("ticket_id"),
    _words("tenant_id"),
    _words("requested_by"),
    _words("created_at"),
    _words("document"),
    _number("place"),
    Index("plans_by_ticket", "ticket_id", "place"),
)
"""Plans as canonical JSON: what was hashed is what is stored. A plan never changes."""

approvals = _table(
    "approvals",
    _key("id"),
    _words("plan_id"),
    _words("plan_sha256"),
    _words("ticket_id"),
    _words("tenant_id"),
    _words("requested_by"),
    _words("state"),
    _words("requested_at"),
    _words("expires_at"),
    Column("decided_by", _TEXT),
    Column("decided_at", _TEXT),
    _words("document"),
    _number("place"),
    Index("approvals_by_plan", "plan_id"),
    Index("approvals_by_state", "state", "place"),
)
"""Requests for a decision and what became of them; ``document`` holds what else is known (comment, quorum, votes)."""

delegations = _table(
    "delegations",
    _key("id"),
    _words("delegator"),
    _words("delegate"),
    _words("state"),
    _words("starts_at"),
    _words("ends_at"),
    _words("document"),
    _number("place"),
    Index("delegations_by_state", "state", "ends_at"),
)
"""Whose approving somebody else exercises, from when until when; ``document`` says why, and who ended it."""

runs = _table(
    "runs",
    _key("id"),
    _words("plan_id"),
    _words("ticket_id"),
    _words("tenant_id"),
    _words("automation"),
    _words("state"),
    _number("segment"),
    _words("started_at"),
    Column("ended_at", _TEXT),
    _words("document"),
    _number("place"),
    Index("runs_by_ticket", "ticket_id", "place"),
    Index("runs_by_state", "state", "place"),
    Index("runs_by_automation", "automation", "place"),
    Index("runs_by_tenant", "tenant_id", "place"),
    Index("runs_by_start", "started_at"),
)
"""One row a run; ``automation`` is its name or empty, ``document`` the steps and what came of each."""

proofs = _table(
    "proofs",
    _key("id"),
    _words("person_id"),
    _words("ticket_id"),
    _words("tenant_id"),
    _words("plan_id"),
    _words("method"),
    _words("proven_at"),
    _words("state"),
    _words("provider"),
    Column("unchanged_since", _TEXT),
    Index("proofs_by_plan", "plan_id"),
    Index("proofs_by_person", "person_id"),
)
"""Who has proven who they are, by what and whom, when and for which plan; attempts that failed too.

``unchanged_since`` is since when the number that was reached had been theirs."""

automations = _table(
    "automations", _key("name"), _words("state"), _words("reason"), _words("created_at"), _words("document")
)
"""One row an automation: draft, approved, paused or retired, and why."""

automation_versions = _table(
    "automation_versions",
    _key("name"),
    _count("version"),
    _words("state"),
    _words("sha256"),
    _words("author"),
    Column("approver", _TEXT),
    _words("created_at"),
    _words("document"),
    _words("evidence"),
)
"""The YAML people approve, as it was approved, and ``evidence``: where it came from, its back-test, its linting."""

rollouts = _table(
    "rollouts", _key("automation"), _key("tenant_id"), _words("stage"), _words("overlay"), _words("detail")
)
"""How far an automation has come at one client (off, shadow, ask, auto) and what is different there."""

shadows = _table(
    "shadows",
    _key("automation"),
    _key("ticket_id"),
    _words("tenant_id"),
    _number("version"),
    _words("at"),
    _words("document"),
    _number("place"),
)
"""What an automation would have done about a ticket, and what people did: nothing of it was carried out."""

grants = _table("grants", _key("id"), _words("tenant_id"), _words("subject"), _words("document"))
"""What a client allows: one row a grant; an admin edits them."""

policy_versions = _table(
    "policy_versions",
    _count("version"),
    _words("author"),
    Column("approver", _TEXT),
    _words("created_at"),
    _words("document"),
)
"""Every grant table there was, who proposed it and who approved it."""

switches = _table(
    "switches", _key("level"), _key("subject"), _words("thrown_by"), _words("thrown_at"), _words("reason")
)
"""What is stopped: global, a tenant, a connector, an automation. No row: it goes."""

accounts = _table("accounts", _key("name"), _words("state"), _words("password"), _words("document"))
"""People who sign in: ``password`` is an argon2 hash, ``document`` their name, roles and PSA member."""

sessions = _table(
    "sessions", _key("token_sha256"), _words("account"), _words("created_at"), _words("expires_at"), _words("state")
)
"""Who is signed in. The token itself is nowhere but in the browser."""

reviews = _table(
    "reviews",
    _key("subject"),
    _key("id"),
    _words("state"),
    _words("sampled_at"),
    _words("mark"),
    _words("document"),
    _number("place"),
    Index("reviews_by_state", "state", "place"),
)
"""Decisions drawn for review, and the marks people gave: these become labels."""

diagnoses = _table(
    "diagnoses",
    _key("run_id"),
    _words("automation"),
    _words("cause"),
    _words("at"),
    _words("document"),
    _number("place"),
)
"""Why a run failed, the evidence, and the change that is proposed."""

circuits = _table(
    "circuits",
    _key("connector"),
    _key("connection"),
    _words("opened_at"),
    _number("failures"),
    _words("reason"),
)
"""Connections to vendors that calls stopped on: one row while a circuit breaker is open, none where calls go."""

places = _table(
    "places",
    _key("run_id"),
    _words("tenant_id"),
    _words("automation"),
    _words("requested_by"),
    _words("taken_at"),
    _number("place"),
    Index("places_by_time", "taken_at"),
)
"""Runs that have begun to change something, in that order: what the caps of an hour are compared with."""

canaries = _table("canaries", _key("automation"), _count("version"), _words("state"), _words("document"))
"""How a version of an automation goes from one client to all: who has it, since when, and what stopped it."""

settings = _table("settings", _key("name"), _words("value"))
"""Small facts the desk keeps about itself, such as that set-up is over."""

SINCE_VERSION_2 = (
    plans,
    approvals,
    delegations,
    runs,
    proofs,
    automations,
    automation_versions,
    rollouts,
    shadows,
    grants,
    policy_versions,
    switches,
    accounts,
    sessions,
    reviews,
    diagnoses,
    circuits,
    places,
    canaries,
    settings,
)

calls = _table("calls", _key("connector"), _count("minute"), _key("purpose"), _number("sent"))
"""How many calls each connector made in which minute since 1970, and for whom: all processes together."""

COUNTERS = (calls,)
"""What is only counted: it forgets after a day, and no audit entry vouches for it."""

RECORDS = (work, cursors, effects, explanations, quarantine, identity_rules, *SINCE_VERSION_2)
"""The tables whose rows every audit entry vouches for."""

LOG = (store, audit, audit_head, checkpoints)
"""The tables only the audit log itself writes."""


def create(connection: Connection) -> None:
    """Create every table of the present version, and the triggers that keep the log append-only."""
    metadata.create_all(connection)
    for table in (audit, checkpoints):
        for statement in _append_only(table.name, connection.dialect.name):
            connection.execute(text(statement))


def refusal(table: str) -> str:
    """Return the body of the function that keeps a table append-only on PostgreSQL."""
    return f" BEGIN RAISE EXCEPTION '{table} is append-only'; END "


def _append_only(table: str, dialect: str) -> tuple[str, ...]:
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for change in ("UPDATE", "DELETE")
        )
    refuse = f"{table}_append_only"
    body = f"$${refusal(table)}$$"
    change = f"UPDATE OR DELETE OR TRUNCATE ON {table}"
    return (
        f"CREATE FUNCTION {refuse}() RETURNS trigger LANGUAGE plpgsql AS {body}",
        f"CREATE TRIGGER {refuse} BEFORE {change} FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()",
    )
