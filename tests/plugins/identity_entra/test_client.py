import json
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from deskhand.sdk.errors import AuthorizationError, NotFoundError, RateLimitedError, RejectedError, UnavailableError
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand_identity_entra.account_actions import RESET_PASSWORD
from deskhand_identity_entra.actions import ACTIONS
from deskhand_identity_entra.arguments import MembershipArguments, PassArguments, SessionArguments, UserArguments
from deskhand_identity_entra.client import NEXT
from deskhand_identity_entra.connector import Entra
from deskhand_identity_entra.simulator import EntraSimulator
from tests.plugins.identity_entra.practice import ADA, ADA_TENANT, BABBAGE, Practice, connect


class Elsewhere:
    """Graph with the address of the next page rewritten."""

    def __init__(self, simulator: EntraSimulator, following: str) -> None:
        self._simulator = simulator
        self._following = following

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        answer = self._simulator.handle(request)
        if request.path != "/v1.0/users":
            return answer
        host = request.headers["host"]
        return SimulatedResponse.json(200, {**json.loads(answer.body), NEXT: self._following.format(host=host)})


@pytest.fixture
def arguments(msp: Practice) -> dict[type, object]:
    return {
        UserArguments: UserArguments(company_id=ADA, user_id=msp.ada),
        SessionArguments: SessionArguments(company_id=ADA, user_id=msp.ada),
        PassArguments: PassArguments(company_id=ADA, user_id=msp.ada),
        MembershipArguments: MembershipArguments(company_id=ADA, user_id=msp.ada, group_id=msp.finance),
    }


def pages_of(host: SimulatorHost) -> Iterator[object]:
    with closing(connect(host.url)) as connector:
        yield from connector.people(ADA)


def test_pages_are_walked_by_the_vendors_own_addresses(connector: Entra, msp: Practice) -> None:
    assert len(list(connector.people(ADA))) == 5
    assert msp.simulator.requests["GET /v1.0/users"] == 3


def test_a_next_page_on_another_host_is_not_followed(msp: Practice) -> None:
    elsewhere = Elsewhere(msp.simulator, "https://evil.example/v1.0/users?$skiptoken=2")
    with SimulatorHost(elsewhere) as host, pytest.raises(RejectedError, match="its own origin"):
        list(pages_of(host))


def test_pages_that_go_in_a_circle_end(msp: Practice) -> None:
    elsewhere = Elsewhere(msp.simulator, "http://{host}/v1.0/users?$skiptoken=0")
    with SimulatorHost(elsewhere) as host, pytest.raises(UnavailableError, match="circle"):
        list(pages_of(host))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.name)
def test_a_missing_permission_is_named(
    action: object, connector: Entra, msp: Practice, arguments: dict[type, object]
) -> None:
    writing = next(each for each in ACTIONS if each is action)
    given = arguments[writing.arguments]
    if writing.name.endswith("delete_temporary_access_pass"):
        next(each for each in ACTIONS if each.name.endswith("create_temporary_access_pass")).apply(
            connector, arguments[PassArguments], "key"
        )
    needed = writing.permission.split(", ")[0]
    granted = msp.simulator.tenants[ADA_TENANT].granted
    granted -= {needed, "UserAuthenticationMethod.ReadWrite.All"}
    granted |= {"GroupMember.Read.All", "UserAuthMethod-TAP.Read.All"}
    with pytest.raises(AuthorizationError, match=f"Authorization_RequestDenied; grant {needed} to the app"):
        writing.apply(connector, given, "key")


@pytest.mark.parametrize(
    ("permission", "read"),
    [
        ("User.Read.All", lambda connector, user: connector.account(ADA, user)),
        ("Organization.Read.All", lambda connector, _user: connector.check()),
        ("UserAuthenticationMethod.Read.All", lambda connector, user: connector.authentication_methods(ADA, user)),
    ],
)
def test_a_missing_permission_to_read_is_named(
    connector: Entra, msp: Practice, permission: str, read: Callable[[Entra, str], object]
) -> None:
    msp.simulator.tenants[ADA_TENANT].granted -= {permission, "UserAuthenticationMethod.ReadWrite.All"}
    with pytest.raises(AuthorizationError, match=f"grant {permission}"):
        read(connector, msp.ada)


def test_throttling_is_honoured_tenant_by_tenant(connector: Entra, msp: Practice) -> None:
    connector.account(ADA, msp.ada)
    msp.simulator.requests_per_minute = 1
    connector.account(ADA, msp.ada)
    with pytest.raises(RateLimitedError) as limited:
        connector.account(ADA, msp.ada)
    assert limited.value.retry_after == 10
    assert connector.account(BABBAGE, msp.stranger).id == msp.stranger


def test_a_user_of_another_client_does_not_exist(connector: Entra, msp: Practice) -> None:
    with pytest.raises(NotFoundError):
        connector.account(ADA, msp.stranger)
    assert connector.account(BABBAGE, msp.stranger).display_name == "Charles Babbage"


def test_a_client_without_a_tenant_is_told_how_to_get_one(connector: Entra, msp: Practice) -> None:
    with pytest.raises(NotFoundError, match="company 999 has no Entra tenant: add it to tenants"):
        connector.account("999", msp.ada)


def test_no_error_quotes_a_persons_words(connector: Entra) -> None:
    with pytest.raises(NotFoundError) as refused:
        connector.tenant(ADA).read("/users/28c10230-0000-4000-8000-000000000000", select="id")
    assert "does not exist or one of" not in str(refused.value)


def test_a_password_is_in_no_error(connector: Entra, msp: Practice, arguments: dict[type, object]) -> None:
    msp.simulator.tenants[ADA_TENANT].granted.discard("User-PasswordProfile.ReadWrite.All")
    made: list[str] = []
    usual = connector.new_password

    def remembered() -> object:
        password = usual()
        made.append(password.get_secret_value())
        return password

    connector.new_password = remembered  # type: ignore[assignment]  # the same, overheard
    with pytest.raises(AuthorizationError) as refused:
        RESET_PASSWORD.apply(connector, arguments[UserArguments], "key")  # type: ignore[arg-type]  # a user's
    assert made
    assert made[0] not in str(refused.value)
