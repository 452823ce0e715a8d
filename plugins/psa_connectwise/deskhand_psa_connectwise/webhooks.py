"""Callbacks: registered at PSA, verified with a key from the one pinned address, and reduced to a hint."""

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from deskhand.sdk.errors import ConfigurationError, ConnectorError
from deskhand.sdk.http import HttpClient, Patience
from deskhand.sdk.webhooks import LARGEST_BODY, Callback, CallbackRefusedError, digest, is_same
from deskhand_psa_connectwise.client import ConnectWiseClient
from deskhand_psa_connectwise.mapping import parsed
from deskhand_psa_connectwise.payloads import CallbackPayload
from deskhand_psa_connectwise.settings import ConnectWiseSettings, origin_of

SIGNATURE = "x-content-signature"
KEY_RESTS = 10.0
"""Seconds between two readings of the signing key: forged callbacks cannot make us ask PSA more often than that."""
TRY_AGAIN = 429
"""One of the few answers after which PSA delivers again (after 2 and 4 seconds)."""
DESCRIPTION = "deskhand: tickets"


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore")

    key_url: str


class _Body(BaseModel):
    """What PSA posts. ``Entity``, a copy of the record, is ignored: the record is read again through the API."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: Annotated[int, Field(strict=True, gt=0, validation_alias=AliasChoices("ID", "Id", "id"))]
    action: Annotated[str, Field(pattern=r"^[A-Za-z]{1,20}$", validation_alias=AliasChoices("Action", "action"))]
    type: Annotated[str, Field(pattern=r"^[A-Za-z_ ]{1,40}$", validation_alias=AliasChoices("Type", "type"))]
    metadata: _Metadata = Field(validation_alias=AliasChoices("Metadata", "metadata"))


class ConnectWiseCallbacks:
    """Plays :class:`deskhand.sdk.webhooks.CallbackReceiver`. Thread-safe."""

    def __init__(self, settings: ConnectWiseSettings, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._reading = threading.Lock()
        self._key: bytes | None = None
        self._next_reading = float("-inf")

    def receive(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Verify a callback on its raw bytes and return which record to read again."""
        if len(body) > LARGEST_BODY:
            raise CallbackRefusedError(f"a body of more than {LARGEST_BODY} bytes", status=413)
        given = _signature(headers)
        parsed_body = _parsed(body)
        key_url = self._settings.callback_key_url
        if key_url is None:
            raise CallbackRefusedError("callback_key_url is not set, so no callback can be verified")
        if parsed_body.metadata.key_url != key_url:
            raise CallbackRefusedError("its key_url is not callback_key_url; nothing was fetched from it")
        if not self._is_authentic(key_url, given, body):
            raise CallbackRefusedError("the signature does not fit the body")
        return Callback(parsed_body.type.lower(), str(parsed_body.id), parsed_body.action.lower(), digest(body))

    def _is_authentic(self, key_url: str, given: bytes, body: bytes) -> bool:
        """Compare with the key we know, then with the key as it is now: PSA may have changed it."""
        with self._reading:
            if self._key is not None and is_same(_signed(self._key, body), given):
                return True
            now = self._monotonic()
            if now >= self._next_reading:
                self._next_reading = now + KEY_RESTS
                self._key = self._fetch(key_url)
            if self._key is None:
                raise CallbackRefusedError("the signing key could not be read a moment ago", status=TRY_AGAIN)
            return is_same(_signed(self._key, body), given)

    def _fetch(self, key_url: str) -> bytes:
        """Read the key once, without our own credentials; PSA waits five seconds for its answer."""
        with HttpClient(
            origin_of(key_url),
            timeout_seconds=min(self._settings.timeout_seconds, 4.0),
            allow_private_addresses=self._settings.allow_private_addresses,
            patience=Patience(attempts=1),
        ) as http:
            try:
                answer = http.json("GET", key_url)
            except ConnectorError:
                raise CallbackRefusedError("the signing key cannot be read now", status=TRY_AGAIN) from None
        key = answer.get("signing_key") if isinstance(answer, dict) else None
        if not isinstance(key, str) or not key:
            raise CallbackRefusedError("callback_key_url does not answer with a signing key", status=TRY_AGAIN)
        return hashlib.sha256(key.encode()).digest()


class Registration:
    """The callback that makes PSA tell this desk about changed tickets, and whether it still stands."""

    def __init__(self, client: ConnectWiseClient, settings: ConnectWiseSettings) -> None:
        self._client = client
        self._settings = settings

    @property
    def url(self) -> str:
        """The address to register: PSA appends the record's id and ``&action=…`` to it."""
        if self._settings.callback_url is None:
            raise ConfigurationError("callback_url: set where PSA reaches this desk, or leave callbacks out")
        separator = "&" if urlsplit(self._settings.callback_url).query else "?"
        return f"{self._settings.callback_url}{separator}source=connectwise&recordId="

    def registered(self) -> tuple[CallbackPayload, ...]:
        """List the callbacks at PSA that point to this desk, the disabled ones too."""
        every = (parsed(CallbackPayload, record) for record in self._client.pages("/system/callbacks"))
        return tuple(each for each in every if each.url == self.url)

    def ensure(self) -> int:
        """Register the callback, or wake it where PSA has disabled it (after three failing days); return its id.

        Call it at start-up and daily. Our own changes are suppressed, so that the desk does not answer itself.
        """
        settings = self._settings
        for each in self.registered():
            if (each.type, each.level, each.object_id) == (
                "ticket",
                settings.callback_level,
                settings.callback_object_id,
            ):
                if each.inactive_flag:
                    self._client.replace(f"/system/callbacks/{each.id}", {"inactiveFlag": False})
                return each.id
        created = self._client.create(
            "/system/callbacks",
            {
                "url": self.url,
                "type": "ticket",
                "level": settings.callback_level.value,
                "objectId": settings.callback_object_id,
                "description": DESCRIPTION,
                "isSelfSuppressedFlag": True,
            },
        )
        return parsed(CallbackPayload, created).id

    def remove(self) -> int:
        """Deregister every callback that points to this desk; return how many there were."""
        found = self.registered()
        for each in found:
            self._client.delete(f"/system/callbacks/{each.id}")
        return len(found)


def _signature(headers: Mapping[str, str]) -> bytes:
    try:
        return base64.b64decode(headers[SIGNATURE], validate=True)
    except KeyError:
        raise CallbackRefusedError(f"no {SIGNATURE}") from None
    except (binascii.Error, ValueError):
        raise CallbackRefusedError(f"{SIGNATURE} is not base64") from None


def _parsed(body: bytes) -> _Body:
    try:
        return _Body.model_validate_json(body)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise CallbackRefusedError(f"not a callback of ConnectWise PSA: {', '.join(fields)}", status=400) from None


def _signed(hashed_key: bytes, body: bytes) -> bytes:
    """Sign as PSA does: HMAC-SHA256 under the SHA-256 of the signing key."""
    return hmac.new(hashed_key, body, hashlib.sha256).digest()
