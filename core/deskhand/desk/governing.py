"""Who may do what: accounts and sign-in, the kill switch, and grants, proposed by one and approved by another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import select

from deskhand.agent.planning.catalogue import CatalogueEntry, Permits
from deskhand.automation.plan import Plan
from deskhand.automation.stage import Stage
from deskhand.desk.refusals import DeskRefusedError, require, require_all_clients, require_client
from deskhand.governance import accounts as signing_in
from deskhand.governance import delegation, first_admin, local_sign_in
from deskhand.governance.accounts import PASSWORDS, PasswordRefusedError, Passwords, Session
from deskhand.governance.caps import Caps
from deskhand.governance.first_admin import SetUpRefusedError
from deskhand.governance.local_sign_in import LocalSignIn
from deskhand.governance.permission import Decision, LivePermissions, Need, Permissions
from deskhand.governance.request import Circumstances, Request, request_for
from deskhand.governance.standing import NOBODY
from deskhand.governance.switches import Level, Switch, release, throw, thrown
from deskhand.governance.what_if import WhatIf, what_if
from deskhand.records import accounts, delegations, grants, sessions
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records, Transaction
from deskhand.records.delegations import Delegation
from deskhand.records.grants import Grant, Mode, PolicyVersion
from deskhand.records.schema import automations
from deskhand.sdk.clock import Clock
from deskhand.sdk.models import TenantContext

OPERATOR = Account("operator", "Operator of the server", frozenset({Role.ADMIN}))
"""Whoever types commands on the server itself: may stop everything and add accounts, and approves nothing."""

ANYONE_WHO_WORKS = (Role.TECHNICIAN, Role.APPROVER, Role.ADMIN)
_ORDER = tuple(Mode)

Known = Callable[[Level], frozenset[str] | None]
"""Names what a switch of a level may be about, so that a misspelt one is told; None where it is not known."""


@dataclass(frozen=True, slots=True)
class PlanNeed:
    """What a whole plan takes: the strictest of its steps, and who may approve, where not every approver may."""

    mode: Mode
    approvers: frozenset[str]
    reasons: tuple[str, ...]
    """Sentences of the rules that keep it from running at once."""
    quorum: int = 1
    """How many different people have to approve it."""
    managers: frozenset[str] = frozenset()
    """Of whom one has to be among them; none named: it takes no manager."""


@dataclass(slots=True)
class Governing:
    """The people and the limits of one desk. Raises DeskRefusedError, saying why, for whoever may not."""

    records: Records
    clock: Clock
    known: Known = lambda _level: None
    passwords: Passwords = PASSWORDS
    caps: Caps = field(default_factory=Caps)
    permissions: LivePermissions = field(init=False)

    def __post_init__(self) -> None:
        """Join what reads the records anew each time."""
        self.permissions = LivePermissions(self.records, caps=self.caps)

    # -- the kill switch

    def switches(self) -> tuple[Switch, ...]:
        """List what is stopped, the widest first."""
        return thrown(self.records)

    def throw(self, who: Account, level: Level, subject: str, reason: str) -> Switch:
        """Stop everything, a client, a connector or an automation, from this commit on. Whoever works here may."""
        require(who, *ANYONE_WHO_WORKS)
        _require_reach(who, level, subject)
        subject, reason = self._subject(level, subject), _reason(reason)
        with self.records.transaction(who.name) as transaction:
            return throw(transaction, level, subject, by=who.name, reason=reason)

    def release(self, who: Account, level: Level, subject: str, reason: str) -> None:
        """Let it go again. Only an admin may."""
        require(who, Role.ADMIN)
        _require_reach(who, level, subject)
        reason = _reason(reason)
        with self._transaction(who) as transaction:
            release(transaction, level, subject.strip(), by=who.name, reason=reason)

    # -- accounts

    def accounts(self) -> tuple[Account, ...]:
        """List every account by name."""
        return accounts.everyone(self.records)

    def add_account(self, who: Account, account: Account, password: str | None = None) -> Account:
        """Add an account; without a password nobody can sign in to it yet. Only an admin may."""
        require(who, Role.ADMIN)
        require_all_clients(who)
        hashed = "" if password is None else self._hash(account.name, password)
        with self._transaction(who) as transaction:
            added = accounts.add(transaction, account, password_hash=hashed)
            if added.has(Role.ADMIN):
                first_admin.close(transaction)
            return added

    def change_account(self, who: Account, account: Account) -> None:
        """Change what an account is called and may do; the last admin stays one. Only an admin may.

        One that is disabled, or linked to somebody else in Entra ID, loses its sessions.
        """
        require(who, Role.ADMIN)
        require_all_clients(who)
        with self._transaction(who) as transaction:
            before = accounts.find_in(transaction, account.name)
            accounts.change(transaction, account)
            delegation.end_where_nothing_is_left_to_lend(transaction, account)
            if not account.is_active or (before is not None and before.entra != account.entra):
                sessions.end_all(transaction, accounts.account_name(account.name))
            if not any(each.has(Role.ADMIN) for each in accounts.everyone_in(transaction)):
                raise DeskRefusedError("this would leave no admin: make someone else an admin first")

    def set_password(self, who: Account, name: str, password: str, *, current: str | None = None) -> None:
        """Set a password and end the account's sessions: one's own with the current one, as an admin any other's."""
        if accounts.account_name(name) != who.name:
            require(who, Role.ADMIN)
            require_all_clients(who)
        elif not self._matches(name, current or ""):
            raise DeskRefusedError("your current password is another one")
        hashed = self._hash(name, password)
        with self._transaction(who) as transaction:
            signing_in.set_password(transaction, name, hashed)

    def sign_in(self, name: str, password: str) -> str | None:
        """Begin a session and return its token, once; None for every way it can fail."""
        session = signing_in.sign_in(self.records, name, password, self.clock, passwords=self.passwords)
        return None if session is None else _token(session)

    def session(self, token: str) -> Account | None:
        """Return who is signed in with a token, with the roles they have now; None where it is over."""
        session = signing_in.session_of(self.records, token, self.clock)
        return None if session is None else session.account

    def sign_out(self, token: str) -> None:
        """End a session; nothing happens where there is none."""
        signing_in.sign_out(self.records, token)

    def confirm(self, name: str, password: str) -> Account:
        """Return the account of someone who types a command and shows who they are. No session begins."""
        account = signing_in.check_password(self.records, name, password, clock=self.clock, passwords=self.passwords)
        if account is None:
            raise DeskRefusedError(
                "that name and password do not belong together, or the account is locked or disabled"
            )
        return account

    def local_sign_in(self) -> LocalSignIn:
        """Return whether passwords open anything, and whose where they do not."""
        return local_sign_in.current(self.records)

    def turn_local_sign_in(self, who: Account, *, is_on: bool, break_glass: str | None = None) -> LocalSignIn:
        """Let passwords open this desk, or nothing but Entra ID and one account for the day it cannot be reached.

        Off takes an admin who has signed in with Entra ID, or the operator of the server, and an admin who can sign in
        without a password. Only the operator names the account that still can with one.
        """
        require(who, Role.ADMIN)
        require_all_clients(who)
        if break_glass is not None and who != OPERATOR:
            raise DeskRefusedError("only whoever types on the server names the account for emergencies")
        if not is_on and who != OPERATOR and who.entra is None:
            raise DeskRefusedError("sign in with Entra ID as an admin first: that shows that it works")
        with self._transaction(who) as transaction:
            kept = local_sign_in.current_in(transaction).break_glass
            wanted = LocalSignIn(is_on=is_on, break_glass=kept if break_glass is None else break_glass)
            self._refuse_locked_out(transaction, wanted)
            local_sign_in.turn(transaction, wanted)
        return wanted

    # -- the first set-up

    def is_set_up(self) -> bool:
        """Tell whether there is, or ever was, an admin: then there is no set-up any more, for good."""
        return first_admin.is_over(self.records)

    def offer_set_up(self) -> SecretStr:
        """Return a new one-time secret for the first admin, good for an hour."""
        with self._transaction(OPERATOR) as transaction:
            return first_admin.offer(transaction)

    def set_up(self, *, secret: str, name: str, display_name: str, password: str) -> str:
        """Make the first account, an admin who also works tickets and approves, and return its session's token."""
        account = Account(name, display_name or name, frozenset(ANYONE_WHO_WORKS))
        try:
            with self.records.transaction("set-up") as transaction:
                return _token(first_admin.finish(transaction, secret, account, password, passwords=self.passwords))
        except SetUpRefusedError as error:
            with self.records.transaction("set-up") as transaction:
                first_admin.fail(transaction)
            raise DeskRefusedError(str(error)) from error
        except ValueError as error:
            raise DeskRefusedError(str(error)) from error

    # -- delegation

    def delegations(self) -> tuple[Delegation, ...]:
        """List who votes in whose place, and who did, the newest first."""
        return delegations.listing(self.records)

    def delegate(
        self, who: Account, to: str, *, ends_at: datetime, starts_at: datetime | None = None, reason: str
    ) -> Delegation:
        """Let somebody else vote in one's place. Only an approver may."""
        begins = starts_at or self.clock()
        with self._transaction(who) as transaction:
            return delegation.delegate(transaction, who, to, starts_at=begins, ends_at=ends_at, reason=reason)

    def end_delegation(self, who: Account, delegation_id: str) -> Delegation:
        """End a delegation now: either of the two may, and an admin."""
        with self._transaction(who) as transaction:
            return delegation.withdraw(transaction, delegation_id, by=who)

    # -- policy

    def grants(self) -> tuple[int, tuple[Grant, ...]]:
        """Return the number of the version that holds and its rows."""
        return grants.current(self.records)

    def policy_versions(self) -> tuple[PolicyVersion, ...]:
        """List every table there was, newest first."""
        return grants.versions(self.records)

    def propose_grants(self, who: Account, rows: Sequence[Grant], comment: str = "") -> PolicyVersion:
        """Propose a table in place of the one that holds; nothing changes until someone else approves. An admin may."""
        require(who, Role.ADMIN)
        require_all_clients(who)
        with self._transaction(who) as transaction:
            return grants.propose(transaction, rows, author=who.name, comment=comment)

    def approve_grants(self, who: Account, version: int) -> PolicyVersion:
        """Have a proposed table hold from now on. An admin or approver other than its author may."""
        with self._transaction(who) as transaction:
            self._second_person(transaction, who, version)
            return grants.approve(transaction, version, by=who.name)

    def reject_grants(self, who: Account, version: int) -> PolicyVersion:
        """Put a proposed table aside; its author may too."""
        require(who, Role.ADMIN, Role.APPROVER)
        require_all_clients(who)
        with self._transaction(who) as transaction:
            return grants.reject(transaction, version, by=who.name)

    def explain(self, request: Request) -> Decision:
        """Say how a request would be decided now, and by which rules."""
        return self.permissions.current().decide(request)

    def what_if(self, rows: Sequence[Grant], *, days: int = 30) -> WhatIf:
        """Decide what was recorded in the last days again by another table, and say what would have been otherwise."""
        proposed = Permissions(grants.read_grants([row.model_dump() for row in rows]), caps=self.caps)
        return what_if(self.records, proposed, since=self.clock() - timedelta(days=days))

    def permits(self, who: Account, context: TenantContext) -> Permits:
        """Return what tells the planner why an account may not have an action carried out for a client."""
        permissions = self.permissions.current()

        def objection(entry: CatalogueEntry) -> str | None:
            need = permissions.need(_bare_request(who, context, entry, self))
            return None if need.mode in {Mode.ASK, Mode.AUTO} else need.decision.sentence

        return objection

    def need(self, plan: Plan, *, stage: Stage | None = None, privileged: frozenset[str] = frozenset()) -> PlanNeed:
        """Say what a plan takes to be carried out; ``privileged`` names the steps whose target holds power over others.

        Asked before it is submitted: each step is decided again right before it is made.
        """
        permissions, requester = self.permissions.current(), accounts.find(self.records, plan.requested_by)
        found = []
        for step in plan.steps:
            circumstances = Circumstances(
                now=self.clock(),
                ticket_tenant=plan.tenant.id,
                target_tenant=plan.tenant.id,
                is_privileged=step.id in privileged,
                requester=requester,
                stage=stage,
            )
            found.append(permissions.need(request_for(plan, step, circumstances)))
        return _joined(found)

    # -- parts

    @contextmanager
    def _transaction(self, who: Account) -> Iterator[Transaction]:
        """Change records, and say to a person what the records refuse."""
        try:
            with self.records.transaction(who.name) as transaction:
                yield transaction
        except (LookupError, ValueError, SetUpRefusedError) as error:
            raise DeskRefusedError(str(error)) from error

    def _hash(self, name: str, password: str) -> str:
        try:
            return self.passwords.hash(name, password)
        except PasswordRefusedError as error:
            raise DeskRefusedError(str(error)) from error

    def _matches(self, name: str, password: str) -> bool:
        known = accounts.credential(self.records, name)
        return self.passwords.match(known.password_hash if known else "", password)

    def _subject(self, level: Level, subject: str) -> str:
        subject = subject.strip()
        if bool(subject) == (level is Level.GLOBAL):
            raise DeskRefusedError("name what to stop: one client, connector or automation, or else everything")
        known = self._automations() if level is Level.AUTOMATION else self.known(level)
        if known is not None and level is not Level.GLOBAL and subject not in known:
            there = ", ".join(sorted(known)) or "none"
            raise DeskRefusedError(
                f"there is no {level.value} {subject}, so nothing would be stopped; there is {there}"
            )
        return subject

    def _refuse_locked_out(self, transaction: Transaction, wanted: LocalSignIn) -> None:
        known = accounts.everyone_in(transaction)
        if wanted.break_glass and not any(each.name == wanted.break_glass and each.has(Role.ADMIN) for each in known):
            raise DeskRefusedError(f"{wanted.break_glass} is no account of an admin: name one that is")
        if not wanted.is_on and not any(each.has(Role.ADMIN) and each.entra is not None for each in known):
            raise DeskRefusedError("no admin signs in with Entra ID yet: this would lock everybody out")

    def _automations(self) -> frozenset[str]:
        with self.records.reading() as connection:
            return frozenset(connection.execute(select(automations.c.name)).scalars())

    def _second_person(self, transaction: Transaction, who: Account, version: int) -> None:
        account = accounts.find_in(transaction, who.name)
        if account is None or not (account.has(Role.ADMIN) or account.has(Role.APPROVER)):
            raise DeskRefusedError(f"{who.name} has not the role admin or approver, or is no account")
        require_all_clients(account)
        if grants.find_in(transaction, version).author == account.name:
            raise DeskRefusedError("nobody approves their own table of grants: someone else has to")


def _bare_request(who: Account, context: TenantContext, entry: CatalogueEntry, governing: Governing) -> Request:
    """Ask about an action before anything is known but who, for whom and what."""
    return Request(
        requested_by=who.name,
        roles=who.roles if who.is_active and who.serves(context.tenant.id) else frozenset(),
        action=entry.name,
        tier=entry.tier,
        plan_tenant=context.tenant.id,
        ticket_id=context.ticket_id,
        ticket_tenant=context.tenant.id,
        target_tenant=context.tenant.id,
        at=governing.clock(),
    )


def _joined(needs: Sequence[Need]) -> PlanNeed:
    mode = min((need.mode for need in needs), key=_ORDER.index)
    named = [need.approvers for need in needs if need.approvers]
    approvers = frozenset.intersection(*named) or frozenset({NOBODY}) if named else frozenset()
    reasons = dict.fromkeys(
        sentence for need in needs if not need.decision.is_allowed for sentence in need.decision.reasons
    )
    managed = [need.managers for need in needs if need.managers]
    managers = frozenset.intersection(*managed) or frozenset({NOBODY}) if managed else frozenset()
    return PlanNeed(mode, approvers, tuple(reasons), max(need.quorum for need in needs), managers)


def _require_reach(who: Account, level: Level, subject: str) -> None:
    """Let an account for some clients stop and release those, and nothing that stops others."""
    if level is Level.TENANT:
        require_client(who, subject.strip())
    else:
        require_all_clients(who)


def _reason(written: str) -> str:
    reason = " ".join(written.split())
    if not reason:
        raise DeskRefusedError("say why: whoever finds it stopped wants to know")
    return reason[:500]


def _token(session: Session) -> str:
    if session.token is None:
        raise RuntimeError("a session that has just begun has its token")
    return session.token.get_secret_value()
