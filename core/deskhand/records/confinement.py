"""Whose rows are whose: on a connection that is for some clients, rows of the others are not there.

The condition is put into every query at the connection, so that no page and no service has to think of it. What
cannot be confined is refused: a new table has to be named here before an account for some clients can read it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, Table, false, or_, select
from sqlalchemy.sql import visitors

from deskhand.records import schema

CLIENTS = "deskhand_clients"
"""The execution option that names the clients a connection is for."""

Clients: TypeAlias = frozenset[str]
Condition: TypeAlias = Callable[[Clients], ColumnElement[bool]]

EVERYBODYS = frozenset(
    {
        schema.accounts,
        schema.audit_head,
        schema.automation_versions,
        schema.automations,
        schema.checkpoints,
        schema.circuits,
        schema.delegations,
        schema.grants,
        schema.policy_versions,
        schema.sessions,
        schema.settings,
        schema.store,
    }
)
"""Tables about the MSP itself: its people, its automations and its policy."""


def _of(column: ColumnElement[Any]) -> Condition:
    return lambda clients: column.in_(sorted(clients))


def _handled(column: ColumnElement[Any]) -> Condition:
    """Let through what belongs to a ticket that is a client's."""
    tickets = schema.explanations.c
    return lambda clients: column.in_(select(tickets.ticket_id).where(tickets.tenant_id.in_(sorted(clients))))


def _diagnosed(clients: Clients) -> ColumnElement[bool]:
    theirs = select(schema.runs.c.id).where(schema.runs.c.tenant_id.in_(sorted(clients)))
    return schema.diagnoses.c.run_id.in_(theirs)


def _stopped(clients: Clients) -> ColumnElement[bool]:
    switches = schema.switches.c
    return or_(switches.level != "tenant", switches.subject.in_(sorted(clients)))


def _nothing(_clients: Clients) -> ColumnElement[bool]:
    return false()


CONDITIONS: Mapping[Table, Condition] = {
    schema.approvals: _of(schema.approvals.c.tenant_id),
    schema.audit: _of(schema.audit.c.tenant),
    schema.calls: _nothing,
    schema.canaries: _nothing,
    schema.cursors: _nothing,
    schema.diagnoses: _diagnosed,
    schema.effects: _of(schema.effects.c.tenant),
    schema.explanations: _of(schema.explanations.c.tenant_id),
    schema.identity_rules: _of(schema.identity_rules.c.tenant_id),
    schema.places: _of(schema.places.c.tenant_id),
    schema.plans: _of(schema.plans.c.tenant_id),
    schema.proofs: _of(schema.proofs.c.tenant_id),
    schema.quarantine: _of(schema.quarantine.c.tenant_id),
    schema.reviews: _nothing,
    schema.rollouts: _of(schema.rollouts.c.tenant_id),
    schema.runs: _of(schema.runs.c.tenant_id),
    schema.shadows: _of(schema.shadows.c.tenant_id),
    schema.switches: _stopped,
    schema.work: _handled(schema.work.c.ticket_id),
}
"""Which rows of a table are a client's."""


def confine(
    connection: Connection,
    statement: Any,  # noqa: ANN401  # whatever is about to be executed
    several: Any,  # noqa: ANN401  # its parameters
    values: Any,  # noqa: ANN401  # as above
    _options: Mapping[str, Any],
) -> tuple[Any, Any, Any]:
    """Confine what is about to be executed on a connection that is for some clients (an event of SQLAlchemy's)."""
    clients = connection.get_execution_options().get(CLIENTS)
    return (statement if clients is None else confined(statement, clients)), several, values


def confined(statement: Any, clients: Clients) -> Select[Any]:  # noqa: ANN401  # as above
    """Return a query that finds rows of these clients alone. Raises RuntimeError for what cannot be confined."""
    if not isinstance(statement, Select):
        raise RuntimeError("only a query made of tables can be confined to clients")  # noqa: TRY004  # no type of ours
    tables = {each for each in visitors.iterate(statement) if isinstance(each, Table)}
    outer = {each for source in statement.get_final_froms() for each in visitors.iterate(source)}
    if not tables <= outer or not tables <= CONDITIONS.keys() | EVERYBODYS:
        raise RuntimeError("a query reads a table nobody has said whose rows are")
    return statement.where(*(CONDITIONS[each](clients) for each in sorted(tables & CONDITIONS.keys(), key=str)))
