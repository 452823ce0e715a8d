"""What an administrator fills in to let deskhand into the Entra tenants of the MSP's clients."""

import ipaddress
import re
from collections import Counter
from typing import Annotated, Self, TypeAlias
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, field_validator, model_validator

from deskhand.sdk.settings import ConnectorSettings

GUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?")
SHORTEST_CLIENT_STATE = 32
"""Graph does not sign its notifications; what it echoes is all there is to compare, so it must not be guessable."""


def _guid(value: str) -> str:
    if not re.fullmatch(GUID, value):
        raise ValueError("a GUID, such as 00000000-0000-0000-0000-000000000000")
    return value


Guid: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True), AfterValidator(_guid)]
CompanyId: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class EntraSettings(ConnectorSettings):
    """One app registration of the MSP's, and the tenants whose administrators consented to it."""

    client_id: Guid = Field(description="Application (client) id of your app registration in Entra, a GUID.")
    client_secret: SecretStr | None = Field(
        default=None, min_length=1, description="Client secret of the app registration. Set this or certificate."
    )
    certificate: SecretStr | None = Field(
        default=None,
        description="PEM with an unencrypted private key and its certificate, which the app registration lists. "
        "Better than a secret: nothing that signs in ever travels.",
    )
    tenants: dict[CompanyId, Guid] = Field(
        default_factory=dict,
        description="PSA company id → id of its Entra tenant (a GUID). Each tenant belongs to one company.",
    )
    authority: str = Field(
        default="https://login.microsoftonline.com",
        description="Where tokens come from; another address for national clouds.",
    )
    graph: str = Field(
        default="https://graph.microsoft.com",
        description="Where Microsoft Graph answers; another address for national clouds.",
    )
    page_size: int = Field(
        default=100, ge=1, le=999, description="Records to ask for in one page; Graph's limit is 999."
    )
    notification_secret: SecretStr | None = Field(
        default=None,
        min_length=SHORTEST_CLIENT_STATE,
        max_length=128,
        description="clientState of your Graph subscriptions, by which their notifications are recognised.",
    )

    @field_validator("authority", "graph", mode="after")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("an https:// address")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("an address without a path, such as https://graph.microsoft.com")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("https://: tokens do not travel in clear (http is for loopback only)")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @field_validator("certificate", mode="after")
    @classmethod
    def _holds_key_and_certificate(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            key, certificate = key_and_certificate(value)
            try:
                public = load_pem_private_key(key.encode(), None).public_key()
                is_pair = load_pem_x509_certificate(certificate.encode()).public_key() == public
            except (ValueError, TypeError):
                raise ValueError("PEM of an unencrypted private key and its certificate") from None
            if not is_pair:
                raise ValueError("a private key and the certificate that belongs to it")
        return value

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        if (self.client_secret is None) == (self.certificate is None):
            raise ValueError("one of client_secret and certificate")
        return self

    @model_validator(mode="after")
    def _gives_each_tenant_one_owner(self) -> Self:
        shared = [tenant for tenant, count in Counter(self.tenants.values()).items() if count > 1]
        if shared:
            raise ValueError(
                f"one company for each tenant: {shared[0]} has several, so its users would have no one owner"
            )
        return self


def key_and_certificate(pem: SecretStr) -> tuple[str, str]:
    """Split a PEM into its first private key and its first certificate; ValueError where it lacks one."""
    blocks = {kind: match for match in BLOCK.finditer(pem.get_secret_value()) for kind in [match[1].split()[-1]]}
    if "KEY" not in blocks or "CERTIFICATE" not in blocks:
        raise ValueError("a PEM that holds both a private key and its certificate")
    return blocks["KEY"][0], blocks["CERTIFICATE"][0]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
