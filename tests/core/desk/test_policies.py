from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.desk.policies import Policies
from deskhand.governance.policy import ClientPolicy
from deskhand.mirror.mirror import Mirror
from deskhand.records.documents import Handling
from deskhand.sdk.models import Company, Reference

DEFAULT = ClientPolicy()
OFF, APPLY = ClientPolicy(handling=Handling.OFF), ClientPolicy(handling=Handling.APPLY)


@pytest.fixture
def mirror(folder: Path) -> Iterator[Mirror]:
    mirror = Mirror.open(folder / "mirror.db")
    mirror.save_companies(
        [Company("7", "Marlow & Tern", "MARLOW"), Company("8", "Babbage", "7"), Company("9", "Ada", "")]
    )
    yield mirror
    mirror.close()


def policy(mirror: Mirror, company: str, **clients: ClientPolicy) -> ClientPolicy:
    return Policies(DEFAULT, clients, mirror).of(Reference(company, "whatever it is called"))


def test_a_client_without_a_policy_of_its_own_has_the_default(mirror: Mirror) -> None:
    assert policy(mirror, "7") is DEFAULT
    assert policy(mirror, "7", BABBAGE=OFF) is DEFAULT


def test_a_client_is_named_by_its_identifier_or_by_its_id(mirror: Mirror) -> None:
    assert policy(mirror, "7", MARLOW=OFF) is OFF
    assert policy(mirror, "8", **{"8": APPLY}) is APPLY


def test_the_id_goes_before_the_identifier_also_where_it_is_anothers_identifier(mirror: Mirror) -> None:
    both = {"MARLOW": APPLY, "7": OFF}
    assert policy(mirror, "7", **both) is OFF
    assert policy(mirror, "8", **{"7": OFF, "8": APPLY}) is APPLY


@pytest.mark.parametrize("key", ["marlow", "MARLOW ", "Marlow & Tern", "07", ""])
def test_what_only_resembles_a_name_is_nobodys_and_is_told(mirror: Mirror, key: str) -> None:
    policies = Policies(DEFAULT, {key: OFF}, mirror)
    assert policies.of(Reference("7", key)) is DEFAULT
    assert policies.unmatched() == ((key,) if key else ())


def test_a_client_the_mirror_does_not_know_yet_is_found_by_its_id(mirror: Mirror) -> None:
    assert policy(mirror, "4711", **{"4711": OFF}) is OFF
    assert policy(mirror, "4711", MARLOW=OFF) is DEFAULT


def test_every_policy_that_is_somebodys_is_matched(mirror: Mirror) -> None:
    assert Policies(DEFAULT, {"MARLOW": OFF, "8": OFF, "9": APPLY}, mirror).unmatched() == ()
    assert Policies(DEFAULT, {"MARLO": OFF, "8": OFF, "0": APPLY}, mirror).unmatched() == ("0", "MARLO")
