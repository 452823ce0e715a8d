"""What deskhand can do by Twilio: text a person, and have a person prove who they are.

Twilio knows nothing of clients. Whose a call is, is what its arguments say: the PSA company whose record the number was
read from. The gate compares that with the ticket's; nobody can compare the number with the company but who read it.
"""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, JsonValue

from deskhand.sdk.actions import Action, AnyAction, Arguments, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand_notify_twilio import mapping
from deskhand_notify_twilio.connector import NAME, Twilio
from deskhand_notify_twilio.settings import Number

MESSAGES = "https://www.twilio.com/docs/messaging/api/message-resource"
VERIFICATIONS = "https://www.twilio.com/docs/verify/api/verification"
CHECKS = "https://www.twilio.com/docs/verify/api/verification-check"

LONGEST_TEXT = 1_500
"""Leaves room for the line a message is found by."""

CompanyId: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
"""The PSA's identifier of the client whose person it is."""


def _legible(text: str) -> str:
    """Refuse what a person who approves the text would not see."""
    if not text.strip() or not all(each.isprintable() or each == "\n" for each in text):
        raise ValueError("a text with words in it, and without invisible characters")
    return text


Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_legible)]
VerificationSid: TypeAlias = Annotated[str, Field(pattern=r"^VE[0-9a-fA-F]{32}$")]
Code: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{4,10}$", repr=False)]


class SmsArguments(Arguments):
    """A text for a person of a client."""

    company_id: CompanyId
    to: Number
    text: Text


class StartArguments(Arguments):
    """A person of a client to be verified."""

    company_id: CompanyId
    to: Number


class CheckArguments(Arguments):
    """The code that person read out, for the verification started for them."""

    company_id: CompanyId
    to: Number
    verification_sid: VerificationSid
    code: Code


def inspect_sms(connector: Twilio, arguments: SmsArguments) -> Inspection:
    """Show who would be texted what; nothing is asked of Twilio."""
    connector.refuse_number(arguments.to)
    (sender,) = connector.sender(arguments.company_id).values()
    changes = (
        Change("text message", "", f"from {sender} to {arguments.to}: {arguments.text}"),
        Change("its last line", "", "Ref and ten characters, by which the message is found again"),
    )
    return Inspection(arguments.company_id, changes)


def apply_sms(connector: Twilio, arguments: SmsArguments, key: str) -> Receipt:
    """Send the text; the key's digest is its last line."""
    message = connector.send_for(arguments.company_id, arguments.to, mapping.marked(arguments.text, key))
    return Receipt(message.sid, {"status": message.status})


def verify_sms(connector: Twilio, arguments: SmsArguments, receipt: Receipt) -> bool:
    """Read the message back: it is the one, and has not failed. That it arrived, only a callback tells."""
    try:
        message = connector.client.message(receipt.reference)
    except NotFoundError:
        return False
    is_the_one = not message.body or mapping.plain(message.body).startswith(mapping.plain(arguments.text))
    return message.to == arguments.to and is_the_one and message.status not in mapping.NEVER_ARRIVED


def probe_sms(connector: Twilio, arguments: SmsArguments, key: str) -> Receipt | None:
    """Look for a message to that number with the key's last line; UncertainError where texts were redacted."""
    found = connector.message_under(arguments.to, key)
    return Receipt(found.sid, {"status": found.status}) if found is not None else None


def inspect_start(connector: Twilio, arguments: StartArguments) -> Inspection:
    """Show who would get a code; nothing is asked of Twilio."""
    connector.refuse_number(arguments.to)
    service = connector.service(arguments.company_id)
    return Inspection(
        arguments.company_id,
        (Change("verification code", "", f"from {service} to {arguments.to}, good for 10 minutes"),),
    )


def apply_start(connector: Twilio, arguments: StartArguments, key: str) -> Receipt:
    """Have Twilio text a code. It takes no key: while a code is pending Twilio texts the same one again."""
    del key
    service, verification = connector.start(arguments.company_id, arguments.to)
    return Receipt(verification.sid, {"service": service, "status": verification.status})


def verify_start(connector: Twilio, arguments: StartArguments, receipt: Receipt) -> bool:
    """Read the verification back: it waits for this number's code."""
    try:
        found = connector.pending(connector.service(arguments.company_id), receipt.reference)
    except NotFoundError:
        return False
    return found.to == arguments.to and found.status == "pending"


def undo_start(
    connector: Twilio, arguments: StartArguments, prior_state: Mapping[str, JsonValue], receipt: Receipt
) -> None:
    """Make the code worthless; the text that carried it stays on the person's telephone."""
    del prior_state
    connector.client.cancel_verification(connector.service(arguments.company_id), receipt.reference)


def inspect_check(connector: Twilio, arguments: CheckArguments) -> Inspection:
    """Read the verification: it must be of this client's service and this number. RejectedError for another's."""
    service = connector.service(arguments.company_id)
    found = connector.pending(service, arguments.verification_sid)
    if found.to != arguments.to:
        raise RejectedError(f"verification {found.sid} is not of {mapping.masked(arguments.to)}: nothing was checked")
    return Inspection(arguments.company_id, (Change("identity", found.status, "approved, if the code is right"),))


def apply_check(connector: Twilio, arguments: CheckArguments, key: str) -> Receipt:
    """Compare the code; RejectedError where it is not the right one. Checked again for the number, right before."""
    del key
    inspect_check(connector, arguments)
    service, sid = connector.service(arguments.company_id), arguments.verification_sid
    if not connector.is_right(service, sid, arguments.code):
        raise RejectedError(f"verification {sid}: not the right code; after five of them Twilio locks it")
    return Receipt(sid, {"service": service, "status": "approved"})


def verify_check(connector: Twilio, arguments: CheckArguments, receipt: Receipt) -> bool:
    """Read Twilio's list of attempts: the verification itself is deleted once it is approved."""
    is_ours = receipt.reference == arguments.verification_sid
    return is_ours and connector.is_converted(connector.service(arguments.company_id), receipt.reference)


ACTIONS: tuple[AnyAction, ...] = (
    Action(
        name=f"{NAME}.send_sms",
        title="Text a person",
        arguments=SmsArguments,
        tier=Tier.CLIENT_REVERSIBLE,
        effect=Effect.ONCE,
        permission="Messages: Create, Read",
        documentation=MESSAGES,
        inspect=inspect_sms,
        apply=apply_sms,
        verify=verify_sms,
        probe=probe_sms,
        irreversible="A text that was sent cannot be called back: whoever holds the telephone has read it.",
    ),
    Action(
        name=f"{NAME}.start_verification",
        title="Text a person a code that proves who they are",
        arguments=StartArguments,
        tier=Tier.CLIENT_REVERSIBLE,
        effect=Effect.ONCE,
        permission="Verify: Verifications: Create, Read, Update",
        documentation=VERIFICATIONS,
        inspect=inspect_start,
        apply=apply_start,
        verify=verify_start,
        undo=undo_start,
    ),
    Action(
        name=f"{NAME}.check_verification",
        title="Check the code a person read out",
        arguments=CheckArguments,
        tier=Tier.CLIENT_REVERSIBLE,
        effect=Effect.ONCE,
        permission="Verify: Verification Checks: Create; Verifications and Attempts: Read",
        documentation=CHECKS,
        inspect=inspect_check,
        apply=apply_check,
        verify=verify_check,
        irreversible="A code counts once: a right one ends the verification, a wrong one uses up one of five attempts.",
        proves_identity=True,
    ),
)
