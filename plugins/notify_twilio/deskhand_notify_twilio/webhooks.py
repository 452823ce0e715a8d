"""Callbacks: verified on the raw bytes against the one configured address, and reduced to a hint.

How Twilio signs: https://www.twilio.com/docs/usage/security#validating-requests. Status callbacks of messages are
forms; events of Verify come from Event Streams, as JSON. Both are signed with the account's Auth Token alone.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deskhand.sdk.webhooks import LARGEST_BODY, Callback, CallbackRefusedError, digest, is_same
from deskhand_notify_twilio.settings import TwilioSettings

SIGNATURE = "x-twilio-signature"
MOST_FIELDS = 200
FORM, JSON = "application/x-www-form-urlencoded", ("application/json", "application/cloudevents+json")
VERIFICATION_EVENT = r"^com\.twilio\.accountsecurity\.verify\.verification\.[a-z_]{1,30}$"

Pairs = Sequence[tuple[str, str]]


class _Form(BaseModel):
    """https://www.twilio.com/docs/messaging/api/message-resource#twilios-request-to-the-statuscallback-url."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    account: Annotated[str, Field(alias="AccountSid")]
    sid: Annotated[str, Field(alias="MessageSid", pattern=r"^(SM|MM)[0-9a-fA-F]{32}$")]
    status: Annotated[str, Field(alias="MessageStatus", pattern=r"^[a-z_]{1,30}$")]


class _EventData(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    account_sid: str
    verification_sid: Annotated[str, Field(pattern=r"^VE[0-9a-fA-F]{32}$")]


class _Event(BaseModel):
    """https://www.twilio.com/docs/events/event-types/verify/verification-status."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    type: Annotated[str, Field(pattern=VERIFICATION_EVENT)]
    data: _EventData


_EVENTS = TypeAdapter(Annotated[list[_Event], Field(min_length=1, max_length=1)])


class TwilioCallbacks:
    """Plays :class:`deskhand.sdk.webhooks.CallbackReceiver`. Keeps nothing, contacts nobody.

    The address that was signed is ``callback_url``, to the letter: what a request says about its own address, or a
    proxy about the request, is not asked.
    """

    def __init__(self, settings: TwilioSettings) -> None:
        self._url = settings.callback_url
        self._token = settings.auth_token
        self._account = settings.account_sid

    def receive(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Verify a callback and return which message or verification to read again."""
        if len(body) > LARGEST_BODY:
            raise CallbackRefusedError(f"a body of more than {LARGEST_BODY} bytes", status=413)
        if self._url is None or self._token is None:
            raise CallbackRefusedError("callback_url is not set, so no callback can be verified")
        given, token = _signature(headers), self._token.get_secret_value()
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == FORM:
            pairs = _pairs(body)
            _refuse_forged(form_signature(token, self._url, pairs), given)
            return self._message(pairs, body)
        if kind in JSON:
            _refuse_forged(json_signature(token, self._url, body), given)
            return self._verification(body)
        raise CallbackRefusedError("neither a form nor JSON", status=415)

    def _message(self, pairs: Pairs, body: bytes) -> Callback:
        if len({name for name, _ in pairs}) != len(pairs):
            raise CallbackRefusedError("not a status callback: a field is there twice", status=400)
        try:
            form = _Form.model_validate(dict(pairs))
        except ValidationError as error:
            raise _not_understood(error) from None
        self._refuse_other_accounts(form.account)
        return Callback("message", form.sid, form.status, digest(body))

    def _verification(self, body: bytes) -> Callback:
        try:
            (event,) = _EVENTS.validate_json(body)
        except ValidationError as error:
            raise _not_understood(error) from None
        self._refuse_other_accounts(event.data.account_sid)
        return Callback("verification", event.data.verification_sid, event.type.rpartition(".")[2], digest(body))

    def _refuse_other_accounts(self, account: str) -> None:
        if account != self._account:
            raise CallbackRefusedError("of another account than account_sid", status=400)


def form_signature(token: str, url: str, pairs: Pairs) -> bytes:
    """Sign as Twilio signs a form: the address, then each field's name and value, sorted, with nothing in between."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(pairs)))
    return _signed(token, signed)


def json_signature(token: str, url: str, body: bytes) -> bytes:
    """Sign as Twilio signs JSON: the address alone, whose query ends with the body's SHA-256."""
    return _signed(token, signed_address(url, body))


def signed_address(url: str, body: bytes) -> str:
    """Return the address Twilio posts a JSON body to."""
    return f"{url}{'&' if '?' in url else '?'}bodySHA256={hashlib.sha256(body).hexdigest()}"


def _signed(token: str, text: str) -> bytes:
    return hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()


def _signature(headers: Mapping[str, str]) -> bytes:
    try:
        return base64.b64decode(headers[SIGNATURE], validate=True)
    except KeyError:
        raise CallbackRefusedError(f"no {SIGNATURE}") from None
    except (binascii.Error, ValueError):
        raise CallbackRefusedError(f"{SIGNATURE} is not base64") from None


def _refuse_forged(expected: bytes, given: bytes) -> None:
    if not is_same(expected, given):
        raise CallbackRefusedError("the signature does not fit callback_url and the body")


def _pairs(body: bytes) -> Pairs:
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise CallbackRefusedError("not a form", status=400) from None


def _not_understood(error: ValidationError) -> CallbackRefusedError:
    fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
    return CallbackRefusedError(f"not a callback of Twilio's that is known here: {', '.join(fields)}", status=400)
