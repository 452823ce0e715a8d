"""Twilio as deskhand's messenger and as its proof of identity."""

import time

from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.errors import NotFoundError, RejectedError, UncertainError
from deskhand.sdk.http import Patience
from deskhand.sdk.models import Person
from deskhand_notify_twilio import mapping
from deskhand_notify_twilio.client import TwilioClient
from deskhand_notify_twilio.payloads import MessagePayload, VerificationPayload
from deskhand_notify_twilio.settings import TwilioSettings

NAME = "notify_twilio"
LONGEST_MESSAGE = 1_600
"""What Twilio takes, in characters (error 21617)."""
SETTLING_SECONDS = 5.0
"""Between the two looks for a message before it counts as never sent: Twilio may still be writing it down."""


class Twilio:
    """Plays the roles Messenger and IdentityProof.

    ``company_id`` is the PSA's: it picks that client's sender and Verify Service, "" those of the account. Nobody here
    can tell whether a number is that company's: whoever calls has read it from a trusted record.
    """

    def __init__(self, settings: TwilioSettings, *, clock: Clock = utc_now, patience: Patience | None = None) -> None:
        self.settings = settings
        self.clock = clock
        self.client = TwilioClient(settings, patience=patience)
        self._sleep = patience.sleep if patience is not None else time.sleep

    @property
    def name(self) -> str:
        """The plugin's name."""
        return NAME

    def check(self) -> str:
        """Read a message, if texting is set up, and every Verify Service: proves account, credential, permissions."""
        if self.settings.is_texting:
            self.client.first_message()
        names = [self.client.service(each).friendly_name or each for each in sorted(self.settings.verify_services)]
        line = f"Twilio account {self.settings.account_sid}"
        printable = "".join(each for each in ", ".join(names) if each.isprintable())
        return f"{line}, Verify: {printable}" if names else line

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def send(self, recipient: str, text: str) -> str:
        """Text a number in E.164 from the account's own sender. Accepted is not delivered: see callbacks."""
        return self.send_for("", recipient, text).sid

    def send_for(self, company_id: str, number: str, text: str) -> MessagePayload:
        """Text a number from the sender of a client, or of the account. Not idempotent."""
        self.refuse_number(number)
        if not text.strip() or len(text) > LONGEST_MESSAGE:
            raise RejectedError(f"a text message has 1 to {LONGEST_MESSAGE} characters")
        fields = {"To": number, "Body": text, **self.sender(company_id)}
        if self.settings.callback_url is not None:
            fields["StatusCallback"] = self.settings.callback_url
        return self.client.create_message(fields)

    def message_under(self, number: str, key: str) -> MessagePayload | None:
        """Find the message to a number that carries a key; None where none was sent.

        Looks twice before it says so. UncertainError where a message's text was redacted: it may have been the one.
        """
        found = mapping.sent_under(key, self.client.messages_to(number))
        if found is not None:
            return found
        self._sleep(SETTLING_SECONDS)
        messages = tuple(self.client.messages_to(number))
        found = mapping.sent_under(key, messages)
        if found is None and any(mapping.leaves_doubt(each, self.clock()) for each in messages):
            raise UncertainError(
                f"messages to {mapping.masked(number)} have lost their text: ask the person whether it arrived"
            )
        return found

    def challenge(self, person: Person) -> str:
        """Text a code to the first of a person's numbers that is in E.164; return what ``is_proven`` asks for."""
        company = person.company.id if person.company is not None else ""
        service, verification = self.start(company, mapping.number_of(person))
        return f"{service}:{verification.sid}"

    def is_proven(self, challenge_id: str, answer: str) -> bool:
        """Check a code. A wrong one is one of five; what cannot be a code costs nothing.

        Raises NotFoundError once the challenge is over, RejectedError once it is locked: start another.
        """
        service, _, verification = challenge_id.partition(":")
        if service not in self.settings.verify_services:
            raise RejectedError("the challenge is not one of these Verify Services; start another")
        return mapping.is_code(answer) and self.is_right(service, verification, answer)

    def start(self, company_id: str, number: str, channel: str = "sms") -> tuple[str, VerificationPayload]:
        """Send a code to a number by the Verify Service of a client, or of the account; return both."""
        self.refuse_number(number)
        service = self.service(company_id)
        return service, self.client.start_verification(service, number, channel)

    def pending(self, service: str, verification_sid: str) -> VerificationPayload:
        """Read a verification; NotFoundError names what may have ended it."""
        try:
            return self.client.verification(service, verification_sid)
        except NotFoundError:
            raise NotFoundError(_over(verification_sid)) from None

    def is_right(self, service: str, verification_sid: str, code: str) -> bool:
        """Compare a code once. NotFoundError where the verification is over, RejectedError where it is locked."""
        try:
            answer = self.client.check_code(service, verification_sid, code)
        except NotFoundError:
            raise NotFoundError(_over(verification_sid)) from None
        return answer.sid == verification_sid and answer.status == "approved" and answer.valid

    def is_converted(self, service: str, verification_sid: str) -> bool:
        """Tell whether Twilio counts a verification as answered rightly: it lists that after deleting the rest."""
        attempts = self.client.attempts(service, verification_sid)
        ours = (each for each in attempts if each.verification_sid == verification_sid)
        return any(each.conversion_status == "converted" for each in ours)

    def refuse_number(self, number: str) -> None:
        """Raise RejectedError for what is no number in E.164, or one the settings do not allow."""
        if not mapping.is_number(number):
            raise RejectedError("a number is written in E.164: +, country code, number, nothing else")
        prefixes = self.settings.allowed_prefixes
        if prefixes and not number.startswith(prefixes):
            raise RejectedError(f"{mapping.masked(number)} does not begin with one of allowed_prefixes")

    def sender(self, company_id: str) -> dict[str, str]:
        """Return the field that says who texts a client's people; RejectedError names the setting where nobody does."""
        found = self.settings.sender(company_id)
        if found is None:
            raise RejectedError(f"[connectors.{NAME}] has no messaging_service_sid and no from_number: nobody can text")
        return found

    def service(self, company_id: str) -> str:
        """Return the Verify Service of a client; RejectedError names the setting where there is none."""
        found = self.settings.verify_service(company_id)
        if found is None:
            raise RejectedError(f"[connectors.{NAME}] has no verify_service_sid: nobody can be verified")
        return found


def _over(verification_sid: str) -> str:
    reasons = "approved, cancelled, older than 10 minutes, or of another client"
    return f"verification {verification_sid} is over ({reasons}): start another"
