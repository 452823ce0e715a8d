"""An invented catalogue, an automation that uses it, and one requester's facts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from deskhand.automation.document import Automation, Check, FactSource, Parameter
from deskhand.automation.known import KnownAction, KnownActions
from deskhand.automation.plan import Argument, Refusal, RefusalReason, SourceKind
from deskhand.automation.yaml_form import load
from deskhand.sdk.actions import Arguments, Effect
from deskhand.sdk.models import Person, Reference, TenantContext, Ticket

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
CLIENT = Reference("7", "Marlow & Tern")
ADA = Person("31", "Ada King", CLIENT, ("ada@marlow.example",), ("+441632960101",))
CONTEXT = TenantContext(CLIENT, "100", ADA, ())
USER = "0b7f5a6e-2a52-4a0e-9a0d-3a1f5d2c9b11"
MOBILE = "+441632960101"
SHA = "a" * 64


class UserArguments(Arguments):
    company_id: str
    user_id: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


class NumberArguments(Arguments):
    company_id: str
    to: Annotated[str, Field(pattern=r"^\+[0-9]{6,15}$")]


class TextArguments(NumberArguments):
    text: Annotated[str, Field(min_length=1, max_length=200)]


class CodeArguments(NumberArguments):
    verification_sid: str
    code: str


class NoteArguments(Arguments):
    ticket_id: str
    text: str
    copies: Annotated[int, Field(ge=1, le=3)] = 1


def action(name: str, arguments: type[Arguments], tier: int = 2, **facts: object) -> KnownAction:
    values: dict[str, object] = {
        "title": name,
        "effect": Effect.IDEMPOTENT,
        "irreversible": None,
        "undo_hours": 24,
        "needs_proof": False,
        "proves_identity": False,
        **facts,
    }
    return KnownAction(name=name, tier=tier, fields=arguments.model_fields, **values)  # type: ignore[arg-type]  # a test's shorthand


ACTIONS: KnownActions = {
    each.name: each
    for each in (
        action("sms_example.start", NumberArguments),
        action("sms_example.check", CodeArguments, proves_identity=True, irreversible="A code counts once."),
        action("sms_example.send", TextArguments, irreversible="A text cannot be called back."),
        action("users_example.reset", UserArguments, 3, needs_proof=True, irreversible="The old one is unknown."),
        action("users_example.revoke", UserArguments, irreversible="The user signs in again."),
        action("users_example.enable", UserArguments, 3),
        action("users_example.erase", UserArguments, 4, irreversible="It is gone."),
        action("psa_example.note", NoteArguments, 1),
    )
}

TEXT = """\
name: locked-account
version: 1
title: Let a locked-out person in again
description: Proves who they are, resets the password and ends old sessions.

match:
  any: [locked, lock*]
  forbidden: [printer]
  types: [Accounts]

preconditions:
  - check: requester_is_known
  - check: requester_has_mobile
  - check: requester_is_not_privileged
  - check: within_hours
    hours: {start: "08:00", end: "18:00", zone: UTC}

parameters:
  company: {kind: identifier, source: tenant.id}
  user: {kind: identifier, source: requester.directory_user}
  mobile: {kind: phone, source: requester.mobile}

steps:
  - id: ask
    action: sms_example.start
    title: Text them a code
    arguments: {company_id: {parameter: company}, to: {parameter: mobile}}
    verify: read_back
    undo: restore
  - id: check
    action: sms_example.check
    title: Check the code
    arguments:
      company_id: {parameter: company}
      to: {parameter: mobile}
      verification_sid: {step: ask.reference}
      code: {prompt: "Which code did they read out?"}
    verify: read_back
    irreversible: A code counts once.
  - id: reset
    action: users_example.reset
    title: Reset the password
    arguments: {company_id: {parameter: company}, user_id: {parameter: user}}
    verify: read_back
    irreversible: The old password is unknown.
  - id: tell
    action: sms_example.send
    title: Tell them
    arguments: {company_id: {parameter: company}, to: {parameter: mobile}, text: {constant: Your password was reset.}}
    verify: read_back
    irreversible: A text cannot be called back.

approval: {role: approver, expires_minutes: 60}
"""


def automation(old: str = "", new: str = "") -> Automation:
    """The example, or the example with a piece of its text replaced."""
    assert old in TEXT
    return load(TEXT.replace(old, new) if old else TEXT)


def ticket(ticket_id: str = "100") -> Ticket:
    return Ticket(
        id=ticket_id,
        version="1",
        summary="I am locked out",
        board=Reference("b", "Service"),
        status=Reference("n", "New"),
        is_closed=False,
        created_at=NOW,
        updated_at=NOW,
        company=CLIENT,
    )


def fact(value: str, origin: str, source: SourceKind = SourceKind.DIRECTORY) -> Argument:
    return Argument(source=source, value=value, origin=origin, person=ADA.id)


@dataclass
class Known:
    """One requester's facts; what is not in them is missing."""

    facts: dict[FactSource, Argument] = field(
        default_factory=lambda: {
            FactSource.TENANT_ID: fact("7", "the client"),
            FactSource.TICKET_ID: fact("100", "the ticket", SourceKind.TICKET),
            FactSource.REQUESTER_DIRECTORY_USER: fact(USER, "the requester's account"),
            FactSource.REQUESTER_MOBILE: fact(MOBILE, "the requester's mobile number"),
        }
    )
    lacking: dict[Check, str] = field(default_factory=dict)

    def value(self, parameter: Parameter) -> Argument | Refusal:
        missing = Refusal(clause="", reason=RefusalReason.FACT_MISSING, detail=f"no {parameter.source} on record")
        return self.facts.get(parameter.source, missing)

    def lacks(self, check: Check) -> str | None:
        return self.lacking.get(check)
