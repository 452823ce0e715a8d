"""ConnectWise PSA over HTTP: where its API lives today, who we are, pages of records, and its errors in our words.

Everything here is described in the vendor's Developer Guide (https://developer.connectwise.com, Products > PSA).
"""

import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import quote

import httpx
from pydantic import JsonValue, TypeAdapter, ValidationError

from deskhand.sdk.errors import ConfigurationError, NotFoundError, RejectedError, UnavailableError
from deskhand.sdk.http import HttpClient, JsonBody, Patience
from deskhand.sdk.secrets import basic
from deskhand_psa_connectwise.conditions import Condition
from deskhand_psa_connectwise.payloads import CompanyInformation, Refusal
from deskhand_psa_connectwise.settings import ConnectWiseSettings

JsonObject: TypeAlias = dict[str, JsonValue]

LONGEST_URL = 2000
SEARCHABLE = "/service/tickets"
"""The listing that also takes its conditions in a body, at ``…/search``."""
_RECORD = TypeAdapter(JsonObject)
_RECORDS = TypeAdapter(list[JsonObject])


class ConnectWiseClient:
    """One PSA's API. Paths begin behind ``apis/3.0``; a 404 has the codebase looked up again and is tried once more.

    Raises the errors of :class:`deskhand.sdk.http.HttpClient`, and ConfigurationError where the company is unknown.
    """

    def __init__(self, settings: ConnectWiseSettings, *, patience: Patience | None = None) -> None:
        self._settings = settings
        self._company: CompanyInformation | None = None
        self._looking_up = threading.Lock()
        self._site = HttpClient(
            settings.login_origin,
            headers={"Accept": "application/json"},
            timeout_seconds=settings.timeout_seconds,
            requests_per_minute=settings.requests_per_minute,
            allow_private_addresses=settings.allow_private_addresses,
            patience=patience,
        )
        self._api = HttpClient(
            settings.api_origin,
            headers={"Accept": f"application/vnd.connectwise.com+json; version={settings.api_version}"},
            credential=lambda: credential(settings),
            timeout_seconds=settings.timeout_seconds,
            requests_per_minute=settings.requests_per_minute,
            allow_private_addresses=settings.allow_private_addresses,
            explain=explain,
            patience=patience,
        )

    @property
    def requests_sent(self) -> int:
        """How many requests this client has sent, look-ups of the codebase included."""
        return self._site.requests_sent + self._api.requests_sent

    def read(self, path: str, parameters: Mapping[str, str | int] | None = None) -> JsonObject:
        """Read one record."""
        return _record(self._send("GET", path, parameters=parameters), path)

    def create(self, path: str, body: JsonBody) -> JsonObject:
        """Create a record and return it as PSA stored it. Not idempotent: UncertainError where the answer was lost."""
        return _record(self._send("POST", path, body=body), path)

    def replace(self, path: str, values: Mapping[str, JsonBody]) -> JsonObject:
        """Replace whole fields of a record (None empties one) and return what PSA says it is afterwards.

        A 200 proves nothing: PSA may answer it for a path it did not apply. Read the record back.
        """
        operations: list[JsonBody] = [
            {"op": "remove", "path": field} if value is None else {"op": "replace", "path": field, "value": value}
            for field, value in values.items()
        ]
        return _record(self._send("PATCH", path, body=operations, idempotent=True), path)

    def delete(self, path: str) -> None:
        """Delete a record; one that is already gone is no error."""
        try:
            self._send("DELETE", path, idempotent=True)
        except NotFoundError:
            return

    def page(
        self,
        path: str,
        *,
        conditions: Condition | None = None,
        child_conditions: Condition | None = None,
        after: int | None = None,
    ) -> tuple[list[JsonObject], int | None]:
        """Read one forward-only page, by ascending id behind ``after``; the second value is None on the last page."""
        parameters: dict[str, str | int] = {"pageSize": self._settings.page_size}
        if after is not None:
            parameters["pageId"] = after
        filters = {"conditions": conditions, "childConditions": child_conditions}
        texts = {name: condition.text for name, condition in filters.items() if condition is not None}
        headers = {"pagination-type": "forward-only"}
        if self._is_too_long(path, {**parameters, **texts}):
            body = {name if name == "conditions" else name.lower(): text for name, text in texts.items()}
            answer = self._send("POST", f"{path}/search", parameters, headers, body, idempotent=True)
        else:
            answer = self._send("GET", path, {**parameters, **texts}, headers)
        records = _records(answer, path)
        if len(records) < self._settings.page_size:
            return records, None
        return records, _identifier(records[-1], path)

    def pages(
        self, path: str, *, conditions: Condition | None = None, child_conditions: Condition | None = None
    ) -> Iterator[JsonObject]:
        """Read every record of a listing by ascending id; each page is fetched when it is needed."""
        after: int | None = None
        while True:
            records, following = self.page(path, conditions=conditions, child_conditions=child_conditions, after=after)
            yield from records
            if following is None:
                return
            if after is not None and following <= after:
                raise UnavailableError(f"{path}: the pages do not move forward")
            after = following

    def close(self) -> None:
        """Close every connection."""
        self._site.close()
        self._api.close()

    def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: JsonBody = None,
        *,
        idempotent: bool = False,
    ) -> JsonValue:
        def attempt(company: CompanyInformation) -> JsonValue:
            return self._api.json(
                method,
                f"/{company.codebase}apis/3.0{path}",
                json=body,
                params=parameters,
                headers=headers,
                idempotent=idempotent,
            )

        company = self._find_company()
        try:
            return attempt(company)
        except NotFoundError as error:
            now = self._find_company(instead_of=company)
            if now.codebase == company.codebase:
                doubt = " (in the cloud, refused keys can look like this too)" if now.is_cloud else ""
                raise NotFoundError(f"{error}{doubt}") from None
        return attempt(now)

    def _find_company(self, *, instead_of: CompanyInformation | None = None) -> CompanyInformation:
        """Return where PSA's API lives; looked up once, and again when what is known is what failed."""
        with self._looking_up:
            if self._company is None or self._company is instead_of:
                self._company = self._look_up()
            return self._company

    def _look_up(self) -> CompanyInformation:
        company = self._settings.company_id
        try:
            answer = self._site.json("GET", f"/login/companyinfo/{quote(company, safe='')}")
        except NotFoundError as error:
            raise UnavailableError(f"{error}; if it stays so, site is not the address of a PSA: mend site") from None
        if answer is None:
            raise ConfigurationError(f"company_id: {self._settings.site} knows no company {company!r}; mend company_id")
        try:
            return CompanyInformation.model_validate(answer)
        except ValidationError:
            raise UnavailableError(f"{self._settings.site}: its company information has no codebase") from None

    def _is_too_long(self, path: str, parameters: Mapping[str, str | int]) -> bool:
        url = httpx.URL(f"{self._settings.api_origin}/{self._find_company().codebase}apis/3.0{path}")
        if len(str(url.copy_merge_params(dict(parameters)))) < LONGEST_URL:
            return False
        if path != SEARCHABLE:
            raise RejectedError(f"{path}: its conditions are too long for an address, and it takes no others")
        return True


def credential(settings: ConnectWiseSettings) -> dict[str, str]:
    """Return the headers of one request, opening what they are made of."""
    member = f"{settings.company_id}+{settings.public_key.get_secret_value()}"
    return {
        "clientId": settings.client_id.get_secret_value(),
        **basic(member, settings.private_key.get_secret_value()),
    }


def explain(answer: httpx.Response) -> str:
    """Return the vendor's error codes and the fields they blame: identifiers, never its sentences or our values."""
    refusal = Refusal.model_validate_json(answer.content)
    blamed = [f"{each.field} {each.code}".strip() for each in refusal.errors]
    text = "; ".join([refusal.code, *blamed])
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return f"{text}; check company_id, public_key, private_key and client_id"
    if answer.status_code == HTTPStatus.FORBIDDEN:
        return f"{text}; the API member's security role lacks this permission"
    return text


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


def _identifier(record: JsonObject, path: str) -> int:
    value = record.get("id")
    if not isinstance(value, int):
        raise UnavailableError(f"{path}: a record has no id")
    return value
