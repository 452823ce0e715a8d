from dataclasses import replace
from datetime import timedelta

from deskhand.governance import decisions
from deskhand.governance.permission import LivePermissions, Permissions, guard_rails
from deskhand.governance.request import Circumstances, request_for
from deskhand.governance.votes import Electorate, presented
from deskhand.governance.what_if import Takes, WhatIf, what_if
from deskhand.records import accounts, approvals, grants
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState, Vote
from deskhand.records.database import Records
from deskhand.records.grants import Grant, Mode
from deskhand.records.proofs import Proof, ProofState
from tests.core.governance.conftest import NOON, HeldClock
from tests.core.governance.plan_examples import PIN, account, plan
from tests.core.governance.policy_cases import ACTION, Case, Row


def decide(records: Records, case: Case) -> int:
    permissions = LivePermissions(records).current()
    request = case.request()
    with records.transaction("gate") as transaction:
        return decisions.record(transaction, request, permissions.decide(request), version=permissions.version)


def test_a_decision_is_read_as_it_was_made(records_on_both: Records) -> None:
    seq = decide(records_on_both, Case(tier=3, needs_proof=True))
    found = decisions.find(records_on_both, seq)
    assert found is not None
    assert found.request == Case(tier=3, needs_proof=True).request()
    assert (found.is_allowed, found.rules, found.version) == (True, ("default-approved",), 0)
    assert found.rails == guard_rails().sha256
    assert decisions.find(records_on_both, 0) is None
    assert decisions.find(records_on_both, 10_000) is None


ASKED, ALONE = Takes(Mode.ASK, 1), Takes(Mode.AUTO)


def test_another_table_says_which_decisions_would_have_been_others(records: Records, clock: HeldClock) -> None:
    decide(records, Case(approval=None))
    clock.pass_(days=31)
    allowed, refused = decide(records, Case()), decide(records, Case(approval=None))
    stays = Permissions([Row("20", f"action:{ACTION}", "off").grant()])
    auto = Permissions([Row("19", f"action:{ACTION}", "auto").grant()])
    off = Permissions([Row("*", "tier:2", "off").grant()])
    since = clock() - timedelta(days=30)
    assert what_if(records, stays, since=since) == WhatIf(2, ())
    found = what_if(records, auto, since=since)
    assert [(each.recorded.seq, each.before, each.after) for each in found.differences] == [
        (refused, ASKED, ALONE),
        (allowed, ASKED, ALONE),
    ]
    assert [each.instead.rules for each in found.differences] == [("grant-auto",)] * 2
    found = what_if(records, off, since=since)
    assert [(each.recorded.seq, each.instead.is_allowed) for each in found.differences] == [
        (refused, False),
        (allowed, False),
    ]
    assert len(list(decisions.recorded(records, since=NOON))) == 3


def test_differences_are_counted_by_client_action_mode_and_rule_with_examples(
    records: Records, clock: HeldClock
) -> None:
    seqs = [decide(records, Case()) for _ in range(5)]
    lone = decide(records, Case(approval=None))
    other = decide(records, Case(plan_tenant="20", ticket_tenant="20", target_tenant="20", approval=None, tier=1))
    proposed = Permissions([Row("19", f"action:{ACTION}", "auto").grant(), Row("20", "tier:1", "ask").grant()])
    kinds = what_if(records, proposed, since=clock()).kinds()
    told = [(each.client, each.before, each.after, each.was_allowed, each.is_allowed, each.count) for each in kinds]
    assert told == [
        ("19", ASKED, ALONE, True, True, 5),
        ("19", ASKED, ALONE, False, True, 1),
        ("20", ALONE, ASKED, True, False, 1),
    ]
    assert [each.rules for each in kinds] == [("grant-auto",), ("grant-auto",), ("no-permit",)]
    assert [each.examples for each in kinds] == [tuple(seqs[:1:-1]), (lone,), (other,)]


def test_a_decision_is_compared_with_the_table_that_held_then(records: Records, clock: HeldClock) -> None:
    rows = [Row("19", f"action:{ACTION}", "auto").grant()]
    with records.transaction("ada") as transaction:
        version = grants.propose(transaction, rows, author="ada").version
    with records.transaction("eve") as transaction:
        grants.approve(transaction, version, by="eve")
    seq = decide(records, Case(approval=None))
    assert what_if(records, Permissions(rows), since=clock()) == WhatIf(1, ())
    (difference,) = what_if(records, Permissions(), since=clock()).differences
    assert (difference.recorded.seq, difference.before, difference.after) == (seq, ALONE, ASKED)
    assert (difference.recorded.is_allowed, difference.instead.is_allowed) == (True, False)


def test_a_table_that_asks_more_people_or_for_a_proof_is_a_difference_too(records: Records, clock: HeldClock) -> None:
    decide(records, Case())
    for row, after in (
        (Row("19", f"action:{ACTION}", "ask", quorum=2), Takes(Mode.ASK, 2)),
        (Row("19", f"action:{ACTION}", "ask", proof=True), Takes(Mode.ASK, 1, proof=True)),
    ):
        (difference,) = what_if(records, Permissions([row.grant()]), since=clock()).differences
        assert (difference.before, difference.after) == (ASKED, after)


def test_entries_of_another_form_are_left_out(records: Records, clock: HeldClock) -> None:
    with records.transaction("gate") as transaction:
        transaction.audit(
            decisions.DECIDED, detail={"request": {"tier": 9}, "rules": [], "allowed": True, "version": 1}
        )
        transaction.audit(decisions.DECIDED)
    decide(records, Case())
    assert len(list(decisions.recorded(records, since=clock()))) == 1


def test_permissions_follow_the_table_at_once(records: Records) -> None:
    live, other = LivePermissions(records), LivePermissions(records)
    refused = Case(approval=None).request()
    assert not live.current().decide(refused).is_allowed
    assert live.current() is live.current()
    with records.transaction("ada") as transaction:
        rows = [Grant(tenant_id="19", subject=f"action:{ACTION}", mode=Mode.AUTO)]
        version = grants.propose(transaction, rows, author="ada").version
    assert not live.current().decide(refused).is_allowed
    with records.transaction("eve") as transaction:
        grants.approve(transaction, version, by="eve")
    for each in (live, other):
        assert each.current().decide(refused).is_allowed
        assert each.current().version == version


APPROVAL = Approval(
    id="a-1",
    plan_id=plan().id,
    plan_sha256=plan().sha256(),
    ticket_id="100",
    tenant_id="19",
    requested_by="Ann",
    state=ApprovalState.USED,
    requested_at=NOON,
    expires_at=NOON + timedelta(days=1),
    decided_by="eve",
    decided_at=NOON,
    votes=(Vote(by="eve", verdict="approve", at=NOON),),
)
PROOF = Proof("i-1", "17", "100", "19", plan().id, "code to a number on record", NOON, ProofState.USED)


def circumstances(records: Records, seconds: float = 60) -> Circumstances:
    now = NOON + timedelta(seconds=seconds)
    with records.reading() as connection:
        facts = presented(Electorate.of(connection, now), APPROVAL, now)
    return Circumstances(
        now=now,
        ticket_tenant="19",
        target_tenant="19",
        requester=account(records, "ann"),
        approval=facts,
        proof=PROOF,
    )


def test_a_step_of_a_plan_is_asked_about_with_its_facts(records: Records) -> None:
    request = request_for(plan(), plan().step("reset"), circumstances(records))
    assert (request.action, request.tier, request.needs_proof) == ("identity_entra.reset_password", 3, True)
    assert (request.people, request.sources) == (frozenset({"17"}), frozenset({"directory"}))
    assert request.approval is not None
    facts = request.approval
    assert (facts.requester, sorted(facts.people), facts.votes, facts.age) == ("ann", ["eve"], 1, 60)
    assert Permissions().decide(request).is_allowed
    pinned = plan(automation=PIN)
    assert request_for(pinned, pinned.step("reset"), circumstances(records)).automation == "unlock"


def test_a_moment_over_the_limit_is_over_the_limit(records: Records) -> None:
    """Seconds are rounded up: a proof of ten minutes and a microsecond is too old."""
    for seconds, is_allowed in ((0, True), (600, True), (600.000001, False), (-1.5, False)):
        request = request_for(plan(), plan().step("reset"), circumstances(records, seconds))
        assert Permissions().decide(request).is_allowed is is_allowed


def test_an_account_that_is_gone_or_disabled_asks_for_nothing(records: Records) -> None:
    here = circumstances(records)
    for requester in (None, replace(account(records, "ann"), is_active=False), account(records, "ada")):
        request = request_for(plan(), plan().step("reset"), replace(here, requester=requester))
        assert "guard-role" in Permissions().decide(request).rules


def test_the_records_of_people_and_requests_can_be_listed(records: Records) -> None:
    assert [each.name for each in accounts.everyone(records)] == ["ada", "ann", "aud", "eve", "mal", "tom"]
    with records.transaction("test") as transaction:
        approvals.add(transaction, APPROVAL)
        accounts.change(transaction, Account("TOM", "Tom T", frozenset({Role.ADMIN}), "77"))
    assert [each.id for each in approvals.of_plan(records, plan().id)] == ["a-1"]
    assert approvals.listing(records, ApprovalState.PENDING) == ()
    assert account(records, "tom").member_id == "77"
