"""Who somebody is, as an id token says: checked here, because MSAL no longer checks any of it but the nonce.

https://learn.microsoft.com/entra/identity-platform/id-tokens, OpenID Connect Core 1.0, section 3.1.3.7.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from deskhand.governance.entra.settings import EntraSignInSettings, is_guid

SKEW = timedelta(minutes=2)
"""How far the authority's clock may be from ours."""
_ALGORITHM = "RS256"
"""The one Entra signs with: a token does not choose how it is checked."""
_OPTIONS: jwt.types.Options = {
    "require": ["iss", "aud", "exp", "nbf"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
"""Time is checked by the clock that is passed in."""


class NotVouchedError(Exception):
    """An id token is not one that the tenant's authority issued for us, now, for this sign-in."""


@dataclass(frozen=True, slots=True)
class EntraIdentity:
    """What never changes about somebody: names and addresses do, and are given to others."""

    tenant_id: str
    object_id: str

    def __str__(self) -> str:
        """Write it as accounts keep it."""
        return f"{self.tenant_id}/{self.object_id}"


@dataclass(frozen=True, slots=True)
class EntraPerson:
    """Somebody the authority vouches for. ``username`` and ``display_name`` are for people to read, nothing else."""

    identity: EntraIdentity
    username: str
    display_name: str
    app_roles: frozenset[str]
    groups: frozenset[str]
    has_more_groups: bool
    """The token holds none of the groups, because there are too many (more than 200)."""


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, strict=True)

    tid: str
    oid: str
    nonce: str
    exp: int
    nbf: int
    ver: str
    preferred_username: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    elsewhere: Mapping[str, JsonValue] = Field(default_factory=dict, alias="_claim_names")
    hasgroups: bool = False


def person_of(
    token: str, keys: Mapping[str, JsonValue], settings: EntraSignInSettings, *, nonce: str, now: datetime
) -> EntraPerson:
    """Return whom an id token vouches for, checked by the authority's ``keys`` (a JWK set). Raises NotVouchedError.

    Checked are signature, issuer, audience, tenant, nonce, version and time; nothing is read before the signature.
    """
    claims = _claims(_decoded(token, keys, settings))
    if claims.tid != settings.tenant_id or not is_guid(claims.oid):
        raise NotVouchedError("it is for somebody of another tenant")
    if not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
        raise NotVouchedError("it belongs to another sign-in")
    if claims.ver != "2.0":
        raise NotVouchedError("it is not of the version that was asked for")
    moment, skew = now.timestamp(), SKEW.total_seconds()
    if not claims.nbf - skew <= moment < claims.exp + skew:
        raise NotVouchedError("it is not valid now: check this server's clock")
    return EntraPerson(
        identity=EntraIdentity(claims.tid, claims.oid),
        username=claims.preferred_username,
        display_name=claims.name,
        app_roles=frozenset(claims.roles),
        groups=frozenset(each.lower() for each in claims.groups),
        has_more_groups="groups" in claims.elsewhere or claims.hasgroups,
    )


def _decoded(token: str, keys: Mapping[str, JsonValue], settings: EntraSignInSettings) -> dict[str, object]:
    try:
        key = _key_of(jwt.get_unverified_header(token), keys)
        return jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=settings.client_id,
            issuer=settings.issuer,
            options=_OPTIONS,
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise NotVouchedError(f"it is not one of this app's and this tenant's ({type(error).__name__})") from None


def _key_of(header: Mapping[str, object], keys: Mapping[str, JsonValue]) -> jwt.PyJWK:
    """Find the key a token names, among those for signing. Raises KeyError where the authority has none such."""
    found = keys.get("keys")
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and each.get("kid") == header.get("kid") and each.get("kty") == "RSA":
            return jwt.PyJWK(each, algorithm=_ALGORITHM)
    raise KeyError("kid")


def _claims(decoded: Mapping[str, object]) -> _Claims:
    try:
        return _Claims.model_validate(decoded, strict=False)
    except ValidationError:
        raise NotVouchedError("it does not say who somebody is") from None
