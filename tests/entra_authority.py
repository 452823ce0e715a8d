"""Microsoft's authorisation server in miniature: discovery, keys, a page to pick oneself on, and a token endpoint.

It checks what the vendor checks (redirect URI, PKCE by S256, client secret, a code serves once), and can be told to
answer wrongly. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse
from deskhand.sdk.testing.simulator import RoutedSimulator, route

TENANT = "6a1d9c5e-2b43-4d0f-8a55-0f2f3f0a7b11"
OTHER_TENANT = "11111111-2b43-4d0f-8a55-0f2f3f0a7b11"
CLIENT_ID = "00000000-0000-4000-8000-00000000de5c"
CLIENT_SECRET = "secret-of-the-practice"  # noqa: S105  # it opens nothing but this
Claims = dict[str, Any]


@dataclass
class Someone:
    """A person of the tenant, with the app roles and groups that are assigned to them now."""

    object_id: str
    username: str
    name: str
    roles: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Request:
    """What somebody was sent here with."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str


def as_it_is(claims: Claims) -> Claims:
    return claims


class EntraAuthority(RoutedSimulator):
    """One tenant. ``twist`` changes the claims of the next tokens, ``sign`` how they are signed."""

    def __init__(self) -> None:
        self.key = _key()
        self.redirect_uris: set[str] = set()
        self.people: dict[str, Someone] = {}
        self.twist: Callable[[Claims], Claims] = as_it_is
        self.sign: Callable[[Claims], str] | None = None
        self.declines: str = ""
        self.tokens = 0
        self.asked: list[Request] = []
        self._codes: dict[str, tuple[Request, str]] = {}
        self._used: set[str] = set()

    def hire(self, username: str, name: str, *roles: str, groups: list[str] | None = None) -> Someone:
        number = len(self.people) + 1
        someone = Someone(f"00000000-aaaa-4000-8000-{number:012}", username, name, list(roles), groups or [])
        self.people[someone.object_id] = someone
        return someone

    def signed(self, claims: Claims, key: RSAPrivateKey | None = None, **header: object) -> str:
        return jwt.encode(claims, key or self.key, algorithm="RS256", headers={"kid": "one", **header})

    @property
    def jwks(self) -> Mapping[str, object]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "one", "use": "sig"}]}

    @route("GET", "/{tenant}/v2.0/.well-known/openid-configuration")
    def discover(self, request: SimulatedRequest, tenant: str) -> SimulatedResponse:
        if tenant != TENANT:
            return _refused("invalid_tenant", 90002)
        root = f"https://{request.headers.get('host', '')}/{tenant}"
        return SimulatedResponse.json(
            HTTPStatus.OK,
            {
                "issuer": f"{root}/v2.0",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "jwks_uri": f"{root}/discovery/v2.0/keys",
            },
        )

    @route("GET", "/{tenant}/discovery/v2.0/keys")
    def list_keys(self, request: SimulatedRequest, tenant: str) -> SimulatedResponse:
        del request, tenant
        return SimulatedResponse.json(HTTPStatus.OK, self.jwks)

    @route("GET", "/{tenant}/oauth2/v2.0/authorize")
    def ask(self, request: SimulatedRequest, tenant: str) -> SimulatedResponse:
        """Show whom one may be."""
        del tenant
        given = {name: values[0] for name, values in request.query.items()}
        expected = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "response_mode": "query",
            "code_challenge_method": "S256",
        }
        wrong = [name for name, value in expected.items() if given.get(name) != value]
        if wrong or "openid" not in given.get("scope", "").split() or not given.get("nonce"):
            return _page(HTTPStatus.BAD_REQUEST, f"AADSTS900144: {', '.join(wrong) or 'scope, nonce'}")
        if given.get("redirect_uri") not in self.redirect_uris:
            return _page(HTTPStatus.BAD_REQUEST, "AADSTS50011: the redirect URI is not registered")
        asked = Request(given["redirect_uri"], given["state"], given["nonce"], given["code_challenge"])
        self.asked.append(asked)
        place = len(self.asked) - 1
        links = (
            f'<li><a href="/{TENANT}/pick/{place}/{each.object_id}">{escape(each.name)}</a></li>'
            for each in self.people.values()
        )
        return _page(HTTPStatus.OK, f"<h1>Pick an account</h1><ul>{''.join(links)}</ul>")

    @route("GET", "/{tenant}/pick/{place}/{object_id}")
    def pick(self, request: SimulatedRequest, tenant: str, place: str, object_id: str) -> SimulatedResponse:
        """Send somebody back, with a code or with a reason."""
        del request, tenant
        asked = self.asked[int(place)]
        if self.declines:
            answer = {"error": "access_denied", "error_description": self.declines, "state": asked.state}
        else:
            code = secrets.token_urlsafe(24)
            self._codes[code] = (asked, object_id)
            answer = {"code": code, "state": asked.state, "session_state": "s"}
        return SimulatedResponse(HTTPStatus.FOUND, b"", {"Location": f"{asked.redirect_uri}?{urlencode(answer)}"})

    @route("POST", "/{tenant}/oauth2/v2.0/token")
    def redeem(self, request: SimulatedRequest, tenant: str) -> SimulatedResponse:
        """Give an id token for a code, once, to whoever shows the verifier and the secret."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        code = form.get("code", "")
        asked, object_id = self._codes.get(code, (None, ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _refused("invalid_client", 7000215)
        if asked is None or code in self._used or tenant != TENANT or form.get("grant_type") != "authorization_code":
            return _refused("invalid_grant", 54005)
        if form.get("redirect_uri") != asked.redirect_uri:
            return _refused("invalid_grant", 500112)
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked.challenge:
            return _refused("invalid_grant", 501481)
        self._used.add(code)
        self.tokens += 1
        claims = self.twist(self._claims(request, asked, self.people[object_id]))
        token = self.sign(claims) if self.sign is not None else self.signed(claims)
        body = {"token_type": "Bearer", "expires_in": 3599, "access_token": "opaque", "id_token": token}
        return SimulatedResponse.json(HTTPStatus.OK, body)

    def _claims(self, request: SimulatedRequest, asked: Request, who: Someone) -> Claims:
        now = int(time.time())
        return {
            "iss": f"http://{request.headers.get('host', '')}/{TENANT}/v2.0",
            "aud": CLIENT_ID,
            "tid": TENANT,
            "oid": who.object_id,
            "sub": f"sub-{who.object_id}",
            "ver": "2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "nonce": asked.nonce,
            "preferred_username": who.username,
            "name": who.name,
            **({"roles": who.roles} if who.roles else {}),
            **({"groups": who.groups} if who.groups else {}),
        }


@cache
def _key() -> RSAPrivateKey:
    """Make one key for all tests: making it takes longer than a sign-in."""
    return generate_private_key(65537, 2048)


def _refused(error: str, code: int) -> SimulatedResponse:
    body = {"error": error, "error_description": f"AADSTS{code}: refused.", "error_codes": [code]}
    return SimulatedResponse.json(HTTPStatus.BAD_REQUEST, body)


def _page(status: int, content: str) -> SimulatedResponse:
    body = f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Sign in</title>{content}'
    return SimulatedResponse(status, body.encode(), {"Content-Type": "text/html; charset=utf-8"})
