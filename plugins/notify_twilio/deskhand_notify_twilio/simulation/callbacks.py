"""What the simulated Twilio posts, and how it signs it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import urlencode

from deskhand_notify_twilio.simulation.ledger import Record

Posted = tuple[Mapping[str, str], bytes]
EVENT = "com.twilio.accountsecurity.verify.verification."


def status_callback(token: str, url: str, message: Record) -> Posted:
    """Make the signed form that tells of a message's new state."""
    sid, status = str(message["sid"]), str(message["status"])
    fields = {
        "AccountSid": str(message["account_sid"]),
        "ApiVersion": "2010-04-01",
        "From": str(message["from"]),
        "MessageSid": sid,
        "MessageStatus": status,
        "SmsSid": sid,
        "SmsStatus": status,
        "To": str(message["to"]),
    }
    if message["error_code"] is not None:
        fields["ErrorCode"] = str(message["error_code"])
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return {**headers, "X-Twilio-Signature": signature(token, signed)}, urlencode(fields).encode()


def verification_event(token: str, url: str, verification: Record, status: str) -> tuple[str, Posted]:
    """Make the signed event that tells of a verification's new state, and the address it goes to."""
    event = {
        "specversion": "1.0",
        "type": f"{EVENT}{status}",
        "source": "AB0000000000000000000000000000cafe",
        "id": "NO" + hashlib.sha256(f"{verification['sid']}{status}".encode()).hexdigest()[:32],
        "dataschema": "https://events-schemas.twilio.com/AccountSecurity.VerifyEventStreamEvent/2",
        "datacontenttype": "application/json",
        "time": verification["date_updated"],
        "data": {
            "account_sid": verification["account_sid"],
            "service_sid": verification["service_sid"],
            "verification_sid": verification["sid"],
            "to": verification["to"],
            "verification_status": status.upper(),
        },
    }
    body = json.dumps([event]).encode()
    address = f"{url}{'&' if '?' in url else '?'}bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature(token, address)}
    return address, (headers, body)


def signature(token: str, signed: str) -> str:
    """Sign a text as Twilio does."""
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
