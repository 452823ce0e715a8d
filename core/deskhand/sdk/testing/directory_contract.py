"""What holds for every user directory: a tenant's users and groups are found there, and nobody else's."""

from dataclasses import dataclass

from deskhand.sdk.errors import NotFoundError
from deskhand.sdk.roles import Directory
from deskhand.sdk.testing.binding import Contract, expected
from deskhand.sdk.testing.connector_contract import World

FORGED = ("", "x' or 1 eq 1 or 'x' eq 'x", 'x" OR 1=1 --', "*", "%", "a\nb", "a\x00b", "x" * 5_000)
"""What nobody is called, and what a careless query would take for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryWorld(World):
    """What a directory's simulator was seeded with. No two users or groups of a tenant have the same name."""

    tenant: str
    other_tenant: str
    unmapped_tenant: str
    domain: str
    """Proven by ``tenant``, in lower case."""
    user: str
    """A user of ``tenant``: the identifier, an e-mail address, and a whole, given and family name."""
    address: str
    name: str
    given_name: str
    family_name: str
    group: str
    """A group of ``tenant``, and its name."""
    group_name: str
    other_address: str
    """The address and name of a user, and the name of a group, that only ``other_tenant`` has."""
    other_name: str
    other_group_name: str


class DirectoryContract(Contract):
    """What holds for every directory."""

    def test_plays_the_role(self, connector: Directory) -> None:
        """Every method of the role is there."""
        assert isinstance(connector, Directory)

    def test_lists_the_domains_a_client_has_proven(self, connector: Directory, world: DirectoryWorld) -> None:
        """In lower case; each client its own."""
        assert world.domain in connector.verified_domains(world.tenant)
        assert world.domain not in connector.verified_domains(world.other_tenant)

    def test_finds_a_user_by_address(self, connector: Directory, world: DirectoryWorld) -> None:
        """Whatever the case; of the client that was named, and of no other."""
        for address in (world.address, world.address.upper()):
            person = connector.person(world.tenant, address)
            assert person is not None
            assert person.id == world.user
            assert person.company is not None
            assert person.company.id == world.tenant
        assert connector.person(world.tenant, world.other_address) is None
        assert connector.person(world.other_tenant, world.address) is None

    def test_finds_a_user_by_name(self, connector: Directory, world: DirectoryWorld) -> None:
        """By the whole, the given or the family name; of the client that was named, and of no other."""
        for name in (world.name, world.name.upper(), world.given_name, world.family_name):
            assert [each.id for each in connector.people_named(world.tenant, name)] == [world.user], name
        assert connector.people_named(world.tenant, world.other_name) == ()
        assert connector.people_named(world.other_tenant, world.name) == ()
        assert connector.people_named(world.tenant, world.name[:-1]) == ()

    def test_finds_a_group_by_name(self, connector: Directory, world: DirectoryWorld) -> None:
        """By its very name, but for case; of the client that was named, and of no other."""
        for name in (world.group_name, world.group_name.upper()):
            assert [each.id for each in connector.groups_named(world.tenant, name)] == [world.group], name
        assert connector.groups_named(world.tenant, world.other_group_name) == ()
        assert connector.groups_named(world.tenant, world.group_name[:-1]) == ()

    def test_a_name_that_was_made_up_finds_nobody(self, connector: Directory, world: DirectoryWorld) -> None:
        """A name is compared, never understood."""
        for name in FORGED:
            assert connector.people_named(world.tenant, name) == (), name[:40]
            assert connector.groups_named(world.tenant, name) == (), name[:40]
            assert connector.person(world.tenant, f"{name}@example.org") is None, name[:40]

    def test_a_client_without_a_directory_is_not_found(self, connector: Directory, world: DirectoryWorld) -> None:
        """NotFoundError, not an empty list: nobody is to conclude that the client has no users."""
        with expected(NotFoundError):
            connector.verified_domains(world.unmapped_tenant)
        with expected(NotFoundError):
            connector.people_named(world.unmapped_tenant, world.name)
        with expected(NotFoundError):
            connector.groups_named(world.unmapped_tenant, world.group_name)
        with expected(NotFoundError):
            connector.person(world.unmapped_tenant, world.address)
