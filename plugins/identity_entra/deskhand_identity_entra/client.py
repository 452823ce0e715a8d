"""Microsoft Graph v1.0 over HTTP, as one tenant: pages of records, and its errors in our words.

https://learn.microsoft.com/graph/use-the-api
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TypeAlias

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from deskhand.sdk.errors import NotFoundError, UnavailableError
from deskhand.sdk.http import HttpClient, JsonBody, Parameters, Patience
from deskhand_identity_entra.settings import EntraSettings
from deskhand_identity_entra.tokens import TenantAuthentication, TokenSource

JsonObject: TypeAlias = dict[str, JsonValue]

NEXT = "@odata.nextLink"
_RECORD = TypeAdapter(JsonObject)
_RECORDS = TypeAdapter(list[JsonObject])
PERMISSIONS = (
    ("GET", r"/organization", "Organization.Read.All"),
    ("GET", r"/users(/[^/]+)?", "User.Read.All"),
    ("PATCH", r"/users/[^/]+", "User.EnableDisableAccount.All"),
    ("POST", r"/users/[^/]+/revokeSignInSessions", "User.RevokeSessions.All"),
    ("GET", r"/users/[^/]+/memberOf", "GroupMember.Read.All"),
    ("GET", r"/users/[^/]+/authentication/temporaryAccessPassMethods", "UserAuthMethod-TAP.Read.All"),
    ("(POST|DELETE)", r"/users/.*/temporaryAccessPassMethods(/[^/]+)?", "UserAuthMethod-TAP.ReadWrite.All"),
    ("GET", r"/users/[^/]+/authentication/.*", "UserAuthenticationMethod.Read.All"),
    ("DELETE", r"/users/[^/]+/authentication/.*", "UserAuthenticationMethod.ReadWrite.All"),
    ("GET", r"/groups.*", "GroupMember.Read.All"),
    ("(POST|DELETE)", r"/groups/.*", "GroupMember.ReadWrite.All"),
)
"""The least application permission of each call we make, so that a refusal can name what to grant."""
PASSWORD_PERMISSION = "User-PasswordProfile.ReadWrite.All"  # noqa: S105  # the name of a permission


class _Error(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    code: str = ""


class _Refusal(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    error: _Error


class GraphClient:
    """One tenant's part of Graph: whatever is sent carries that tenant's token. Paths begin behind ``/v1.0``.

    Raises the errors of :class:`deskhand.sdk.http.HttpClient`; a refusal for want of a permission names it.
    """

    def __init__(self, settings: EntraSettings, tokens: TokenSource, *, patience: Patience | None = None) -> None:
        self._http = HttpClient(
            f"{settings.graph}/v1.0",
            headers={"Accept": "application/json"},
            auth=TenantAuthentication(tokens),
            timeout_seconds=settings.timeout_seconds,
            requests_per_minute=settings.requests_per_minute,
            allow_private_addresses=settings.allow_private_addresses,
            explain=explain,
            connection=tokens.tenant,
            patience=patience,
        )

    def read(self, path: str, *, select: str) -> JsonObject:
        """Read one record's fields. NotFoundError where this tenant has none such."""
        return _record(self._http.json("GET", path, params={"$select": select}), path)

    def pages(self, path: str, parameters: Parameters | None = None) -> Iterator[JsonObject]:
        """Read every record of a listing; each page is fetched when it is needed, by the vendor's own address for it.

        RejectedError for a next page on another host; UnavailableError where the pages go in a circle.
        """
        seen: set[str] = set()
        answer = _record(self._http.json("GET", path, params=parameters), path)
        while True:
            yield from _records(answer.get("value"), path)
            following = answer.get(NEXT)
            if following is None:
                return
            if not isinstance(following, str) or following in seen:
                raise UnavailableError(f"{path}: the pages go in a circle")
            seen.add(following)
            answer = _record(self._http.json("GET", following), path)

    def change(self, path: str, values: Mapping[str, JsonBody], *, idempotent: bool) -> None:
        """Set fields of a record. UncertainError where it is not idempotent and the answer was lost."""
        self._http.json("PATCH", path, json=values, idempotent=idempotent)

    def create(self, path: str, body: Mapping[str, JsonBody]) -> JsonObject:
        """Create a record. Not idempotent: UncertainError where the answer was lost."""
        return _record(self._http.json("POST", path, json=body), path)

    def call(self, path: str, body: Mapping[str, JsonBody] | None = None) -> None:
        """Call what may safely be called again."""
        self._http.send("POST", path, json=body, idempotent=True)

    def delete(self, path: str) -> None:
        """Delete a record or a reference; one that is already gone is no error."""
        try:
            self._http.send("DELETE", path, idempotent=True)
        except NotFoundError:
            return

    def close(self) -> None:
        """Close every connection."""
        self._http.close()


def explain(answer: httpx.Response) -> str:
    """Return the vendor's error code, and the permission to grant where one is missing; never its sentences."""
    code = _Refusal.model_validate_json(answer.content).error.code
    if answer.status_code != HTTPStatus.FORBIDDEN:
        return code
    return f"{code}; grant {permission(answer.request)} to the app and consent to it in this tenant"


def permission(request: httpx.Request) -> str:
    """Name the least permission a request of ours needs."""
    path = request.url.path.removeprefix("/v1.0")
    if request.method == "PATCH" and b'"passwordProfile"' in request.content:
        return PASSWORD_PERMISSION
    return next(
        name
        for method, pattern, name in PERMISSIONS
        if re.fullmatch(method, request.method) and re.fullmatch(pattern, path)
    )


def _record(answer: JsonValue, path: str) -> JsonObject:
    try:
        return _RECORD.validate_python(answer)
    except ValidationError:
        raise UnavailableError(f"{path}: the answer is not a record") from None


def _records(answer: JsonValue, path: str) -> list[JsonObject]:
    try:
        return _RECORDS.validate_python(answer)
    except ValidationError:
        raise UnavailableError(f"{path}: the answer is not a list of records") from None
