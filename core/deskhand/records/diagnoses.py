"""Why runs failed: the cause, the evidence, and the change that is proposed or what a person must do instead."""

from enum import StrEnum

from pydantic import AwareDatetime, JsonValue
from sqlalchemy import or_, select

from deskhand.records.canonical import canonical_json, written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.documents import StoredDocument
from deskhand.records.runs import RunState
from deskhand.records.schema import diagnoses, runs


class FailureCause(StrEnum):
    """What lies behind a failure, in a word that says whose turn it is."""

    AUTHORISATION = "authorisation"
    """The credential itself is refused: renew it."""
    PERMISSION = "permission"
    """The credential works and may not do this, or the connector is not set up for this client."""
    NOT_FOUND = "not found"
    """What this ticket is about is not there, or not visible."""
    CHANGED_DATA = "changed data"
    """Something the automation relies on is not as it was: it worked before."""
    RATE = "rate"
    OUTAGE = "outage"
    POLICY = "policy"
    """We refused it ourselves: a switch, a grant, an approval, a budget."""
    PERSON = "person"
    """The person did not prove who they are, or was not reached."""
    BUG = "bug"


class Evidence(StoredDocument):
    """One thing that speaks for the cause, in words of our own with identifiers; ``runs`` are those it was seen in."""

    text: str
    runs: tuple[str, ...] = ()


class Replay(StoredDocument):
    """A proposed version tried on the input that failed: bound, checked and looked at; nothing was carried out."""

    is_green: bool
    lines: tuple[str, ...]
    """What each part came to, in order."""
    would_run: bool
    """Whether it would act on this ticket; a version that keeps off it may be the mend."""


class ProposedChange(StoredDocument):
    """A change of an automation that rules justify and a replay found good. It is a draft until people approve it."""

    automation: str
    from_version: int
    rule: str
    because: str
    yaml: str
    """The whole proposed document."""
    diff: str
    """Unified, from the version that failed."""
    replay: Replay


class Diagnosis(StoredDocument):
    """Why one run failed. Either there is a change, or it says what a person must do; with a change, both."""

    run_id: str
    ticket_id: str
    tenant_id: str
    automation: str
    version: int | None
    cause: FailureCause
    step_id: str
    action: str
    summary: str
    evidence: tuple[Evidence, ...]
    change: ProposedChange | None = None
    rejected: tuple[ProposedChange, ...] = ()
    """Changes that rules suggested and the replay found wanting: they are not offered."""
    todo: str
    """What a person does next."""
    at: AwareDatetime


def save(transaction: Transaction, diagnosis: Diagnosis) -> None:
    """Keep a diagnosis in place of the run's earlier one."""
    transaction.put(
        diagnoses,
        {"run_id": diagnosis.run_id},
        {
            "automation": diagnosis.automation,
            "cause": diagnosis.cause,
            "at": written_time(diagnosis.at),
            "document": canonical_json(diagnosis.model_dump(mode="json")),
            "place": transaction.next_seq,
        },
    )
    detail: dict[str, JsonValue] = {
        "run": diagnosis.run_id,
        "automation": diagnosis.automation,
        "cause": diagnosis.cause.value,
        "step": diagnosis.step_id,
        "rule": diagnosis.change.rule if diagnosis.change else "",
    }
    transaction.audit("run.diagnosed", tenant=diagnosis.tenant_id, ticket=diagnosis.ticket_id, detail=detail)


def find(records: Records, run_id: str) -> Diagnosis | None:
    """Return a run's diagnosis."""
    query = select(diagnoses.c.document).where(diagnoses.c.run_id == run_id)
    with records.reading() as connection:
        document = connection.execute(query).scalar_one_or_none()
    return None if document is None else Diagnosis.model_validate_json(document)


def recent(records: Records, limit: int, *, automation: str | None = None) -> list[Diagnosis]:
    """List diagnoses, newest first: of every run, or of one automation's."""
    query = select(diagnoses.c.document).order_by(diagnoses.c.place.desc()).limit(limit)
    if automation is not None:
        query = query.where(diagnoses.c.automation == automation)
    with records.reading() as connection:
        return [Diagnosis.model_validate_json(document) for document in connection.execute(query).scalars()]


def missing(records: Records, limit: int) -> list[str]:
    """List by id the runs that failed since they were last diagnosed, oldest first. Cheap where there are none."""
    state = runs.c.state.in_((RunState.FAILED, RunState.NEEDS_REVIEW))
    joined = runs.outerjoin(diagnoses, diagnoses.c.run_id == runs.c.id)
    is_news = or_(diagnoses.c.run_id.is_(None), diagnoses.c.at < runs.c.ended_at)
    query = select(runs.c.id).select_from(joined).where(state, is_news).order_by(runs.c.place).limit(limit)
    with records.reading() as connection:
        return [str(run_id) for run_id in connection.execute(query).scalars()]


def causes(records: Records) -> dict[str, FailureCause]:
    """Return the cause of every diagnosed run, by its id."""
    with records.reading() as connection:
        rows = connection.execute(select(diagnoses.c.run_id, diagnoses.c.cause))
        return {str(run_id): FailureCause(cause) for run_id, cause in rows}
