import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.records import explanations, quarantine
from deskhand.records.audit.keys import KeyFiles, Trust
from deskhand.records.audit.proofs import Bundle, ProofError, check, prove
from deskhand.records.database import Records, url_of
from deskhand.sdk.models import Reference
from tests.core.records.conftest import SteppingClock
from tests.core.records.examples import PSA, enqueue, why

CLIENTS = ("19", "20", "21")
Change = Callable[[dict[str, Any]], object]


@dataclass(frozen=True)
class Filled:
    """A store that three clients' entries fill, the key that vouches for it, and a bundle of the first client's."""

    records: Records
    trust: Trust
    written: str


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    records = Records.open(url_of(tmp_path_factory.mktemp("filled") / "records.db"), clock=SteppingClock())
    fill(records)
    trust = records._keys.trust()
    assert trust is not None
    yield Filled(records, trust, bundle_of(records).model_dump_json())
    records.close()


@pytest.fixture
def trust(records: Records) -> Trust:
    found = records._keys.trust()
    assert found is not None
    return found


def decide(records: Records, ticket: str, tenant: str) -> None:
    enqueue(records, ticket)
    with records.transaction("desk") as transaction:
        explanations.save(transaction, why(ticket, tenant_id=tenant))


def fill(records: Records) -> None:
    """Three clients by turns in four epochs, then something nobody has signed."""
    for number in range(24):
        decide(records, f"t{number}", CLIENTS[number % 3])
        if number % 6 == 5:
            records.checkpoint()
    decide(records, "unsigned", "19")


def bundle_of(records: Records, tenant: str | None = "19", ticket: str | None = None) -> Bundle:
    with records.reading() as connection:
        return prove(connection, tenant=tenant, ticket=ticket)


def test_a_bundle_proves_each_signed_entry_of_its_client_alone(records: Records, trust: Trust) -> None:
    fill(records)
    for tenant in CLIENTS:
        proven = check(bundle_of(records, tenant).model_dump_json(), trust)
        expected = [each for each in records.audit_entries(tenant=tenant) if each.seq < 48]
        assert list(proven.entries) == expected
        assert (len(expected), proven.size) == (8, 48)


def test_a_bundle_can_be_about_one_ticket_and_then_finds_its_client_by_itself(records: Records, trust: Trust) -> None:
    fill(records)
    proven = check(bundle_of(records, None, "t4").model_dump_json(), trust)
    assert (proven.tenant, proven.ticket) == ("20", "t4")
    assert [each.kind for each in proven.entries] == ["explanation.saved"]


def test_a_bundle_names_no_other_client(records: Records, trust: Trust) -> None:
    """Not even where a ticket of this client was first thought to be of others."""
    others = (Reference("canary-20", "Canary of B"), Reference("canary-21", "Canary of C"))
    enqueue(records, "1")
    with records.transaction("desk") as transaction:
        reason = "Canary of B or Canary of C?"
        quarantine.hold(
            transaction, PSA, "1", reason=reason, candidates=others, suggestion="Ask Canary of B.", evidence=()
        )
    with records.transaction("Jo Doe") as transaction:
        quarantine.resolve(transaction, "1", Reference("19", "Marlow & Tern"), None)
    decide(records, "2", "canary-20")
    with records.transaction("desk") as transaction:
        explanations.save(transaction, why("1"))
    records.checkpoint()
    for bundle in (bundle_of(records, "19"), bundle_of(records, None, "1")):
        written = bundle.model_dump_json()
        assert "canary" not in written.lower()
        assert len(check(written, trust).entries) == 2


def test_a_ticket_that_has_been_with_several_clients_is_not_handed_to_either(sqlite_records: Records) -> None:
    records = sqlite_records
    decide(records, "1", "19")
    decide(records, "1", "20")
    records.checkpoint()
    with pytest.raises(ProofError, match=r"several clients \(19, 20\): name one with --tenant"):
        bundle_of(records, None, "1")
    assert len(bundle_of(records, "20", "1").entries) == 1


@pytest.mark.parametrize(
    ("tenant", "ticket", "reason"),
    [
        ("99", None, "no signed entry of this client"),
        ("19", "t1", "no signed entry of this client about ticket t1"),
        (None, "4711", "no entry about ticket 4711"),
        (None, None, "no entry about ticket"),
        ("", "", "no entry about ticket"),
    ],
)
def test_where_there_is_nothing_to_prove_that_is_said(
    filled: Filled, tenant: str | None, ticket: str | None, reason: str
) -> None:
    with pytest.raises(ProofError, match=reason):
        bundle_of(filled.records, tenant, ticket)


def test_what_nobody_has_signed_yet_is_not_proved(records: Records) -> None:
    decide(records, "1", "19")
    with pytest.raises(ProofError, match="no signed entry"):
        bundle_of(records)


def without_proof(document: dict[str, Any]) -> None:
    document["entries"][0]["proof"] = []


def with_the_proof_of_another(document: dict[str, Any]) -> None:
    document["entries"][0]["proof"] = document["entries"][1]["proof"]


def renumbered(document: dict[str, Any]) -> None:
    document["entries"][0]["seq"] += 1


def for_another_client(document: dict[str, Any]) -> None:
    document["tenant"] = "20"


def about_another_ticket(document: dict[str, Any]) -> None:
    document["ticket"] = "t3"


def out_of_order(document: dict[str, Any]) -> None:
    document["entries"].reverse()


def twice(document: dict[str, Any]) -> None:
    document["entries"].insert(0, document["entries"][0])


def without_entries(document: dict[str, Any]) -> None:
    document["entries"] = []


def without_checkpoints(document: dict[str, Any]) -> None:
    document["checkpoints"] = []


def with_an_earlier_checkpoint_only(document: dict[str, Any]) -> None:
    del document["checkpoints"][1:]


def with_a_checkpoint_left_out(document: dict[str, Any]) -> None:
    del document["checkpoints"][1]


def from_another_log(document: dict[str, Any]) -> None:
    document["origin"] = "another"


def with_more_than_it_should_have(document: dict[str, Any]) -> None:
    document["remark"] = "all is well"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_proof, "entry 1 is not in the log that was signed"),
        (with_the_proof_of_another, "entry 1 is not in the log"),
        (renumbered, "entry 2 is not in the log"),
        (for_another_client, "entry 1 is not about whom the bundle says"),
        (about_another_ticket, "entry 1 is not about whom the bundle says"),
        (out_of_order, "not in order"),
        (twice, "not in order"),
        (without_entries, "holds no entry"),
        (without_checkpoints, "holds no checkpoint"),
        (with_an_earlier_checkpoint_only, "is not in the log"),
        (with_a_checkpoint_left_out, "checkpoint 1 is not signed as it must be"),
        (from_another_log, "from another log than the key"),
        (with_more_than_it_should_have, "not a bundle"),
    ],
)
def test_a_bundle_that_was_arranged_otherwise_proves_nothing(filled: Filled, change: Change, reason: str) -> None:
    document = json.loads(filled.written)
    change(document)
    with pytest.raises(ProofError, match=reason):
        check(json.dumps(document), filled.trust)


def test_a_bundle_is_checked_with_the_key_the_reader_holds(filled: Filled) -> None:
    with pytest.raises(ProofError, match="checkpoint 0 is not signed"):
        check(filled.written, Trust(filled.trust.origin, {0: bytes(32)}))


def test_no_byte_of_a_bundle_can_be_changed(sqlite_records: Records) -> None:
    decide(sqlite_records, "1", "19")
    decide(sqlite_records, "2", "20")
    sqlite_records.checkpoint()
    trust = sqlite_records._keys.trust()
    assert trust is not None
    written = bundle_of(sqlite_records).model_dump_json().encode()
    proven = check(written, trust)
    for place, flip in itertools.product(range(len(written)), (1, 32)):
        changed = bytearray(written)
        changed[place] ^= flip
        try:
            assert check(bytes(changed), trust) == proven, f"byte {place} changed by {flip} was missed"
        except ProofError:
            continue


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(CLIENTS), st.booleans()), min_size=1, max_size=25))
def test_whatever_happened_each_client_gets_all_of_its_own_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, bool]]
) -> None:
    file = tmp_path_factory.mktemp("story") / "records.db"
    records = Records.open(url_of(file), clock=SteppingClock())
    for number, (tenant, is_sealed) in enumerate(story):
        decide(records, str(number), tenant)
        if is_sealed:
            records.checkpoint()
    records.checkpoint()
    trust = KeyFiles(file).trust()
    assert trust is not None
    for tenant in {tenant for tenant, _ in story}:
        proven = check(bundle_of(records, tenant).model_dump_json(), trust)
        assert {each.ticket for each in proven.entries} == {str(n) for n, (t, _) in enumerate(story) if t == tenant}
        assert {each.tenant for each in proven.entries} == {tenant}
    records.close()
