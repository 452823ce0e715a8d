"""Generated questions to policy, and an oracle that answers them from the guide's sentences, without Cedar.

The oracle shares no code with what it judges: it reads the raw rows and facts of a case and names the rules that must
have decided. Cases start from one that is allowed and spoil few things at a time, around every limit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from deskhand.automation.stage import Stage
from deskhand.governance.caps import Caps
from deskhand.governance.permission import Permissions
from deskhand.governance.request import ApprovalFacts, ProofFacts, Rates, Request
from deskhand.governance.standing import Table
from deskhand.records.accounts import Role
from deskhand.records.grants import Grant, Hours, Mode

WEDNESDAY_NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)
ACTION, OTHER_ACTION, AUTOMATION = "identity_example.reset", "identity_example.other", "unlock"
CODE, CALL, PUSH = "code to a number on record", "call-back to a number on record", "approve-only push"
MODES = ("off", "suggest", "ask", "auto")
OPEN, SHUT = "06:00-18:00", "13:00-18:00"


@dataclass(frozen=True)
class Row:
    """A grant in few words: ``hours`` that are open or shut at noon, ``named`` who may approve."""

    tenant: str
    subject: str
    mode: str
    hours: str = ""
    per_hour: int | None = None
    named: tuple[str, ...] = ()
    proof: bool = False
    quorum: int = 1
    managers: tuple[str, ...] = ()

    def grant(self) -> Grant:
        opens, _, closes = self.hours.partition("-")
        hours = Hours(zone="UTC", opens=opens, closes=closes) if self.hours else None
        return Grant(
            tenant_id=self.tenant,
            subject=self.subject,
            mode=Mode(self.mode),
            hours=hours,
            per_hour=self.per_hour,
            approvers=self.named,
            proof=self.proof,
            quorum=self.quorum,
            managers=self.managers,
        )


@dataclass(frozen=True)
class Case:
    """A request in plain values, and the rows there are."""

    verb: str = "run"
    by: str = "ann"
    roles: tuple[str, ...] = ("technician",)
    tier: int = 2
    needs_proof: bool = False
    resets_proof: bool = False
    plan_tenant: str = "19"
    ticket_tenant: str = "19"
    target_tenant: str = "19"
    is_privileged: bool = False
    people: tuple[str, ...] = ("bob",)
    sources: tuple[str, ...] = ("directory", "ticket")
    automation: str = ""
    stage: str = ""
    is_stopped: bool = False
    approval: tuple[str, str, int] | None = ("h", "ann", 60)
    ballots: tuple[tuple[str, str], ...] = (("eve", "eve"),)
    """Who voted, each with whose right they exercised."""
    count: int = 1
    """How many different people that is said to be."""
    asked: int = 1
    """How many the request asked for."""
    proof: tuple[str, str, str, str, int] | None = ("bob", "100", "p", CODE, 60)
    days: int = 31
    """For how long the number had been theirs; -1 where nobody knows."""
    runs: tuple[int, int, int] = (0, 0, 0)
    everywhere: tuple[int, int] = (0, 0)
    """Runs at all clients, and those of them that automations began."""
    caps: tuple[int, int, int, int] = (60, 20, 1000, 400)
    rows: tuple[Row, ...] = ()

    def request(self) -> Request:
        return Request(
            requested_by=self.by,
            roles=frozenset(map(Role, self.roles)),
            action=ACTION,
            tier=self.tier,
            needs_proof=self.needs_proof,
            resets_proof=self.resets_proof,
            plan_id="p",
            plan_sha256="h",
            plan_tenant=self.plan_tenant,
            ticket_id="100",
            ticket_tenant=self.ticket_tenant,
            target_tenant=self.target_tenant,
            is_privileged=self.is_privileged,
            people=frozenset(self.people),
            sources=frozenset(self.sources),
            automation=self.automation,
            stage=Stage(self.stage) if self.stage else None,
            is_stopped=self.is_stopped,
            approval=self._approval(),
            proof=_proof(self.proof, self.days),
            rates=Rates(
                at_tenant=self.runs[0],
                of_automation=self.runs[1],
                of_action=self.runs[2],
                everywhere=self.everywhere[0],
                by_automations=self.everywhere[1],
            ),
            at=WEDNESDAY_NOON,
        )

    def _approval(self) -> ApprovalFacts | None:
        if self.approval is None:
            return None
        return ApprovalFacts(
            plan_sha256=self.approval[0],
            requester=self.approval[1],
            people=frozenset(name for ballot in self.ballots for name in ballot),
            entitled=frozenset(right_of for _, right_of in self.ballots),
            votes=self.count,
            quorum=self.asked,
            age=self.approval[2],
        )

    def permissions(self) -> Permissions:
        return Permissions((row.grant() for row in self.rows), caps=self.caps_allowed())

    def table(self) -> Table:
        return Table((row.grant() for row in self.rows), self.caps_allowed())

    def caps_allowed(self) -> Caps:
        names = ("runs_at_client", "automation_runs_at_client", "runs_everywhere", "automation_runs_everywhere")
        return Caps(**dict(zip(names, self.caps, strict=True)))


def oracle(case: Case) -> tuple[bool, frozenset[str]]:
    """Say whether the case is allowed, and exactly which rules decide it."""
    mode, rows = mode_of(case)
    objections = {name for name, holds in _objections(case, mode, rows).items() if holds}
    if objections:
        return False, frozenset(objections)
    permits = {name for name, holds in _permits(case, mode).items() if holds}
    return bool(permits), frozenset(permits or {"no-permit"})


def mode_of(case: Case) -> tuple[str, list[Row]]:
    """Find the rows that concern the case and what they come to."""

    def first(*wanted: tuple[str, str]) -> Row | None:
        for tenant, subject in wanted:
            for row in case.rows:
                if (row.tenant, row.subject) == (tenant, subject):
                    return row
        return None

    home, action, tier = case.ticket_tenant, f"action:{ACTION}", f"tier:{case.tier}"
    doing = first((home, action), ("*", action), (home, tier), ("*", tier))
    named = f"automation:{case.automation}"
    beginning = first((home, named), ("*", named))
    rows = [row for row in (doing, beginning) if row is not None]
    if doing is not None and doing.mode in ("off", "suggest"):
        return doing.mode, rows
    staged = {"": None, "off": "off", "shadow": "suggest", "ask": "ask", "auto": "auto"}[case.stage]
    limits = [each for each in (beginning.mode if beginning else None, staged) if each]
    far = min(limits, key=MODES.index) if limits else None
    if far in ("off", "suggest"):
        return far, rows
    if far == "auto" and beginning is None and doing is not None and doing.mode == "ask":
        far = "ask"
    if case.by.startswith("automation:"):
        return far or "default", rows
    if far == "auto":
        return "auto", rows
    return (doing.mode if doing else "default"), rows


def _objections(case: Case, mode: str, rows: list[Row]) -> dict[str, bool]:
    is_run, approval = case.verb == "run", case.approval
    by_automation = case.by.startswith("automation:")
    by_person = not by_automation and case.by != "desk"
    approved = approval is not None
    named: set[str] | None = None
    managers: set[str] | None = None
    for row in rows:
        if row.named:
            able = {*row.named, *row.managers}
            named = able if named is None else named & able
        if row.managers:
            managers = set(row.managers) if managers is None else managers & set(row.managers)
    by_manager = approved and any(ballot[1] in (managers or ()) for ballot in case.ballots)
    asks_proof = case.needs_proof or case.resets_proof or any(row.proof for row in rows)
    done = {"action": case.runs[2], "tier": case.runs[2], "automation": case.runs[1]}
    known = {"ticket", "directory", "technician", "constant", "step", "prompt"}
    return {
        "guard-tenant": len({case.plan_tenant, case.ticket_tenant, case.target_tenant}) > 1,
        "guard-stopped": is_run and case.is_stopped,
        "guard-role": by_person and "technician" not in case.roles,
        "guard-tier": is_run and case.tier == 4,
        "guard-desk": case.by == "desk" and case.tier not in (0, 1),
        "guard-approval": is_run and approval is not None and not _counts(approval, case.by, case.ballots),
        "guard-quorum": is_run and approved and case.asked > case.count,
        "guard-four-eyes": is_run and case.tier in (3, 4) and not approved,
        "guard-privileged": is_run and case.is_privileged and not (by_person and approved),
        "guard-proof": is_run and asks_proof and not _is_proven(case),
        "guard-call-back": is_run and case.resets_proof and not _is_called_back(case),
        "guard-manager": is_run and case.resets_proof and not by_manager,
        "guard-taint": not set(case.sources) <= known,
        "guard-taint-automation": by_automation and "technician" in case.sources,
        "guard-rate": is_run and case.runs[0] > 59,
        "guard-rate-automation": is_run and by_automation and case.runs[1] > 19,
        "guard-rate-everywhere": is_run and case.everywhere[0] > 999,
        "guard-rate-automations": is_run and by_automation and case.everywhere[1] > 399,
        "guard-cap": is_run and _is_over_a_cap(case, by_automation=by_automation),
        "grant-off": mode == "off",
        "grant-suggest": is_run and mode == "suggest",
        "grant-hours": is_run and any(row.hours == SHUT for row in rows),
        "grant-limit": is_run
        and any(row.per_hour is not None and done[row.subject.partition(":")[0]] >= row.per_hour for row in rows),
        "grant-approver": is_run and approved and named is not None and any(b[1] not in named for b in case.ballots),
        "grant-quorum": is_run and approved and case.count < max([1, *(row.quorum for row in rows)]),
    }


def _permits(case: Case, mode: str) -> dict[str, bool]:
    if case.verb == "offer":
        return {"grant-shown": True}
    approved, by_automation = case.approval is not None, case.by.startswith("automation:")
    return {
        "grant-asked": mode == "ask" and approved,
        "grant-auto": mode == "auto",
        "default-small": mode == "default" and case.tier < 2 and not by_automation,
        "default-approved": mode == "default" and approved and not by_automation and case.by != "desk",
    }


def _counts(approval: tuple[str, str, int], by: str, ballots: tuple[tuple[str, str], ...]) -> bool:
    plan, requester, age = approval
    is_own = any(name in (requester, by) for ballot in ballots for name in ballot)
    return plan == "h" and not is_own and 0 <= age < 4 * 3600 + 1


def _is_over_a_cap(case: Case, *, by_automation: bool) -> bool:
    client, automation, all_runs, all_automations = case.caps
    mine = [(case.runs[0], client), (case.everywhere[0], all_runs)]
    if by_automation:
        mine += [(case.runs[1], automation), (case.everywhere[1], all_automations)]
    return any(not begun < cap for begun, cap in mine)


def _is_proven(case: Case) -> bool:
    if case.proof is None:
        return False
    person, ticket, plan, method, age = case.proof
    is_this = case.people == (person,) and ticket == "100" and plan == "p"
    return is_this and method in (CODE, CALL) and 0 <= age < 601


def _is_called_back(case: Case) -> bool:
    return case.proof is not None and case.proof[3] == CALL and case.days > 29


def generated(random: Random) -> Case:
    """Make a case: from one that is allowed, with a few things changed."""
    case = replace(Case(), **random.choice(_STARTS))
    case = replace(case, rows=tuple(_rows(random)))
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        case = replace(case, **random.choice(_CHANGES)(random))
    return case


def _rows(random: Random) -> list[Row]:
    subjects = (f"action:{ACTION}", f"action:{OTHER_ACTION}", f"automation:{AUTOMATION}", "tier:1", "tier:2", "tier:3")
    rows: dict[tuple[str, str], Row] = {}
    for _ in range(random.choice((0, 0, 1, 1, 2, 4))):
        tenant, subject = random.choice(("19", "19", "*", "20")), random.choice(subjects)
        mode = random.choice(MODES[:3] if subject == "tier:3" else ("ask", "auto", *MODES))
        rows[tenant, subject] = Row(
            tenant,
            subject,
            mode,
            hours=random.choice(("", "", "", OPEN, SHUT)),
            per_hour=random.choice((None, None, None, 1, 3)),
            named=random.choice(((), (), (), ("eve",), ("mal", "zoe"), ("eve", "zoe"))),
            proof=random.random() < 0.1,
            quorum=random.choice((1, 1, 1, 1, 2)),
            managers=random.choice(((), (), ("eve",), ("mal", "zoe"))),
        )
    return list(rows.values())


_NAMES = ("ann", "eve", "mal", "desk", f"automation:{AUTOMATION}")
_APPROVAL_AGES = (-1, 0, 1, 14399, 14400, 14401)
_AUTOMATIC: dict[str, Any] = {"by": f"automation:{AUTOMATION}", "automation": AUTOMATION, "roles": ()}
_STARTS: tuple[dict[str, Any], ...] = (
    {},
    {"tier": 1, "approval": None},
    {"tier": 3, "needs_proof": True},
    {"tier": 3, "needs_proof": True, "resets_proof": True, "proof": ("bob", "100", "p", CALL, 60)},
    {"tier": 0, "approval": None, "proof": None},
    {"automation": AUTOMATION, "stage": "ask"},
    {**_AUTOMATIC, "stage": "auto", "approval": None},
    {**_AUTOMATIC, "stage": "auto", "tier": 3},
    {**_AUTOMATIC, "stage": "ask"},
    {"by": "desk", "roles": (), "tier": 1, "approval": None, "proof": None},
    {"verb": "offer", "approval": None, "proof": None},
    {"verb": "offer", "runs": (60, 20, 3)},
)

_CHANGES: tuple[Callable[[Random], dict[str, Any]], ...] = (
    lambda random: {"verb": random.choice(("run", "offer"))},
    lambda random: {"tier": random.choice((0, 1, 2, 3, 4))},
    lambda random: {random.choice(("plan_tenant", "ticket_tenant", "target_tenant")): "20"},
    lambda _random: {"plan_tenant": "20", "ticket_tenant": "20", "target_tenant": "20"},
    lambda random: {"roles": random.choice(((), ("approver",), ("admin", "auditor"), ("technician", "approver")))},
    lambda random: {"is_stopped": random.random() < 0.8},
    lambda random: {"is_privileged": random.random() < 0.8},
    lambda random: {"needs_proof": random.random() < 0.8},
    lambda random: {"resets_proof": random.random() < 0.8, "proof": ("bob", "100", "p", CALL, 60)},
    lambda random: {"days": random.choice((-1, 0, 29, 30, 31))},
    lambda random: {"people": random.choice(((), ("bob",), ("ann",), ("bob", "cid")))},
    lambda random: {
        "sources": random.choice((("text",), ("ticket", "model"), ("technician",), ("prompt", "step"), ()))
    },
    lambda random: {"sources": (random.choice(("ticket", "directory", "technician", "constant", "step", "prompt")),)},
    lambda random: {"stage": random.choice(("", "off", "shadow", "ask", "auto"))},
    lambda random: {"automation": random.choice(("", AUTOMATION, "other"))},
    lambda random: {"approval": ("h", "ann", random.choice(_APPROVAL_AGES))},
    lambda random: {"approval": (random.choice("hg"), random.choice(_NAMES), 60)},
    lambda random: {"ballots": tuple(_ballot(random, _NAMES) for _ in range(random.choice((1, 1, 2))))},
    lambda random: {"ballots": tuple(_ballot(random, ("eve", "mal", "zoe")) for _ in range(2)), "count": 2},
    lambda random: {"count": random.choice((0, 1, 2, 3)), "asked": random.choice((1, 1, 2, 3))},
    lambda _random: {"approval": None},
    lambda random: {"proof": ("bob", "100", "p", CODE, random.choice((-1, 0, 1, 599, 600, 601)))},
    lambda random: {"proof": ("bob", "100", "p", random.choice((CODE, CALL, PUSH, "")), 60)},
    lambda random: {
        "proof": (random.choice(("bob", "cid")), random.choice(("100", "7")), random.choice("pq"), CODE, 60)
    },
    lambda _random: {"proof": None},
    lambda random: {"runs": (random.choice((58, 59, 60, 61)), random.choice((18, 19, 20, 21)), 0)},
    lambda random: {"runs": (0, random.choice((0, 1, 2, 3)), random.choice((0, 1, 2, 3)))},
    lambda random: {"everywhere": (random.choice((999, 1000)), 0)},
    lambda random: {"everywhere": (0, random.choice((399, 400))), **_AUTOMATIC, "stage": "auto", "approval": None},
    lambda random: {"everywhere": (random.choice((998, 999, 1000, 1001)), random.choice((398, 399, 400, 401)))},
    lambda random: {
        "caps": (random.choice((1, 5, 60)), random.choice((2, 20)), random.choice((7, 1000)), random.choice((3, 400))),
        "runs": (random.choice((0, 1, 4, 5)), random.choice((1, 2)), 0),
        "everywhere": (random.choice((6, 7, 8)), random.choice((2, 3, 4))),
    },
    lambda random: {"by": random.choice(("ann", "eve", "desk", f"automation:{AUTOMATION}", "automation:other"))},
)


def _ballot(random: Random, names: tuple[str, ...]) -> tuple[str, str]:
    by = random.choice(names)
    return by, random.choice((by, by, random.choice(names)))


def _proof(facts: tuple[str, str, str, str, int] | None, days: int) -> ProofFacts | None:
    if facts is None:
        return None
    return ProofFacts(
        person=facts[0], ticket=facts[1], plan=facts[2], method=facts[3], age=facts[4], unchanged_days=days
    )
