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
