"""Invented runs of one automation, which sets a ticket's status and puts its requester into a group."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from deskhand.agent.diagnosis.failed_run import FailedRun, Need
from deskhand.automation import yaml_form
from deskhand.automation.document import Automation, Check
from deskhand.automation.known import KnownActions, known
from deskhand.automation.plan import Argument, AutomationPin, Named, Plan, PlannedStep, SourceKind
from deskhand.records.diagnoses import Replay
from deskhand.records.runs import Cause, RecordedChange, Run, RunState, StepRecord, StepState
from deskhand.sdk.actions import Effect
from deskhand.sdk.models import Reference
from deskhand_identity_entra.actions import ACTIONS as ENTRA
from deskhand_notify_twilio.actions import ACTIONS as TWILIO
from deskhand_psa_connectwise.actions import ACTIONS as CONNECTWISE

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ACTIONS = known((*ENTRA, *TWILIO, *CONNECTWISE))
OLD_STATUS = "11"
TEXT = f"""
name: vpn-access
version: 1
title: Let the requester use the VPN
description: Puts the requester into the group of the VPN and closes the ticket.
match:
  required: [vpn]
parameters:
  ticket: {{kind: identifier, source: ticket.id}}
  company: {{kind: identifier, source: tenant.id}}
  user: {{kind: identifier, source: requester.directory_user}}
  group: {{kind: identifier, source: directory.group, named: VPN users}}
steps:
  - id: join
    action: identity_entra.add_group_member
    title: Add the requester to the group
    arguments:
      company_id: {{parameter: company}}
      user_id: {{parameter: user}}
      group_id: {{parameter: group}}
    verify: read_back
    undo: restore
  - id: resolve
    action: psa_connectwise.update_triage
    title: Set the status
    arguments:
      ticket_id: {{parameter: ticket}}
      status_id: {{constant: '{OLD_STATUS}'}}
    undo: restore
approval: {{role: approver}}
"""
DOCUMENT = yaml_form.load(TEXT)
NEEDS = {"identity_entra.add_group_member": Need("GroupMember.ReadWrite.All", "https://vendor.example/group")}
WORKED: Mapping[str, tuple[RecordedChange, ...]] = {
    "join": (RecordedChange(field="Ada King in VPN users", current="not a member", desired="a member"),),
    "resolve": (RecordedChange(field="status", current="New", desired="Resolved"),),
}


def plan(number: int, *, tenant: str = "1", status: str = OLD_STATUS) -> Plan:
    """Plan the automation for ticket ``number``."""
    fixed = "constant of vpn-access, version 1"
    ticket = Argument(source=SourceKind.TICKET, value=str(number), origin="the ticket")
    company = Argument(source=SourceKind.TICKET, value=tenant, origin="the ticket's client")
    user = Argument(source=SourceKind.DIRECTORY, value=f"user-{number}", origin="the requester's account")
    return Plan(
        id=f"p-{number:016x}",
        ticket_id=str(number),
        tenant=Named(id=tenant, name=f"Client {tenant}"),
        requested_by="jo",
        person=Named(id="9", name="Ada King"),
        automation=AutomationPin(name="vpn-access", version=1, sha256="0" * 64),
        steps=(
            PlannedStep(
                id="join",
                action="identity_entra.add_group_member",
                title="Add the requester to the group",
                tier=2,
                effect=Effect.IDEMPOTENT,
                arguments={
                    "company_id": company,
                    "user_id": user,
                    "group_id": Argument(source=SourceKind.DIRECTORY, value="g-1", origin="the group of this name"),
                },
            ),
            PlannedStep(
                id="resolve",
                action="psa_connectwise.update_triage",
                title="Set the status",
                tier=1,
                effect=Effect.IDEMPOTENT,
                arguments={
                    "ticket_id": ticket,
                    "status_id": Argument(source=SourceKind.CONSTANT, value=status, origin=fixed),
                },
            ),
        ),
    )


def run(number: int, *, failed: tuple[str, Cause] | None = None, tenant: str = "1", **facts: object) -> Run:
    """Make a run of ticket ``number``, an hour before the next number's; ``failed`` names the step and the cause."""
    at = NOW - timedelta(days=30) + timedelta(hours=number)
    steps, has_failed = [], False
    for step_id, action in (("join", "identity_entra.add_group_member"), ("resolve", "psa_connectwise.update_triage")):
        values: dict[str, object] = {"state": StepState.DONE, "changes": WORKED[step_id], "attempts": 1, "ended_at": at}
        if has_failed:
            values = {"state": StepState.SKIPPED}
        elif failed and failed[0] == step_id:
            has_failed = True
            error = f"{action}: it did not go"
            state = StepState.UNKNOWN if failed[1] is Cause.UNKNOWN_OUTCOME else StepState.FAILED
            values = {"state": state, "cause": failed[1], "error": error, "attempts": 3, "ended_at": at, **facts}
        steps.append(StepRecord.model_validate({"id": step_id, "action": action, **values}))
    return Run(
        id=f"r-{number:016x}",
        plan_id=f"p-{number:016x}",
        plan_sha256="0" * 64,
        ticket_id=str(number),
        tenant_id=tenant,
        automation="vpn-access",
        state=RunState.FAILED if has_failed else RunState.DONE,
        steps=tuple(steps),
        requested_by="jo",
        started_at=at - timedelta(minutes=1),
        ended_at=at,
    )


def failure(
    step: str,
    cause: Cause,
    others: Sequence[Run] = (),
    *,
    document: Automation | None = DOCUMENT,
    status: str = OLD_STATUS,
    ring: str = "",
    prompts: int = 0,
) -> FailedRun:
    """Make a failed run, ticket 500's, beside others (newest first)."""
    earlier = [(each, plan(int(each.ticket_id), tenant=each.tenant_id, status=status)) for each in others]
    mine = run(500, failed=(step, cause), ring=ring, prompts=prompts)
    return FailedRun(mine, plan(500, status=status), document, TEXT, others, earlier, NEEDS)


class World:
    """What is so now."""

    def __init__(
        self,
        choices: Mapping[str, Sequence[Reference]] | None = None,
        lacking: Mapping[Check, str] | None = None,
        words: Mapping[str, frozenset[str]] | None = None,
        actions: KnownActions = ACTIONS,
    ) -> None:
        self._choices, self._lacking, self._words = choices or {}, lacking or {}, words or {}
        self.actions = actions

    def choices(self, _action: str, argument: str, _name: str) -> tuple[Reference, ...]:
        return tuple(self._choices.get(argument, ()))

    def lacks(self, check: Check) -> str | None:
        return self._lacking.get(check)

    def words(self, ticket_id: str) -> frozenset[str]:
        return self._words.get(ticket_id, frozenset())


def green(_document: Automation) -> Replay:
    """Find every version good."""
    return Replay(is_green=True, lines=("all of it would work",), would_run=True)


def red(_document: Automation) -> Replay:
    """Find no version good."""
    return Replay(is_green=False, lines=("it would fail again",), would_run=True)
