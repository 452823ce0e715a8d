"""The simulated tenant's users: listed, read, changed, signed out, and the groups they are in."""

import re
from http import HTTPStatus

from pydantic import JsonValue

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse, route
from deskhand_identity_entra.simulation.queries import listed, selected
from deskhand_identity_entra.simulation.refusals import bad_request, missing
from deskhand_identity_entra.simulation.tenants import Contents, Record, Tenant

UNASKED = (
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
)
"""What Graph returns of a user without $select."""
USER_FIELDS = (
    *UNASKED,
    "accountEnabled",
    "lastPasswordChangeDateTime",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "signInSessionsValidFromDateTime",
    "userType",
)
GROUP_FIELDS = (
    "id",
    "displayName",
    "groupTypes",
    "isAssignableToRole",
    "mailEnabled",
    "onPremisesSyncEnabled",
    "securityEnabled",
)
SHORTEST_PASSWORD = 8
CLASSES = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]")
CLASSES_NEEDED = 3


class UserRoutes:
    """Answers what is asked of users; ``current`` is the tenant the request's token belongs to."""

    current: Tenant
    root: str
    passwords: dict[str, str]

    @route("GET", "/organization")
    def list_organization(self, request: SimulatedRequest) -> SimulatedResponse:
        """Show the tenant itself."""
        record = self.current.organization()
        return listed(request, self.root, [selected(request, record, tuple(record), tuple(record))])

    @route("GET", "/users")
    def list_users(self, request: SimulatedRequest) -> SimulatedResponse:
        """List users; filters see every field, answers hold those that were asked for."""
        answer = listed(request, self.root, self.current.seen().users.values())
        return projected(answer, request, UNASKED, USER_FIELDS)

    @route("GET", "/users/{user}")
    def read_user(self, request: SimulatedRequest, user: str) -> SimulatedResponse:
        """Show a user, by id or sign-in name."""
        record = selected(request, self.user(user, self.current.seen()), UNASKED, USER_FIELDS)
        return SimulatedResponse.json(
            HTTPStatus.OK, {"@odata.context": f"{self.root}/$metadata#users/$entity", **record}
        )

    @route("PATCH", "/users/{user}")
    def change_user(self, request: SimulatedRequest, user: str) -> SimulatedResponse:
        """Enable or disable an account, or set its password; answer with nothing."""
        record = self.user(user, self.current.contents)
        body = {name: each for name, each in object_of(request).items() if not name.startswith("@odata.")}
        unknown = sorted(body.keys() - {"accountEnabled", "passwordProfile"})
        if unknown or not body:
            raise bad_request(f"Invalid property '{(unknown or [''])[0]}'.")
        if record["onPremisesSyncEnabled"]:
            raise bad_request("Unable to update the specified properties for on-premises mastered objects.")
        enabled, profile = body.get("accountEnabled", record["accountEnabled"]), body.get("passwordProfile")
        if not isinstance(enabled, bool):
            raise bad_request("Invalid value specified for property 'accountEnabled'.")
        password = _password(profile) if "passwordProfile" in body else None
        kept = self.user(user, self.current.changing())
        kept["accountEnabled"] = enabled
        if password is not None:
            self.passwords[str(kept["id"])] = password
            kept["lastPasswordChangeDateTime"] = kept["signInSessionsValidFromDateTime"] = self.current.now()
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    @route("POST", "/users/{user}/revokeSignInSessions")
    def revoke_sessions(self, request: SimulatedRequest, user: str) -> SimulatedResponse:
        """End a user's sessions."""
        del request
        self.user(user, self.current.contents)
        self.user(user, self.current.changing())["signInSessionsValidFromDateTime"] = self.current.now()
        body = {"@odata.context": f"{self.root}/$metadata#Edm.Boolean", "value": True}
        return SimulatedResponse.json(HTTPStatus.OK, body)

    @route("GET", "/users/{user}/memberOf")
    def list_groups_of(self, request: SimulatedRequest, user: str) -> SimulatedResponse:
        """List the groups a user is a direct member of, and the directory roles they hold."""
        seen = self.current.seen()
        identifier = str(self.user(user, seen)["id"])
        groups: list[Record] = [
            {"@odata.type": "#microsoft.graph.group", **group}
            for group in seen.groups.values()
            if identifier in seen.members[str(group["id"])]
        ]
        roles: list[Record] = [
            {"@odata.type": "#microsoft.graph.directoryRole", **role} for role in seen.roles.get(identifier, [])
        ]
        return projected(listed(request, self.root, [*groups, *roles]), request, GROUP_FIELDS, GROUP_FIELDS)

    def user(self, name: str, contents: Contents) -> Record:
        """Return a user by id or sign-in name, or answer 404."""
        users = contents.users.values()
        found = contents.users.get(name) or next(
            (each for each in users if str(each["userPrincipalName"]).lower() == name.lower()), None
        )
        if found is None:
            raise missing(name)
        return found


def projected(
    answer: SimulatedResponse, request: SimulatedRequest, unasked: tuple[str, ...], known: tuple[str, ...]
) -> SimulatedResponse:
    """Keep, of each record of a page, the fields that were asked for."""
    body = object_of(answer)
    records = body["value"] if isinstance(body["value"], list) else []
    body["value"] = [selected(request, each, unasked, known) for each in records if isinstance(each, dict)]
    return SimulatedResponse.json(answer.status, body, answer.headers)


def object_of(message: SimulatedRequest | SimulatedResponse) -> Record:
    """Read a body that must be a JSON object."""
    try:
        value: JsonValue = SimulatedRequest("", "", {}, {}, message.body).json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad_request("Unable to read JSON request payload.", "BadRequest")
    return value


def _password(profile: JsonValue) -> str:
    password = profile.get("password") if isinstance(profile, dict) else None
    kinds = sum(re.search(each, password) is not None for each in CLASSES) if isinstance(password, str) else 0
    if not isinstance(password, str) or len(password) < SHORTEST_PASSWORD or kinds < CLASSES_NEEDED:
        raise bad_request("The specified password does not comply with password complexity requirements.")
    return password
