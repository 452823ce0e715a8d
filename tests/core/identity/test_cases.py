from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskhand.identity.ambiguity import Ambiguity, AmbiguityKind
from deskhand.identity.facts import Facts, MirrorFacts
from deskhand.identity.resolver import Resolver
from deskhand.mirror.mirror import Mirror
from deskhand.records import quarantine, work
from deskhand.records.database import Records, url_of
from deskhand.sdk.models import EvidenceKind, TenantContext
from tests.core.identity.cases import ALL, Case, cases
from tests.core.identity.world import fill, reference


def outcome(case: Case, facts: Facts) -> TenantContext | Ambiguity:
    return Resolver(facts).resolve(case.ticket, case.notes)


ANSWERS = {case.name: outcome(case, case.facts) for case in ALL}


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.theme}: {case.name}")
def test_the_answer_is_right_or_none_is_given(case: Case) -> None:
    found = ANSWERS[case.name]
    if case.tenant is None:
        assert isinstance(found, Ambiguity), f"resolved to {found.tenant}"
        assert found.kind is case.kind
        assert_explained(case, found)
    else:
        assert isinstance(found, TenantContext), f"abstained: {found.reason}"
        assert found.tenant == reference(case.tenant)
        assert_justified(case, found)


def assert_explained(case: Case, found: Ambiguity) -> None:
    assert found.reason.endswith(".")
    assert "deskhand quarantine resolve 7001 --tenant " in found.suggestion
    candidates = [each.id for each in found.candidates]
    assert candidates == case.table.get("candidates", candidates)
    assert case.table.get("resembled", "") in found.reason


def assert_justified(case: Case, found: TenantContext) -> None:
    assert found.evidence
    assert {each.tenant for each in found.evidence} == {found.tenant}
    assert EvidenceKind.TEXT not in {each.kind for each in found.evidence}
    assert found.tenant not in {each.tenant for each in found.conflicts}
    for key, value in {
        "requester": found.requester.id if found.requester else "",
        "device": found.device.id if found.device else "",
        "evidence": [each.kind.value for each in found.evidence],
        "conflicts": sorted({each.tenant.id for each in found.conflicts}),
    }.items():
        assert case.table.get(key, value) == value, key


def test_words_of_the_ticket_never_reach_the_answer() -> None:
    for case in ALL:
        found = ANSWERS[case.name]
        said = [each.detail for each in found.evidence]
        said += (
            [found.reason, found.suggestion] if isinstance(found, Ambiguity) else [e.detail for e in found.conflicts]
        )
        lines = [line for note in case.notes for line in note.text.splitlines() if len(line) > 25]
        assert not any(line in sentence for line in lines for sentence in said), case.name


def test_the_order_of_the_facts_makes_no_difference() -> None:
    for case in ALL:
        for seed in (1, 2):
            assert outcome(case, case.facts.shuffled(seed)) == ANSWERS[case.name], case.name


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    mirror = Mirror.open(tmp_path_factory.mktemp("identity") / "mirror.db")
    fill(mirror)
    yield mirror
    mirror.close()


@pytest.fixture(scope="module")
def no_records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    records = open_records(tmp_path_factory.mktemp("identity"))
    yield records
    records.close()


def open_records(folder: Path) -> Records:
    return Records.open(url_of(folder / "records.db"), clock=lambda: datetime.now(UTC))


@pytest.mark.parametrize("theme", ["ordinary", "strangers", "disguises", "people", "staff", "forwarded", "words"])
def test_a_real_mirror_gives_the_same_answers(theme: str, mirror: Mirror, no_records: Records) -> None:
    for case in cases(theme):
        if not case.rules and not case.table.keys() & {"directory", "recorded"}:
            facts = MirrorFacts(mirror, no_records, case.facts.settings, connector="psa")
            assert outcome(case, facts) == ANSWERS[case.name], case.name


def test_rules_and_rulings_come_from_the_record_store_as_it_is_now(mirror: Mirror, tmp_path: Path) -> None:
    records = open_records(tmp_path)
    case = next(each for each in ALL if each.name == "an unknown sender in the catch-all")
    resolver = Resolver(MirrorFacts(mirror, records, case.facts.settings, connector="psa"))
    doubt = resolver.resolve(case.ticket, ())
    assert isinstance(doubt, Ambiguity)
    with records.transaction("tia") as transaction:
        work.enqueue(transaction, "psa", case.ticket.id, "1", reason="it is new")
        quarantine.hold(
            transaction,
            "psa",
            case.ticket.id,
            reason=doubt.reason,
            candidates=doubt.candidates,
            suggestion=doubt.suggestion,
            evidence=doubt.evidence,
        )
        quarantine.resolve(transaction, case.ticket.id, reference("10"), None)
    settled = resolver.resolve(case.ticket, ())
    assert isinstance(settled, TenantContext)
    assert settled.tenant == reference("10")
    records.close()


def test_nearly_all_that_is_ordinary_is_resolved() -> None:
    ordinary = cases("ordinary")
    resolved = [case for case in ordinary if isinstance(ANSWERS[case.name], TenantContext)]
    assert len(resolved) >= 0.95 * len(ordinary)


def test_the_set_is_large_and_covers_every_kind_of_doubt() -> None:
    nasty = [case for case in ALL if case.theme != "ordinary"]
    assert len(nasty) >= 120
    assert len({case.name for case in ALL}) == len(ALL)
    assert {case.kind for case in ALL if case.kind} == set(AmbiguityKind)
