"""The simulated Twilio's messages: taken, moved on towards the telephone, listed, redacted and deleted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlencode

from deskhand.sdk.testing.simulator import RoutedSimulator, SimulatedRequest, SimulatedResponse, route
from deskhand_notify_twilio.simulation.callbacks import status_callback
from deskhand_notify_twilio.simulation.ledger import NUMBER, Ledger, Record, form_of, page_of, size_of
from deskhand_notify_twilio.simulation.refusals import missing, refused

LONGEST_BODY = 1600
SEGMENT = 153
NEXT = {"accepted": "queued", "queued": "sending", "sending": "sent", "sent": "delivered"}
UNREACHABLE = 30003


class MessageRoutes(RoutedSimulator):
    """Answers Programmable Messaging. A message stays as it was taken until ``advance`` moves it on."""

    ledger: Ledger
    auth_token: str
    numbers: set[str]
    services: set[str]
    opted_out: set[str]
    invalid: set[str]
    unreachable: set[str]
    callbacks: dict[str, str]

    def advance(self, sid: str | None = None) -> None:
        """Move a message (each, if none is named) one state on and post its signed status callback."""
        for message in self.ledger.messages:
            if sid in (None, message["sid"]) and message["status"] in NEXT:
                self._move(message)

    @route("POST", "/2010-04-01/Accounts/{account}/Messages.json")
    def create_message(self, request: SimulatedRequest, account: str) -> SimulatedResponse:
        """Take a message."""
        self.refuse_other_account(account)
        form = form_of(request)
        self._refuse_message(form)
        message = self._message(form)
        self.ledger.messages.append(message)
        if "StatusCallback" in form:
            self.callbacks[str(message["sid"])] = form["StatusCallback"]
        return SimulatedResponse.json(HTTPStatus.CREATED, message)

    @route("GET", "/2010-04-01/Accounts/{account}/Messages.json")
    def list_messages(self, request: SimulatedRequest, account: str) -> SimulatedResponse:
        """List messages, the latest first; a page token names the last message that was shown."""
        self.refuse_other_account(account)
        found = [each for each in reversed(self.ledger.messages) if _fits(each, request)]
        size, token = size_of(request), request.parameter("PageToken").removeprefix("PA")
        start = next((place + 1 for place, each in enumerate(found) if each["sid"] == token), 0)
        shown, rest = found[start : start + size], found[start + size :]
        page = page_of(request)
        filters = {name: values[0] for name, values in request.query.items() if name not in ("Page", "PageToken")}
        following = {**filters, "Page": str(page + 1), "PageToken": f"PA{shown[-1]['sid']}"} if rest else None
        return SimulatedResponse.json(
            HTTPStatus.OK,
            {
                "first_page_uri": _uri(request, {**filters, "Page": "0"}),
                "next_page_uri": _uri(request, following) if following else None,
                "previous_page_uri": None,
                "uri": _uri(request, {**filters, "Page": str(page)}),
                "page": page,
                "page_size": size,
                "start": start,
                "end": start + max(len(shown) - 1, 0),
                "messages": shown,
            },
        )

    @route("GET", "/2010-04-01/Accounts/{account}/Messages/{name}")
    def read_message(self, request: SimulatedRequest, account: str, name: str) -> SimulatedResponse:
        """Read a message."""
        return SimulatedResponse.json(HTTPStatus.OK, self._found(request, account, name))

    @route("POST", "/2010-04-01/Accounts/{account}/Messages/{name}")
    def update_message(self, request: SimulatedRequest, account: str, name: str) -> SimulatedResponse:
        """Redact a message: an empty Body is the only text Twilio takes."""
        message = self._found(request, account, name)
        if form_of(request).get("Body") != "":
            raise refused(20001, "Body may only be emptied")
        message.update(body="", date_updated=self.ledger.now_2822())
        return SimulatedResponse.json(HTTPStatus.OK, message)

    @route("DELETE", "/2010-04-01/Accounts/{account}/Messages/{name}")
    def delete_message(self, request: SimulatedRequest, account: str, name: str) -> SimulatedResponse:
        """Delete a message."""
        self.ledger.messages.remove(self._found(request, account, name))
        return SimulatedResponse(HTTPStatus.NO_CONTENT)

    def refuse_other_account(self, account: str) -> None:
        """Refuse an address of an account that is not this one."""
        if account != self.ledger.account:
            raise missing(f"/2010-04-01/Accounts/{account}")

    def _refuse_message(self, form: Mapping[str, str]) -> None:
        number = form.get("To", "")
        if not number:
            raise refused(21604, "A 'To' phone number is required.")
        if not form.get("Body"):
            raise refused(21602, "Message body is required.")
        if len(form["Body"]) > LONGEST_BODY:
            raise refused(21617, "The concatenated message body exceeds the 1600 character limit")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            raise refused(21603, "A 'From' phone number is required.")
        if form.get("From", next(iter(self.numbers))) not in self.numbers:
            raise refused(21606, "The 'From' phone number provided is not a valid message-capable number")
        if form.get("MessagingServiceSid", next(iter(self.services))) not in self.services:
            raise refused(21701, "The Messaging Service does not exist")
        if not NUMBER.fullmatch(number) or number in self.invalid:
            raise refused(21211, f"Invalid 'To' Phone Number: {number[:-4]}XXXX")
        if number in self.opted_out:
            raise refused(21610, "Attempt to send to unsubscribed recipient")
        if not form.get("StatusCallback", "http").startswith("http"):
            raise refused(21609, "Invalid 'StatusCallback' URL")

    def _message(self, form: Mapping[str, str]) -> Record:
        sid, service, now = self.ledger.sid("SM"), form.get("MessagingServiceSid"), self.ledger.now_2822()
        root = f"/2010-04-01/Accounts/{self.ledger.account}/Messages/{sid}"
        return {
            "account_sid": self.ledger.account,
            "api_version": "2010-04-01",
            "body": form["Body"],
            "date_created": now,
            "date_sent": None,
            "date_updated": now,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None if service else form["From"],
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service else str(-(-len(form["Body"]) // SEGMENT)),
            "price": None,
            "price_unit": None,
            "sid": sid,
            "status": "accepted" if service else "queued",
            "subresource_uris": {"media": f"{root}/Media.json"},
            "to": form["To"],
            "uri": f"{root}.json",
        }

    def _move(self, message: Record) -> None:
        status = NEXT[str(message["status"])]
        if status == "queued":
            message.update({"from": min(self.numbers), "num_segments": "1"})
        if status == "sent":
            message["date_sent"] = self.ledger.now_2822()
        if status == "delivered" and message["to"] in self.unreachable:
            status = "undelivered"
            message.update(error_code=UNREACHABLE, error_message="Unreachable destination handset")
        message.update(status=status, date_updated=self.ledger.now_2822())
        url = self.callbacks.get(str(message["sid"]))
        if url is not None:
            self.deliver(url, *status_callback(self.auth_token, url, message))

    def _found(self, request: SimulatedRequest, account: str, name: str) -> Record:
        self.refuse_other_account(account)
        sid = name.removesuffix(".json")
        found = next((each for each in self.ledger.messages if each["sid"] == sid), None)
        if found is None or sid == name:
            raise missing(request.path)
        return found


def _fits(message: Record, request: SimulatedRequest) -> bool:
    wanted = {"to": request.parameter("To"), "from": request.parameter("From")}
    if any(value and message[field] != value for field, value in wanted.items()):
        return False
    limits = {sign: _day(request.parameter(f"DateSent{sign}")) for sign in ("", "<", ">")}
    if not any(limits.values()):
        return True
    sent = message["date_sent"]
    if sent is None:
        return False
    day = parsedate_to_datetime(str(sent)).astimezone(UTC).date()
    on, until, since = limits.values()
    return (on is None or day == on) and (until is None or day <= until) and (since is None or day >= since)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise refused(20001, "DateSent is not a date") from None


def _uri(request: SimulatedRequest, parameters: Mapping[str, str]) -> str:
    return f"{request.path}?{urlencode(parameters)}"
