"""Nothing unapproved runs, on whichever channel it is tried: the desk's service, the web's route and the command.

On SQLite and on PostgreSQL: a plan changed by one byte, another ticket, one's own request, an expired, a used and a
repeated decision, and a permission that was taken away meanwhile are refused; and what should be approved is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner

from deskhand.automation import plans
from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.automation.rules import ApprovalRule, ApproverRole
from deskhand.cli.main import cli
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance import approval
from deskhand.governance.accounts import Passwords, begin_session
from deskhand.governance.approval import Verdict
from deskhand.records import accounts, approvals, grants
from deskhand.records.accounts import Account, Role
from deskhand.records.approvals import Approval, ApprovalState
from deskhand.records.grants import Grant, Mode
from deskhand.records.runs import Run
from deskhand.records.schema import plans as plans_table
from deskhand.sdk.actions import Effect
from deskhand.sdk.testing import SimulatorHost
from deskhand.web.access import form_key
from deskhand.web.app import create_app
from tests.core.desk.msp import PSA, Msp, quick_folder, write_configuration
from tests.core.web.browser import Browser
from tests.postgresql import PASSWORD as SERVER_PASSWORD

PASSWORD = "a password only tests use"  # noqa: S105  # of invented people
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
NOTE = f"{PSA}.add_internal_note"
BOTH = frozenset({Role.TECHNICIAN, Role.APPROVER})
PEOPLE = {
    "ann": BOTH,
    "eve": frozenset({Role.APPROVER}),
    "mal": frozenset({Role.APPROVER, Role.ADMIN}),
    "tom": frozenset({Role.TECHNICIAN}),
    "aud": frozenset({Role.AUDITOR}),
}


@dataclass
class Office:
    """A desk beside a PSA with two tickets, and its people."""

    desk: Desk
    msp: Msp
    file: Path
    tickets: tuple[str, str]
    made: int = 0

    def plan(self, ticket: str | None = None, by: str = "ann", words: str = "Called back.") -> Plan:
        """Return a plan to write a note, which this MSP wants approved."""
        self.made += 1
        said = Argument(source=SourceKind.CONSTANT, value=words, origin="a reviewed automation")
        here = Argument(source=SourceKind.TICKET, value=ticket or self.tickets[0], origin="the ticket's number")
        step = PlannedStep(
            id="note",
            action=NOTE,
            title="Write a note",
            tier=1,
            effect=Effect.ONCE,
            arguments={"ticket_id": here, "text": said},
        )
        return Plan(
            id=f"p-{self.made:016x}",
            ticket_id=ticket or self.tickets[0],
            tenant=Named(id=str(self.msp.marlow), name="Marlow & Tern"),
            requested_by=by,
            steps=(step,),
        )

    def asked(self, plan: Plan | None = None, *, by: str = "ann") -> Approval:
        """Submit a plan the way a technician does."""
        asked = self.desk.resolving.start(plan or self.plan(by=by), by=by)
        assert isinstance(asked, Approval), asked
        return asked

    def expired(self) -> Approval:
        """Return a request whose time is over."""
        plan = self.plan()
        with self.desk.records.transaction("ann") as transaction:
            plans.save(transaction, plan)
            end = transaction.clock() - timedelta(seconds=1)
            return approval.request(transaction, plan, by="ann", expires=end)

    def person(self, name: str) -> Account:
        found = accounts.find(self.desk.records, name)
        assert found is not None
        return found

    def change(self, name: str, **changes: object) -> None:
        with self.desk.records.transaction("mal") as transaction:
            accounts.change(transaction, replace(self.person(name), **changes))  # type: ignore[arg-type]  # an account's own fields

    def delegate(self, of: str, to: str) -> None:
        end = self.desk.clock() + timedelta(days=1)
        self.desk.governing.delegate(self.person(of), to, ends_at=end, reason="away")

    def grant(self, **values: object) -> None:
        row = Grant.model_validate({"tenant_id": "*", "subject": f"action:{NOTE}", "mode": Mode.ASK, **values})
        with self.desk.records.transaction("mal") as transaction:
            version = grants.propose(transaction, [row], author="mal").version
        with self.desk.records.transaction("eve") as transaction:
            grants.approve(transaction, version, by="eve")

    def state(self, request: Approval) -> ApprovalState:
        found = approvals.find(self.desk.records, request.id)
        assert found is not None
        return found.state

    @property
    def runs(self) -> list[Run]:
        return self.desk.resolving.runs()


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    """A desk whose record store is a file, and one whose is on a server."""
    msp = Msp()
    tickets = msp.ticket(), msp.ticket("Another matter")
    with quick_folder() as folder, SimulatorHost(msp.psa) as host:
        (folder / "password").write_text(SERVER_PASSWORD)
        sections: dict[str, dict[str, str]] = {}
        if request.param == "postgresql":
            url = str(request.getfixturevalue("postgresql_url")).replace(f":{SERVER_PASSWORD}@", "@")
            sections["records"] = {"url": url, "password": "file:password"}
        file = write_configuration(folder, host.url, sections)
        with Desk.open(load(file)) as desk:
            with desk.records.transaction("test") as transaction:
                for name, roles in PEOPLE.items():
                    account = Account(name, name.title(), roles)
                    accounts.add(transaction, account, password_hash=QUICK.hash(name, PASSWORD))
            made = Office(desk, msp, file, tickets)
            made.grant()
            yield made


Channel = Callable[[Office, Approval, str, str, str], bool]
"""Tries a decision: the request, who, the hash they read, and in whose place; tells whether it was taken."""


def by_service(office: Office, request: Approval, who: str, sha256: str, of: str = "") -> bool:
    try:
        office.desk.resolving.decide(
            office.person(who), request.id, sha256, Verdict.APPROVE, "fine", on_behalf_of=of or None
        )
    except DeskRefusedError:
        return False
    return True


def by_web(office: Office, request: Approval, who: str, sha256: str, of: str = "") -> bool:
    with office.desk.records.transaction("test") as transaction:
        session = begin_session(transaction, office.person(who))
    assert session.token is not None
    token = session.token.get_secret_value()
    browser = Browser(create_app(office.desk), token=token, csrf=form_key(token))
    fields = {"verdict": "approve", "plan_sha256": sha256, "comment": "fine", "for": of}
    answer = browser.submit(f"/approvals/{request.id}/decide", fields)
    assert answer.status_code in {303, 401, 403, 404, 409}, answer.text
    return answer.status_code == 303 and "/sign-in" not in answer.headers["location"]


def by_command(office: Office, request: Approval, who: str, sha256: str, of: str = "") -> bool:
    words = ["approval", "approve", request.id, "--sha256", sha256, "--as", who, "--config", str(office.file)]
    done = CliRunner(env={"DESKHAND_PASSWORD": PASSWORD}).invoke(cli, [*words, *(["--for", of] if of else [])])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code == 0


@pytest.fixture(params=[by_service, by_web, by_command])
def channel(request: pytest.FixtureRequest) -> Channel:
    found: Channel = request.param
    return found


def other_digit(sha256: str) -> str:
    return sha256[:-1] + ("0" if sha256[-1] != "0" else "1")


def test_a_request_is_approved_by_somebody_else_once(office: Office, channel: Channel) -> None:
    request = office.asked()
    assert channel(office, request, "eve", request.plan_sha256, "")
    assert office.state(request) is ApprovalState.USED
    (run,) = office.runs
    assert (run.approval_id, run.approved_by) == (request.id, "eve")
    for who in ("eve", "mal", "eve"):
        assert not channel(office, request, who, request.plan_sha256, "")
    assert len(office.runs) == 1


def test_what_must_not_be_approved_is_refused(office: Office, channel: Channel) -> None:
    request, other = office.asked(), office.asked(office.plan(office.tickets[1]))
    office.delegate("ann", "tom")
    office.delegate("eve", "ann")
    late = office.expired()
    tried = {
        "another plan by a digit": (request, "eve", other_digit(request.plan_sha256), ""),
        "another ticket's plan": (request, "eve", other.plan_sha256, ""),
        "another ticket's request": (other, "eve", request.plan_sha256, ""),
        "one's own": (request, "ann", request.plan_sha256, ""),
        "one's own as somebody's delegate": (request, "ann", request.plan_sha256, "eve"),
        "by one's own delegate": (request, "tom", request.plan_sha256, "ann"),
        "by nobody's delegate": (request, "tom", request.plan_sha256, "mal"),
        "without the role": (request, "tom", request.plan_sha256, ""),
        "by an auditor": (request, "aud", request.plan_sha256, ""),
        "expired": (late, "eve", late.plan_sha256, ""),
        "never asked for": (replace(request, id="a-0"), "eve", request.plan_sha256, ""),
    }
    taken = {what for what, words in tried.items() if channel(office, *words)}
    assert taken == set()
    assert office.runs == []
    assert {office.state(each) for each in (request, other)} == {ApprovalState.PENDING}


def test_a_stored_plan_that_was_changed_by_a_byte_does_not_run(office: Office, channel: Channel) -> None:
    request = office.asked()
    plan = office.desk.resolving.plan(request.plan_id)
    changed = plan.written().replace("Called back.", "Called back,")
    with office.desk.records.transaction("thief") as transaction:
        transaction.update(plans_table, {"id": plan.id}, {"document": changed})
        transaction.audit("test.altered")
    assert not channel(office, request, "eve", request.plan_sha256, "")
    assert not channel(office, request, "eve", office.desk.resolving.plan(plan.id).sha256(), "")
    assert office.runs == []


def test_a_ticket_that_is_another_clients_by_now_runs_nothing(office: Office, channel: Channel) -> None:
    request = office.asked()
    record = office.msp.record(request.ticket_id)
    record["company"] = {"id": office.msp.babbage, "identifier": "BABBAGE", "name": "Babbage Ltd"}
    record["contact"] = {"id": office.msp.charles, "name": "Charles Low"}
    office.msp.psa.state.stamp(record, "jdoe")
    assert not channel(office, request, "eve", request.plan_sha256, "")
    assert office.runs == []


def test_a_permission_that_is_gone_by_the_time_it_counts_is_none(office: Office, channel: Channel) -> None:
    office.grant(quorum=2)
    request, second = office.asked(), office.asked()
    assert channel(office, request, "eve", request.plan_sha256, "")
    assert office.state(request) is ApprovalState.PENDING
    office.change("eve", roles=frozenset({Role.TECHNICIAN}))
    assert not channel(office, second, "eve", second.plan_sha256, "")
    assert channel(office, request, "mal", request.plan_sha256, "")
    assert office.state(request) is ApprovalState.PENDING
    assert office.runs == []


def test_two_approve_one_of_them_as_a_delegate(office: Office, channel: Channel) -> None:
    office.grant(quorum=2, approvers=("eve", "mal"))
    office.delegate("eve", "tom")
    request = office.asked()
    assert channel(office, request, "tom", request.plan_sha256, "")
    assert not channel(office, request, "tom", request.plan_sha256, "eve")
    assert not channel(office, request, "eve", request.plan_sha256, "")
    assert office.runs == []
    assert channel(office, request, "mal", request.plan_sha256, "")
    (run,) = office.runs
    assert run.approval_id == request.id
    found = approvals.find(office.desk.records, request.id)
    assert found is not None
    assert [(each.by, each.on_behalf_of) for each in found.votes] == [("tom", "eve"), ("mal", None)]


def test_the_text_is_the_plans_own_whoever_votes(office: Office) -> None:
    office.grant(quorum=3)
    office.delegate("eve", "tom")
    request = office.asked()
    before = office.desk.resolving.approval_text(request.plan_id)
    assert by_service(office, request, "tom", request.plan_sha256)
    assert by_service(office, request, "mal", request.plan_sha256)
    shown = CliRunner().invoke(cli, ["approval", "show", request.id, "--config", str(office.file)]).stdout
    assert office.desk.resolving.approval_text(request.plan_id) == before
    assert shown.startswith(before)
    assert "tom" in shown.removeprefix(before)


@pytest.mark.parametrize(("by_grant", "by_rule", "counts"), [(1, 1, 1), (2, 1, 2), (1, 3, 3), (3, 2, 3)])
def test_of_a_grant_and_an_automations_rule_the_stricter_counts(
    office: Office, by_grant: int, by_rule: int, counts: int
) -> None:
    office.grant(quorum=by_grant)
    resolving = replace(office.desk.resolving, rule=lambda _plan: ApprovalRule(quorum=by_rule))
    asked = resolving.start(office.plan(), by="ann")
    assert isinstance(asked, Approval)
    assert asked.quorum == counts


def test_a_quorum_that_can_never_be_is_not_asked_for(office: Office) -> None:
    rule = ApprovalRule(role=ApproverRole.ADMIN, quorum=2)
    resolving = replace(office.desk.resolving, rule=lambda _plan: rule)
    with pytest.raises(DeskRefusedError, match="takes 2 approvers, and only mal may approve it"):
        resolving.start(office.plan(), by="ann")
