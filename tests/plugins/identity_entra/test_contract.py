from collections.abc import Sequence

import pytest

from deskhand.sdk.testing import (
    ActionCase,
    ActionContract,
    ConnectorContract,
    DirectoryContract,
    DirectoryWorld,
    SimulatorHost,
)
from deskhand_identity_entra.actions import ACTIONS
from deskhand_identity_entra.arguments import MembershipArguments, PassArguments, SessionArguments, UserArguments
from deskhand_identity_entra.settings import EntraSettings
from deskhand_identity_entra.simulation.sign_in import CLIENT_SECRET
from tests.plugins.identity_entra.practice import ADA, ADA_TENANT, BABBAGE, START, Practice, configured

ACTION = {action.name.partition(".")[2]: action for action in ACTIONS}


class TestEntra(ConnectorContract, DirectoryContract, ActionContract):
    @pytest.fixture
    def settings(self, simulator_host: SimulatorHost) -> EntraSettings:
        return configured(simulator_host.url)

    @pytest.fixture
    def world(self, msp: Practice) -> DirectoryWorld:
        return DirectoryWorld(
            secrets=(CLIENT_SECRET, "token-1-of-"),
            tenant=ADA,
            other_tenant=BABBAGE,
            unmapped_tenant="999",
            domain="ada.example",
            user=msp.ada,
            address="ada@ada.example",
            name="Ada King",
            given_name="Ada",
            family_name="King",
            group=msp.everyone,
            group_name="Everyone",
            other_address="charles@babbage.example",
            other_name="Charles Babbage",
            other_group_name="Engines",
        )

    @pytest.fixture
    def action_cases(self, msp: Practice) -> Sequence[ActionCase]:
        contents = msp.simulator.tenants[ADA_TENANT].contents
        contents.methods[msp.disabled].append(
            {
                "@odata.type": "#microsoft.graph.temporaryAccessPassAuthenticationMethod",
                "id": "p-1",
                "startDateTime": START.isoformat(),
                "lifetimeInMinutes": 480,
                "isUsable": True,
            }
        )

        def synced() -> object:
            return msp.user(msp.synced)

        def password() -> object:
            return msp.simulator.passwords.get(msp.ada)

        def methods() -> object:
            return [*contents.methods[msp.ada]]

        for kind in ("microsoftAuthenticator", "softwareOath", "fido2"):
            contents.methods[msp.guest].append(
                {"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", "id": f"m-{kind}"}
            )

        def factors() -> object:
            return [*contents.methods[msp.guest]]

        def other_methods() -> object:
            return [*contents.methods[msp.disabled]]

        def members() -> object:
            return {name: sorted(each) for name, each in contents.members.items()}

        def case(name: str, arguments: object, state: object) -> ActionCase:
            return ActionCase(ACTION[name], arguments, ADA, state)  # type: ignore[arg-type]  # as its callers give it

        ada = UserArguments(company_id=ADA, user_id=msp.ada)
        disabled = UserArguments(company_id=ADA, user_id=msp.disabled)
        since = msp.clock()
        return [
            case("reset_password", ada, password),
            case("revoke_sessions", SessionArguments(company_id=ADA, user_id=msp.synced, since=since), synced),
            case("disable_account", ada, lambda: msp.user(msp.ada)["accountEnabled"]),
            case("enable_account", disabled, lambda: msp.user(msp.disabled)["accountEnabled"]),
            case("create_temporary_access_pass", PassArguments(company_id=ADA, user_id=msp.ada), methods),
            case("delete_temporary_access_pass", disabled, other_methods),
            case("reset_mfa", UserArguments(company_id=ADA, user_id=msp.guest), factors),
            case(
                "add_group_member", MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.finance), members
            ),
            case(
                "remove_group_member",
                MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.everyone),
                members,
            ),
        ]
