"""What an administrator fills in to let deskhand speak to ConnectWise PSA."""

import ipaddress
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from deskhand.sdk.settings import ConnectorSettings

CLOUD_DOMAINS = ("myconnectwise.net", "connectwisedev.com")
"""Where the vendor hosts PSA; its API answers there only under a name that begins with ``api-``."""


class CallbackLevel(StrEnum):
    """How wide a callback listens, as the vendor names it."""

    OWNER = "owner"
    BOARD = "board"
    STATUS = "status"
    COMPANY = "company"


class ConnectWiseSettings(ConnectorSettings):
    """Address, credential and callbacks of one ConnectWise PSA."""

    site: str = Field(
        description="Where you sign in to PSA: a host such as eu.myconnectwise.net, or your server's https:// address."
    )
    company_id: str = Field(
        min_length=1, max_length=50, description="The company you type at PSA's sign-in page, not a client of yours."
    )
    public_key: SecretStr = Field(
        min_length=1, description="Public key of the API member (System > Members > API Members)."
    )
    private_key: SecretStr = Field(min_length=1, description="Private key that was shown once beside the public key.")
    client_id: SecretStr = Field(
        min_length=1,
        description="GUID of your private integration, from developer.connectwise.com; the vendor treats it as secret.",
    )
    api_version: str = Field(
        default="2025.1",
        pattern=r"^20\d\d\.\d{1,2}$",
        description="Pins the shape of PSA's answers; after a breaking change an old shape works for 12 months.",
    )
    page_size: int = Field(
        default=500, ge=1, le=1000, description="Records to ask for in one page; the vendor's limit is 1000."
    )
    callback_url: str | None = Field(
        default=None,
        description="Where PSA reaches this desk: https://<host>/callbacks/psa_connectwise. Unset: polling alone.",
    )
    callback_key_url: str | None = Field(
        default=None,
        description="The one address signing keys come from, on your site: Metadata.key_url of a callback you trust.",
    )
    callback_level: CallbackLevel = Field(
        default=CallbackLevel.OWNER,
        description="What callbacks listen to: every ticket (owner), or one object's.",
    )
    callback_object_id: int = Field(
        default=1, ge=1, description="Identifier of that board, status or company; 1 for the level owner."
    )

    @field_validator("site", mode="after")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        """Reduce a host or an address to its origin."""
        origin = origin_of(value if "://" in value else f"https://{value}")
        if urlsplit(value if "://" in value else f"https://{value}").path.strip("/"):
            raise ValueError("a host without a path, such as eu.myconnectwise.net")
        return origin

    @field_validator("callback_url", "callback_key_url", mode="after")
    @classmethod
    def _is_a_safe_address(cls, value: str | None) -> str | None:
        if value is not None:
            origin_of(value)
            if urlsplit(value).fragment:
                raise ValueError("an address without a fragment (#…)")
        return value

    @model_validator(mode="after")
    def _keys_come_from_the_site(self) -> Self:
        if self.callback_url is not None and self.callback_key_url is None:
            raise ValueError("callback_key_url beside callback_url: without it no callback can be verified")
        origins = {self.login_origin, self.api_origin}
        if self.callback_key_url is not None and origin_of(self.callback_key_url) not in origins:
            raise ValueError(f"callback_key_url on {self.api_origin}: from elsewhere a forger could serve the key")
        return self

    @property
    def is_cloud(self) -> bool:
        """Tell whether the vendor hosts this PSA."""
        host = urlsplit(self.site).hostname or ""
        return any(host == domain or host.endswith(f".{domain}") for domain in CLOUD_DOMAINS)

    @property
    def login_origin(self) -> str:
        """The origin people sign in at; company information is read here."""
        return self.site.replace("://api-", "://", 1) if self.is_cloud else self.site

    @property
    def api_origin(self) -> str:
        """The origin of the API: in the cloud the ``api-`` host, on premises the same as for people."""
        return self.login_origin.replace("://", "://api-", 1) if self.is_cloud else self.site


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address. ValueError unless it is https, or http on loopback."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("a host name or an https:// address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("https://: keys and tickets do not travel in clear (http is for loopback only)")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
