from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from deskhand.automation.known import KnownAction
from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.automation.stage import Stage
from deskhand.desk.governing import OPERATOR, Governing
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance.accounts import Passwords
from deskhand.governance.what_if import WhatIf
from deskhand.records.accounts import Account, Role
from deskhand.records.database import Records, url_of
from deskhand.records.grants import Grant, Mode
from deskhand.records.schema import automations
from deskhand.records.switches import Level
from deskhand.registry import Registry
from deskhand.sdk.actions import Effect
from deskhand.sdk.models import Reference, TenantContext

PASSWORD = "correct horse battery"  # noqa: S105  # invented
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)
PEOPLE = {"ann": Role.TECHNICIAN, "eve": Role.APPROVER, "ada": Role.ADMIN, "aud": Role.AUDITOR}
CONTEXT = TenantContext(Reference("19", "Marlow & Tern"), "100", None, ())


def subjects(level: Level) -> frozenset[str] | None:
    return frozenset({"psa_example", "identity_entra"}) if level is Level.CONNECTOR else None


@pytest.fixture
def governing(tmp_path: Path) -> Iterator[Governing]:
    records = Records.open(url_of(tmp_path / "records.db"), clock=lambda: NOON)
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    found = Governing(records, lambda: NOON, known=subjects, passwords=quick)
    for name, role in PEOPLE.items():
        found.add_account(OPERATOR, Account(name, name.title(), frozenset({role})), PASSWORD)
    yield found
    records.close()


def who(governing: Governing, name: str) -> Account:
    if name == OPERATOR.name:
        return OPERATOR
    return next(each for each in governing.accounts() if each.name == name)


EVERYONE = ("ann", "eve", "ada", "aud", "operator")
ROW = Grant(tenant_id="19", subject="tier:2", mode=Mode.AUTO)
MAY: list[tuple[str, Callable[[Governing, Account], object], set[str]]] = [
    ("stop", lambda it, who: it.throw(who, Level.GLOBAL, "", "fire"), {"ann", "eve", "ada", "operator"}),
    ("go", lambda it, who: it.release(who, Level.TENANT, "19", "over"), {"ada", "operator"}),
    ("add", lambda it, who: it.add_account(who, Account("new", "New", frozenset())), {"ada", "operator"}),
    ("change", lambda it, who: it.change_account(who, Account("ann", "Ann", frozenset())), {"ada", "operator"}),
    ("password", lambda it, who: it.set_password(who, "mal", "another long password"), {"ada", "operator"}),
    ("propose", lambda it, who: it.propose_grants(who, [ROW]), {"ada", "operator"}),
    ("approve", lambda it, who: it.approve_grants(who, 1), {"eve", "ada"}),
    ("reject", lambda it, who: it.reject_grants(who, 1), {"eve", "ada", "operator"}),
]


@pytest.mark.parametrize("name", EVERYONE)
@pytest.mark.parametrize(("act", "allowed"), [each[1:] for each in MAY], ids=[each[0] for each in MAY])
def test_each_may_do_what_their_roles_say(
    governing: Governing, act: Callable[[Governing, Account], object], allowed: set[str], name: str
) -> None:
    governing.add_account(OPERATOR, Account("mal", "Mal", frozenset({Role.ADMIN})))
    governing.throw(OPERATOR, Level.TENANT, "19", "before")
    governing.propose_grants(who(governing, "mal"), [ROW])
    before = len(governing.records.audit_entries())
    if name in allowed:
        act(governing, who(governing, name))
        assert governing.records.audit_entries()[before].actor == name
        return
    with pytest.raises(DeskRefusedError, match="has not the role"):
        act(governing, who(governing, name))
    assert len(governing.records.audit_entries()) == before


def test_a_disabled_account_may_do_nothing(governing: Governing) -> None:
    gone = replace(who(governing, "ada"), is_active=False)
    for _, act, _ in MAY:
        with pytest.raises(DeskRefusedError):
            act(governing, gone)


def test_nobody_approves_their_own_table(governing: Governing) -> None:
    ada = who(governing, "ada")
    version = governing.propose_grants(ada, [ROW], "so that Tern is served at night").version
    for pretender in (ada, replace(ada, name="ADA")):
        with pytest.raises(DeskRefusedError, match="someone else has to"):
            governing.approve_grants(pretender, version)
    assert governing.grants() == (0, ())
    governing.approve_grants(who(governing, "eve"), version)
    assert governing.grants() == (1, (ROW,))
    with pytest.raises(DeskRefusedError, match="approved already"):
        governing.approve_grants(who(governing, "eve"), version)


def test_a_switch_for_something_there_is_not_is_told(governing: Governing) -> None:
    ann = who(governing, "ann")
    with pytest.raises(DeskRefusedError, match="there is no connector psa_exmaple, so nothing would be stopped"):
        governing.throw(ann, Level.CONNECTOR, "psa_exmaple", "fire")
    with pytest.raises(DeskRefusedError, match="there is no automation unlock"):
        governing.throw(ann, Level.AUTOMATION, "unlock", "fire")
    with governing.records.transaction("test") as transaction:
        row = {"name": "unlock", "state": "draft", "reason": "", "created_at": "", "document": "{}"}
        transaction.insert(automations, row)
        transaction.audit("automation.saved")
    for level, subject in ((Level.AUTOMATION, "unlock"), (Level.TENANT, "4711"), (Level.CONNECTOR, " psa_example ")):
        assert governing.throw(ann, level, subject, "fire").subject == subject.strip()
    assert len(governing.switches()) == 3


@pytest.mark.parametrize(
    ("level", "subject", "reason"), [("global", "x", "y"), ("tenant", " ", "y"), ("global", "", " ")]
)
def test_a_switch_says_what_and_why(governing: Governing, level: str, subject: str, reason: str) -> None:
    with pytest.raises(DeskRefusedError):
        governing.throw(OPERATOR, Level(level), subject, reason)


def test_what_is_not_stopped_cannot_go(governing: Governing) -> None:
    with pytest.raises(DeskRefusedError, match="tenant 19 is not stopped"):
        governing.release(OPERATOR, Level.TENANT, "19", "over")


def test_the_last_admin_stays_one(governing: Governing) -> None:
    ada = who(governing, "ada")
    for changed in (replace(ada, roles=frozenset({Role.AUDITOR})), replace(ada, is_active=False)):
        with pytest.raises(DeskRefusedError, match="no admin"):
            governing.change_account(OPERATOR, changed)
    governing.change_account(ada, replace(who(governing, "eve"), roles=frozenset({Role.ADMIN})))
    governing.change_account(who(governing, "eve"), replace(ada, is_active=False))
    assert not who(governing, "ada").is_active


def test_disabling_an_account_ends_its_sessions(governing: Governing) -> None:
    token = governing.sign_in("ann", PASSWORD)
    assert token is not None
    assert governing.session(token) == who(governing, "ann")
    governing.change_account(OPERATOR, replace(who(governing, "ann"), is_active=False))
    governing.change_account(OPERATOR, replace(who(governing, "ann"), is_active=True))
    assert governing.session(token) is None


def test_ones_own_password_takes_the_current_one(governing: Governing) -> None:
    ann = who(governing, "ann")
    for current in (None, "", "wrong"):
        with pytest.raises(DeskRefusedError, match="current password"):
            governing.set_password(ann, "ANN", "another long password", current=current)
    with pytest.raises(DeskRefusedError, match="12 to 256"):
        governing.set_password(ann, "ann", "short", current=PASSWORD)
    governing.set_password(ann, "ann", "another long password", current=PASSWORD)
    assert governing.sign_in("ann", PASSWORD) is None
    assert governing.confirm("ann", "another long password") == ann
    with pytest.raises(DeskRefusedError, match="no account zed"):
        governing.set_password(OPERATOR, "zed", "another long password")


@pytest.mark.parametrize("name", ["ann", "ANN", "operator", "automation:x", "a b", "", "аnn", "x" * 65, "-x"])
def test_a_name_that_will_not_do_is_refused(governing: Governing, name: str) -> None:
    with pytest.raises(DeskRefusedError, match="choose another"):
        governing.add_account(OPERATOR, Account(name, "X", frozenset()))


def test_who_shows_the_wrong_password_is_not_confirmed(governing: Governing) -> None:
    with pytest.raises(DeskRefusedError, match="do not belong together"):
        governing.confirm("ann", "wrong")


def test_the_first_admin_is_made_once(tmp_path: Path) -> None:
    records = Records.open(url_of(tmp_path / "records.db"), clock=lambda: NOON)
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    governing = Governing(records, lambda: NOON, passwords=quick)
    assert not governing.is_set_up()
    secret = governing.offer_set_up().get_secret_value()
    given = {"name": "Zoe", "display_name": "", "password": PASSWORD}
    with pytest.raises(DeskRefusedError, match="not the secret"):
        governing.set_up(secret="wrong", **given)  # noqa: S106  # invented
    with pytest.raises(DeskRefusedError, match="12 to 256"):
        governing.set_up(secret=secret, **{**given, "password": "short"})
    account = governing.session(governing.set_up(secret=secret, **given))
    assert account is not None
    assert account.roles == {Role.ADMIN, Role.TECHNICIAN, Role.APPROVER}
    assert governing.is_set_up()
    for again in (governing.offer_set_up, lambda: governing.set_up(secret=secret, **given)):
        with pytest.raises(DeskRefusedError):
            again()
    records.close()


def test_an_admin_added_on_the_server_ends_the_set_up(governing: Governing) -> None:
    assert governing.is_set_up()
    with pytest.raises(DeskRefusedError, match="is set up"):
        governing.offer_set_up()


ACTIONS = {
    each.name: KnownAction.of(each) for plugin in Registry.discover().plugins.values() for each in plugin.actions
}
RESET, NOTE = ACTIONS["identity_entra.reset_password"], ACTIONS["psa_connectwise.add_internal_note"]


def test_the_planner_hears_why_something_may_not_be_planned(governing: Governing) -> None:
    permits = governing.permits(who(governing, "ann"), CONTEXT)
    assert (permits(RESET), permits(NOTE)) == (None, None)
    assert "role technician" in str(governing.permits(who(governing, "eve"), CONTEXT)(NOTE))
    row = Grant(tenant_id="19", subject=f"action:{RESET.name}", mode=Mode.OFF)
    version = governing.propose_grants(OPERATOR, [row]).version
    governing.approve_grants(who(governing, "eve"), version)
    assert "switched off for this client" in str(governing.permits(who(governing, "ann"), CONTEXT)(RESET))


def plan(*tiers: int, requested_by: str = "ann") -> Plan:
    steps = tuple(
        PlannedStep(
            id=f"s{number}",
            action=f"identity_entra.a{number}",
            title="x",
            tier=tier,
            effect=Effect.ONCE,
            arguments={"x": Argument(source=SourceKind.TICKET, value="1", origin="x")},
        )
        for number, tier in enumerate(tiers)
    )
    tenant = Named(id="19", name="Marlow & Tern")
    return Plan(id="p-0123456789abcdef", ticket_id="100", tenant=tenant, requested_by=requested_by, steps=steps)


@pytest.mark.parametrize(
    ("what", "mode"),
    [
        (plan(0, 1), Mode.AUTO),
        (plan(0, 2), Mode.ASK),
        (plan(1, 3, 1), Mode.ASK),
        (plan(4), Mode.SUGGEST),
        (plan(1, requested_by="eve"), Mode.OFF),
        (plan(1, requested_by="automation:unlock"), Mode.SUGGEST),
    ],
)
def test_a_plan_takes_what_its_strictest_step_takes(governing: Governing, what: Plan, mode: Mode) -> None:
    need = governing.need(what)
    assert need.mode is mode
    assert bool(need.reasons) == (mode is not Mode.AUTO)


def test_a_privileged_target_takes_an_approval_and_rows_name_who_gives_it(governing: Governing) -> None:
    assert governing.need(plan(1), privileged=frozenset({"s0"})).mode is Mode.ASK
    begun = plan(1, requested_by="automation:x")
    assert governing.need(begun, stage=Stage.AUTO).mode is Mode.AUTO
    assert governing.need(begun, stage=Stage.AUTO, privileged=frozenset({"s0"})).mode is Mode.SUGGEST
    rows = [
        Grant(tenant_id="19", subject="action:identity_entra.a0", mode=Mode.ASK, approvers=("eve", "mal")),
        Grant(tenant_id="19", subject="tier:2", mode=Mode.ASK, approvers=("eve",)),
        Grant(tenant_id="19", subject="tier:3", mode=Mode.ASK, approvers=("zoe",)),
    ]
    version = governing.propose_grants(OPERATOR, rows).version
    governing.approve_grants(who(governing, "eve"), version)
    assert governing.need(plan(2, 2)).approvers == {"eve"}
    assert governing.need(plan(2, 3)).approvers == {"nobody"}


def test_another_table_is_tried_before_it_is_proposed(governing: Governing) -> None:
    assert governing.what_if([ROW]) == WhatIf(0, ())
    with pytest.raises(ValueError, match="there twice"):
        governing.what_if([ROW, ROW])
