"""What a connector asks an administrator for."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class ConnectorSettings(BaseModel):
    """The settings every connector has; subclasses add their own.

    Each field needs a description (the documentation is made from it); a secret is a ``SecretStr``.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=False
    )

    allow_private_addresses: bool = Field(
        default=False,
        description="Let this connector reach private and loopback addresses (an on-premises vendor, or a rehearsal).",
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=300, description="Give up on one request after this many seconds."
    )
    requests_per_minute: int = Field(
        default=300, ge=1, description="Send at most this many requests a minute, leaving the rest to other tools."
    )
    vendor_calls_per_hour: int | None = Field(
        default=None,
        ge=1,
        description="Calls an hour the vendor answers, all your integrations together; none: as declared.",
    )
    budget_share: float = Field(
        default=0.3, gt=0, le=1, description="Use at most this share of them; your other integrations need the rest."
    )
    people_reserve: float = Field(
        default=0.2,
        ge=0,
        lt=0.5,
        description="Keep this share of the budget for what people ask for, and as much again for automations: "
        "polling and learning stop first, automations next.",
    )
