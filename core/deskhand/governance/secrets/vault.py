"""Reads one field of a secret in Vault or OpenBao, KV version 2.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
"""

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from deskhand.governance.secrets.failures import SecretStoreError
from deskhand.governance.secrets.settings import SecretSettings
from deskhand.sdk.errors import AuthorizationError, ConnectorError, NotFoundError
from deskhand.sdk.http import HttpClient, Patience

_TIMEOUT_SECONDS = 10.0


class _Version(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    data: dict[str, JsonValue]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    data: _Version


def read_field(settings: SecretSettings, path: str, name: str) -> str:
    """Return the field ``name`` of the secret at ``path``, which starts with its mount. Raises SecretStoreError."""
    mount, _, rest = path.partition("/")
    if not settings.vault_address or settings.vault_token is None:
        raise SecretStoreError(
            "a key in Vault needs an address and a token", "set `vault_address` and `vault_token` in [secrets]"
        )
    headers = {"X-Vault-Token": settings.vault_token.get_secret_value(), "X-Vault-Request": "true"}
    try:
        with HttpClient(
            settings.vault_address,
            headers=headers,
            timeout_seconds=_TIMEOUT_SECONDS,
            allow_private_addresses=settings.vault_allow_private_addresses,
            patience=Patience(attempts=2, largest_answer=65_536),
        ) as client:
            answer = client.json("GET", f"v1/{mount}/data/{rest}")
    except AuthorizationError as error:
        raise SecretStoreError("Vault refused the token", f"let its policy read {mount}/data/{rest}") from error
    except NotFoundError as error:
        raise SecretStoreError(
            f"Vault holds nothing at {path}", f"vault kv put -mount={mount} {rest} {name}=…"
        ) from error
    except ConnectorError as error:
        raise SecretStoreError(f"Vault gave no key ({error})", "check `vault_address` in [secrets]") from error
    return _field(answer, path, name)


def _field(answer: object, path: str, name: str) -> str:
    try:
        value = _Answer.model_validate(answer).data.data.get(name)
    except ValidationError:
        value = None
    if not isinstance(value, str):
        raise SecretStoreError(f"Vault has no text in the field {name} of {path}", "check `key` in [secrets]")
    return value
