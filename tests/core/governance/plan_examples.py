"""Plans that tests of approvals and proofs are about."""

from deskhand.automation.plan import Argument, AutomationPin, Named, Plan, PlannedStep, SourceKind
from deskhand.records import accounts
from deskhand.records.accounts import Account
from deskhand.records.database import Records
from deskhand.sdk.actions import Effect

BOB = Named(id="17", name="Bob Smith")
PIN = AutomationPin(name="unlock", version=3, sha256="ab" * 32)


def on_record(value: str, person: str | None = "17") -> Argument:
    return Argument(source=SourceKind.DIRECTORY, value=value, origin="the directory's record", person=person)


def reset(title: str = "Give a cloud user a temporary password") -> PlannedStep:
    return PlannedStep(
        id="reset",
        action="identity_entra.reset_password",
        title=title,
        tier=3,
        effect=Effect.ONCE,
        irreversible="The former password cannot be read.",
        needs_proof=True,
        arguments={"user_id": on_record("u-1")},
        clause="reset the password",
    )


def check(to: Argument | None = None) -> PlannedStep:
    return PlannedStep(
        id="check",
        action="notify_twilio.check_verification",
        title="Check the code",
        tier=2,
        effect=Effect.ONCE,
        irreversible="A code counts once.",
        proves_identity=True,
        arguments={
            "to": to or on_record("+44 1632 960001"),
            "code": Argument(source=SourceKind.PROMPT, origin="What code did they read out?"),
        },
    )


def plan(
    *steps: PlannedStep,
    requested_by: str = "ann",
    ticket_id: str = "100",
    tenant: str = "19",
    number: int = 1,
    automation: AutomationPin | None = None,
    sentence: str = "verify the user, then reset the password",
) -> Plan:
    return Plan(
        id=f"p-{number:016x}",
        ticket_id=ticket_id,
        tenant=Named(id=tenant, name="Marlow & Tern"),
        requested_by=requested_by,
        person=BOB,
        sentence=sentence,
        automation=automation,
        steps=steps or (check(), reset()),
    )


def account(records: Records, name: str) -> Account:
    found = accounts.find(records, name)
    assert found is not None
    return found
