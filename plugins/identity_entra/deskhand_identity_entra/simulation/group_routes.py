"""The simulated tenant's groups and their members."""

from http import HTTPStatus
from urllib.parse import urlsplit

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse, route
from deskhand_identity_entra.simulation.queries import listed, selected
from deskhand_identity_entra.simulation.refusals import bad_request, missing
from deskhand_identity_entra.simulation.tenants import Contents, Record
from deskhand_identity_entra.simulation.user_routes import (
    GROUP_FIELDS,
    UNASKED,
    USER_FIELDS,
    UserRoutes,
    object_of,
    projected,
)


class GroupRoutes(UserRoutes):
    """Answers what is asked of groups."""

    @route("GET", "/groups")
    def list_groups(self, request: SimulatedRequest) -> SimulatedResponse:
        """List groups."""
        answer = listed(request, self.root, self.current.seen().groups.values())
        return projected(answer, request, GROUP_FIELDS, GROUP_FIELDS)

    @route("GET", "/groups/{group}")
    def read_group(self, request: SimulatedRequest, group: str) -> SimulatedResponse:
        """Show a group."""
        record = selected(request, _group(group, self.current.seen()), GROUP_FIELDS, GROUP_FIELDS)
        return SimulatedResponse.json(
            HTTPStatus.OK, {"@odata.context": f"{self.root}/$metadata#groups/$entity", **record}
        )

    @route("GET", "/groups/{group}/members")
    def list_members(self, request: SimulatedRequest, group: str) -> SimulatedResponse:
        """List a group's direct members."""
        seen = self.current.seen()
        _group(group, seen)
        members = [{"@odata.type": "#microsoft.graph.user", **seen.users[each]} for each in seen.members[group]]
        return projected(listed(request, self.root, members), request, UNASKED, USER_FIELDS)

    @route("POST", "/groups/{group}/members/$ref")
    def add_member(self, request: SimulatedRequest, group: str) -> SimulatedResponse:
        """Add a user by reference; adding one twice is refused."""
        self._refuse_uneditable(group)
        address = object_of(request).get("@odata.id")
        path = urlsplit(address).path if isinstance(address, str) else ""
        if not path.startswith(("/v1.0/directoryObjects/", "/v1.0/users/")):
            raise bad_request("Invalid URL format specified in payload.")
        user = str(self.user(path.rpartition("/")[2], self.current.contents)["id"])
        if user in self.current.contents.members[group]:
            raise bad_request("One or more added object references already exist for: 'members'.")
        self.current.changing().members[group].append(user)
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    @route("DELETE", "/groups/{group}/members/{user}/$ref")
    def remove_member(self, request: SimulatedRequest, group: str, user: str) -> SimulatedResponse:
        """Remove a member."""
        del request
        self._refuse_uneditable(group)
        if user not in self.current.contents.members[group]:
            raise missing(user)
        self.current.changing().members[group].remove(user)
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    def _refuse_uneditable(self, group: str) -> None:
        record = _group(group, self.current.contents)
        kinds = record["groupTypes"] if isinstance(record["groupTypes"], list) else []
        if record["onPremisesSyncEnabled"] or "DynamicMembership" in kinds:
            raise bad_request("Insufficient privileges or unsupported operation for this kind of group.")
        if record["mailEnabled"] and "Unified" not in kinds:
            raise bad_request("Cannot Update a mail-enabled security groups and or distribution list.")


def _group(identifier: str, contents: Contents) -> Record:
    found = contents.groups.get(identifier)
    if found is None:
        raise missing(identifier)
    return found
