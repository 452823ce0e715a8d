"""Having a person prove who they are: a code that is texted, or spoken when they are called back, and checked.

While a code waits Twilio sends the same one on any channel. So a call-back counts only where every sending was a call.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from deskhand.sdk.actions import Action, AnyAction, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import NotFoundError, RejectedError
from deskhand_notify_twilio import mapping
from deskhand_notify_twilio.arguments import CheckArguments, StartArguments
from deskhand_notify_twilio.connector import NAME, Twilio

VERIFICATIONS = "https://www.twilio.com/docs/verify/api/verification"
CHECKS = "https://www.twilio.com/docs/verify/api/verification-check"


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


def inspect_call(connector: Twilio, arguments: StartArguments) -> Inspection:
    """Show who would be called; nothing is asked of Twilio."""
    connector.refuse_number(arguments.to)
    service = connector.service(arguments.company_id)
    desired = f"spoken in a call from {service} to {arguments.to}, good for 10 minutes"
    return Inspection(arguments.company_id, (Change("verification code", "", desired),))


def apply_call(connector: Twilio, arguments: StartArguments, key: str) -> Receipt:
    """Have Twilio call the number and speak a code. RejectedError where that code was texted before: it must not be."""
    del key
    service, verification = connector.start(arguments.company_id, arguments.to, "call")
    if not mapping.was_only_called(verification):
        connector.client.cancel_verification(service, verification.sid)
        raise RejectedError(f"verification {verification.sid} had been texted, and was cancelled: call once more")
    return Receipt(verification.sid, {"service": service, "status": verification.status})


def verify_call(connector: Twilio, arguments: StartArguments, receipt: Receipt) -> bool:
    """Read the verification back: it waits for this number's code, which was in no text."""
    try:
        found = connector.pending(connector.service(arguments.company_id), receipt.reference)
    except NotFoundError:
        return False
    return found.to == arguments.to and found.status == "pending" and mapping.was_only_called(found)


def inspect_called(connector: Twilio, arguments: CheckArguments) -> Inspection:
    """Read the verification, as `inspect_check`; RejectedError where its code was in a text as well."""
    inspection = inspect_check(connector, arguments)
    found = connector.pending(connector.service(arguments.company_id), arguments.verification_sid)
    if not mapping.was_only_called(found):
        raise RejectedError(f"verification {found.sid} was not made by a call alone: nothing was checked")
    return inspection


def apply_called(connector: Twilio, arguments: CheckArguments, key: str) -> Receipt:
    """Compare the code that was spoken in the call, as `apply_check`."""
    inspect_called(connector, arguments)
    return apply_check(connector, arguments, key)


VERIFICATION_ACTIONS: tuple[AnyAction, ...] = (
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
    Action(
        name=f"{NAME}.start_call_back",
        title="Call a person back on their number and speak a code",
        arguments=StartArguments,
        tier=Tier.CLIENT_REVERSIBLE,
        effect=Effect.ONCE,
        permission="Verify: Verifications: Create, Read, Update",
        documentation=VERIFICATIONS,
        inspect=inspect_call,
        apply=apply_call,
        verify=verify_call,
        undo=undo_start,
    ),
    Action(
        name=f"{NAME}.check_call_back",
        title="Check the code a person heard in the call",
        arguments=CheckArguments,
        tier=Tier.CLIENT_REVERSIBLE,
        effect=Effect.ONCE,
        permission="Verify: Verification Checks: Create; Verifications and Attempts: Read",
        documentation=CHECKS,
        inspect=inspect_called,
        apply=apply_called,
        verify=verify_check,
        irreversible="A code counts once: a right one ends the verification, a wrong one uses up one of five attempts.",
        proves_identity=True,
        is_call_back=True,
    ),
)
