"""Callbacks of the simulated PSA: who listens, what is sent, and how it is signed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from deskhand_psa_connectwise.simulation.refusals import invalid
from deskhand_psa_connectwise.simulation.tables import Record, State, identifier

TYPES = frozenset({"ticket", "company", "contact", "configuration", "time"})
LEVELS = {"owner": None, "board": "board", "status": "status", "company": "company", "ticket": "id"}
"""The levels of a ticket callback, and the field of the ticket each is compared with."""
WRITABLE = frozenset({"description", "url", "objectId", "type", "level", "inactiveFlag", "isSelfSuppressedFlag"})


@dataclass(frozen=True, slots=True)
class Message:
    """A callback ready to be posted."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def callback_of(body: Mapping[str, JsonValue], member: Record) -> Record:
    """Check a callback and return it as it is stored."""
    faults = [("MissingRequiredField", each) for each in ("url", "objectId", "type", "level") if body.get(each) is None]
    if not faults and (body["type"] not in TYPES or body["level"] not in LEVELS):
        faults.append(("InvalidValue", "type" if body["type"] not in TYPES else "level"))
    if not str(body.get("url", "")).startswith(("http://", "https://")):
        faults.append(("InvalidValue", "url"))
    if faults:
        raise invalid("callbackEntry", *faults)
    return {
        **{field: body[field] for field in WRITABLE if body.get(field) is not None},
        "inactiveFlag": bool(body.get("inactiveFlag")),
        "isSelfSuppressedFlag": bool(body.get("isSelfSuppressedFlag")),
        "memberId": member["id"],
        "payloadVersion": "3.0.0",
    }


def messages(state: State, ticket: Record, action: str, by: str, signer: "Signer") -> Iterator[Message]:
    """Make the message for every active callback that listens to this change of a ticket."""
    for callback in state["callbacks"]:
        if callback["inactiveFlag"] or callback["type"] != "ticket" or not _listens(callback, ticket):
            continue
        author = state["members"].find(_number(callback["memberId"]))
        if callback["isSelfSuppressedFlag"] and author is not None and author["identifier"] == by:
            continue
        yield signer.message(str(callback["url"]), ticket, action, by)


@dataclass(frozen=True, slots=True)
class Signer:
    """Writes and signs what is posted; ``key_url`` is where the key can be read."""

    signing_key: str
    key_url: str
    company_id: str

    def message(self, url: str, ticket: Record, action: str, by: str) -> Message:
        """Return a signed message; record id and action are appended to the registered address."""
        number = identifier(ticket)
        body = json.dumps(
            {
                "MessageId": hashlib.sha256(f"{number}{action}{ticket['_info']}".encode()).hexdigest()[:32],
                "FromUrl": self.key_url.split("/")[2],
                "CompanyId": self.company_id,
                "MemberId": by,
                "Action": action,
                "Type": "ticket",
                "ID": number,
                "Entity": json.dumps(ticket),
                "Metadata": {"key_url": self.key_url},
            }
        ).encode()
        headers = {"Content-Type": "application/json", "x-content-signature": signature(self.signing_key, body)}
        return Message(f"{url}{number}&action={action}", headers, body)


def signature(signing_key: str, body: bytes) -> str:
    """Sign a body as the vendor does: the key is hashed before it is used."""
    key = hashlib.sha256(signing_key.encode()).digest()
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()


def _listens(callback: Record, ticket: Record) -> bool:
    field = LEVELS[str(callback["level"])]
    if field is None:
        return True
    value = ticket.get(field)
    return (value.get("id") if isinstance(value, dict) else value) == callback["objectId"]


def _number(value: JsonValue) -> int | None:
    return value if isinstance(value, int) else None
