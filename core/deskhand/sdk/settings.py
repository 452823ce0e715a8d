"""What a connector asks an administrator for."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, field_serializer

from deskhand.sdk.secrets import SealedSecret


class ConnectorSettings(BaseModel):
    """The settings every connector has; subclasses add their own.

    Each field needs a description (the documentation is made from it); a secret is a ``SecretStr``. Validators see its
    value; what the connector is given may be sealed (see `secrets`), and is opened for a request alone.
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

    @field_serializer("*", mode="wrap", when_used="json")
    def _leave_sealed(self, value: object, written: SerializerFunctionWrapHandler) -> object:
        """Write stars for a sealed secret: pydantic would open it to see whether it is empty."""
        return str(value) if isinstance(value, SealedSecret) else written(value)
