from contextlib import closing
from dataclasses import replace

import pytest

from deskhand.sdk.errors import AuthorizationError, ConfigurationError, NotFoundError, RejectedError
from deskhand.sdk.models import Reference
from deskhand.sdk.roles import Directory
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand_identity_entra.connector import PAUSES, Entra
from deskhand_identity_entra.mapping import AuthenticationMethod
from deskhand_identity_entra.simulator import EntraSimulator
from tests.plugins.identity_entra.practice import ADA, ADA_TENANT, BABBAGE, IMPATIENT, Practice, configured, connect


class Unfiltered:
    """Graph with a looser idea of what is equal: every user fits every filter."""

    def __init__(self, simulator: EntraSimulator) -> None:
        self._simulator = simulator

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        query = {name: values for name, values in request.query.items() if name != "$filter"}
        return self._simulator.handle(replace(request, query=query))


def test_plays_the_directory(connector: Entra) -> None:
    assert isinstance(connector, Directory)


def test_tells_whose_tenants_it_reaches(connector: Entra) -> None:
    assert connector.check() == "Entra ID: 2 tenants (Ada & Sons, Babbage Ltd)"


def test_without_tenants_there_is_nothing_to_check(simulator_host: SimulatorHost) -> None:
    connector = connect(simulator_host.url, tenants={})
    with pytest.raises(ConfigurationError, match="tenants"):
        connector.check()
    connector.close()


def test_lists_verified_domains_in_lower_case(connector: Entra) -> None:
    assert connector.verified_domains(ADA) == ("ada.example", "ada.onmicrosoft.com")
    assert connector.verified_domains(BABBAGE) == ("babbage.example",)
    with pytest.raises(NotFoundError):
        connector.verified_domains("999")


@pytest.mark.parametrize(
    "address", ["ada.king@ada.example", " ADA.KING@ada.example ", "ada@ada.example", "Ada@ADA.example"]
)
def test_finds_a_user_by_each_address(connector: Entra, msp: Practice, address: str) -> None:
    person = connector.person(ADA, address)
    assert person is not None
    assert (person.id, person.name, person.title) == (msp.ada, "Ada King", "Countess")
    assert person.emails == ("ada.king@ada.example", "ada@ada.example")
    assert person.phones == ("+44 1632960001",)
    assert person.company == Reference(ADA, "")


def test_finds_a_guest_by_the_address_they_come_from(connector: Entra, msp: Practice) -> None:
    person = connector.person(ADA, "gu@x.example")
    assert person is not None
    assert person.id == msp.guest


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "nobody@ada.example",
        "charles@babbage.example",
        "x' or mail ne 'x@y",
        "a@b' or startswith(mail,'ada",
        "ada.king@ada.example\n",
        "ada.king@ada.example\x00@",
        "a" * 400 + "@ada.example",
    ],
)
def test_an_address_of_nobody_or_of_a_forger_finds_nobody(connector: Entra, address: str) -> None:
    found = connector.person(ADA, address)
    assert found is None or address.strip() == "ada.king@ada.example"


def test_an_apostrophe_is_part_of_a_name(connector: Entra) -> None:
    person = connector.person(ADA, "pat.o'neil@ada.example")
    assert person is not None
    assert person.name == "Pat O'Neil"


def test_an_answer_that_has_not_the_address_is_not_believed(msp: Practice) -> None:
    with SimulatorHost(Unfiltered(msp.simulator)) as host, closing(connect(host.url)) as connector:
        assert connector.person(ADA, "nobody@ada.example") is None
        found = connector.person(ADA, "ada@ada.example")
    assert found is not None
    assert found.id == msp.ada


def test_an_address_of_two_users_names_neither(connector: Entra, msp: Practice) -> None:
    msp.simulator.seed_user(ADA_TENANT, "Two", "two@ada.example", proxyAddresses=["smtp:ada.king@ada.example"])
    with pytest.raises(RejectedError, match="2 users have this address"):
        connector.person(ADA, "ada.king@ada.example")


def test_a_disabled_user_is_not_active(connector: Entra) -> None:
    person = connector.person(ADA, "di@ada.example")
    assert person is not None
    assert not person.is_active


@pytest.mark.parametrize("name", ["Ada King", "ada king", " ADA ", "king"])
def test_finds_users_by_their_whole_given_or_family_name(connector: Entra, msp: Practice, name: str) -> None:
    assert [each.id for each in connector.people_named(ADA, name)] == [msp.ada]


def test_everybody_of_a_name_is_listed_and_disabled_users_too(connector: Entra, msp: Practice) -> None:
    second = msp.simulator.seed_user(ADA_TENANT, "Ada King", "ada.king2@ada.example")
    assert {each.id for each in connector.people_named(ADA, "Ada King")} == {msp.ada, second}
    assert [each.id for each in connector.people_named(ADA, "Di Sabled")] == [msp.disabled]


@pytest.mark.parametrize(
    "name", ["", "Charles Babbage", "Ada K", "x' or displayName ne 'x", "Ada King\n or 1 eq 1", "Ki" * 200]
)
def test_a_name_of_nobody_here_or_of_a_forger_finds_nobody(connector: Entra, name: str) -> None:
    assert connector.people_named(ADA, name) == ()


def test_users_who_have_not_the_name_are_not_believed(msp: Practice) -> None:
    with SimulatorHost(Unfiltered(msp.simulator)) as host, closing(connect(host.url)) as connector:
        assert connector.people_named(ADA, "Nobody") == ()
        assert [each.id for each in connector.people_named(ADA, "Ada")] == [msp.ada]


def test_groups_are_found_in_their_own_tenant(connector: Entra, msp: Practice) -> None:
    assert connector.groups_named(ADA, "finance") == (Reference(msp.finance, "Finance"),)
    assert connector.groups_named(BABBAGE, "Finance") == (Reference(msp.stranger_group, "Finance"),)
    assert connector.groups_named(ADA, "Fin' or displayName ne '") == ()
    assert connector.groups_named(ADA, "Fin\nance") == ()


def test_authentication_methods_are_named_for_people(connector: Entra, msp: Practice) -> None:
    password, phone = connector.authentication_methods(ADA, msp.ada)
    assert password.kind == "password"
    assert phone == AuthenticationMethod(phone.id, "phone", "+44 1632960001")


def test_a_token_that_opens_another_tenant_is_refused(connector: Entra, msp: Practice) -> None:
    msp.simulator.tenants[ADA_TENANT].id = "dddddddd-0000-4000-8000-000000000004"
    with pytest.raises(AuthorizationError, match="another tenant than tenants names"):
        connector.owner(ADA)


def test_the_owner_is_proven_once(connector: Entra, msp: Practice) -> None:
    assert [connector.owner(ADA) for _ in range(3)] == [ADA, ADA, ADA]
    assert msp.simulator.requests["GET /v1.0/organization"] == 1


def test_an_identifier_is_one_segment_of_a_path(connector: Entra, msp: Practice) -> None:
    for identifier in (f"{msp.ada}/../../organization", f"{msp.ada}?$top=1", f"{msp.ada}/memberOf", f"{msp.ada}#y"):
        with pytest.raises((NotFoundError, RejectedError)):
            connector.account(ADA, identifier)


def test_readings_are_repeated_for_a_while_and_no_longer(simulator_host: SimulatorHost) -> None:
    slept: list[float] = []
    connector = Entra(configured(simulator_host.url), patience=replace(IMPATIENT, sleep=slept.append))
    answers = iter([False, False, True])
    assert connector.eventually(lambda: next(answers))
    assert slept == list(PAUSES[:2])
    slept.clear()
    assert not connector.eventually(lambda: False)
    assert slept == list(PAUSES)
    connector.close()
