"""An MSP, one of whose people has lost their telephone: a desk, its vendors, who asks, and who may approve."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue, SecretStr

from deskhand.automation.plan import Plan, Proposal
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.governance.approval import Verdict
from deskhand.records import accounts, explanations, grants, runs
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval
from deskhand.records.grants import Grant, Mode
from deskhand.records.runs import Cause, Run, RunState, WaitKind
from deskhand.sdk.testing import SimulatorHost
from deskhand_identity_entra.simulator import EntraSimulator
from deskhand_identity_entra.simulator import settings as entra_settings
from deskhand_notify_twilio.simulator import TwilioSimulator
from deskhand_notify_twilio.simulator import settings as twilio_settings
from tests.core.desk.msp import Msp, write_configuration
from tests.journeys.office import PATIENCE, Haste, Listener, running, wait_until

TENANT = "0f5f3b6e-6a45-4c3a-9a55-0f2f3f0a7b11"
MOBILE, NEW_MOBILE, STRANGERS = "+447700900203", "+447700900777", "+447700900999"
RENEW = "call the user back, reset the user's MFA"
RESET, CHECK = "identity_entra.reset_mfa", "notify_twilio.check_call_back"
FACTORS: tuple[dict[str, JsonValue], ...] = (
    {"@odata.type": "#microsoft.graph.phoneAuthenticationMethod"},
    {"@odata.type": "#microsoft.graph.microsoftAuthenticatorAuthenticationMethod"},
)
TECHNICIAN, APPROVER = Role.TECHNICIAN, Role.APPROVER
PEOPLE = {
    "ann": frozenset({TECHNICIAN, APPROVER}),
    "tom": frozenset({APPROVER}),
    "mel": frozenset({APPROVER}),
    "bea": frozenset({APPROVER}),
    "ada": frozenset({Role.ADMIN}),
}
"""Ann asks. Mel is the manager Marlow's grant names, and so is Ann; Bea is Babbage's, and Cyn is for Babbage
alone; Tom is nobody's."""


class _Waiter(Listener):
    """Hears when the desk has begun to work."""

    def __init__(self) -> None:
        super().__init__()
        self.handles = threading.Event()

    def phase(self, name: str) -> None:
        if name == "handling tickets":
            self.handles.set()


@dataclass
class House:
    """A desk beside its vendors, at a time that can be moved on; ``desk`` is another one after `restarted`."""

    msp: Msp
    directory: EntraSimulator
    telephones: TwilioSimulator
    file: Path
    grace: int
    user: str
    clock: Haste = field(default_factory=Haste)
    desk: Desk = field(init=False)

    @contextmanager
    def open(self, *, is_working: bool = True) -> Iterator[Desk]:
        """Open the desk for a while; one that is not working takes decisions and carries nothing out."""
        with Desk.open(load(self.file), clock=self.clock) as self.desk:
            if not is_working:
                yield self.desk
                return
            listener = _Waiter()
            with running(self.desk, listener):
                assert listener.handles.wait(PATIENCE), "the desk does not work"
                yield self.desk

    def person(self, name: str) -> Account:
        found = accounts.find(self.desk.records, name)
        assert found is not None
        return found

    def pass_(self, **time: float) -> None:
        self.clock.offset += timedelta(**time)

    def ticket(self, summary: str = "I lost my phone", text: str = "I have a new one and cannot sign in.") -> str:
        number = self.msp.ticket(summary, text, contact=self.grace)
        wait_until(lambda: explanations.find(self.desk.records, number), f"ticket {number} is handled")
        return number

    def proposed(self, ticket: str, sentence: str = RENEW) -> Proposal:
        return self.desk.resolving.propose(self.person("ann"), ticket, sentence)

    def plan(self, ticket: str | None = None) -> Plan:
        found = self.proposed(ticket or self.ticket()).plan
        assert found is not None
        return found

    def asked(self, plan: Plan) -> Approval:
        found = self.desk.resolving.submit(self.person("ann"), plan.id)
        assert isinstance(found, Approval)
        return found

    def votes(self, who: str, request: Approval) -> Run | Approval:
        return self.desk.resolving.decide(self.person(who), request.id, request.plan_sha256, Verdict.APPROVE)

    def approved(self, plan: Plan) -> Run:
        found = self.votes("mel", self.asked(plan))
        assert isinstance(found, Run)
        return found

    def forged(self, plan: Plan) -> Run:
        """Have a plan approved that no sentence leads to, as if the planner had been talked into it."""
        asked = self.desk.resolving.start(plan, by="ann")
        assert isinstance(asked, Approval)
        found = self.votes("mel", asked)
        assert isinstance(found, Run)
        return found

    def look(self, run: Run) -> Run:
        found = runs.find(self.desk.records, run.id)
        assert found is not None
        return found

    def waits(self, run: Run, kind: WaitKind = WaitKind.PROMPT) -> Run:
        def is_waiting() -> bool:
            present = self.look(run)
            assert not present.state.is_over, present
            return present.waits_for is not None and present.waits_for.kind is kind

        wait_until(is_waiting, f"the run waits: {kind.value}")
        return self.look(run)

    def ended(self, run: Run) -> Run:
        wait_until(lambda: self.look(run).state.is_over, "the run is over")
        return self.look(run)

    def code(self, run: Run, number: str = MOBILE) -> str:
        """Hear what a call to a number says, once a run has made it."""
        self.waits(run)
        return self.telephones.code(number)

    def answers(self, run: Run, code: str | None = None) -> None:
        """Type what the person read out: what the call to their number told them, unless said otherwise."""
        waits = self.waits(run).waits_for
        assert waits is not None
        said = SecretStr(code or self.telephones.code(MOBILE))
        self.desk.resolving.answer(self.person("ann"), run.id, waits.step_id, said)

    def has_number(self, number: str) -> None:
        """Have the PSA's contact get another number, and the desk read it."""
        contact = next(each for each in self.msp.psa.state["contacts"] if each["id"] == self.grace)
        (phone,) = (each for each in _records(contact["communicationItems"]) if each["communicationType"] == "Phone")
        phone["value"] = number
        self.msp.psa.state.stamp(contact, "jdoe")
        self.desk.intake.refresh_reference_data()

    @property
    def factors(self) -> int:
        """How many second factors are registered."""
        kinds = [each["@odata.type"] for each in self.directory.tenants[TENANT].contents.methods[self.user]]
        return sum(each["@odata.type"] in kinds for each in FACTORS)

    @property
    def called(self) -> list[tuple[str, str]]:
        """Every number a code went to, and how."""
        attempts = self.telephones.ledger.attempts
        return [(str(_record(each["channel_data"])["to"]), str(each["channel"])) for each in attempts]

    def refused(self, run: Run, action: str, because: str) -> None:
        """See that a run ended at a step, which was refused, and that nothing was renewed."""
        ended = self.ended(run)
        stopped = next(each for each in ended.steps if each.action == action)
        assert ended.state is RunState.FAILED, ended
        assert stopped.cause is Cause.REFUSED, stopped
        assert because in stopped.error, stopped.error
        assert self.factors == 2


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """Seed an MSP that has known Grace's number for 31 days, and serve its vendors."""
    msp, directory, telephones = Msp(), EntraSimulator(), TwilioSimulator()
    emails = ["grace@marlow.example"]
    grace = msp.psa.seed_contact("Grace Low", company=msp.marlow, emails=emails, phones=[MOBILE])
    directory.seed_tenant(TENANT, "Marlow & Tern", domains=["marlow.example"])
    user = directory.seed_user(TENANT, "Grace Low", emails[0], methods=[*FACTORS])
    with SimulatorHost(directory) as entra, SimulatorHost(telephones) as twilio, SimulatorHost(msp.psa) as psa:
        connectors = {
            "identity_entra": entra_settings(entra.url, {str(msp.marlow): TENANT}),
            "notify_twilio": twilio_settings(twilio.url),
        }
        file = write_configuration(folder, psa.url, {"connectors": connectors})
        made = House(msp, directory, telephones, file, grace, user, Haste(-timedelta(days=31)))
        with made.open(is_working=False) as desk:
            _hire(desk, msp)
            _grant(desk, msp)
            desk.intake.refresh_reference_data()
        made.clock.offset = timedelta()
        yield made


def _record(value: JsonValue) -> dict[str, JsonValue]:
    assert isinstance(value, dict)
    return value


def _records(value: JsonValue) -> list[dict[str, JsonValue]]:
    assert isinstance(value, list)
    return [_record(each) for each in value]


def _hire(desk: Desk, msp: Msp) -> None:
    with desk.records.transaction("test") as transaction:
        for name, roles in PEOPLE.items():
            accounts.add(transaction, Account(name, name.title(), roles))
        confined = Account("cyn", "Cyn", frozenset({APPROVER}), clients=frozenset({str(msp.babbage)}))
        accounts.add(transaction, confined)


def _grant(desk: Desk, msp: Msp) -> None:
    rows = [
        Grant(tenant_id=str(company), subject=f"action:{RESET}", mode=Mode.ASK, managers=managers)
        for company, managers in ((msp.marlow, ("mel", "ann")), (msp.babbage, ("bea", "cyn")))
    ]
    with desk.records.transaction("ada") as transaction:
        version = grants.propose(transaction, rows, author="ada").version
    with desk.records.transaction("tom") as transaction:
        grants.approve(transaction, version, by="tom")
