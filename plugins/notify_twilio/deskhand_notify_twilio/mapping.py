"""Twilio's records in deskhand's words, and deskhand's words in Twilio's: pure functions."""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from deskhand.sdk.errors import RejectedError, UnavailableError
from deskhand.sdk.models import Person
from deskhand_notify_twilio.payloads import MessagePayload, Payload, VerificationPayload

P = TypeVar("P", bound=Payload)

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
CODE = re.compile(r"[0-9]{4,10}")
NEVER_ARRIVED = frozenset({"failed", "undelivered", "canceled"})
"""The states of a message that will not arrive; every other may still, or has."""
REDACTED_FOR = timedelta(days=30)
"""How long a message without its text leaves open whether it was ours: longer than a run waits for its answer."""


def parsed(model: type[P], record: JsonValue) -> P:
    """Read a record; UnavailableError where it is not as the vendor documents it."""
    try:
        return model.model_validate(record)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise UnavailableError(f"{model.__name__}: the answer lacks {', '.join(fields)}") from None


def is_number(text: str) -> bool:
    """Tell whether a text is a number in E.164, as it stands: nothing is added, stripped or guessed."""
    return NUMBER.fullmatch(text) is not None


def is_code(text: str) -> bool:
    """Tell whether a text can be a code of Verify's; anything else would only use up an attempt."""
    return CODE.fullmatch(text) is not None


def number_of(person: Person) -> str:
    """Return the first of a person's numbers that is in E.164; RejectedError names the fix where none is."""
    found = next((each for each in person.phones if is_number(each)), None)
    if found is None:
        fix = "write one in the PSA as + and country code, such as +441632960001"
        raise RejectedError(f"person {person.id} has no telephone number in E.164; {fix}")
    return found


def was_only_called(verification: VerificationPayload) -> bool:
    """Tell whether a verification's code was spoken in calls and in nothing else: the same code may be texted too."""
    channels = {each.channel.lower() for each in verification.send_code_attempts}
    return channels == {"call"}


def masked(number: str) -> str:
    """Shorten a number to what a record may keep: its first three and last two characters."""
    return f"{number[:3]}…{number[-2:]}"


def reference(key: str) -> str:
    """Write the line a message is found by: ten characters that only this key gives."""
    return f"Ref {hashlib.sha256(key.encode()).hexdigest()[:10]}"


def marked(text: str, key: str) -> str:
    """Append the line a message is found by."""
    return f"{text}\n{reference(key)}"


def is_marked(text: str, key: str) -> bool:
    """Tell whether a message ends with the line; carriers and Twilio may touch white space."""
    return re.search(rf"(?:^|\s){re.escape(reference(key))}$", text.rstrip()) is not None


def plain(text: str) -> str:
    """Reduce a text to its words: Twilio documents neither trimming nor line ends."""
    return " ".join(text.split())


def sent_under(key: str, messages: Iterable[MessagePayload]) -> MessagePayload | None:
    """Find our message that carries the key."""
    ours = (each for each in messages if each.direction != "inbound")
    return next((each for each in ours if is_marked(each.body or "", key)), None)


def leaves_doubt(message: MessagePayload, now: datetime) -> bool:
    """Tell whether a message may have been the one looked for: its text was redacted, and not long ago."""
    is_ours = message.direction != "inbound"
    return is_ours and not message.body and now - message.date_created < REDACTED_FOR
