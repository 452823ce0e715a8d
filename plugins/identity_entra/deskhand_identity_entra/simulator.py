"""Entra ID in miniature: an authority that issues tokens, and tenants behind Graph, each seen with its own token."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic import JsonValue

from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.testing.simulator import RoutedSimulator, SimulatedRequest, SimulatedResponse
from deskhand_identity_entra.simulation.group_routes import GroupRoutes
from deskhand_identity_entra.simulation.method_routes import MethodRoutes
from deskhand_identity_entra.simulation.permissions import is_allowed
from deskhand_identity_entra.simulation.refusals import RefusedError, bad_request, denied, refusal
from deskhand_identity_entra.simulation.sign_in import CLIENT_ID, CLIENT_SECRET, SignInRoutes
from deskhand_identity_entra.simulation.tenants import Record, Tenant

ROOT = "/v1.0"
PAUSE_SECONDS = 10


class EntraSimulator(SignInRoutes, MethodRoutes, GroupRoutes, RoutedSimulator):
    """Any number of tenants. Fill them with ``seed_…``; look at them with ``tenants``, ``passwords`` and ``requests``.

    Set a tenant's ``granted`` and ``is_consented`` to withhold permissions, its ``lag`` to have reads trail writes;
    ``requests_per_minute`` switches throttling on, for each tenant; ``expire_tokens`` makes every token worthless.
    """

    def __init__(self, *, clock: Clock = utc_now, requests_per_minute: int | None = None) -> None:
        super().__init__()
        self.clock = clock
        self.requests_per_minute = requests_per_minute
        self.tenants: dict[str, Tenant] = {}
        self.tokens: dict[str, tuple[str, float]] = {}
        self.passwords: dict[str, str] = {}
        self.pass_codes: dict[str, str] = {}
        self.requests: Counter[str] = Counter()
        self.root = ""
        self._recent: dict[str, deque[datetime]] = {}

    def seed_tenant(self, identifier: str, name: str, *, domains: Sequence[str]) -> Tenant:
        """Add a tenant with these verified domains, its default one first."""
        self.tenants[identifier] = Tenant(identifier, name, tuple(domains), self.clock)
        return self.tenants[identifier]

    def seed_user(self, tenant: str, name: str, sign_in_name: str, **fields: JsonValue) -> str:
        """Add a user, with any of Graph's fields, and return its id; ``methods`` are further authentication methods."""
        home, methods = self.tenants[tenant], fields.pop("methods", [])
        given, _, surname = name.partition(" ")
        moment = home.now()
        record: Record = {
            "id": home.identifier(),
            "displayName": name,
            "givenName": given,
            "surname": surname,
            "userPrincipalName": sign_in_name,
            "mail": sign_in_name,
            "proxyAddresses": [f"SMTP:{sign_in_name}"],
            "businessPhones": [],
            "mobilePhone": None,
            "jobTitle": None,
            "officeLocation": None,
            "preferredLanguage": None,
            "userType": "Member",
            "accountEnabled": True,
            "onPremisesSyncEnabled": None,
            "lastPasswordChangeDateTime": moment,
            "signInSessionsValidFromDateTime": moment,
            **fields,
        }
        identifier = str(record["id"])
        home.contents.users[identifier] = record
        password: Record = {
            "@odata.type": "#microsoft.graph.passwordAuthenticationMethod",
            "id": "28c10230-6103-485e-b985-444c60001490",
        }
        others = [{"id": home.identifier(), **each} for each in _objects(methods)]
        home.contents.methods[identifier] = [password, *others]
        return identifier

    def seed_group(self, tenant: str, name: str, *, members: Sequence[str] = (), **fields: JsonValue) -> str:
        """Add a security group, with any of Graph's fields, and return its id."""
        home = self.tenants[tenant]
        record: Record = {
            "id": home.identifier(),
            "displayName": name,
            "groupTypes": [],
            "mailEnabled": False,
            "securityEnabled": True,
            "isAssignableToRole": None,
            "onPremisesSyncEnabled": None,
            **fields,
        }
        home.contents.groups[str(record["id"])] = record
        home.contents.members[str(record["id"])] = list(members)
        return str(record["id"])

    def seed_role(self, tenant: str, user: str, name: str = "Global Administrator") -> str:
        """Have a user hold a directory role, as an administrator does, and return the role's id."""
        home = self.tenants[tenant]
        role: Record = {"id": home.identifier(), "displayName": name}
        home.contents.roles.setdefault(user, []).append(role)
        return str(role["id"])

    def expire_tokens(self) -> None:
        """Make every token that was issued worthless, as a revoked consent or a changed secret does."""
        self.tokens = {token: (tenant, float("-inf")) for token, (tenant, _) in self.tokens.items()}

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        """Answer as the vendor would: the authority to anyone, Graph to whoever has a token."""
        inner = request.path.removeprefix(ROOT)
        self.requests[f"{request.method} {request.path}"] += 1
        self.root = f"http://{request.headers.get('host', '127.0.0.1')}{ROOT}"
        try:
            if not request.path.startswith(f"{ROOT}/"):
                return super().handle(request)
            self.current = self._tenant_of(request)
            inside = replace(request, path=inner)
            self._refuse_at_the_door(inside)
            return super().handle(inside)
        except RefusedError as error:
            return error.response

    def refuse(self, request: SimulatedRequest, allowed: tuple[str, ...]) -> SimulatedResponse:
        """Answer what no route fits in the vendor's words."""
        if allowed:
            error = refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Request_BadRequest", f"{request.method} is not supported.")
        else:
            error = bad_request("Resource not found for the segment.", "BadRequest")
        return error.response

    def _tenant_of(self, request: SimulatedRequest) -> Tenant:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        tenant, expires = self.tokens.get(token, ("", float("-inf")))
        if expires <= self.clock().timestamp():
            headers = {"WWW-Authenticate": 'Bearer realm=""'}
            message = "Access token is missing, malformed or has expired."
            raise refusal(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationToken", message, headers)
        return self.tenants[tenant]

    def _refuse_at_the_door(self, request: SimulatedRequest) -> None:
        if self._is_too_fast():
            headers = {"Retry-After": str(PAUSE_SECONDS)}
            raise refusal(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", "Too many requests.", headers)
        if not is_allowed(request, self.current.granted):
            raise denied()

    def _is_too_fast(self) -> bool:
        if self.requests_per_minute is None:
            return False
        now, recent = self.clock(), self._recent.setdefault(self.current.id, deque())
        while recent and now - recent[0] >= timedelta(minutes=1):
            recent.popleft()
        recent.append(now)
        return len(recent) > self.requests_per_minute


def settings(url: str, tenants: Mapping[str, str] | None = None) -> dict[str, JsonValue]:
    """Configure a connector for a simulator at an address; ``tenants`` maps PSA companies to seeded tenants."""
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "tenants": dict(tenants or {}),
        "authority": url,
        "graph": url,
        "allow_private_addresses": True,
        "requests_per_minute": 1_000_000,
    }


def _objects(value: JsonValue) -> list[Record]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
