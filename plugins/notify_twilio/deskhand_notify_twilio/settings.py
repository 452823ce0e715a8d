"""What an administrator fills in to let deskhand speak to Twilio."""

import ipaddress
from typing import Annotated, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from deskhand.sdk.settings import ConnectorSettings

Number: TypeAlias = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]
"""A telephone number in E.164 and nothing else: no spaces, no brackets, no national form."""
AccountSid: TypeAlias = Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
KeySid: TypeAlias = Annotated[str, Field(pattern=r"^SK[0-9a-fA-F]{32}$")]
MessagingServiceSid: TypeAlias = Annotated[str, Field(pattern=r"^MG[0-9a-fA-F]{32}$")]
VerifyServiceSid: TypeAlias = Annotated[str, Field(pattern=r"^VA[0-9a-fA-F]{32}$")]
Prefix: TypeAlias = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,6}$")]


class ClientSettings(BaseModel):
    """What one client of the MSP is written to by, where it differs from the rest of the account."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    messaging_service_sid: MessagingServiceSid | None = Field(
        default=None, description="Messaging Service for this client's texts; its senders carry the client's name."
    )
    from_number: Number | None = Field(default=None, description="Number to text this client's people from.")
    verify_service_sid: VerifyServiceSid | None = Field(
        default=None, description="Verify Service for this client; its friendly name stands in the message."
    )

    @model_validator(mode="after")
    def _has_one_sender_at_most(self) -> Self:
        if self.messaging_service_sid is not None and self.from_number is not None:
            raise ValueError("messaging_service_sid or from_number, not both")
        return self


class TwilioSettings(ConnectorSettings):
    """Account, credential, senders and callbacks of one Twilio account."""

    account_sid: AccountSid = Field(description="The account messages are sent from; begins with AC.")
    api_key_sid: KeySid | None = Field(
        default=None, description="A restricted API key, preferred to the account's token; begins with SK."
    )
    api_key_secret: SecretStr | None = Field(default=None, description="The secret shown once beside the API key.")
    auth_token: SecretStr | None = Field(
        default=None,
        description="The account's Auth Token: callbacks are signed with it; requests too, where there is no API key.",
    )
    messaging_service_sid: MessagingServiceSid | None = Field(
        default=None, description="Messaging Service to text with; begins with MG. Or set from_number."
    )
    from_number: Number | None = Field(
        default=None, description="Number of yours to text from, in E.164, such as +441632960000."
    )
    verify_service_sid: VerifyServiceSid | None = Field(
        default=None, description="Verify Service that proves who somebody is; begins with VA."
    )
    clients: dict[str, ClientSettings] = Field(
        default_factory=dict,
        description="Senders of single clients, by PSA company id: [connectors.notify_twilio.clients.250].",
    )
    allowed_prefixes: tuple[Prefix, ...] = Field(
        default=(),
        description='Reach only numbers that begin with one of these, such as ["+44", "+353"]; empty: any country.',
    )
    callback_url: str | None = Field(
        default=None,
        description="Where Twilio reaches this desk, exactly: https://<host>/callbacks/notify_twilio. Unset: none.",
    )
    api_url: str = Field(default="https://api.twilio.com", description="Twilio's API; another for a rehearsal only.")
    verify_url: str = Field(
        default="https://verify.twilio.com", description="Twilio's Verify API; another for a rehearsal only."
    )

    @field_validator("api_url", "verify_url", "callback_url", mode="after")
    @classmethod
    def _is_a_safe_address(cls, value: str | None) -> str | None:
        if value is not None:
            _refuse_unsafe(value)
        return value

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("api_key_sid and api_key_secret together")
        if self.api_key_sid is None and self.auth_token is None:
            raise ValueError("api_key_sid with api_key_secret, or auth_token")
        if self.callback_url is not None and self.auth_token is None:
            raise ValueError("auth_token beside callback_url: no callback can be verified with an API key")
        return self

    @model_validator(mode="after")
    def _can_do_something(self) -> Self:
        if self.messaging_service_sid is not None and self.from_number is not None:
            raise ValueError("messaging_service_sid or from_number, not both")
        if self.messaging_service_sid is None and self.from_number is None and self.verify_service_sid is None:
            raise ValueError("messaging_service_sid or from_number to text, verify_service_sid to prove, or both")
        return self

    @property
    def credential(self) -> tuple[str, str]:
        """User name and password of one request: the API key, or the account with its token. Opened when asked for."""
        if self.api_key_sid is not None and self.api_key_secret is not None:
            return self.api_key_sid, self.api_key_secret.get_secret_value()
        token = self.auth_token.get_secret_value() if self.auth_token is not None else ""
        return self.account_sid, token

    @property
    def is_texting(self) -> bool:
        """Tell whether anybody is texted, rather than verified alone."""
        return any(self.sender(each) is not None for each in ("", *self.clients))

    def sender(self, company_id: str) -> dict[str, str] | None:
        """Return the field of a message that says who sends it to this client's people; None where nobody does."""
        own = self.clients.get(company_id, ClientSettings())
        if own.messaging_service_sid is None and own.from_number is None:
            return _sender(self.messaging_service_sid, self.from_number)
        return _sender(own.messaging_service_sid, own.from_number)

    def verify_service(self, company_id: str) -> str | None:
        """Return the Verify Service of this client, or that of the account."""
        return self.clients.get(company_id, ClientSettings()).verify_service_sid or self.verify_service_sid

    @property
    def verify_services(self) -> frozenset[str]:
        """Every Verify Service that may be asked."""
        every = [self.verify_service_sid, *(each.verify_service_sid for each in self.clients.values())]
        return frozenset(each for each in every if each is not None)


def _sender(service: str | None, number: str | None) -> dict[str, str] | None:
    if service is not None:
        return {"MessagingServiceSid": service}
    return {"From": number} if number is not None else None


def _refuse_unsafe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("an https:// address without a user name and a fragment (#…)")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("https://: codes and numbers do not travel in clear (http is for loopback only)")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
