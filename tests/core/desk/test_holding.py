"""Saying whose ticket it is: who may, what is remembered, and what is refused."""

from collections.abc import Iterator

import pytest

from deskhand.desk.desk import Desk
from deskhand.desk.holding import NothingHeldError
from deskhand.desk.refusals import DeskRefusedError
from deskhand.records import quarantine
from deskhand.records.accounts import Account, Role
from deskhand.records.documents import OutcomeKind
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Msp, drain, hurried

TECHNICIAN = Account("maya", "Maya", frozenset({Role.TECHNICIAN}))


@pytest.fixture
def held(msp: Msp) -> str:
    return msp.stranger()


@pytest.fixture
def desk(held: str, configured: Configure) -> Iterator[Desk]:
    with hurried(configured()) as opened:
        assert drain(opened)[held].outcome is OutcomeKind.QUARANTINED
        yield opened


def is_held(desk: Desk, ticket: str) -> bool:
    return ticket in {each.ticket_id for each in quarantine.open_entries(desk.records)}


def test_a_technician_says_whose_it_is_and_the_ticket_goes_on(desk: Desk, msp: Msp, held: str) -> None:
    rule = desk.holding.resolve(TECHNICIAN, held, str(msp.babbage), remember_by="address")
    assert rule is not None
    assert (rule.kind, rule.value, rule.tenant.id) == ("address", "eve@elsewhere.example", str(msp.babbage))
    assert not is_held(desk, held)
    desk.catch_up()
    assert "resolved" in {each.kind.partition(".")[2] for each in desk.records.audit_entries(ticket=held)}
    (entry,) = [each for each in desk.records.audit_entries(ticket=held) if each.kind == "quarantine.resolved"]
    assert entry.actor == "maya"


@pytest.mark.parametrize("roles", [frozenset(), frozenset({Role.APPROVER}), frozenset({Role.AUDITOR})])
def test_others_may_not(desk: Desk, msp: Msp, held: str, roles: frozenset[Role]) -> None:
    with pytest.raises(DeskRefusedError, match="has not the role technician or admin"):
        desk.holding.resolve(Account("ann", "Ann", roles), held, str(msp.babbage))
    assert is_held(desk, held)


def test_what_is_not_there_is_refused(desk: Desk, msp: Msp, held: str) -> None:
    with pytest.raises(NothingHeldError, match="no company 4711"):
        desk.holding.resolve(TECHNICIAN, held, "4711")
    with pytest.raises(NothingHeldError, match="not in quarantine"):
        desk.holding.resolve(TECHNICIAN, "4711", str(msp.babbage))
    with pytest.raises(DeskRefusedError, match="not mirrored"):
        desk.holding.resolve(TECHNICIAN, "4711", str(msp.babbage), remember_by="domain")
    assert is_held(desk, held)


def test_what_would_be_remembered_wrongly_is_refused_and_settles_nothing(desk: Desk, msp: Msp, held: str) -> None:
    with pytest.raises(DeskRefusedError, match="remembered wrongly"):
        desk.holding.resolve(TECHNICIAN, held, str(msp.babbage), remember_by="device")
    assert is_held(desk, held)
