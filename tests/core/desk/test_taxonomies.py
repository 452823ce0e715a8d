from datetime import timedelta

import pytest

from deskhand.desk.taxonomies import FRESH_FOR, LiveTaxonomies
from deskhand.sdk.errors import NotFoundError, UnavailableError
from tests.core.intake.pocket_psa import BOARD, START, PocketPsa


@pytest.fixture
def psa() -> PocketPsa:
    return PocketPsa(START)


@pytest.fixture
def taxonomies(psa: PocketPsa) -> LiveTaxonomies:
    return LiveTaxonomies(psa, lambda: psa.now)


def test_a_list_is_read_once_while_it_is_fresh(psa: PocketPsa, taxonomies: LiveTaxonomies) -> None:
    first = taxonomies.of(BOARD.id)
    psa.tick(FRESH_FOR.total_seconds())
    assert taxonomies.of(BOARD.id) is first
    assert taxonomies.priorities() == taxonomies.priorities()
    assert (psa.calls["taxonomy"], psa.calls["priorities"]) == (1, 1)


@pytest.mark.parametrize("passed", [FRESH_FOR + timedelta(seconds=1), -FRESH_FOR - timedelta(seconds=1)])
def test_a_list_that_is_older_or_from_the_future_is_read_again(
    psa: PocketPsa, taxonomies: LiveTaxonomies, passed: timedelta
) -> None:
    taxonomies.of(BOARD.id)
    taxonomies.priorities()
    psa.tick(passed.total_seconds())
    taxonomies.of(BOARD.id)
    taxonomies.priorities()
    assert (psa.calls["taxonomy"], psa.calls["priorities"]) == (2, 2)


def test_a_list_the_psa_has_contradicted_is_read_again(psa: PocketPsa, taxonomies: LiveTaxonomies) -> None:
    taxonomies.of(BOARD.id)
    taxonomies.forget(BOARD.id)
    taxonomies.forget("a board nobody asked about")
    taxonomies.of(BOARD.id)
    assert psa.calls["taxonomy"] == 2


def test_a_failure_is_not_remembered(psa: PocketPsa, taxonomies: LiveTaxonomies) -> None:
    def fail(_call: str) -> None:
        raise UnavailableError("503")

    psa.before = fail
    for _ in range(2):
        with pytest.raises(UnavailableError):
            taxonomies.of(BOARD.id)
        with pytest.raises(UnavailableError):
            taxonomies.priorities()
    psa.before = lambda _call: None
    assert taxonomies.of(BOARD.id).board == BOARD
    with pytest.raises(NotFoundError):
        taxonomies.of("another")
