from dataclasses import asdict

from pydantic import SecretStr, TypeAdapter

from deskhand.sdk.actions import Receipt

CODE = "Bade-fuki-mora-zine-47"
RECEIPT = Receipt("user-1", {"lifetime_minutes": 60}, {"temporary_password": SecretStr(CODE)})


def test_a_secret_is_handed_over_in_memory() -> None:
    assert RECEIPT.secrets["temporary_password"].get_secret_value() == CODE


def test_a_secret_is_in_no_record_and_no_representation() -> None:
    stored = TypeAdapter(Receipt).dump_python(RECEIPT, mode="json")
    assert stored == {"reference": "user-1", "detail": {"lifetime_minutes": 60}}
    for told in (repr(RECEIPT), str(RECEIPT), f"{asdict(RECEIPT)}"):
        assert CODE not in told


def test_a_receipt_that_was_read_back_is_the_same_without_its_secret() -> None:
    adapter = TypeAdapter(Receipt)
    found = adapter.validate_python(adapter.dump_python(RECEIPT, mode="json"))
    assert found == RECEIPT
    assert found.secrets == {}
