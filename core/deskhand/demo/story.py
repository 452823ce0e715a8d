"""The story of one kind of ticket, from a technician's sentence to an automation that breaks and is mended.

Every act does what a person would do at the panel, through the desk's own services, and then looks at the vendors
themselves whether it is so. A promise that is broken ends the story.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import SecretStr

from deskhand.automation.plan import Plan
from deskhand.demo.rehearsal import Rehearsal
from deskhand.desk.desk import Desk
from deskhand.desk.governing import OPERATOR
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance.approval import Verdict
from deskhand.governance.switches import Level
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval
from deskhand.records.runs import Run, RunState, StepState, WaitKind
from deskhand.sdk.errors import ConnectorError

CLIENT = "pellard"
RESET = "verify the user via MFA, reset the password, revoke sessions and text them"
CONTAIN = (
    'set the status to "Waiting on Customer", revoke the sessions, add the user to the group "Sign-in review" '
    "and text them"
)
GROUP, STATUS = "Sign-in review", "Waiting on Customer"
PATIENCE = 60.0


class BrokenPromiseError(Exception):
    """Something that must never be was so; the message says which promise and how."""


class Listener(Protocol):
    """Hears the story."""

    def act(self, title: str) -> None:
        """Hear that an act begins."""
        ...

    def told(self, line: str) -> None:
        """Hear what happened."""
        ...


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: a technician, who may approve, who writes automations and who is in charge."""

    technician: Account
    approver: Account
    admin: Account
    password: str


@dataclass(frozen=True, slots=True)
class Person:
    """Someone at the client."""

    key: str
    address: str
    number: str


SARAH = Person("sarah.whitlock", "sarah.whitlock@pellarddental.example", "+447700900203")
MARCUS = Person("marcus.bell", "marcus.bell@pellarddental.example", "+447700900204")
TINA = Person("tina.marsh", "tina.marsh@pellarddental.example", "+447700900201")
GARETH = Person("gareth.lunn", "gareth.lunn@pellarddental.example", "+447700900205")
VIKRAM = Person("vikram.anand", "vikram.anand@pellarddental.example", "+447700900202")

SUSPICIOUS = (
    "Sign-in from abroad that was not me",
    (
        "I got a message about a sign-in to my account from another country. That was not me. Please make sure nobody "
        "else can use my account."
    ),
)


@dataclass(frozen=True, slots=True)
class StoryReport:
    """How far the story came; ``problem`` is why it did not come to its end."""

    acts: tuple[str, ...]
    seconds: float
    problem: str | None = None
    password: str = ""
    """Of every account of the rehearsal: maya (technician), tom (approver), siobhan (admin and approver)."""


def told(desk: Desk, vendor: Rehearsal, listener: Listener) -> StoryReport:
    """Tell the story and say what came of it; nothing that goes wrong in it is raised."""
    story, started = Story(desk, vendor, listener), time.monotonic()
    problem = None
    try:
        story.play()
    except (BrokenPromiseError, DeskRefusedError, ConnectorError) as error:
        problem = str(error)
    return StoryReport(tuple(story.acts), time.monotonic() - started, problem, story.cast.password)


@dataclass(slots=True)
class Story:
    """Plays act after act on a desk that has handled its tickets."""

    desk: Desk
    vendor: Rehearsal
    listener: Listener
    cast: Cast = field(init=False)
    acts: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Open the accounts it needs."""
        self.cast = hire(self.desk)

    def play(self) -> None:
        """Play it to the end. Raises BrokenPromiseError, and DeskRefusedError where the desk refuses what it should."""
        self._locked_out()
        first = self._contain_by_hand(MARCUS)
        name, version = self._draft(first)
        self._put_back(first, MARCUS)
        self._shadow(name, TINA)
        self._by_itself(name, GARETH)
        self._the_vendor_changes(name, version, VIKRAM)
        self._stopped(SARAH)

    def _locked_out(self) -> None:
        """Have a locked account verified, reset, its sessions ended, its person told; approved by another person."""
        self._act("A technician's sentence is carried out")
        before = self._account(SARAH)
        ticket = self._arrives(SARAH, "Locked out of my account", "I cannot sign in this morning. Please reset it.")
        plan = self._planned(ticket, RESET)
        self._told(f"Plan of {len(plan.steps)} steps: {', '.join(step.title for step in plan.steps)}")
        run = self._approved(plan)
        run = self._until(run.id, lambda each: each.waits_for is not None)
        if run.waits_for is None or run.waits_for.kind is not WaitKind.PROMPT:
            raise BrokenPromiseError(f"the run should wait for a code: {run.state.value}")
        code = str(self.vendor.ask("code", number=SARAH.number))
        self._told(f"Sarah reads {code} from her telephone")
        self.desk.resolving.answer(self.cast.technician, run.id, run.waits_for.step_id, SecretStr(code))
        run = self._ended(run.id)
        after = self._account(SARAH)
        self._expect(after["password_set"] != before["password_set"], "the password was set anew")
        self._expect(after["sessions_from"] != before["sessions_from"], "sessions were ended")
        self._expect(len(self._texts(SARAH)) >= 1, "the user was told")
        self._revealed_once(run, SARAH)
        self._told("Password reset once, sessions ended, user told, note and time entry in the PSA")

    def _revealed_once(self, run: Run, person: Person) -> None:
        """Have the technician see the temporary password, once, and find it nowhere on the record."""
        step = next(each.id for each in run.steps if each.action.endswith(".reset_password"))
        shown = self.desk.resolving.reveal(self.cast.technician, run.id, step)
        secret = shown["temporary_password"].get_secret_value()
        self._expect(secret == self._account(person)["password"], "the technician can read the password out")
        self._refused(lambda: self.desk.resolving.reveal(self.cast.technician, run.id, step), "it is shown once")
        kept = any(secret in str(entry.detail) for entry in self.desk.records.audit_entries(ticket=run.ticket_id))
        self._expect(not kept, "no password is on the record")

    def _put_back(self, run: Run, person: Person) -> None:
        """Undo what can be undone, from the state that was captured before."""
        self._act("Whatever is called reversible is put back")
        self.desk.resolving.undo(self.cast.technician, run.id)
        undone = self._until(run.id, lambda each: each.state is RunState.UNDONE)
        self._expect(undone.state is RunState.UNDONE, f"the run is undone: {undone.state.value}")
        self._expect(GROUP not in self._account(person)["groups"], "the user is out of the group again")
        kept = [step.id for step in undone.steps if step.state is StepState.DONE]
        self._told(f"Put back; what cannot be was said before anybody approved it: {', '.join(kept)}")

    def _contain_by_hand(self, person: Person) -> Run:
        """Contain a suspicious sign-in by a sentence. This is the run the automation is drafted from."""
        self._act("A run becomes a draft")
        ticket = self._arrives(person, *SUSPICIOUS)
        run = self._ended(self._approved(self._planned(ticket, CONTAIN)).id)
        self._expect(GROUP in self._account(person)["groups"], "the user is in the group")
        return run

    def _draft(self, run: Run) -> tuple[str, int]:
        """Draft, back-test, and have somebody else approve it."""
        author, approver = self.cast.technician, self.cast.approver
        draft = self.desk.automating.draft_from_run(author, run.id)
        saved = self.desk.automating.save_draft(author, draft.name, draft.yaml)
        tested = self.desk.automating.back_test(saved.name, saved.version)
        self._told(f"Drafted “{saved.name}”; back-test: {tested.summary}")
        self._refused(
            lambda: self.desk.automating.approve(author, saved.name, saved.version, saved.sha256),
            "nobody approves an automation of their own",
        )
        self.desk.automating.approve(approver, saved.name, saved.version, saved.sha256)
        self._told("Approved by someone other than its author")
        return saved.name, saved.version

    def _shadow(self, name: str, person: Person) -> None:
        """Only watch the next such ticket."""
        self._act("Shadow, then ask, then by itself")
        self._stage(name, "shadow")
        before = self._account(person)
        ticket = self._arrives(person, *SUSPICIOUS)
        self._expect(self._account(person) == before, "a shadow changes nothing")
        self._expect(self._considered(name, ticket), "the automation was considered in shadow")
        self._told("In shadow it would have acted, and changed nothing")

    def _by_itself(self, name: str, person: Person) -> None:
        """With the stage auto it runs on the next ticket, once."""
        self._stage(name, "ask")
        self._stage(name, "auto")
        ticket = self._arrives(person, *SUSPICIOUS)
        run = self._run_on(ticket)
        self._ended(run.id)
        self._expect(run.automation == name, "the run was the automation's")
        self._expect(GROUP in self._account(person)["groups"], "the user is in the group")
        self._expect(len(self._texts(person)) == 1, "the user was told once")
        self._told(f"Ticket {ticket} was resolved by “{name}” alone")

    def _the_vendor_changes(self, name: str, version: int, person: Person) -> None:
        """Have the client change what the automation relies on: the next run fails, is diagnosed, and is mended."""
        self._act("The vendor changes, and the automation is mended")
        self.vendor.ask("remake status", company=CLIENT, name=STATUS)
        ticket = self._arrives(person, *SUSPICIOUS)
        failed = self._until(self._run_on(ticket).id, lambda each: each.state.is_over)
        self._expect(failed.state is RunState.FAILED, f"the run fails: {failed.state.value}")
        diagnosis = self.desk.maintaining.diagnose(failed.id)
        self._told(f"Diagnosis: {diagnosis.cause.value}: {diagnosis.summary}")
        change = self.desk.maintaining.propose_change(failed.id)
        self._expect(change.version > version, "a new version is proposed")
        self.desk.automating.approve(self.cast.approver, name, change.version, change.sha256)
        self._stage(name, "auto")
        again = self._arrives(TINA, *SUSPICIOUS)
        self._ended(self._run_on(again).id)
        self._told(f"Version {change.version} is approved, and the next run is green")

    def _stopped(self, person: Person) -> None:
        """Throw the kill switch, which holds what begins, and release it, which lets it go on."""
        self._act("Stopped within a second")
        admin = self.cast.admin
        ticket = self._arrives(person, *SUSPICIOUS)
        self.desk.governing.throw(admin, Level.GLOBAL, "", "rehearsal")
        run = self._run_on(ticket)
        time.sleep(1)
        held = self.desk.resolving.run(run.id)
        self._expect(all(step.state is not StepState.DONE for step in held.steps), "nothing runs while stopped")
        self.desk.governing.release(admin, Level.GLOBAL, "", "rehearsal")
        self._ended(run.id)
        self._told("Nothing ran while the switch was thrown; released, the run went on")

    def _arrives(self, person: Person, summary: str, text: str) -> str:
        """Let a ticket come in and be handled; return its id."""
        created = datetime.now(UTC).isoformat()
        ticket = self.vendor.ask(
            "ticket", company=CLIENT, contact=person.key, summary=summary, text=text, created=created
        )
        self.desk.catch_up()
        return str(ticket)

    def _planned(self, ticket: str, sentence: str) -> Plan:
        proposal = self.desk.resolving.propose(self.cast.technician, ticket, sentence)
        if proposal.plan is None:
            raise BrokenPromiseError(f"“{sentence}” was refused: {proposal.refusals}")
        problems = [each.problem for each in self.desk.resolving.preview(proposal.plan.id) if each.problem]
        self._expect(not problems, f"the dry run passes: {problems}")
        return proposal.plan

    def _approved(self, plan: Plan) -> Run:
        """Ask for approval; nobody gets their own, or one for another plan; somebody else approves."""
        asked = self.desk.resolving.submit(self.cast.technician, plan.id)
        if not isinstance(asked, Approval):
            raise BrokenPromiseError("a change at a client ran without approval")
        digest = plan.sha256()
        other = digest[:-1] + ("0" if digest[-1] != "0" else "1")
        decide = self.desk.resolving.decide
        self._refused(lambda: decide(self.cast.technician, asked.id, digest, Verdict.APPROVE), "nobody's own approval")
        self._refused(lambda: decide(self.cast.approver, asked.id, other, Verdict.APPROVE), "not another plan's hash")
        run = decide(self.cast.approver, asked.id, digest, Verdict.APPROVE)
        if not isinstance(run, Run):
            raise BrokenPromiseError("an approved plan did not become a run")
        self._told(f"Approved by {self.cast.approver.display_name}, bound to {digest[:12]}; one's own was refused")
        return run

    def _run_on(self, ticket: str) -> Run:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.desk.resolving.runs(ticket=ticket)
            if found:
                return found[0]
            time.sleep(0.1)
        raise BrokenPromiseError(f"no run on ticket {ticket}")

    def _until(self, run_id: str, holds: Callable[[Run], bool]) -> Run:
        for run in self.desk.resolving.events(run_id, patience=PATIENCE):
            if holds(run) or run.state.is_over:
                return run
        raise BrokenPromiseError(f"run {run_id} came to no end: {self.desk.resolving.run(run_id).state.value}")

    def _ended(self, run_id: str) -> Run:
        run = self._until(run_id, lambda each: each.state.is_over)
        failures = [f"{step.id}: {step.error}" for step in run.steps if step.error]
        self._expect(run.state is RunState.DONE, f"run {run_id} ends well: {run.state.value} {failures}")
        return run

    def _stage(self, name: str, stage: str) -> None:
        tenant = next(each.company_id for each in self.vendor.world.clients if each.key == CLIENT)
        self.desk.automating.stage(self.cast.admin, name, tenant, stage, reason="the rehearsal goes on")

    def _considered(self, name: str, ticket: str) -> bool:
        return any(each.ticket_id == ticket for each in self.desk.automating.shadows(name))

    def _account(self, person: Person) -> dict[str, Any]:
        found: dict[str, Any] = self.vendor.ask("account", company=CLIENT, address=person.address)
        return found

    def _texts(self, person: Person) -> list[str]:
        found: list[str] = self.vendor.ask("texts", number=person.number)
        return found

    def _act(self, title: str) -> None:
        self.acts.append(title)
        self.listener.act(title)

    def _told(self, line: str) -> None:
        self.listener.told(line)

    def _expect(self, is_so: object, what: str) -> None:
        if not is_so:
            raise BrokenPromiseError(f"{self.acts[-1]}: not so: {what}")

    def _refused(self, act: Callable[[], object], promise: str) -> None:
        try:
            act()
        except DeskRefusedError:
            return
        raise BrokenPromiseError(f"{self.acts[-1]}: not kept: {promise}")


def hire(desk: Desk) -> Cast:
    """Open the accounts the story needs, with one password made for this rehearsal."""
    password = secrets.token_urlsafe(9)
    roles = {
        ("maya", "Maya Okafor"): {Role.TECHNICIAN},
        ("tom", "Tom Hesketh"): {Role.APPROVER},
        ("siobhan", "Siobhan Keane"): {Role.ADMIN, Role.APPROVER},
    }
    made = [
        desk.governing.add_account(OPERATOR, Account(name, shown, frozenset(held)), password)
        for (name, shown), held in roles.items()
    ]
    technician, approver, admin = made
    return Cast(technician, approver, admin, password)
