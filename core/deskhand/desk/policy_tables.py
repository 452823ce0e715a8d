"""Tables of grants as files: written by admins, read strictly, with the cases they are meant to decide."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

import tomli_w
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deskhand.automation.stage import Stage
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance.permission import Need, Permissions
from deskhand.governance.request import Request
from deskhand.records.accounts import Role
from deskhand.records.grants import Grant, Mode, read_grants
from deskhand.sdk.actions import AnyAction

_GROUP = "group:"
_GROUPS = TypeAdapter(dict[str, Annotated[tuple[str, ...], Field(min_length=1)]])


class Case(BaseModel):
    """One thing an admin expects of a table: what is asked, and how far it is to be let go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    tenant: str
    action: str
    by: str = "a technician"
    """``automation:<name>`` where an automation asks; anyone else asks as a technician."""
    automation: str = ""
    stage: Stage | None = None
    is_privileged: bool = False
    at: AwareDatetime = datetime(2026, 1, 7, 12, tzinfo=UTC)
    expect: Mode
    rule: str = ""
    """A rule that has to be among those that decide it; left out, any may."""


class TableFile(BaseModel):
    """A file with ``[[grants]]``, with ``[[cases]]``, or with both; ``grants`` is None where it has none.

    ``[groups]`` of approvers are written out: the grants that are read name people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    grants: tuple[Grant, ...] | None = None
    cases: tuple[Case, ...] = Field(default=())

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read and check a file. Raises DeskRefusedError, naming what is wrong and where."""
        try:
            found = cls.model_validate(_with_groups(tomllib.loads(file.read_text(encoding="utf-8"))))
            read_grants([grant.model_dump() for grant in found.grants or ()])
        except ValidationError as error:
            raise DeskRefusedError(f"{file}: {'; '.join(_problems(error))}") from error
        except (OSError, ValueError) as error:
            raise DeskRefusedError(f"{file}: {error}") from error
        return found

    @classmethod
    def grants_in(cls, file: Path) -> tuple[Grant, ...]:
        """Read the table of a file that must hold one. Raises DeskRefusedError."""
        found = cls.read(file)
        if found.grants is None:
            raise DeskRefusedError(f"{file} has no [[grants]]: to have no grant at all, write `grants = []`")
        return found.grants


def _with_groups(document: dict[str, Any]) -> dict[str, Any]:
    """Write the people of ``[groups]`` where a grant names ``group:<name>``. Raises ValueError where there is none.

    What is proposed, approved and held names people: whoever approves the table reads who may approve.
    """
    groups, rows = _GROUPS.validate_python(document.pop("groups", {})), document.get("grants")
    for grant in rows if isinstance(rows, list) else ():
        for field in ("approvers", "managers"):
            if isinstance(grant, dict) and isinstance(grant.get(field), list):
                grant[field] = [person for name in grant[field] for person in _people(name, groups)]
    return document


def _people(name: object, groups: Mapping[str, tuple[str, ...]]) -> tuple[object, ...]:
    if not isinstance(name, str) or not name.startswith(_GROUP):
        return (name,)
    group = name.removeprefix(_GROUP)
    if group not in groups:
        raise ValueError(f"there is no group {group}: add it under [groups]; there is {', '.join(groups) or 'none'}")
    return groups[group]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case came to."""

    case: Case
    need: Need

    @property
    def is_met(self) -> bool:
        """Tell whether it came out as expected, by the rule it names."""
        return self.need.mode is self.case.expect and self.case.rule in {"", *self.need.decision.rules}


def written(grants: Sequence[Grant]) -> str:
    """Write a table as a file that `TableFile` reads, to start a proposal from."""
    return tomli_w.dumps({"grants": [grant.model_dump(mode="json", exclude_defaults=True) for grant in grants]})


def try_cases(cases: Sequence[Case], grants: Sequence[Grant], actions: Mapping[str, AnyAction]) -> list[CaseResult]:
    """Decide every case by a table. Raises DeskRefusedError for a case about an action there is not."""
    permissions = Permissions(grants)
    return [CaseResult(case, permissions.need(request_of(case, actions))) for case in cases]


def request_of(case: Case, actions: Mapping[str, AnyAction]) -> Request:
    """Ask what a case asks. Raises DeskRefusedError for an action there is not."""
    action = actions.get(case.action)
    if action is None:
        raise DeskRefusedError(f"there is no action {case.action}; there are {', '.join(sorted(actions))}")
    return Request(
        requested_by=case.by,
        roles=frozenset({Role.TECHNICIAN}),
        action=action.name,
        tier=action.tier,
        needs_proof=action.needs_proof,
        resets_proof=action.resets_proof,
        people=frozenset({"the person concerned"}),
        plan_tenant=case.tenant,
        ticket_id="",
        ticket_tenant=case.tenant,
        target_tenant=case.tenant,
        is_privileged=case.is_privileged,
        automation=case.automation or case.by.partition("automation:")[2],
        stage=case.stage,
        at=case.at,
    )


def _problems(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_input=False, include_url=False):
        yield f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
