"""Graph change notifications: the handshake that proves an address, and the secret they are recognised by.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from deskhand.sdk.webhooks import LARGEST_BODY, Callback, CallbackRefusedError, digest, is_same
from deskhand_identity_entra.settings import EntraSettings

LONGEST_TOKEN = 2048


class _Resource(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{36}$")]


class _Notification(BaseModel):
    """One change. Only identifiers are read: the record is read again through the API."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, alias_generator=to_camel)

    client_state: str
    change_type: Annotated[str, Field(pattern=r"^(created|updated|deleted)$")]
    resource: Annotated[str, Field(pattern=r"^(?i:users)(/|$)")]
    tenant_id: str
    resource_data: _Resource


class _Body(BaseModel):
    """What Graph posts: one notification or several of them."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    value: Annotated[tuple[_Notification, ...], Field(min_length=1, max_length=1000)]


def validation_answer(token: str) -> str:
    """Return what to answer, as text/plain with status 200 within ten seconds, to a request with a validationToken.

    ``token`` is the parameter, decoded. It is echoed to whoever asks, so what Graph would not send is
    CallbackRefusedError.
    """
    if len(token) > LONGEST_TOKEN or not token.isprintable() or re.search(r"[<>]", token):
        raise CallbackRefusedError("not a validation token of Graph's", status=400)
    return token


class EntraCallbacks:
    """Plays :class:`deskhand.sdk.webhooks.CallbackReceiver`. Graph signs nothing: a shared secret is all there is."""

    def __init__(self, settings: EntraSettings) -> None:
        self._secret = settings.notification_secret
        self._tenants = frozenset(settings.tenants.values())

    def receive(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Recognise a notification, and return the first user to read again; one stranger in a batch refuses it all."""
        del headers
        if len(body) > LARGEST_BODY:
            raise CallbackRefusedError(f"a body of more than {LARGEST_BODY} bytes", status=413)
        if self._secret is None:
            raise CallbackRefusedError("notification_secret is not set, so no notification can be recognised")
        secret = self._secret.get_secret_value().encode()
        notifications = _parsed(body)
        known = [is_same(secret, each.client_state.encode("utf-8", "replace")) for each in notifications]
        if not all(known):
            raise CallbackRefusedError("its clientState is not notification_secret")
        if not {each.tenant_id.lower() for each in notifications} <= self._tenants:
            raise CallbackRefusedError("it comes from a tenant that tenants does not name", status=403)
        first = notifications[0]
        return Callback("user", first.resource_data.id.lower(), first.change_type, digest(body))


def _parsed(body: bytes) -> tuple[_Notification, ...]:
    try:
        return _Body.model_validate_json(body).value
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise CallbackRefusedError(f"not a notification of Graph: {', '.join(fields)}", status=400) from None
