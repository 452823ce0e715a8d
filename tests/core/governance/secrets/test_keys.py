from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from deskhand.governance.secrets.failures import SecretStoreError
from deskhand.governance.secrets.keys import key_material
from deskhand.governance.secrets.settings import SecretSettings
from deskhand.sdk.testing import SimulatorHost
from tests.core.governance.secrets.vault_simulator import VaultSimulator

TOKEN = "-".join(["hvs"] * 3)
KEY = "k" * 44


@pytest.fixture(scope="module")
def vault() -> Iterator[SimulatorHost]:
    secrets = {"secret/desk/hand": {"key": KEY, "short": "k", "number": 5}}
    simulator = VaultSimulator(TOKEN, secrets, frozenset({"secret/desk/hand", "secret/empty"}))
    with SimulatorHost(simulator) as host:
        yield host


def at_vault(url: str, where: str = "secret/desk/hand#key", token: str = TOKEN, *, is_near: bool = True) -> bytes:
    settings = SecretSettings(
        key=f"vault:{where}",
        vault_address=url,
        vault_token=SecretStr(token),
        vault_allow_private_addresses=is_near,
    )
    return key_material(settings, Path()).value


def test_a_key_is_read_from_a_systemd_credential(tmp_path: Path) -> None:
    (tmp_path / "desk").write_bytes(bytes(range(32)))
    material = key_material(
        SecretSettings(key="credential:desk"), Path(), environment={"CREDENTIALS_DIRECTORY": str(tmp_path)}
    )
    assert (material.value, material.is_passphrase) == (bytes(range(32)), False)


def test_a_credential_that_is_not_handed_over_is_told_with_what_hands_it_over(tmp_path: Path) -> None:
    settings = SecretSettings(key="credential:desk")
    with pytest.raises(SecretStoreError, match="LoadCredentialEncrypted=desk"):
        key_material(settings, Path(), environment={})
    with pytest.raises(SecretStoreError, match="hands over no credential desk"):
        key_material(settings, Path(), environment={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    (tmp_path / "desk").write_bytes(b"short")
    with pytest.raises(SecretStoreError, match="fewer than 32 bytes: head -c 32 /dev/urandom"):
        key_material(settings, Path(), environment={"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_passphrase_is_read_from_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery\n")
    settings = SecretSettings(key="passphrase:passphrase")
    file.chmod(0o640)
    with pytest.raises(SecretStoreError, match="may be read by others: chmod 600"):
        key_material(settings, tmp_path)
    file.chmod(0o600)
    assert key_material(settings, tmp_path).value == b"correct horse battery"
    file.write_text("hunter2")
    with pytest.raises(SecretStoreError, match="fewer than 12 characters") as raised:
        key_material(settings, tmp_path)
    assert "hunter2" not in str(raised.value)
    file.unlink()
    with pytest.raises(SecretStoreError, match="cannot be read"):
        key_material(settings, tmp_path)


def test_a_key_is_read_from_vault(vault: SimulatorHost) -> None:
    assert at_vault(vault.url) == KEY.encode()


@pytest.mark.parametrize(
    ("where", "token", "told"),
    [
        ("secret/desk/hand#key", "wrong", "Vault refused the token"),
        ("secret/other#key", TOKEN, "Vault refused the token: let its policy read secret/data/other"),
        ("secret/empty#key", TOKEN, "Vault holds nothing at secret/empty"),
        ("secret/desk/hand#other", TOKEN, "no text in the field other"),
        ("secret/desk/hand#number", TOKEN, "no text in the field number"),
        ("secret/desk/hand#short", TOKEN, "fewer than 32 bytes"),
    ],
)
def test_what_vault_does_not_give_is_told_without_the_token(
    vault: SimulatorHost, where: str, token: str, told: str
) -> None:
    with pytest.raises(SecretStoreError, match=told) as raised:
        at_vault(vault.url, where, token)
    assert TOKEN not in str(raised.value)


def test_a_vault_that_is_away_or_at_a_private_address_is_told(vault: SimulatorHost) -> None:
    with pytest.raises(SecretStoreError, match="not a public address"):
        at_vault(vault.url, is_near=False)
    with pytest.raises(SecretStoreError, match="Vault gave no key"):
        at_vault("http://127.0.0.1:9")
    with pytest.raises(SecretStoreError, match="set `vault_address`"):
        key_material(SecretSettings(key="vault:secret/x#y"), Path())


def test_without_a_key_there_is_no_store() -> None:
    with pytest.raises(SecretStoreError, match="no key for the secret store: set `key` in"):
        key_material(SecretSettings(), Path())


@pytest.mark.parametrize("key", ["hunter2", "credential:", "vault:secret#x", "vault:secret/x", "passphrase:", "env:X"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        SecretSettings(key=key)
