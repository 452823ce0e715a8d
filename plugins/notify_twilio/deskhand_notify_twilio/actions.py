"""What deskhand can do by Twilio: text a person, and have a person prove who they are.

Twilio knows nothing of clients. Whose a call is, is what its arguments say: the PSA company whose record the number was
read from. The gate compares that with the ticket's; nobody can compare the number with the company but who read it.
"""

from deskhand.sdk.actions import Action, AnyAction, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import NotFoundError
from deskhand_notify_twilio import mapping
from deskhand_notify_twilio.arguments import SmsArguments
from deskhand_notify_twilio.connector import NAME, Twilio
from deskhand_notify_twilio.verification_actions import VERIFICATION_ACTIONS

MESSAGES = "https://www.twilio.com/docs/messaging/api/message-resource"


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
    *VERIFICATION_ACTIONS,
)
