"""Quorum: how many different people have approved, judged anew at each vote and when it is used."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

import pytest

from deskhand.governance import approval
from deskhand.governance.approval import ApprovalRefusedError, RefusedBecause, Verdict
from deskhand.governance.votes import Electorate
from deskhand.records import accounts, approvals, delegations
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState, Vote
from deskhand.records.database import Records
from deskhand.records.delegations import Delegation
from tests.core.governance.conftest import NOON, HeldClock
from tests.core.governance.plan_examples import account, plan

PLAN = plan()
APPROVER = frozenset({Role.APPROVER})


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest) -> "Office":
    """People and a request of ann's that takes two of them, on SQLite and again on PostgreSQL."""
    name = "records" if request.param == "sqlite" else "records_on_postgresql"
    return Office(request.getfixturevalue(name))


class Office:
    """Ann asks; eve, mal and zoe approve; tom delegates nothing and works tickets."""

    def __init__(self, records: Records) -> None:
        self.records = records
        with records.transaction("ada") as transaction:
            accounts.add(transaction, Account("zoe", "Zoe", APPROVER))

    def asked(self, quorum: int = 2, approvers: frozenset[str] = frozenset()) -> Approval:
        with self.records.transaction("ann") as transaction:
            return approval.request(transaction, PLAN, by="ann", approvers=approvers, quorum=quorum)

    def vote(self, request: Approval, by: str, verdict: Verdict = Verdict.APPROVE, of: str | None = None) -> Approval:
        with self.records.transaction(by) as transaction:
            return approval.decide(
                transaction,
                request.id,
                by=Account(by, by, APPROVER),
                plan_sha256=request.plan_sha256,
                verdict=verdict,
                on_behalf_of=of,
            )

    def redeem(self, request: Approval) -> Approval:
        with self.records.transaction("gate") as transaction:
            return approval.redeem(transaction, request.id, PLAN)

    def change(self, name: str, **changes: object) -> None:
        with self.records.transaction("ada") as transaction:
            accounts.change(transaction, replace(account(self.records, name), **changes))  # type: ignore[arg-type]  # an account's own fields

    def delegate(self, of: str, to: str, hours: float = 8) -> Delegation:
        with self.records.transaction(of) as transaction:
            given = Delegation(delegations.new_id(), of, to, NOON, NOON + timedelta(hours=hours), "on holiday")
            return delegations.add(transaction, given)

    @contextmanager
    def refusing(self, because: RefusedBecause) -> Iterator[None]:
        with pytest.raises(ApprovalRefusedError) as error:
            yield
        assert error.value.because is because, str(error.value)


def test_two_people_approve_and_each_vote_is_on_the_record(office: Office) -> None:
    request = office.asked()
    waiting = office.vote(request, "eve")
    assert (waiting.state, [each.by for each in waiting.votes]) == (ApprovalState.PENDING, ["eve"])
    with office.refusing(RefusedBecause.NOT_APPROVED):
        office.redeem(request)
    given = office.vote(request, "mal")
    assert (given.state, given.decided_by) == (ApprovalState.APPROVED, "mal")
    assert office.redeem(request).state is ApprovalState.USED
    told = [(each.kind, each.detail.get("by")) for each in office.records.audit_entries()][-4:]
    assert told == [
        ("approval.requested", None),
        ("approval.voted", "eve"),
        ("approval.approved", "mal"),
        ("approval.used", None),
    ]


def test_one_denial_ends_it_whatever_was_said_before(office: Office) -> None:
    request = office.asked(3)
    office.vote(request, "eve")
    assert office.vote(request, "eve", Verdict.DENY).state is ApprovalState.DENIED
    with office.refusing(RefusedBecause.NOT_PENDING):
        office.vote(request, "mal")


@pytest.mark.parametrize("spelling", ["eve", " EVE", "ｅｖｅ"])
def test_nobody_votes_twice_under_two_spellings(office: Office, spelling: str) -> None:
    request = office.asked()
    office.vote(request, "eve")
    with office.refusing(RefusedBecause.VOTED_ALREADY):
        office.vote(request, spelling)


def test_two_accounts_of_one_person_are_one_vote_and_no_way_to_approve_ones_own(office: Office) -> None:
    office.change("eve", member_id="7")
    office.change("zoe", member_id="7")
    request = office.asked()
    office.vote(request, "eve")
    with office.refusing(RefusedBecause.VOTED_ALREADY):
        office.vote(request, "zoe")
    office.change("ann", member_id="7")
    for of in (None, "zoe"):
        with office.refusing(RefusedBecause.OWN):
            office.vote(request, "zoe", of=of)


def test_accounts_of_one_person_are_told_by_what_they_share(office: Office) -> None:
    request = office.asked()
    office.vote(request, "eve")
    office.change("zoe", member_id="8")
    with office.records.transaction("ada") as transaction:
        accounts.add(transaction, Account("eve2", "Eve", APPROVER, entra="t o", member_id="8"))
    office.vote(request, "eve2")
    with pytest.raises(ApprovalRefusedError):
        office.vote(request, "zoe")
    assert Account("x", "X", APPROVER, entra="t o").marks & Account("y", "Y", APPROVER, entra="t o").marks


def test_an_approver_of_some_clients_does_not_approve_for_another(office: Office) -> None:
    request = office.asked(1)
    office.change("eve", clients=frozenset({"20"}))
    with office.refusing(RefusedBecause.NOT_ENTITLED):
        office.vote(request, "eve")
    office.change("eve", clients=frozenset({"20", "19"}))
    assert office.vote(request, "eve").state is ApprovalState.APPROVED


LOSSES: list[tuple[str, Callable[[Office], None], RefusedBecause]] = [
    ("lost the role", lambda o: o.change("eve", roles=frozenset({Role.TECHNICIAN})), RefusedBecause.NOT_ENTITLED),
    ("was disabled", lambda o: o.change("eve", is_active=False), RefusedBecause.NOT_ENTITLED),
    ("turned out to be who asked", lambda o: _one_person(o, "ann", "eve"), RefusedBecause.OWN),
    ("turned out to be the other voter", lambda o: _one_person(o, "mal", "eve"), RefusedBecause.TOO_FEW),
]


def _one_person(office: Office, *names: str) -> None:
    for name in names:
        office.change(name, member_id="7")


@pytest.mark.parametrize(("_what", "lose", "because"), LOSSES)
def test_a_quorum_no_longer_holds_once_one_of_its_voters_may_not_approve(
    office: Office, _what: str, lose: Callable[[Office], None], because: RefusedBecause
) -> None:
    request = office.asked()
    office.vote(request, "eve")
    office.vote(request, "mal")
    lose(office)
    with office.refusing(because):
        office.redeem(request)


def test_a_vote_that_fell_away_meanwhile_is_made_up_for_by_another(office: Office) -> None:
    request = office.asked()
    office.vote(request, "eve")
    office.change("eve", is_active=False)
    assert office.vote(request, "mal").state is ApprovalState.PENDING
    assert office.vote(request, "zoe").state is ApprovalState.APPROVED
    assert office.redeem(request).state is ApprovalState.USED


# Delegation


def test_a_delegate_votes_in_anothers_place_and_the_record_says_so(office: Office) -> None:
    office.delegate("eve", "tom")
    given = office.vote(office.asked(1), "tom")
    assert (given.state, given.decided_by) == (ApprovalState.APPROVED, "tom")
    assert (given.votes[0].by, given.votes[0].on_behalf_of) == ("tom", "eve")
    entry = office.records.audit_entries()[-1]
    assert (entry.kind, entry.detail["by"], entry.detail["on_behalf_of"]) == ("approval.approved", "tom", "eve")


def test_where_approvers_are_named_the_delegate_of_one_may_vote_and_of_another_not(office: Office) -> None:
    office.delegate("eve", "tom")
    office.delegate("mal", "zoe")
    request = office.asked(1, frozenset({"eve"}))
    with office.refusing(RefusedBecause.NOT_ENTITLED):
        office.vote(request, "zoe")
    assert office.vote(request, "tom").votes[0].on_behalf_of == "eve"


def test_a_delegate_never_votes_on_what_either_of_them_asked_for(office: Office) -> None:
    office.delegate("ann", "tom")
    office.delegate("eve", "ann")
    request = office.asked(1)
    for by, of in (("tom", "ann"), ("tom", None), ("ann", "eve"), ("ann", None)):
        for verdict in Verdict:
            with pytest.raises(ApprovalRefusedError):
                office.vote(request, by, verdict, of)
    with office.refusing(RefusedBecause.OWN):
        office.vote(request, "tom", of="ann")
    with office.refusing(RefusedBecause.OWN):
        office.vote(request, "ann", of="eve")


@pytest.mark.parametrize("second", [("eve", None), ("tom", "eve"), ("mal", "eve"), ("tom", "zoe")])
def test_ones_own_vote_and_a_delegated_one_count_once(office: Office, second: tuple[str, str | None]) -> None:
    """Tom votes for eve; then neither eve, nor another for eve, nor tom for another is somebody else."""
    for of, to in (("eve", "tom"), ("eve", "mal"), ("zoe", "tom")):
        office.delegate(of, to)
    request = office.asked(2)
    office.vote(request, "tom", of="eve")
    with office.refusing(RefusedBecause.VOTED_ALREADY):
        office.vote(request, second[0], of=second[1])
    assert office.vote(request, "mal").state is ApprovalState.APPROVED


def test_a_delegation_is_not_passed_on(office: Office) -> None:
    office.delegate("eve", "mal")
    office.delegate("mal", "tom")
    request = office.asked(1, frozenset({"eve"}))
    for of in (None, "eve", "mal"):
        with office.refusing(RefusedBecause.NOT_ENTITLED):
            office.vote(request, "tom", of=of)


def test_a_delegate_of_several_says_in_whose_place(office: Office) -> None:
    office.delegate("eve", "tom")
    office.delegate("zoe", "tom")
    request = office.asked(1)
    with pytest.raises(ApprovalRefusedError, match="delegate of eve and of zoe: say whose vote"):
        office.vote(request, "tom")
    assert office.vote(request, "tom", of="zoe").votes[0].on_behalf_of == "zoe"


ENDS: list[tuple[str, Callable[[Office, HeldClock, Delegation], None]]] = [
    ("it expired", lambda _o, c, _d: c.pass_(hours=8)),
    ("it was withdrawn", lambda o, _c, d: _ended(o, d)),
    ("the delegator lost the role", lambda o, _c, _d: o.change("eve", roles=frozenset({Role.TECHNICIAN}))),
    ("the delegator was disabled", lambda o, _c, _d: o.change("eve", is_active=False)),
    ("the delegate was disabled", lambda o, _c, _d: o.change("tom", is_active=False)),
    ("the delegate only reads", lambda o, _c, _d: o.change("tom", roles=frozenset({Role.AUDITOR}))),
]


def _ended(office: Office, delegation: Delegation) -> None:
    with office.records.transaction("eve") as transaction:
        delegations.end(transaction, delegation, by="eve", because="back")


@pytest.mark.parametrize(("_what", "end"), ENDS)
def test_a_delegation_that_is_over_serves_no_vote_and_no_vote_given_before(
    office: Office, clock: HeldClock, _what: str, end: Callable[[Office, HeldClock, Delegation], None]
) -> None:
    given = office.delegate("eve", "tom")
    before, after = office.asked(1), office.asked(1)
    office.vote(before, "tom")
    end(office, clock, given)
    with office.refusing(RefusedBecause.NOT_ENTITLED):
        office.redeem(before)
    for of in (None, "eve"):
        with office.refusing(RefusedBecause.NOT_ENTITLED):
            office.vote(after, "tom", of=of)


def test_a_delegation_serves_until_just_before_its_end_and_not_before_its_beginning(
    office: Office, clock: HeldClock
) -> None:
    with office.records.transaction("eve") as transaction:
        later, end = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
        delegations.add(transaction, Delegation("d-1", "eve", "tom", later, end, "away"))
    request = office.asked(1)
    clock.now = later - timedelta(microseconds=1)
    with office.refusing(RefusedBecause.NOT_ENTITLED):
        office.vote(request, "tom")
    clock.now = end - timedelta(microseconds=1)
    assert office.vote(request, "tom").state is ApprovalState.APPROVED


# A manager


def asked_of_a_manager(office: Office, quorum: int = 1, approvers: frozenset[str] = frozenset()) -> Approval:
    with office.records.transaction("ann") as transaction:
        return approval.request(
            transaction, PLAN, by="ann", quorum=quorum, approvers=approvers, managers=frozenset({"MAL"})
        )


def test_where_a_manager_has_to_approve_others_alone_are_not_enough(office: Office) -> None:
    request = asked_of_a_manager(office)
    assert office.vote(request, "eve").state is ApprovalState.PENDING
    assert office.vote(request, "zoe").state is ApprovalState.PENDING
    assert office.vote(request, "mal").state is ApprovalState.APPROVED
    office.change("mal", roles=frozenset({Role.ADMIN}))
    with office.refusing(RefusedBecause.NOT_ENTITLED):
        office.redeem(request)


def test_a_manager_may_approve_where_others_are_named_and_counts_as_one(office: Office) -> None:
    request = asked_of_a_manager(office, 2, frozenset({"eve"}))
    with office.refusing(RefusedBecause.NOT_ENTITLED):
        office.vote(request, "zoe")
    assert office.vote(request, "mal").state is ApprovalState.PENDING
    assert office.vote(request, "eve").state is ApprovalState.APPROVED
    assert office.redeem(request).state is ApprovalState.USED


def test_a_managers_delegate_speaks_for_them_and_for_nobody_else(office: Office) -> None:
    office.delegate("mal", "tom")
    office.delegate("eve", "zoe")
    request = asked_of_a_manager(office)
    assert office.vote(request, "zoe", of="eve").state is ApprovalState.PENDING
    assert office.vote(request, "tom").state is ApprovalState.APPROVED


# Against an oracle

NAMES = ("ann", "eve", "mal", "tom", "zoe")


@dataclass(frozen=True)
class World:
    """Who may approve, who is one person with whom, who stands in for whom, and what was voted."""

    approvers: frozenset[str]
    persons: dict[str, int]
    stands_in: frozenset[tuple[str, str]]
    """(delegate, delegator)."""
    named: frozenset[str]
    votes: tuple[tuple[str, str | None], ...]


def drawn(random: Random) -> World:
    some = [name for name in NAMES if random.random() < 0.7]
    return World(
        approvers=frozenset(some),
        persons={name: random.choice((number, number, number, 9)) for number, name in enumerate(NAMES)},
        stands_in=frozenset((random.choice(NAMES), random.choice(NAMES)) for _ in range(random.randrange(5))),
        named=frozenset(random.sample(NAMES, random.choice((0, 0, 2, 3)))),
        votes=tuple((random.choice(NAMES), random.choice((None, None, *NAMES))) for _ in range(random.randrange(6))),
    )


def counted(world: World) -> int:
    """Count as the guide says, over persons: the parts of a graph whose edges are votes with a person in common."""
    who = world.persons

    def holds(by: str, of: str | None) -> bool:
        entitled = of or by
        is_own = who["ann"] in {who[by], who[entitled]}
        may = entitled in world.approvers and (not world.named or entitled in world.named)
        return not is_own and may and (of is None or (by, of) in world.stands_in)

    people = [{who[by], who[of or by]} for by, of in world.votes if holds(by, of)]
    parts = 0
    while people:
        part, parts = people.pop(), parts + 1
        while joined := next((each for each in people if each & part), None):
            people.remove(joined)
            part |= joined
    return parts


def test_votes_are_counted_as_an_oracle_counts_them() -> None:
    random, seen = Random(7), set[int]()
    for _ in range(5_000):
        world = drawn(random)
        found = _electorate(world)
        request = _request(world)
        assert found.count(found.holding(request)) == counted(world), world
        seen.add(counted(world))
    assert seen >= {0, 1, 2, 3}


def _electorate(world: World) -> Electorate:
    roles = {name: APPROVER if name in world.approvers else frozenset({Role.TECHNICIAN}) for name in NAMES}
    people = {name: Account(name, name, roles[name], str(world.persons[name])) for name in NAMES}
    given = (Delegation("d", of, to, NOON, NOON, "") for to, of in sorted(world.stands_in))
    return Electorate(people, tuple(given))


def _request(world: World) -> Approval:
    votes = tuple(Vote(by=by, verdict="approve", at=NOON, on_behalf_of=of) for by, of in world.votes)
    return Approval(
        id="a-1",
        plan_id=PLAN.id,
        plan_sha256=PLAN.sha256(),
        ticket_id=PLAN.ticket_id,
        tenant_id=PLAN.tenant.id,
        requested_by="ann",
        state=ApprovalState.PENDING,
        requested_at=NOON,
        expires_at=NOON,
        approvers=tuple(sorted(world.named)),
        own=("ann",),
        votes=votes,
    )


def test_what_is_kept_of_votes_is_read_as_it_was_written(office: Office) -> None:
    office.delegate("eve", "tom")
    request = office.asked(3)
    office.vote(request, "tom")
    voted = office.vote(request, "mal")
    assert approvals.find(office.records, request.id) == voted
    assert (voted.quorum, len(voted.votes)) == (3, 2)
