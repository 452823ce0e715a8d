import re
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from deskhand.sdk.actions import AnyAction, Effect, Receipt, Tier
from deskhand.sdk.errors import AuthorizationError, NotFoundError, RejectedError, UncertainError
from deskhand.sdk.http import Patience
from deskhand.sdk.testing import DropAfterEffect, SimulatedRequest, SimulatedResponse, SimulatorHost, route
from deskhand_identity_entra.account_actions import DISABLE_ACCOUNT, ENABLE_ACCOUNT, RESET_PASSWORD, REVOKE_SESSIONS
from deskhand_identity_entra.actions import ACTIONS
from deskhand_identity_entra.arguments import MembershipArguments, PassArguments, SessionArguments, UserArguments
from deskhand_identity_entra.connector import Entra
from deskhand_identity_entra.factor_actions import RESET_MFA
from deskhand_identity_entra.group_actions import ADD_MEMBER, REMOVE_MEMBER
from deskhand_identity_entra.pass_actions import CREATE_PASS, DELETE_PASS
from deskhand_identity_entra.passwords import temporary_password
from deskhand_identity_entra.settings import EntraSettings
from deskhand_identity_entra.simulation.refusals import bad_request
from deskhand_identity_entra.simulator import EntraSimulator
from deskhand_identity_entra.simulator import settings as simulator_settings
from tests.plugins.identity_entra.practice import ADA, ADA_TENANT, BABBAGE, BABBAGE_TENANT, Practice, connect

KEY = "0f3a9c"
SECRET_MAKERS = (RESET_PASSWORD, CREATE_PASS)


def is_write(request: SimulatedRequest) -> bool:
    return request.method != "GET" and request.path.startswith("/v1.0/")


def of(action: AnyAction, msp: Practice, company: str = ADA, user: str = "") -> object:
    """Call an action on Ada, or on somebody else."""
    given = {"company_id": company, "user_id": user or msp.ada}
    extra = {"group_id": msp.finance} if action.arguments is MembershipArguments else {}
    return action.arguments(**given, **extra)


def user_of(msp: Practice, user: str = "") -> UserArguments:
    return UserArguments(company_id=ADA, user_id=user or msp.ada)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.name)
def test_no_action_reaches_another_clients_user(action: AnyAction, connector: Entra, msp: Practice) -> None:
    before = {name: deepcopy(tenant.contents) for name, tenant in msp.simulator.tenants.items()}
    for company, user in ((ADA, msp.stranger), (BABBAGE, msp.ada)):
        for call in (action.inspect, lambda *given: action.apply(given[0], given[1], KEY)):
            with pytest.raises(NotFoundError):
                call(connector, of(action, msp, company, user))
    assert {name: tenant.contents for name, tenant in msp.simulator.tenants.items()} == before


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "user_id", ["", "ada.king@ada.example", "../organization", "AAAAAAAA-0000-4000-8000-000000000001", "x" * 36]
)
def test_a_user_is_named_by_identifier_alone(action: AnyAction, msp: Practice, user_id: str) -> None:
    with pytest.raises(ValidationError):
        action.arguments(**{**of(action, msp).model_dump(), "user_id": user_id})  # type: ignore[attr-defined]  # arguments


def test_what_lets_somebody_in_or_keeps_them_out_is_gated_hard() -> None:
    gated = {each.name.partition(".")[2] for each in ACTIONS if each.tier is Tier.HARD_GATE}
    assert gated == {
        "reset_password",
        "disable_account",
        "enable_account",
        "create_temporary_access_pass",
        "delete_temporary_access_pass",
        "reset_mfa",
    }
    assert {each.effect for each in SECRET_MAKERS} == {Effect.ONCE}


def test_the_new_password_works_and_is_handed_over_once(connector: Entra, msp: Practice) -> None:
    receipt = RESET_PASSWORD.apply(connector, user_of(msp), KEY)
    password = receipt.secrets["temporary_password"].get_secret_value()
    assert msp.simulator.passwords[msp.ada] == password
    assert password not in repr(receipt)
    assert RESET_PASSWORD.verify(connector, user_of(msp), receipt)


def test_a_password_that_was_never_set_is_not_verified(connector: Entra, msp: Practice) -> None:
    before = connector.account(ADA, msp.ada).last_password_change_date_time
    assert before
    receipt = Receipt(msp.ada, {"last_set_before": before.isoformat()})
    assert not RESET_PASSWORD.verify(connector, user_of(msp), receipt)


@pytest.mark.parametrize("action", [RESET_PASSWORD, DISABLE_ACCOUNT, ENABLE_ACCOUNT], ids=lambda each: each.name)
def test_a_synchronised_user_is_changed_at_home(action: AnyAction, connector: Entra, msp: Practice) -> None:
    for call in (action.inspect, lambda *given: action.apply(given[0], given[1], KEY)):
        with pytest.raises(RejectedError, match="synchronised from the client's own Active Directory"):
            call(connector, user_of(msp, msp.synced))
    assert not any(each.startswith("PATCH") for each in msp.simulator.requests)


def test_a_guests_password_belongs_elsewhere(connector: Entra, msp: Practice) -> None:
    with pytest.raises(RejectedError, match="guest"):
        RESET_PASSWORD.inspect(connector, user_of(msp, msp.guest))


@pytest.mark.parametrize("action", SECRET_MAKERS, ids=lambda each: each.name)
def test_a_secret_whose_answer_was_lost_is_not_made_again_unasked(
    action: AnyAction, connector: Entra, simulator_host: SimulatorHost, msp: Practice
) -> None:
    simulator_host.faults.schedule(DropAfterEffect(), matching=is_write)
    with pytest.raises(UncertainError):
        action.apply(connector, of(action, msp), KEY)
    assert action.probe is None
    assert len(msp.simulator.passwords) + len(msp.simulator.pass_codes) == 1


@pytest.mark.parametrize(
    "action", [each for each in ACTIONS if each.effect is Effect.IDEMPOTENT], ids=lambda each: each.name
)
def test_what_may_be_repeated_survives_a_lost_answer(
    action: AnyAction, connector: Entra, simulator_host: SimulatorHost, msp: Practice
) -> None:
    CREATE_PASS.apply(connector, PassArguments(company_id=ADA, user_id=msp.ada), KEY)
    simulator_host.faults.schedule(DropAfterEffect(), matching=is_write)
    receipt = action.apply(connector, of(action, msp), KEY)
    assert action.verify(connector, of(action, msp), receipt)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.name)
def test_a_replica_that_lags_is_waited_for(action: AnyAction, connector: Entra, msp: Practice) -> None:
    disabled = action is ENABLE_ACCOUNT
    given = of(action, msp, user=msp.disabled if disabled else msp.ada)
    if action is DELETE_PASS:
        CREATE_PASS.apply(connector, PassArguments(company_id=ADA, user_id=msp.ada), KEY)
    if action is REMOVE_MEMBER:
        given = MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.everyone)
    connector.owner(ADA)
    msp.simulator.tenants[ADA_TENANT].lag = timedelta(seconds=12)  # the clock ticks with every reading
    receipt = action.apply(connector, given, KEY)
    reads = msp.simulator.requests.total()
    assert action.verify(connector, given, receipt)
    assert msp.simulator.requests.total() - reads > 1


def test_a_replica_that_never_catches_up_is_not_believed(connector: Entra, msp: Practice) -> None:
    msp.simulator.tenants[ADA_TENANT].lag = timedelta(days=1)
    receipt = DISABLE_ACCOUNT.apply(connector, user_of(msp), KEY)
    assert not DISABLE_ACCOUNT.verify(connector, user_of(msp), receipt)


def test_sessions_a_new_password_has_just_ended_are_read_back_as_ended() -> None:
    """Graph counts in whole seconds, so ending them once more in the same second moves nothing."""
    simulator = EntraSimulator(clock=lambda: datetime.now(UTC).replace(microsecond=0))
    simulator.seed_tenant(ADA_TENANT, "Ada & Sons", domains=["ada.example"])
    user = simulator.seed_user(ADA_TENANT, "Ada King", "ada@ada.example")
    waits: list[float] = []
    with SimulatorHost(simulator) as host:
        settings = EntraSettings.model_validate(simulator_settings(host.url, {ADA: ADA_TENANT}))
        connector = Entra(settings, patience=Patience(sleep=waits.append))
        arguments = SessionArguments(company_id=ADA, user_id=user)
        receipt = REVOKE_SESSIONS.apply(connector, arguments, KEY)
        assert REVOKE_SESSIONS.verify(connector, arguments, receipt)
        connector.close()
    assert waits == []


def test_sessions_are_ended_once_for_one_moment(connector: Entra, msp: Practice) -> None:
    arguments = SessionArguments(company_id=ADA, user_id=msp.synced, since=msp.clock())
    receipt = REVOKE_SESSIONS.apply(connector, arguments, KEY)
    ended = msp.user(msp.synced)["signInSessionsValidFromDateTime"]
    assert REVOKE_SESSIONS.verify(connector, arguments, receipt)
    REVOKE_SESSIONS.apply(connector, arguments, KEY)
    assert msp.user(msp.synced)["signInSessionsValidFromDateTime"] == ended
    assert REVOKE_SESSIONS.inspect(connector, arguments).changes == ()
    assert REVOKE_SESSIONS.inspect(connector, arguments.model_copy(update={"since": None})).changes


def test_a_second_pass_is_refused_while_the_first_is_good(connector: Entra, msp: Practice) -> None:
    arguments = PassArguments(company_id=ADA, user_id=msp.ada, lifetime_minutes=10)
    receipt = CREATE_PASS.apply(connector, arguments, KEY)
    assert receipt.secrets["temporary_access_pass"].get_secret_value() == msp.simulator.pass_codes[receipt.reference]
    for call in (CREATE_PASS.inspect, lambda *given: CREATE_PASS.apply(given[0], given[1], KEY)):
        with pytest.raises(RejectedError, match="delete_temporary_access_pass first"):
            call(connector, arguments)
    msp.clock.now += timedelta(minutes=11)
    assert CREATE_PASS.inspect(connector, arguments).changes


def test_a_pass_code_is_read_once(connector: Entra, msp: Practice) -> None:
    CREATE_PASS.apply(connector, PassArguments(company_id=ADA, user_id=msp.ada), KEY)
    assert [each.temporary_access_pass for each in connector.passes(ADA, msp.ada)] == [None]


@pytest.mark.parametrize("minutes", [9, 481, 10.5, "60"])
def test_a_pass_lasts_ten_minutes_to_eight_hours(msp: Practice, minutes: object) -> None:
    with pytest.raises(ValidationError):
        PassArguments.model_validate({"company_id": ADA, "user_id": msp.ada, "lifetime_minutes": minutes})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"isAssignableToRole": True}, "administrator roles"),
        ({"groupTypes": ["DynamicMembership"]}, "a rule decides"),
        ({"onPremisesSyncEnabled": True}, "Active Directory"),
        ({"mailEnabled": True}, "Exchange"),
    ],
)
@pytest.mark.parametrize("action", [ADD_MEMBER, REMOVE_MEMBER], ids=lambda each: each.name)
def test_a_group_that_is_not_ours_to_change_says_why(
    action: AnyAction, connector: Entra, msp: Practice, fields: dict[str, bool | list[str]], reason: str
) -> None:
    group = msp.simulator.seed_group(ADA_TENANT, "Special", members=[], **fields)  # type: ignore[arg-type]  # JSON
    arguments = MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=group)
    for call in (action.inspect, lambda *given: action.apply(given[0], given[1], KEY)):
        with pytest.raises(RejectedError, match=reason):
            call(connector, arguments)


def test_a_microsoft_365_group_is_ours_to_change(connector: Entra, msp: Practice) -> None:
    group = msp.simulator.seed_group(ADA_TENANT, "Team", mailEnabled=True, groupTypes=["Unified"])
    arguments = MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=group)
    assert ADD_MEMBER.verify(connector, arguments, ADD_MEMBER.apply(connector, arguments, KEY))


def test_a_group_of_another_client_does_not_exist(connector: Entra, msp: Practice) -> None:
    with pytest.raises(NotFoundError):
        ADD_MEMBER.inspect(connector, MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.stranger_group))


def test_undoing_leaves_a_membership_that_was_there_before(connector: Entra, msp: Practice) -> None:
    arguments = MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.everyone)
    prior = ADD_MEMBER.inspect(connector, arguments)
    assert prior.changes == ()
    receipt = ADD_MEMBER.apply(connector, arguments, KEY)
    assert ADD_MEMBER.undo
    ADD_MEMBER.undo(connector, arguments, prior.prior_state, receipt)
    assert connector.is_member(ADA, msp.ada, msp.everyone)


def test_the_diff_names_people_and_groups(connector: Entra, msp: Practice) -> None:
    change = ADD_MEMBER.inspect(
        connector, MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.finance)
    ).changes[0]
    assert (change.field, change.current, change.desired) == (
        "ada.king@ada.example in Finance",
        "not a member",
        "a member",
    )
    assert DISABLE_ACCOUNT.inspect(connector, user_of(msp)).prior_state == {"enabled": True}


def test_temporary_passwords_are_long_mixed_and_never_the_same() -> None:
    made = {temporary_password().get_secret_value() for _ in range(500)}
    assert len(made) == 500
    for password in made:
        assert re.fullmatch(r"[A-Z][a-z]{3}(-[a-z]{4}){3}-[2-9]{2}", password)


def test_a_moment_is_compared_in_the_vendors_whole_seconds(connector: Entra, msp: Practice) -> None:
    ended = connector.account(ADA, msp.ada).sign_in_sessions_valid_from_date_time
    assert ended
    for later, is_left in ((timedelta(milliseconds=900), False), (timedelta(seconds=1), True)):
        arguments = SessionArguments(company_id=ADA, user_id=msp.ada, since=ended + later)
        assert bool(REVOKE_SESSIONS.inspect(connector, arguments).changes) is is_left


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.name)
def test_who_holds_a_directory_role_is_told_before_anything_is_done(
    action: AnyAction, connector: Entra, msp: Practice
) -> None:
    assert not action.inspect(connector, of(action, msp)).is_privileged
    msp.simulator.seed_role(ADA_TENANT, msp.ada)
    assert action.inspect(connector, of(action, msp)).is_privileged


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.name)
def test_who_is_in_a_group_that_may_carry_a_role_is_told_too(
    action: AnyAction, connector: Entra, msp: Practice
) -> None:
    msp.simulator.seed_group(ADA_TENANT, "Helpers", members=[msp.ada], isAssignableToRole=True)
    assert action.inspect(connector, of(action, msp)).is_privileged


def test_a_role_in_another_clients_tenant_is_no_role_here(connector: Entra, msp: Practice) -> None:
    msp.simulator.seed_role(BABBAGE_TENANT, msp.stranger)
    assert not connector.is_privileged(ADA, msp.ada)
    assert connector.is_privileged(BABBAGE, msp.stranger)


def test_whether_somebody_is_an_administrator_is_never_guessed(connector: Entra, msp: Practice) -> None:
    msp.simulator.tenants[ADA_TENANT].granted.discard("GroupMember.ReadWrite.All")
    with pytest.raises(AuthorizationError, match=re.escape("GroupMember.Read.All")):
        RESET_PASSWORD.inspect(connector, user_of(msp))


def test_what_hands_somebody_access_asks_for_proof() -> None:
    asking = {each.name.partition(".")[2] for each in ACTIONS if each.needs_proof}
    assert asking == {"reset_password", "create_temporary_access_pass", "reset_mfa"}


def registered(msp: Practice, *kinds: str) -> list[str]:
    """Give Ada factors beside her telephone, which is the default, and list the kinds that are there."""
    methods = msp.simulator.tenants[ADA_TENANT].contents.methods[msp.ada]
    methods += [{"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", "id": f"m-{kind}"} for kind in kinds]
    return [str(each["@odata.type"]).split(".")[-1].removesuffix("AuthenticationMethod") for each in methods]


def test_factors_are_renewed_the_default_one_last_and_keys_and_password_stay(connector: Entra, msp: Practice) -> None:
    assert registered(msp, "softwareOath", "fido2", "microsoftAuthenticator", "windowsHelloForBusiness")[1] == "phone"
    inspection = RESET_MFA.inspect(connector, user_of(msp))
    assert len(inspection.changes) == 3
    assert "+44" not in str(inspection)
    receipt = RESET_MFA.apply(connector, user_of(msp), KEY)
    assert receipt.detail == {"removed": ["authenticator app", "code app", "phone"]}
    assert registered(msp) == ["password", "fido2", "windowsHelloForBusiness"]
    assert RESET_MFA.verify(connector, user_of(msp), receipt)


class Holding(EntraSimulator):
    """Lets go of no telephone."""

    @route("DELETE", "/users/{user}/authentication/phoneMethods/{number}")
    def delete_phone(self, request: SimulatedRequest, user: str, number: str) -> SimulatedResponse:
        del request, user, number
        raise bad_request("no")


def test_a_factor_graph_never_lets_go_of_is_told_and_not_tried_for_ever(msp: Practice) -> None:
    registered(msp, "softwareOath")
    holding = Holding(clock=msp.clock)
    holding.tenants = msp.simulator.tenants
    with SimulatorHost(holding) as host:
        connector = connect(host.url)
        with pytest.raises(RejectedError):
            RESET_MFA.apply(connector, user_of(msp), KEY)
        assert not RESET_MFA.verify(connector, user_of(msp), Receipt(msp.ada))
        connector.close()
    assert registered(msp) == ["password", "phone"]


def test_renewing_factors_takes_the_strongest_demand() -> None:
    assert (RESET_MFA.tier, RESET_MFA.needs_proof, RESET_MFA.resets_proof) == (Tier.HARD_GATE, True, True)
    assert [each.name for each in ACTIONS if each.resets_proof] == ["identity_entra.reset_mfa"]
