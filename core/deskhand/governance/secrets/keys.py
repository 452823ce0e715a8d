"""Where the key of the secret store comes from: a systemd credential, a passphrase file, or Vault."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deskhand.governance.secrets.failures import SecretStoreError
from deskhand.governance.secrets.settings import SecretSettings
from deskhand.governance.secrets.vault import read_field

FEWEST_KEY_BYTES = 32
FEWEST_PASSPHRASE_CHARACTERS = 12
_OTHERS = 0o077


@dataclass(frozen=True, slots=True, repr=False)
class KeyMaterial:
    """What the sealing key is derived from. A passphrase is stretched; a key has at least 32 random bytes."""

    value: bytes
    is_passphrase: bool


def key_material(
    settings: SecretSettings, folder: Path, *, key: str = "", environment: Mapping[str, str] = os.environ
) -> KeyMaterial:
    """Read the key that ``settings`` name, or the one a specification ``key`` in their form names.

    A relative path is relative to ``folder``. Raises SecretStoreError.
    """
    kind, _, rest = (key or settings.key).partition(":")
    sources: Mapping[str, Callable[[], KeyMaterial]] = {
        "credential": lambda: _credential(rest, environment),
        "passphrase": lambda: _passphrase(folder / rest),
        "vault": lambda: _from_vault(rest, settings),
    }
    if kind not in sources or not rest:
        raise SecretStoreError(
            "there is no key for the secret store",
            "set `key` in [secrets] to credential:NAME, passphrase:FILE or vault:MOUNT/PATH#FIELD",
        )
    return sources[kind]()


def _credential(name: str, environment: Mapping[str, str]) -> KeyMaterial:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretStoreError(
            f"the credential {name} is not there, since systemd did not start this process",
            f"add LoadCredentialEncrypted={name} to the unit; for a command: systemd-run --pty --wait with the same",
        )
    try:
        value = (Path(folder) / name).read_bytes()
    except OSError as error:
        raise SecretStoreError(
            f"systemd hands over no credential {name} ({error.strerror})",
            f"add LoadCredentialEncrypted={name} to the unit",
        ) from error
    return _key(
        value, f"the credential {name}", f"head -c 32 /dev/urandom | systemd-creds encrypt --name={name} - FILE"
    )


def _passphrase(path: Path) -> KeyMaterial:
    try:
        mode, value = path.stat().st_mode, path.read_bytes().strip()
    except OSError as error:
        raise SecretStoreError(f"{path} cannot be read ({error.strerror})", "write a passphrase there") from error
    if mode & _OTHERS:
        raise SecretStoreError(f"{path} may be read by others", f"chmod 600 {path}")
    if len(value) < FEWEST_PASSPHRASE_CHARACTERS:
        raise SecretStoreError(
            f"{path} holds fewer than {FEWEST_PASSPHRASE_CHARACTERS} characters",
            "write a longer passphrase, such as six words",
        )
    return KeyMaterial(value, is_passphrase=True)


def _from_vault(where: str, settings: SecretSettings) -> KeyMaterial:
    path, _, name = where.partition("#")
    value = read_field(settings, path, name)
    return _key(value.encode(), f"the field {name} of {path}", "write 32 random bytes there, as base64")


def _key(value: bytes, what: str, fix: str) -> KeyMaterial:
    if len(value) < FEWEST_KEY_BYTES:
        raise SecretStoreError(f"{what} holds fewer than {FEWEST_KEY_BYTES} bytes", fix)
    return KeyMaterial(value, is_passphrase=False)
