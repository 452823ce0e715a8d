"""msgraph-sdk, Microsoft's own client, works against the simulator, with a token MSAL itself asked for."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeAlias, TypeVar

import httpx
import pytest
from kiota_abstractions.api_error import APIError
from kiota_abstractions.authentication import AccessTokenProvider, AllowedHostsValidator
from kiota_abstractions.authentication import BaseBearerTokenAuthenticationProvider as BearerToken
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.temporary_access_pass_authentication_method import (
    TemporaryAccessPassAuthenticationMethod,
)
from msgraph.generated.models.user import User
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

from deskhand.sdk.http import HttpClient
from deskhand.sdk.testing import SimulatorHost
from deskhand_identity_entra.tokens import TokenSource
from tests.plugins.identity_entra.practice import ADA_TENANT, Practice, configured, practice

Client: TypeAlias = GraphServiceClient
T = TypeVar("T")
Run: TypeAlias = Callable[[Callable[[Client], Coroutine[Any, Any, T]]], T]
Parameters = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters
Configuration = RequestConfiguration[Parameters]


class OurToken(AccessTokenProvider):
    def __init__(self, token: str) -> None:
        self._token = token

    async def get_authorization_token(self, uri: str, additional_authentication_context: Any = None) -> str:  # noqa: ANN401  # as there
        del uri, additional_authentication_context
        return self._token

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return AllowedHostsValidator(["127.0.0.1"])


@pytest.fixture
def msp() -> Practice:
    return practice()


@pytest.fixture
def host(msp: Practice) -> Iterator[SimulatorHost]:
    with SimulatorHost(msp.simulator) as host:
        yield host


@pytest.fixture
def run(host: SimulatorHost) -> Run[Any]:
    """Run a conversation with the simulator, in an event loop of its own."""
    with HttpClient(host.url, allow_private_addresses=True) as http:
        token = TokenSource(configured(host.url), ADA_TENANT, http).token()

    def converse(talk: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        async def conversation() -> T:
            async with httpx.AsyncClient(base_url=f"{host.url}/v1.0", trust_env=False) as connections:
                adapter = GraphRequestAdapter(BearerToken(OurToken(token)), client=connections)
                adapter.base_url = f"{host.url}/v1.0"
                return await talk(GraphServiceClient(request_adapter=adapter))

        return asyncio.run(conversation())

    return converse


def test_reads_the_tenant(run: Run[Any]) -> None:
    organizations = run(lambda graph: graph.organization.get())
    assert [each.display_name for each in organizations.value] == ["Ada & Sons"]
    assert [each.name for each in organizations.value[0].verified_domains] == ["Ada.example", "ada.onmicrosoft.com"]


def test_finds_and_pages(run: Run[Any], msp: Practice) -> None:
    async def walk(graph: Client) -> list[str | None]:
        users = graph.users
        page = await users.get(Configuration(query_parameters=Parameters(top=2, select=["id", "displayName"])))
        names = []
        while page and page.value:
            names += [each.display_name for each in page.value]
            page = await users.with_url(page.odata_next_link).get() if page.odata_next_link else None
        return names

    assert run(walk) == ["Ada King", "Si Nced", "Gu Est", "Di Sabled", "Pat O'Neil"]
    by_name = Parameters(filter="userPrincipalName eq 'pat.o''neil@ada.example'")
    found = run(lambda graph: graph.users.get(Configuration(query_parameters=by_name)))
    assert [each.display_name for each in found.value] == ["Pat O'Neil"]
    assert run(lambda graph: graph.users.by_user_id(msp.ada).get()).job_title == "Countess"


def test_counts_with_eventual_consistency_only(run: Run[Any]) -> None:
    counting = Parameters(count=True, filter="endsWith(mail,'@ada.example')")
    asked = Configuration(query_parameters=counting)
    with pytest.raises(ODataError) as refused:
        run(lambda graph: graph.users.get(asked))
    assert refused.value.error is not None
    assert refused.value.error.code == "Request_UnsupportedQuery"
    asked.headers.add("ConsistencyLevel", "eventual")
    assert run(lambda graph: graph.users.get(asked)).odata_count == 4


def test_changes_an_account(run: Run[Any], msp: Practice) -> None:
    profile = PasswordProfile(password="Bade-fuki-47", force_change_password_next_sign_in=True)  # noqa: S106  # invented
    run(lambda graph: graph.users.by_user_id(msp.ada).patch(User(account_enabled=False, password_profile=profile)))
    assert msp.user(msp.ada)["accountEnabled"] is False
    assert msp.simulator.passwords[msp.ada] == "Bade-fuki-47"
    answer = run(lambda graph: graph.users.by_user_id(msp.ada).revoke_sign_in_sessions.post())
    assert answer.value is True


def test_issues_and_deletes_a_pass(run: Run[Any], msp: Practice) -> None:
    wanted = TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=30, is_usable_once=True)

    async def issue(graph: Client) -> Any:  # noqa: ANN401  # its models
        methods = graph.users.by_user_id(msp.ada).authentication
        issued = await methods.temporary_access_pass_methods.post(wanted)
        assert issued is not None
        assert issued.id is not None
        listed = await methods.methods.get()
        await methods.temporary_access_pass_methods.by_temporary_access_pass_authentication_method_id(
            issued.id
        ).delete()
        return issued, listed, await methods.temporary_access_pass_methods.get()

    issued, listed, left = run(issue)
    assert issued.temporary_access_pass in msp.simulator.pass_codes.values()
    kinds = [type(each).__name__ for each in listed.value]
    assert kinds == [
        "PasswordAuthenticationMethod",
        "PhoneAuthenticationMethod",
        "TemporaryAccessPassAuthenticationMethod",
    ]
    assert left.value == []


def test_puts_into_a_group_and_takes_out(run: Run[Any], msp: Practice) -> None:
    reference = ReferenceCreate(odata_id=f"https://graph.microsoft.com/v1.0/directoryObjects/{msp.ada}")

    async def move(graph: Client) -> tuple[Any, Any]:
        group = graph.groups.by_group_id(msp.finance)
        await group.members.ref.post(reference)
        joined = await graph.users.by_user_id(msp.ada).member_of.get()
        await group.members.by_directory_object_id(msp.ada).ref.delete()
        return joined, await group.members.get()

    joined, left = run(move)
    assert {each.id for each in joined.value} == {msp.finance, msp.everyone}
    assert left.value == []


def test_is_refused_what_the_vendor_refuses(run: Run[Any], msp: Practice) -> None:
    with pytest.raises(APIError) as refused:
        run(lambda graph: graph.users.by_user_id(msp.stranger).get())
    assert refused.value.response_status_code == 404
    msp.simulator.tenants[ADA_TENANT].granted.discard("User.RevokeSessions.All")
    with pytest.raises(ODataError) as denied:
        run(lambda graph: graph.users.by_user_id(msp.ada).revoke_sign_in_sessions.post())
    assert denied.value.error is not None
    assert denied.value.error.code == "Authorization_RequestDenied"
