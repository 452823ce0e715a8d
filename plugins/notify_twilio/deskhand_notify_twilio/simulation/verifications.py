"""The simulated Verify: codes that expire, lock after five wrong answers, and are deleted once they have counted."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic import JsonValue

from deskhand.sdk.testing.simulator import RoutedSimulator, SimulatedRequest, SimulatedResponse, route
from deskhand_notify_twilio.simulation.callbacks import verification_event
from deskhand_notify_twilio.simulation.ledger import NUMBER, Ledger, Record, form_of, size_of
from deskhand_notify_twilio.simulation.refusals import missing, refused

LIFETIME = timedelta(minutes=10)
MOST_SENDS = MOST_CHECKS = 5
HIDDEN = ("checks",)
"""What a verification remembers and does not show."""
VERIFY = "https://verify.twilio.com/v2"


class VerificationRoutes(RoutedSimulator):
    """Answers Verify v2 for the channels ``sms`` and ``call``. ``events_url``, if set, is where Event Streams posts."""

    ledger: Ledger
    auth_token: str
    verify_services: dict[str, str]
    invalid: set[str]
    landlines: set[str]
    events_url: str | None

    def code(self, number: str) -> str:
        """Read the code on a person's telephone; LookupError where none is pending."""
        found = [each for each in self.ledger.verifications if each["to"] == number and self._is_pending(each)]
        return self.ledger.code(str(found[-1]["sid"]))

    def pending(self) -> list[Record]:
        """List the verifications that wait for a code."""
        return [each for each in self.ledger.verifications if self._is_pending(each)]

    @route("GET", "/v2/Services/{service}")
    def read_service(self, request: SimulatedRequest, service: str) -> SimulatedResponse:
        """Read a Verify Service."""
        self._refuse_service(request, service)
        return SimulatedResponse.json(
            HTTPStatus.OK,
            {
                "sid": service,
                "account_sid": self.ledger.account,
                "friendly_name": self.verify_services[service],
                "code_length": 6,
                "lookup_enabled": False,
                "psd2_enabled": False,
                "skip_sms_to_landlines": False,
                "custom_code_enabled": False,
                "verify_event_subscription_enabled": self.events_url is not None,
                "url": f"{VERIFY}/Services/{service}",
            },
        )

    @route("POST", "/v2/Services/{service}/Verifications")
    def start_verification(self, request: SimulatedRequest, service: str) -> SimulatedResponse:
        """Send a code; while one is pending for this number, the same one again."""
        self._refuse_service(request, service)
        form = form_of(request)
        self._refuse_start(form)
        number = form["To"]
        pending = [each for each in self.pending() if (each["service_sid"], each["to"]) == (service, number)]
        verification = pending[-1] if pending else self._started(service, number)
        attempts = verification["send_code_attempts"]
        if not isinstance(attempts, list) or len(attempts) >= MOST_SENDS:
            raise refused(60203, "Max send attempts reached", HTTPStatus.TOO_MANY_REQUESTS)
        channel = verification["channel"] = form["Channel"]
        attempt = self._attempt(verification)
        attempts.append({"time": self.ledger.now_iso(), "channel": channel.upper(), "attempt_sid": attempt})
        self._tell(verification, "pending")
        return SimulatedResponse.json(HTTPStatus.CREATED, _shown(verification))

    @route("GET", "/v2/Services/{service}/Verifications/{sid}")
    def read_verification(self, request: SimulatedRequest, service: str, sid: str) -> SimulatedResponse:
        """Read a pending verification: any other is deleted."""
        return SimulatedResponse.json(HTTPStatus.OK, _shown(self._pending(request, service, sid)))

    @route("POST", "/v2/Services/{service}/Verifications/{sid}")
    def update_verification(self, request: SimulatedRequest, service: str, sid: str) -> SimulatedResponse:
        """Cancel or approve a pending verification."""
        verification = self._pending(request, service, sid)
        status = form_of(request).get("Status", "")
        if status not in ("canceled", "approved"):
            raise refused(60200, "Invalid parameter `Status`")
        self._end(verification, status)
        return SimulatedResponse.json(HTTPStatus.OK, _shown(verification))

    @route("POST", "/v2/Services/{service}/VerificationCheck")
    def check_code(self, request: SimulatedRequest, service: str) -> SimulatedResponse:
        """Compare a code: five wrong ones lock the verification, a right one ends it."""
        self._refuse_service(request, service)
        form = form_of(request)
        if not form.get("Code"):
            raise refused(60200, "Invalid parameter `Code`")
        verification = self._asked(request, service, form)
        checks = verification["checks"]
        if not isinstance(checks, int) or checks >= MOST_CHECKS:
            raise refused(60202, "Max check attempts reached", HTTPStatus.TOO_MANY_REQUESTS)
        verification.update(checks=checks + 1, date_updated=self.ledger.now_iso())
        if form["Code"] == self.ledger.code(str(verification["sid"])):
            self._end(verification, "approved")
        elif checks + 1 == MOST_CHECKS:
            self._tell(verification, "max_attempts_reached")
        hidden = ("lookup", "send_code_attempts", "sna", "url")
        answer = {name: value for name, value in _shown(verification).items() if name not in hidden}
        return SimulatedResponse.json(HTTPStatus.CREATED, {**answer, "sna_attempts_error_codes": None})

    @route("GET", "/v2/Attempts")
    def list_attempts(self, request: SimulatedRequest) -> SimulatedResponse:
        """List the sendings of codes, the latest first; they outlive their verification."""
        wanted = {
            "service_sid": request.parameter("VerifyServiceSid"),
            "verification_sid": request.parameter("VerificationSid"),
            "conversion_status": request.parameter("Status").lower(),
        }
        found = [
            each
            for each in reversed(self.ledger.attempts)
            if all(not value or each[field] == value for field, value in wanted.items())
        ]
        size, url = size_of(request), f"{VERIFY}/Attempts?PageSize={size_of(request)}&Page=0"
        links = {"first_page_url": url, "url": url, "next_page_url": None, "previous_page_url": None}
        meta = {**links, "key": "attempts", "page": 0, "page_size": size}
        return SimulatedResponse.json(HTTPStatus.OK, {"attempts": found[:size], "meta": meta})

    def _refuse_service(self, request: SimulatedRequest, service: str) -> None:
        if service not in self.verify_services:
            raise missing(request.path)

    def _refuse_start(self, form: Mapping[str, str]) -> None:
        number = form.get("To", "")
        if not NUMBER.fullmatch(number) or number in self.invalid:
            raise refused(60200, "Invalid parameter `To`")
        if form.get("Channel") not in ("sms", "call"):
            raise refused(60200, "Invalid parameter `Channel`")
        if number in self.landlines and form["Channel"] == "sms":
            raise refused(60205, "SMS is not supported by landline phone number")

    def _started(self, service: str, number: str) -> Record:
        sid, now = self.ledger.sid("VE"), self.ledger.now_iso()
        attempts: list[JsonValue] = []
        verification: Record = {
            "sid": sid,
            "service_sid": service,
            "account_sid": self.ledger.account,
            "to": number,
            "channel": "sms",
            "status": "pending",
            "valid": False,
            "lookup": {},
            "amount": None,
            "payee": None,
            "send_code_attempts": attempts,
            "date_created": now,
            "date_updated": now,
            "sna": None,
            "url": f"{VERIFY}/Services/{service}/Verifications/{sid}",
            "checks": 0,
        }
        self.ledger.verifications.append(verification)
        return verification

    def _attempt(self, verification: Record) -> str:
        sid, now = self.ledger.sid("VL"), self.ledger.now_iso()
        attempt: Record = {
            "sid": sid,
            "account_sid": self.ledger.account,
            "service_sid": verification["service_sid"],
            "verification_sid": verification["sid"],
            "date_created": now,
            "date_updated": now,
            "conversion_status": "unconverted",
            "channel": verification["channel"],
            "price": {"value": "0.05", "currency": "usd"},
            "channel_data": {"to": verification["to"], "status": "delivered"},
            "url": f"{VERIFY}/Attempts/{sid}",
        }
        self.ledger.attempts.append(attempt)
        return sid

    def _end(self, verification: Record, status: str) -> None:
        verification.update(status=status, valid=status == "approved", date_updated=self.ledger.now_iso())
        if status == "approved":
            ours = [each for each in self.ledger.attempts if each["verification_sid"] == verification["sid"]]
            ours[-1].update(conversion_status="converted", date_updated=self.ledger.now_iso())
        self._tell(verification, status)

    def _tell(self, verification: Record, status: str) -> None:
        if self.events_url is not None:
            address, posted = verification_event(self.auth_token, self.events_url, verification, status)
            self.deliver(address, *posted)

    def _is_alive(self, verification: Record) -> bool:
        created = datetime.fromisoformat(str(verification["date_created"]))
        return verification["status"] == "pending" and self.ledger.clock() - created < LIFETIME

    def _is_pending(self, verification: Record) -> bool:
        return self._is_alive(verification) and verification["checks"] != MOST_CHECKS

    def _pending(self, request: SimulatedRequest, service: str, sid: str) -> Record:
        found = [each for each in self.pending() if (each["service_sid"], each["sid"]) == (service, sid)]
        if not found:
            raise missing(request.path)
        return found[0]

    def _asked(self, request: SimulatedRequest, service: str, form: Mapping[str, str]) -> Record:
        field, value = ("sid", form["VerificationSid"]) if form.get("VerificationSid") else ("to", form.get("To", ""))
        alive = [each for each in self.ledger.verifications if each["service_sid"] == service and self._is_alive(each)]
        found = [each for each in alive if each[field] == value]
        if not found:
            raise missing(request.path)
        return found[-1]


def _shown(verification: Record) -> Record:
    return {name: value for name, value in verification.items() if name not in HIDDEN}
