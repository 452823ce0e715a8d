"""The simulated authority: discovery, and tokens for an app that has a credential and the tenant's consent."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

import jwt
from pydantic import JsonValue

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse, route
from deskhand_identity_entra.simulation.tenants import Tenant

CLIENT_ID = "00000000-0000-4000-8000-00000000e17a"
CLIENT_SECRET = "secret-of-the-rehearsal"  # noqa: S105  # it opens nothing but the simulator
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_SECONDS = 3599


class SignInRoutes:
    """What login.microsoftonline.com answers. ``certificate`` is the public key the app registration lists, as PEM."""

    tenants: dict[str, Tenant]
    tokens: dict[str, tuple[str, float]]
    certificate: str | None = None
    token_seconds = TOKEN_SECONDS

    @route("GET", "/{tenant}/v2.0/.well-known/openid-configuration")
    def discover(self, request: SimulatedRequest, tenant: str) -> SimulatedResponse:
        """Tell where the tenant's endpoints are; they are always https."""
        if tenant not in self.tenants:
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_tenant", 90002)
        root = f"https://{request.headers.get('host', '127.0.0.1')}/{tenant}"
        configuration: dict[str, JsonValue] = {
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
        }
        return SimulatedResponse.json(HTTPStatus.OK, configuration)

    @route("POST", "/{tenant}/oauth2/v2.0/token")
    def issue_token(self, request: SimulatedRequest, tenant: str) -> SimulatedResponse:
        """Issue a token for this tenant, or say in the vendor's codes why not."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        found = self.tenants.get(tenant)
        if found is None:
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_tenant", 90002)
        if form.get("client_id") != CLIENT_ID or not found.is_consented:
            return _refused(HTTPStatus.BAD_REQUEST, "unauthorized_client", 700016)
        if form.get("grant_type") != "client_credentials":
            return _refused(HTTPStatus.BAD_REQUEST, "unsupported_grant_type", 70003)
        if not form.get("scope", "").endswith("/.default"):
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_scope", 1002012)
        if not self._is_authentic(form, f"https://{request.headers.get('host', '')}{request.path}"):
            return _refused(HTTPStatus.UNAUTHORIZED, "invalid_client", 7000215)
        token = f"token-{len(self.tokens) + 1}-of-{tenant}"
        self.tokens[token] = (tenant, found.clock().timestamp() + self.token_seconds)
        body = {"token_type": "Bearer", "expires_in": self.token_seconds, "access_token": token}
        return SimulatedResponse.json(HTTPStatus.OK, body)

    def _is_authentic(self, form: Mapping[str, str], audience: str) -> bool:
        if self.certificate is None or form.get("client_assertion_type") != ASSERTION:
            return form.get("client_secret") == CLIENT_SECRET
        try:
            claims = jwt.decode(
                form.get("client_assertion", ""),
                self.certificate,
                algorithms=["PS256"],
                audience=audience,
                options={"require": ["exp", "iss", "sub"]},
            )
        except jwt.PyJWTError:
            return False
        return bool(claims["iss"] == claims["sub"] == CLIENT_ID)


def _refused(status: int, error: str, code: int) -> SimulatedResponse:
    body = {"error": error, "error_description": f"AADSTS{code}: refused.", "error_codes": [code]}
    return SimulatedResponse.json(status, body)
