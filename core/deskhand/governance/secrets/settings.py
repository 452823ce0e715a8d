"""What `[secrets]` may say: where the key of the secret store comes from."""

import re
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_SPECIFICATION = re.compile(r"(credential:[A-Za-z0-9_.-]+|passphrase:.+|vault:[^#\s]+/[^#\s]+#[^#\s]+)?")


class SecretSettings(BaseModel):
    """The key that seals stored secrets. It is never kept beside them."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    key: str = Field(
        default="",
        description="`credential:NAME` (systemd LoadCredentialEncrypted), `passphrase:FILE`, or "
        "`vault:MOUNT/PATH#FIELD` (KV version 2); empty: no secret store.",
    )
    vault_address: str = Field(
        default="", description="Address of Vault or OpenBao, for a key that starts with `vault:`."
    )
    vault_token: SecretStr | None = Field(
        default=None, description="Token that may read the key there, as `file:` or `env:`."
    )
    vault_allow_private_addresses: bool = Field(
        default=False, description="Let Vault or OpenBao be at a private or loopback address."
    )

    @field_validator("key")
    @classmethod
    def _is_known(cls, key: str) -> str:
        if not _SPECIFICATION.fullmatch(key):
            raise ValueError("credential:NAME, passphrase:FILE, vault:MOUNT/PATH#FIELD, or nothing")
        return key
