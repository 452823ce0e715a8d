"""What Twilio sends, as far as deskhand reads it: unknown fields are ignored.

Names are the vendor's own, from its OpenAPI documents (v2010 and Verify v2).
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _moment(value: object) -> datetime:
    """Read RFC 2822 dates (v2010), which Twilio writes in GMT."""
    if not isinstance(value, str):
        raise ValueError("a date in RFC 2822")  # noqa: TRY004  # pydantic tells ValueErrors only
    return parsedate_to_datetime(value).astimezone(UTC)


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Payload(BaseModel):
    """A record of the vendor's."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class MessagePayload(Payload):
    """``/2010-04-01/Accounts/{AccountSid}/Messages``. ``body`` is empty once it was redacted."""

    sid: Annotated[str, Field(pattern=r"^(SM|MM)[0-9a-fA-F]{32}$")]
    status: str
    to: str | None = None
    body: str | None = None
    direction: str = ""
    date_created: Moment
    error_code: int | None = None


class SendPayload(Payload):
    """One member of a verification's ``send_code_attempts``: by which channel its code was sent, such as ``CALL``."""

    channel: str = ""


class VerificationPayload(Payload):
    """``/v2/Services/{ServiceSid}/Verifications`` and, without the sendings, the answer of ``…/VerificationCheck``."""

    sid: Annotated[str, Field(pattern=r"^VE[0-9a-fA-F]{32}$")]
    status: str
    to: str = ""
    valid: bool = False
    send_code_attempts: tuple[SendPayload, ...] = ()


class AttemptPayload(Payload):
    """``/v2/Attempts``: one sending of a code; ``converted`` once the person has answered with it."""

    verification_sid: str
    conversion_status: str


class ServicePayload(Payload):
    """``/v2/Services``."""

    sid: str
    friendly_name: str | None = None


class RefusalPayload(Payload):
    """Every refusal: https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions."""

    code: int
