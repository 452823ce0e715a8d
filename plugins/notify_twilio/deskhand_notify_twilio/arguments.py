"""What the actions are called with: a client, one of its people's numbers, and what they are sent or have read out."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from deskhand.sdk.actions import Arguments
from deskhand_notify_twilio.settings import Number

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
