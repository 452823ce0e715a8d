"""Twilio over HTTP: two APIs, one credential, pages of messages, and its errors in our words.

The vendor's pages: https://www.twilio.com/docs/messaging/api/message-resource,
https://www.twilio.com/docs/verify/api/verification, …/verification-check, …/list-verification-attempts, …/service.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

import httpx
from pydantic import JsonValue

from deskhand.sdk.errors import NotFoundError, UnavailableError
from deskhand.sdk.http import HttpClient, Patience
from deskhand.sdk.secrets import basic
from deskhand_notify_twilio.mapping import parsed
from deskhand_notify_twilio.payloads import (
    AttemptPayload,
    MessagePayload,
    RefusalPayload,
    ServicePayload,
    VerificationPayload,
)
from deskhand_notify_twilio.settings import TwilioSettings

PAGE_SIZE = 200
MOST_PAGES = 100
"""More than twenty thousand messages to one number are not read: that is no person."""
TOO_MANY_CHECKS, TOO_MANY_SENDS = 60202, 60203
FINAL = frozenset({TOO_MANY_CHECKS, TOO_MANY_SENDS})
"""429s that no pause of ours mends: https://www.twilio.com/docs/api/errors/60202 and /60203."""
FIXES: Mapping[int, str] = {
    20003: "check account_sid and api_key_sid with api_key_secret, or auth_token",
    20404: "no such record in this account",
    21211: "the number cannot be reached: correct it in the PSA",
    21408: "allow this country in Twilio's Geo Permissions",
    21606: "from_number is not a number of this account that can text",
    21608: "a trial account texts verified numbers only",
    21610: "the person has opted out by answering STOP; only they can undo it, by START",
    21614: "the number cannot take texts",
    60200: "Twilio refuses a parameter: check the number, and the channel",
    60202: "five wrong codes: start another verification once this one has expired (10 minutes)",
    60203: "five codes sent: wait until the verification expires (10 minutes)",
    60205: "landlines take no texts",
    60410: "Twilio's Fraud Guard blocks this number's prefix",
}
"""What a person does about Twilio's commonest codes: https://www.twilio.com/docs/api/errors."""


class TwilioClient:
    """One account. Raises the errors of :class:`deskhand.sdk.http.HttpClient`, with Twilio's code and its fix."""

    def __init__(self, settings: TwilioSettings, *, patience: Patience | None = None) -> None:
        self._account = f"/2010-04-01/Accounts/{settings.account_sid}"

        def opened(url: str) -> HttpClient:
            return HttpClient(
                url,
                headers={"Accept": "application/json"},
                credential=lambda: basic(*settings.credential),
                timeout_seconds=settings.timeout_seconds,
                requests_per_minute=settings.requests_per_minute,
                allow_private_addresses=settings.allow_private_addresses,
                explain=explain,
                is_final=is_final,
                patience=patience,
            )

        self._api, self._verify = opened(settings.api_url), opened(settings.verify_url)

    def create_message(self, fields: Mapping[str, str]) -> MessagePayload:
        """Send a message. Not idempotent: UncertainError where the answer was lost."""
        return parsed(MessagePayload, self._api.json("POST", f"{self._account}/Messages.json", form=fields))

    def message(self, message_sid: str) -> MessagePayload:
        """Read one message."""
        return parsed(MessagePayload, self._api.json("GET", f"{self._account}/Messages/{message_sid}.json"))

    def messages_to(self, number: str) -> Iterator[MessagePayload]:
        """Read every message to a number, the latest first; each page is fetched when it is needed.

        Twilio's filter by date looks at the date of sending, which a message that waits has not: it is left out.
        """
        path = f"{self._account}/Messages.json"
        parameters: dict[str, str | int] | None = {"To": number, "PageSize": PAGE_SIZE}
        for _ in range(MOST_PAGES):
            page = _record(self._api.json("GET", path, params=parameters), path)
            for record in _list(page, "messages", path):
                yield parsed(MessagePayload, record)
            following = page.get("next_page_uri")
            if not isinstance(following, str):
                return
            path, parameters = following, None
        raise UnavailableError(f"{self._account}/Messages.json: the pages do not end")

    def first_message(self) -> None:
        """Read one message of the account, if there is one: proves address, account, credential and permission."""
        path = f"{self._account}/Messages.json"
        _list(_record(self._api.json("GET", path, params={"PageSize": 1}), path), "messages", path)

    def service(self, service_sid: str) -> ServicePayload:
        """Read a Verify Service."""
        return parsed(ServicePayload, self._verify.json("GET", f"/v2/Services/{service_sid}"))

    def start_verification(self, service_sid: str, number: str, channel: str = "sms") -> VerificationPayload:
        """Text a code to a number, or call it; while one is pending the same code again. Not idempotent."""
        form = {"To": number, "Channel": channel}
        answer = self._verify.json("POST", f"/v2/Services/{service_sid}/Verifications", form=form)
        return parsed(VerificationPayload, answer)

    def verification(self, service_sid: str, verification_sid: str) -> VerificationPayload:
        """Read a verification; NotFoundError once it was approved, has expired, was cancelled or was locked."""
        answer = self._verify.json("GET", f"/v2/Services/{service_sid}/Verifications/{verification_sid}")
        return parsed(VerificationPayload, answer)

    def cancel_verification(self, service_sid: str, verification_sid: str) -> None:
        """Make a code worthless; one that is over already is no error."""
        path = f"/v2/Services/{service_sid}/Verifications/{verification_sid}"
        try:
            self._verify.json("POST", path, form={"Status": "canceled"}, idempotent=True)
        except NotFoundError:
            return

    def check_code(self, service_sid: str, verification_sid: str, code: str) -> VerificationPayload:
        """Compare a code. Not idempotent: a right one counts once, a wrong one is one of five."""
        form = {"VerificationSid": verification_sid, "Code": code}
        answer = self._verify.json("POST", f"/v2/Services/{service_sid}/VerificationCheck", form=form)
        return parsed(VerificationPayload, answer)

    def attempts(self, service_sid: str, verification_sid: str) -> tuple[AttemptPayload, ...]:
        """Read how often a verification's code was sent, and whether it was answered; at most five, so one page."""
        parameters: dict[str, str | int] = {
            "VerifyServiceSid": service_sid,
            "VerificationSid": verification_sid,
            "PageSize": PAGE_SIZE,
        }
        page = _record(self._verify.json("GET", "/v2/Attempts", params=parameters), "/v2/Attempts")
        return tuple(parsed(AttemptPayload, record) for record in _list(page, "attempts", "/v2/Attempts"))

    def close(self) -> None:
        """Close every connection."""
        self._api.close()
        self._verify.close()


def explain(answer: httpx.Response) -> str:
    """Return Twilio's error code and what to do about it; never its sentences, which quote numbers."""
    code = RefusalPayload.model_validate_json(answer.content).code
    fix = FIXES.get(code)
    if fix is None and answer.status_code == HTTPStatus.FORBIDDEN:
        fix = "the API key lacks this permission"
    return f"Twilio error {code}" + (f"; {fix}" if fix else "")


def is_final(answer: httpx.Response) -> bool:
    """Tell of the 429s that mean a limit of one verification, not of the account."""
    return RefusalPayload.model_validate_json(answer.content).code in FINAL


def _record(answer: JsonValue, path: str) -> dict[str, JsonValue]:
    if not isinstance(answer, dict):
        raise UnavailableError(f"{path}: the answer is not a page of records")
    return answer


def _list(page: Mapping[str, JsonValue], key: str, path: str) -> list[JsonValue]:
    records = page.get(key)
    if not isinstance(records, list):
        raise UnavailableError(f"{path}: the answer is not a page of records")
    return records
