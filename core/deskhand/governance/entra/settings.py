"""What `[web.entra]` may say: which tenant's people may sign in, and which roles their app roles or groups come to."""

import re
from typing import Annotated, ClassVar, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from deskhand.records.accounts import Role
from deskhand.sdk.egress import is_loopback

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_guid(value: str) -> bool:
    """Tell whether a value is a GUID as Entra writes it."""
    return _GUID.fullmatch(value) is not None


def _guid(value: str) -> str:
    if value and not is_guid(value.strip().lower()):
        raise ValueError("a GUID, such as 00000000-0000-0000-0000-000000000000, or nothing")
    return value.strip().lower()


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an https:// address")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("an address without a path, such as https://login.microsoftonline.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("https://: codes and secrets do not travel in clear (http is for loopback only)")
    return f"{parts.scheme}://{parts.netloc.lower()}"


Guid: TypeAlias = Annotated[str, AfterValidator(_guid)]
Origin: TypeAlias = Annotated[str, AfterValidator(_origin)]


class EntraSignInSettings(BaseModel):
    """The app registration through which the MSP's own people sign in. No secret, no sign-in with Entra."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tenant_id: Guid = Field(
        default="", description="Id of your own Entra tenant, a GUID: nobody of another one may sign in. Empty: off."
    )
    client_id: Guid = Field(default="", description="Application (client) id of the app registration, a GUID.")
    client_secret: SecretStr | None = Field(
        default=None, min_length=1, description="Its client secret, as `file:` or `env:`."
    )
    roles: dict[str, tuple[Role, ...]] = Field(
        default_factory=dict,
        description="App role value, or object id of a group → roles here, perhaps none; whoever has none of them "
        "stays out. Empty: only accounts an admin has linked, in the roles they have here.",
    )
    authority: Origin = Field(
        default="https://login.microsoftonline.com",
        description="Where your people sign in; another address for national clouds.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> "EntraSignInSettings":
        given = [bool(self.tenant_id), bool(self.client_id), self.client_secret is not None]
        if any(given) and not all(given):
            raise ValueError("tenant_id, client_id and client_secret go together: set all three, or none")
        return self

    @property
    def is_on(self) -> bool:
        """Tell whether people may sign in with Entra."""
        return bool(self.tenant_id)

    @property
    def issuer(self) -> str:
        """What the tenant's id tokens name as their issuer (OpenID Connect Discovery, section 4.3)."""
        return f"{self.authority}/{self.tenant_id}/v2.0"

    @property
    def has_groups(self) -> bool:
        """Tell whether any role here depends on a group there."""
        return any(is_guid(name.lower()) for name in self.roles)
