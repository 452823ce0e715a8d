import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from deskhand.governance.secrets.failures import SecretStoreError
from deskhand.governance.secrets.keys import KeyMaterial
from deskhand.governance.secrets.store import FILE_NAME, SecretStore

KEY = KeyMaterial(bytes(range(32)), is_passphrase=False)
OTHER = KeyMaterial(bytes(range(1, 33)), is_passphrase=False)
PASSPHRASE = KeyMaterial(b"correct horse battery", is_passphrase=True)
VALUE = SecretStr("-".join(["hush"] * 3))
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
Change = Callable[[dict[str, Any]], object]


def clock() -> datetime:
    return START


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore.at(tmp_path, KEY)


def put(store: SecretStore, name: str = "key", connector: str = "psa_example", tenant: str = "") -> int:
    return store.set(name, VALUE, connector=connector, tenant=tenant, clock=clock)


def test_what_is_set_is_read_again_by_a_store_opened_later(store: SecretStore, tmp_path: Path) -> None:
    assert put(store) == 1
    assert SecretStore.at(tmp_path, KEY).read("key", connector="psa_example") == VALUE


def test_the_file_holds_no_value_and_is_for_its_owner_alone(store: SecretStore, tmp_path: Path) -> None:
    put(store)
    file = tmp_path / FILE_NAME
    assert VALUE.get_secret_value() not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_value_set_again_is_the_next_version_and_the_old_one_is_gone(store: SecretStore) -> None:
    assert [put(store), put(store), put(store, "other")] == [1, 2, 1]
    assert [(each.name, each.version, each.at) for each in store.list()] == [("key", 2, START), ("other", 1, START)]


def test_two_clients_and_two_connectors_have_secrets_of_one_name(store: SecretStore) -> None:
    for tenant, connector in (("19", "psa_example"), ("20", "psa_example"), ("19", "rmm_example")):
        put(store, connector=connector, tenant=tenant)
    assert len(store.list()) == 3
    with pytest.raises(SecretStoreError, match="no secret key of rmm_example for tenant 20"):
        store.read("key", connector="rmm_example", tenant="20")
    with pytest.raises(SecretStoreError, match="no secret key of psa_example"):
        store.read("key", connector="psa_example")


def test_a_removed_secret_is_gone(store: SecretStore) -> None:
    put(store)
    store.remove("key", connector="psa_example")
    assert store.list() == ()
    with pytest.raises(SecretStoreError, match="no secret key"):
        store.remove("key", connector="psa_example")


def swap_tenants(document: dict[str, Any]) -> None:
    one, other = document["secrets"]
    one["tenant"], other["tenant"] = other["tenant"], one["tenant"]


def swap_values(document: dict[str, Any]) -> None:
    one, other = document["secrets"]
    for name in ("nonce", "value"):
        one[name], other[name] = other[name], one[name]


@pytest.mark.parametrize(
    "change",
    [
        swap_tenants,
        swap_values,
        lambda document: document["secrets"][0].update(connector="rmm_example"),
        lambda document: document["secrets"][0].update(name="other"),
        lambda document: document["secrets"][0].update(version=2),
        lambda document: document["secrets"][0].update(value=document["check"]["value"]),
        lambda document: document["secrets"][0].update(nonce=document["check"]["nonce"]),
    ],
)
def test_a_value_moved_to_another_client_connector_name_or_version_does_not_open(
    store: SecretStore, tmp_path: Path, change: Change
) -> None:
    put(store, tenant="19")
    put(store, tenant="20")
    file = tmp_path / FILE_NAME
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    moved = next(each for each in store.list() if each.tenant in {"19", "20"})
    with pytest.raises(SecretStoreError, match="was not sealed for"):
        store.read(moved.name, connector=moved.connector, tenant=moved.tenant)


def read_or_told(folder: Path) -> str:
    """Return the secret, or nothing where the store says that it cannot be read."""
    try:
        return SecretStore.at(folder, KEY).read("key", connector="psa_example").get_secret_value()
    except SecretStoreError as error:
        return VALUE.get_secret_value() + "!" if VALUE.get_secret_value() in str(error) else ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_byte_gives_another_value(tmp_path: Path, place: int, flip: int) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    store = SecretStore.at(tmp_path, KEY)
    put(store)
    file = tmp_path / FILE_NAME
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= flip
    file.write_bytes(content)
    assert read_or_told(tmp_path) in {VALUE.get_secret_value(), ""}


@pytest.mark.parametrize("wrong", [OTHER, KeyMaterial(KEY.value, is_passphrase=True)], ids=["key", "kind"])
def test_the_wrong_key_is_told_apart_from_damage(store: SecretStore, tmp_path: Path, wrong: KeyMaterial) -> None:
    put(store)
    if wrong is OTHER:
        with pytest.raises(SecretStoreError, match="was not sealed with this key: set `key` in"):
            SecretStore.at(tmp_path, wrong)
    else:
        assert SecretStore.at(tmp_path, wrong).read("key", connector="psa_example") == VALUE, "the file says how"


def test_a_passphrase_is_stretched(tmp_path: Path) -> None:
    put(SecretStore.at(tmp_path, PASSPHRASE))
    document = json.loads((tmp_path / FILE_NAME).read_text())
    assert (document["derivation"]["kind"], document["derivation"]["memory_kibibytes"]) == ("argon2id", 65_536)
    assert SecretStore.at(tmp_path, PASSPHRASE).read("key", connector="psa_example") == VALUE


def test_rotation_seals_everything_anew_and_keeps_values_and_versions(store: SecretStore, tmp_path: Path) -> None:
    put(store)
    put(store)
    put(store, "other", tenant="19")
    before, listed = (tmp_path / FILE_NAME).read_text(), store.list()
    assert store.rotate(OTHER) == 2
    with pytest.raises(SecretStoreError, match="not sealed with this key"):
        SecretStore.at(tmp_path, KEY)
    again = SecretStore.at(tmp_path, OTHER)
    assert (again.list(), again.read("other", connector="psa_example", tenant="19")) == (listed, VALUE)
    after = (tmp_path / FILE_NAME).read_text()
    shared = {each["value"] for each in json.loads(before)["secrets"]} & {
        each["value"] for each in json.loads(after)["secrets"]
    }
    assert shared == set()


def test_a_store_that_was_rotated_meanwhile_is_not_written_with_the_old_key(store: SecretStore, tmp_path: Path) -> None:
    put(store)
    SecretStore.at(tmp_path, KEY).rotate(OTHER)
    with pytest.raises(SecretStoreError, match="not sealed with this key"):
        put(store)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format": "deskhand-secrets-9"}'])
def test_a_file_that_is_no_store_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(SecretStoreError, match="cannot be read"):
        SecretStore.at(tmp_path, KEY)
    assert (tmp_path / FILE_NAME).read_bytes() == content


@pytest.mark.parametrize("name", ["", " ", "a b", "../key", "a|b", "-x", "x" * 101, "a\nb"])
def test_what_is_no_name_is_refused(store: SecretStore, name: str) -> None:
    with pytest.raises(SecretStoreError, match="is no name"):
        put(store, name)


def test_an_empty_secret_is_refused(store: SecretStore) -> None:
    with pytest.raises(SecretStoreError, match="is empty"):
        store.set("key", SecretStr(""), connector="psa_example", clock=clock)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    store = SecretStore.at(tmp_path / "state", KEY)
    (tmp_path / "state").rmdir()
    (tmp_path / "state").write_text("")
    with pytest.raises(SecretStoreError, match="cannot be written"):
        put(store)


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    def write(number: int) -> None:
        put(SecretStore.at(tmp_path, KEY), f"key{number}")

    put(SecretStore.at(tmp_path, KEY))
    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(SecretStore.at(tmp_path, KEY).list()) == 13
    assert not list(tmp_path.glob(".*.draft"))


def test_a_key_shows_itself_nowhere() -> None:
    assert "horse" not in repr(PASSPHRASE)
