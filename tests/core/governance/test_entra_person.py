"""An id token is checked here whatever MSAL checks before."""

import time
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from deskhand.governance.entra.person import NotVouchedError, person_of
from deskhand.governance.entra.settings import EntraSignInSettings
from tests.entra_authority import CLIENT_ID, TENANT, EntraAuthority

SETTINGS = EntraSignInSettings(tenant_id=TENANT, client_id=CLIENT_ID, client_secret=SecretStr("s"))
NOW = int(time.time())
CLAIMS = {
    "iss": SETTINGS.issuer,
    "aud": CLIENT_ID,
    "tid": TENANT,
    "oid": "00000000-aaaa-4000-8000-000000000001",
    "ver": "2.0",
    "nbf": NOW,
    "exp": NOW + 3600,
    "nonce": "ours",
}


def test_a_token_of_another_sign_in_is_refused_and_ours_is_read() -> None:
    authority = EntraAuthority()
    token, now = authority.signed(CLAIMS), datetime.fromtimestamp(NOW, UTC)
    found = person_of(token, authority.jwks, SETTINGS, nonce="ours", now=now)  # type: ignore[arg-type]  # a JWK set
    assert str(found.identity) == f"{TENANT}/{CLAIMS['oid']}"
    for nonce in ("theirs", "", "our", "ours "):
        with pytest.raises(NotVouchedError, match="another sign-in"):
            person_of(token, authority.jwks, SETTINGS, nonce=nonce, now=now)  # type: ignore[arg-type]  # as above
