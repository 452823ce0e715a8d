"""The simulated tenant's authentication methods, Temporary Access Passes among them."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from pydantic import JsonValue

from deskhand.sdk.testing.simulator import SimulatedRequest, SimulatedResponse, route
from deskhand_identity_entra.simulation.queries import listed
from deskhand_identity_entra.simulation.refusals import bad_request, missing
from deskhand_identity_entra.simulation.tenants import Contents, Record
from deskhand_identity_entra.simulation.user_routes import UserRoutes, object_of

METHOD_TYPE = "#microsoft.graph.temporaryAccessPassAuthenticationMethod"
FACTORS = frozenset(
    f"#microsoft.graph.{kind}AuthenticationMethod" for kind in ("phone", "microsoftAuthenticator", "softwareOath")
)
SHORTEST, LONGEST, USUAL = 10, 43_200, 60


class MethodRoutes(UserRoutes):
    """Answers what is asked of authentication methods."""

    pass_codes: dict[str, str]

    @route("GET", "/users/{user}/authentication/methods")
    def list_methods(self, request: SimulatedRequest, user: str) -> SimulatedResponse:
        """List every method; the code of a pass is never shown again."""
        return listed(request, self.root, self._methods(user, self.current.seen()))

    @route("GET", "/users/{user}/authentication/temporaryAccessPassMethods")
    def list_passes(self, request: SimulatedRequest, user: str) -> SimulatedResponse:
        """List the user's passes: one, or none."""
        passes = [each for each in self._methods(user, self.current.seen()) if each["@odata.type"] == METHOD_TYPE]
        return listed(request, self.root, [self._shown(each) for each in passes])

    @route("POST", "/users/{user}/authentication/temporaryAccessPassMethods")
    def create_pass(self, request: SimulatedRequest, user: str) -> SimulatedResponse:
        """Issue a pass and delete the one before it; this answer alone holds the code."""
        body = object_of(request)
        minutes, is_once = body.get("lifetimeInMinutes", USUAL), body.get("isUsableOnce", False)
        if not isinstance(minutes, int) or not SHORTEST <= minutes <= LONGEST or not isinstance(is_once, bool):
            raise bad_request("Temporary Access Pass lifetime is not within policy.", "badRequest")
        self._methods(user, self.current.contents)
        methods = self._methods(user, self.current.changing())
        methods[:] = [each for each in methods if each["@odata.type"] != METHOD_TYPE]
        now = self.current.now()
        record: Record = {
            "@odata.type": METHOD_TYPE,
            "id": self.current.identifier(),
            "createdDateTime": now,
            "startDateTime": now,
            "lifetimeInMinutes": minutes,
            "isUsableOnce": is_once,
            "isUsable": True,
            "methodUsabilityReason": "EnabledByPolicy",
            "temporaryAccessPass": None,
        }
        methods.append(record)
        code = self.pass_codes[str(record["id"])] = f"TAP{len(self.pass_codes) + 1:03d}{str(record['id'])[:5]}"
        return SimulatedResponse.json(HTTPStatus.CREATED, {**record, "temporaryAccessPass": code})

    @route("DELETE", "/users/{user}/authentication/temporaryAccessPassMethods/{number}")
    def delete_pass(self, request: SimulatedRequest, user: str, number: str) -> SimulatedResponse:
        """Delete a pass."""
        del request
        found = [each for each in self._methods(user, self.current.contents) if each["id"] == number]
        if not found or found[0]["@odata.type"] != METHOD_TYPE:
            raise missing(number)
        methods = self._methods(user, self.current.changing())
        methods[:] = [each for each in methods if each["id"] != number]
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    @route("DELETE", "/users/{user}/authentication/phoneMethods/{number}")
    def delete_phone(self, request: SimulatedRequest, user: str, number: str) -> SimulatedResponse:
        """Delete a telephone."""
        return self._delete_factor(request, user, number, "phone")

    @route("DELETE", "/users/{user}/authentication/microsoftAuthenticatorMethods/{number}")
    def delete_authenticator(self, request: SimulatedRequest, user: str, number: str) -> SimulatedResponse:
        """Delete an Authenticator app."""
        return self._delete_factor(request, user, number, "microsoftAuthenticator")

    @route("DELETE", "/users/{user}/authentication/softwareOathMethods/{number}")
    def delete_code_app(self, request: SimulatedRequest, user: str, number: str) -> SimulatedResponse:
        """Delete an app that makes codes."""
        return self._delete_factor(request, user, number, "softwareOath")

    def _delete_factor(self, request: SimulatedRequest, user: str, number: str, kind: str) -> SimulatedResponse:
        """Delete a factor; the default one, which is the first registered, only once there is no other."""
        del request
        factors = [each for each in self._methods(user, self.current.contents) if each["@odata.type"] in FACTORS]
        found = [each for each in factors if each["id"] == number]
        if not found or found[0]["@odata.type"] != f"#microsoft.graph.{kind}AuthenticationMethod":
            raise missing(number)
        if found[0] is factors[0] and len(factors) > 1:
            raise bad_request(
                "Cannot delete default method with other methods configured. Please change default method.",
                "badRequest",
            )
        methods = self._methods(user, self.current.changing())
        methods[:] = [each for each in methods if each["id"] != number]
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    def _methods(self, user: str, contents: Contents) -> list[Record]:
        return contents.methods[str(self.user(user, contents)["id"])]

    def _shown(self, record: Record) -> Record:
        started, minutes = datetime.fromisoformat(str(record["startDateTime"])), record["lifetimeInMinutes"]
        lifetime = timedelta(minutes=minutes) if isinstance(minutes, int) else timedelta(0)
        is_over = self.current.clock() >= started.astimezone(UTC) + lifetime
        shown: dict[str, JsonValue] = {"isUsable": False, "methodUsabilityReason": "Expired"} if is_over else {}
        return {**record, **shown}
