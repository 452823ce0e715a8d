"""Whether a step may be carried out: guard rails and grants, decided by Cedar from trusted facts, and no by default.

The rules are in ``policy.cedar``. Cedar skips a rule whose evaluation fails, and a guard rail that is skipped guards
nothing: so any error at all means no (https://docs.cedarpolicy.com/auth/authorization.html).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import cedarpy
from pydantic import JsonValue

from deskhand.governance.caps import Caps
from deskhand.governance.request import DESK, ApprovalFacts, ProofFacts, Request
from deskhand.governance.standing import DEFAULT, Standing, Table
from deskhand.records import grants
from deskhand.records.accounts import account_name
from deskhand.records.database import Records
from deskhand.records.grants import Grant, Mode
from deskhand.sdk.errors import ConfigurationError

__all__ = ["Decision", "LivePermissions", "Need", "Permissions", "PolicyDefectError", "Rule", "Rules", "guard_rails"]

PINNED = "6e42422d9200f5768977cb832ec96f0afcfc476f2ed93d49a6ce6b4ac96dc8d6"
"""SHA-256 of the rules this version ships, with their schema: what was changed after its review decides nothing."""

NO_PERMIT = "no-permit"
IN_ERROR = "error"


class PolicyDefectError(ConfigurationError):
    """The rules themselves are not sound, so nothing may be decided by them. The message says which and why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, the sentence it means for people, and whether it forbids."""

    id: str
    sentence: str
    is_forbid: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it may be done, by which rules, and why, in sentences. ``grants`` are the rows that had a say."""

    is_allowed: bool
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    mode: str = ""
    grants: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say why in one line."""
        return " ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Need:
    """What it takes to carry a step out: `Mode.AUTO` nothing, `ASK` an approval, `SUGGEST` it can only be shown.

    ``approvers`` are the accounts that may approve, where not every approver may; it takes ``quorum`` of them, and one
    of the ``managers`` where it names any.
    """

    mode: Mode
    needs_proof: bool
    approvers: frozenset[str]
    decision: Decision
    quorum: int = 1
    managers: frozenset[str] = frozenset()


class Rules:
    """A policy text and its schema, checked once: each rule valid, named, explained. Immutable and thread-safe."""

    def __init__(self, text: str, schema: str) -> None:
        """Check and parse. Raises PolicyDefectError."""
        found = cedarpy.validate_policies(text, schema)
        if not found.validation_passed:
            raise PolicyDefectError("; ".join(f"{each}" for each in found.errors))
        self.rules = _named(text)
        self.sha256 = _digest(text, schema)
        self._policies = cedarpy.PolicySet.from_str(text)
        self._schema = cedarpy.Schema.from_str(schema)

    def ask(self, verb: str, request: Request, standing: Standing) -> Decision:
        """Decide. Anything but a clean permit is a no."""
        answer = cedarpy.is_authorized(
            _question(verb, request, standing), self._policies, _entities(request), self._schema
        )
        names = sorted(answer.diagnostics.id_annotations_by_reason.values())
        if answer.diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
            return _no(IN_ERROR, "The rules could not be evaluated, which means no.", standing)
        if not names:
            return _no(NO_PERMIT, _missing(request, standing), standing)
        return Decision(
            is_allowed=answer.decision is cedarpy.Decision.Allow,
            rules=tuple(names),
            reasons=tuple(self.rules[name].sentence for name in names),
            mode=standing.mode,
            grants=tuple(row.id for row in standing.rows),
        )


@cache
def guard_rails() -> Rules:
    """Return the rules deskhand ships. Raises PolicyDefectError where they were changed, by a byte or more."""
    return pinned_rules(files("deskhand.governance"))


def pinned_rules(folder: Traversable) -> Rules:
    """Return the rules in a folder if they are the pinned ones. Raises PolicyDefectError."""
    try:
        text, schema = (folder.joinpath(name).read_bytes().decode() for name in ("policy.cedar", "policy.cedarschema"))
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyDefectError(f"the guard rails in {folder} cannot be read: install deskhand again") from error
    found = _digest(text, schema)
    if found != PINNED:
        raise PolicyDefectError(
            f"the guard rails in {folder} are not those of this version (sha256 {found}, not {PINNED[:12]}…): "
            "nothing is decided by rules somebody changed; install deskhand again"
        )
    return Rules(text, schema)


class Permissions:
    """The rules with one table of grants. Immutable and thread-safe; a decision takes a fraction of a millisecond."""

    def __init__(
        self, rows: Iterable[Grant] = (), *, rules: Rules | None = None, version: int = 0, caps: Caps | None = None
    ) -> None:
        self.table = Table(rows, caps or Caps())
        self.version = version
        self.rules = rules or guard_rails()

    def decide(self, request: Request) -> Decision:
        """Say whether the step may be carried out now."""
        return self.rules.ask("run", request, self.table.standing(request))

    def need(self, request: Request) -> Need:
        """Say what it would take to carry the step out: asked before there is an approval or a proof."""
        standing = self.table.standing(request)
        mode, decision = self._mode(request, standing)
        needs_proof = request.needs_proof or standing.needs_proof
        managers = standing.managers if request.resets_proof else frozenset[str]()
        return Need(mode, needs_proof, standing.approvers, decision, standing.quorum, managers)

    def _mode(self, request: Request, standing: Standing) -> tuple[Mode, Decision]:
        """Find the least it takes, and the decision that keeps it from taking less."""
        proven = request.model_copy(update={"proof": _fresh_proof(request), "approval": None})
        alone = self.rules.ask("run", proven, standing)
        if alone.is_allowed:
            return Mode.AUTO, alone
        approved = proven.model_copy(update={"approval": _fresh_approval(request, standing)})
        asked = self.rules.ask("run", approved, standing)
        if asked.is_allowed:
            return Mode.ASK, alone
        offered = self.rules.ask("offer", request, standing)
        return Mode.SUGGEST if offered.is_allowed else Mode.OFF, asked


@dataclass(slots=True)
class LivePermissions:
    """The permissions that hold now, by the record store; the table is read again only when its version is another."""

    records: Records
    rules: Rules | None = None
    caps: Caps = field(default_factory=Caps)
    _present: Permissions | None = field(default=None, init=False)

    def current(self) -> Permissions:
        """Return the permissions of this moment. Raises RecordsUnavailableError: then nothing may go."""
        present = self._present
        if present is None or present.version != grants.current_version(self.records):
            version, rows = grants.current(self.records)
            present = self._present = Permissions(rows, rules=self.rules, version=version, caps=self.caps)
        return present


def _digest(text: str, schema: str) -> str:
    return hashlib.sha256(f"{text}\0{schema}".encode()).hexdigest()


def _named(text: str) -> Mapping[str, Rule]:
    parsed = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    rules: dict[str, Rule] = {}
    for key, policy in parsed.items():
        notes = policy.get("annotations", {})
        if not notes.get("id") or not notes.get("say") or notes["id"] in rules:
            raise PolicyDefectError(f"{key}: every rule needs an @id of its own and a sentence in @say")
        rules[notes["id"]] = Rule(notes["id"], notes["say"], policy["effect"] == "forbid")
    return rules


def _question(verb: str, request: Request, standing: Standing) -> dict[str, object]:
    return {
        "principal": _principal(request),
        "action": _uid("Action", verb),
        "resource": _uid("Target", request.action),
        "context": _context(request, standing),
    }


def _principal(request: Request) -> dict[str, str]:
    if request.is_by_automation:
        return _uid("Automation", request.requested_by)
    return _uid("Desk" if request.requested_by == DESK else "Account", request.requested_by)


def _entities(request: Request) -> str:
    target = {"tenant": _entity("Tenant", request.target_tenant), "isPrivileged": request.is_privileged}
    who = _principal(request)
    attributes: dict[str, object] = {"roles": sorted(request.roles)} if who["type"] == "Account" else {}
    found = [
        {"uid": who, "attrs": attributes, "parents": []},
        {"uid": _uid("Target", request.action), "attrs": target, "parents": []},
    ]
    return json.dumps(found)


def _context(request: Request, standing: Standing) -> dict[str, object]:
    context: dict[str, object] = {
        "plan": request.plan_id,
        "planHash": request.plan_sha256,
        "planTenant": _entity("Tenant", request.plan_tenant),
        "ticket": request.ticket_id,
        "ticketTenant": _entity("Tenant", request.ticket_tenant),
        "requester": account_name(request.requested_by),
        "tier": request.tier,
        "needsProof": request.needs_proof or standing.needs_proof,
        "resetsProof": request.resets_proof,
        "people": sorted(request.people),
        "sources": sorted(request.sources),
        "isStopped": request.is_stopped,
        "runsAtTenant": request.rates.at_tenant,
        "runsOfAutomation": request.rates.of_automation,
        "runsEverywhere": request.rates.everywhere,
        "runsByAutomations": request.rates.by_automations,
        "isWithinCaps": standing.caps.allow(request),
        "mode": standing.mode,
        "isOpen": standing.is_open(request),
        "isWithinLimits": standing.is_within_limits(request),
        "approvers": sorted(standing.approvers),
        "quorum": standing.quorum,
        "managers": sorted(standing.managers),
    }
    if request.approval is not None:
        context["approval"] = _approval(request.approval)
    if request.proof is not None:
        context["proof"] = _proof(request.proof)
    return context


def _approval(approval: ApprovalFacts) -> dict[str, JsonValue]:
    return {
        "plan": approval.plan_sha256,
        "requester": approval.requester,
        "people": [*sorted(approval.people)],
        "entitled": [*sorted(approval.entitled)],
        "votes": approval.votes,
        "quorum": approval.quorum,
        "age": approval.age,
    }


def _proof(proof: ProofFacts) -> dict[str, JsonValue]:
    return {
        "person": proof.person,
        "ticket": proof.ticket,
        "plan": proof.plan,
        "method": proof.method,
        "age": proof.age,
        "unchangedDays": proof.unchanged_days,
    }


def _fresh_approval(request: Request, standing: Standing) -> ApprovalFacts:
    """Suppose that as many as it takes, of those who may, have just approved it, and whoever asks is not of them."""
    requester = account_name(request.requested_by)
    able = standing.managers if request.resets_proof and standing.managers else standing.approvers
    who = frozenset({min(able - {requester}, default=requester if able else "someone else")})
    return ApprovalFacts(
        plan_sha256=request.plan_sha256,
        requester=requester,
        people=who,
        entitled=who,
        votes=standing.quorum,
        age=0,
    )


def _fresh_proof(request: Request) -> ProofFacts | None:
    """Suppose that the one person the step concerns has just proven who they are."""
    if len(request.people) != 1:
        return None
    (person,) = request.people
    return ProofFacts(
        person=person,
        ticket=request.ticket_id,
        plan=request.plan_id,
        method="call-back to a number on record",
        age=0,
        unchanged_days=36_500,
    )


def _no(rule: str, sentence: str, standing: Standing) -> Decision:
    rows = tuple(row.id for row in standing.rows)
    return Decision(is_allowed=False, rules=(rule,), reasons=(sentence,), mode=standing.mode, grants=rows)


def _missing(request: Request, standing: Standing) -> str:
    if request.is_by_automation and standing.mode == DEFAULT:
        return "Nothing permits this automation to do it by itself: it takes a stage or a grant."
    if request.approval is None:
        return "It takes the approval of someone else."
    return "Nothing permits it."


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _entity(kind: str, name: str) -> dict[str, JsonValue]:
    return {"__entity": {"type": kind, "id": name}}
