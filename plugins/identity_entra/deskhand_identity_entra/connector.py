"""Microsoft Entra ID as the directory of each client: a call names the PSA company, and reaches its tenant alone."""

import threading
from collections.abc import Callable, Iterable
from urllib.parse import quote

from pydantic import SecretStr

from deskhand.sdk.errors import AuthorizationError, ConfigurationError, NotFoundError, RejectedError
from deskhand.sdk.http import HttpClient, Parameters, Patience
from deskhand.sdk.models import Person, Reference
from deskhand.sdk.msal_http import explain
from deskhand_identity_entra import mapping, tokens
from deskhand_identity_entra.client import GraphClient
from deskhand_identity_entra.mapping import AuthenticationMethod
from deskhand_identity_entra.odata import Filter, UnsafeValueError, any_equals, equals
from deskhand_identity_entra.passwords import temporary_password
from deskhand_identity_entra.payloads import (
    GroupPayload,
    MembershipPayload,
    MethodPayload,
    OrganizationPayload,
    PassPayload,
    UserPayload,
)
from deskhand_identity_entra.settings import EntraSettings

NAME = "identity_entra"
PERSON = (
    "id,displayName,givenName,surname,userPrincipalName,mail,proxyAddresses,businessPhones,mobilePhone,jobTitle,"
    "accountEnabled"
)
ACCOUNT = (
    "id,displayName,userPrincipalName,userType,accountEnabled,onPremisesSyncEnabled,"
    "lastPasswordChangeDateTime,signInSessionsValidFromDateTime"
)
GROUP = "id,displayName,groupTypes,mailEnabled,isAssignableToRole,onPremisesSyncEnabled"
FOR_ROLES = "isAssignableToRole eq true"
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between readings of what was just written: Graph answers from replicas that lag."""


class Entra:
    """Plays the role Directory. Each tenant has a client, a token cache and a rate budget of its own."""

    def __init__(
        self,
        settings: EntraSettings,
        *,
        patience: Patience | None = None,
        new_password: Callable[[], SecretStr] = temporary_password,
    ) -> None:
        self.settings = settings
        self.new_password = new_password
        self._patience = patience or Patience()
        self._opening = threading.Lock()
        self._tenants: dict[str, GraphClient] = {}
        self._proven: set[str] = set()
        self._authority = HttpClient(
            settings.authority,
            timeout_seconds=settings.timeout_seconds,
            requests_per_minute=settings.requests_per_minute,
            allow_private_addresses=settings.allow_private_addresses,
            explain=explain,
            patience=patience,
        )

    @property
    def name(self) -> str:
        """The plugin's name."""
        return NAME

    def check(self) -> str:
        """Read every tenant's own record: proves client id, credential, each tenant's id and its consent."""
        if not self.settings.tenants:
            raise ConfigurationError("tenants: name at least one PSA company and the id of its Entra tenant")
        names = [self.organization(company_id).display_name for company_id in sorted(self.settings.tenants)]
        told = "".join(each if each.isprintable() else " " for each in ", ".join(names[:3]))
        return f"Entra ID: {len(names)} tenant{'s' * (len(names) != 1)} ({told}{', …' * (len(names) > 3)})"  # noqa: PLR2004  # three names are enough

    def close(self) -> None:
        """Close every connection."""
        self._authority.close()
        for client in self._tenants.values():
            client.close()

    def verified_domains(self, tenant_id: str) -> tuple[str, ...]:
        """List the domains the client has proven to own. NotFoundError where ``tenants`` does not name the company."""
        return mapping.domains(self.organization(tenant_id))

    def person(self, tenant_id: str, address: str) -> Person | None:
        """Find the user with this sign-in name or e-mail address.

        An address that cannot be asked for safely belongs to nobody. RejectedError where several users have it.
        """
        wanted = address.strip().lower()
        try:
            filters = _has_address(wanted)
        except UnsafeValueError:
            return None
        if "@" not in wanted:
            return None
        found = self._users(tenant_id, {"$filter": filters.text})
        users = [each for each in found if wanted in mapping.addresses(each)]
        if len(users) > 1:
            raise RejectedError(f"company {tenant_id}: {len(users)} users have this address; name one by its id")
        return mapping.person(users[0], tenant_id) if users else None

    def people_named(self, tenant_id: str, name: str) -> tuple[Person, ...]:
        """List the users whose display, given or family name this is, but for case; the disabled ones too.

        A name that cannot be asked for safely is nobody's, and an answer that has not the name is not believed.
        """
        wanted = name.strip()
        try:
            filters = equals("displayName", wanted) | equals("givenName", wanted) | equals("surname", wanted)
        except UnsafeValueError:
            return ()
        found = self._users(tenant_id, {"$filter": filters.text}) if wanted else ()
        named = [each for each in found if wanted.casefold() in mapping.names(each)]
        return tuple(mapping.person(each, tenant_id) for each in named)

    def people(self, tenant_id: str) -> Iterable[Person]:
        """List the client's users, the disabled ones too; pages are fetched as they are consumed."""
        return (mapping.person(each, tenant_id) for each in self._users(tenant_id, {}))

    def groups_named(self, tenant_id: str, name: str) -> tuple[Reference, ...]:
        """List the groups with this very name, but for case. A name that cannot be asked for safely is no group's."""
        try:
            filters = equals("displayName", name.strip())
        except UnsafeValueError:
            return ()
        parameters: Parameters = {"$filter": filters.text, "$select": GROUP, "$top": self.settings.page_size}
        records = self.tenant(tenant_id).pages("/groups", parameters)
        return tuple(mapping.mapped(GroupPayload, lambda each: Reference(each.id, each.display_name), records))

    def authentication_methods(self, tenant_id: str, user_id: str) -> tuple[AuthenticationMethod, ...]:
        """List the ways a user can prove who they are, the password among them."""
        records = self.tenant(tenant_id).pages(f"/users/{_segment(user_id)}/authentication/methods")
        return tuple(mapping.mapped(MethodPayload, mapping.method, records))

    def organization(self, company_id: str) -> OrganizationPayload:
        """Read the tenant's own record, and see that it is the tenant the settings name. AuthorizationError if not."""
        parameters = {"$select": "id,displayName,verifiedDomains"}
        try:
            found = list(self.tenant(company_id).pages("/organization", parameters))
        except AuthorizationError as error:
            raise AuthorizationError(f"company {company_id}: {error}") from None
        organizations = [mapping.parsed(OrganizationPayload, each) for each in found]
        if [each.id for each in organizations] != [self.settings.tenants[company_id]]:
            raise AuthorizationError(f"company {company_id}: the token opens another tenant than tenants names")
        self._proven.add(company_id)
        return organizations[0]

    def owner(self, company_id: str) -> str:
        """Return the company whose tenant this is, proven by the tenant itself once."""
        if company_id not in self._proven:
            self.organization(company_id)
        return company_id

    def account(self, company_id: str, user_id: str) -> UserPayload:
        """Read the state of a user's account. NotFoundError where this company's tenant has no such user."""
        return mapping.parsed(UserPayload, self.tenant(company_id).read(f"/users/{_segment(user_id)}", select=ACCOUNT))

    def group(self, company_id: str, group_id: str) -> GroupPayload:
        """Read what decides whether a group's members may be changed."""
        return mapping.parsed(GroupPayload, self.tenant(company_id).read(f"/groups/{_segment(group_id)}", select=GROUP))

    def is_member(self, company_id: str, user_id: str, group_id: str) -> bool:
        """Tell whether a user is a direct member of a group."""
        return any(each.id == group_id for each in self._memberships(company_id, user_id))

    def is_privileged(self, company_id: str, user_id: str) -> bool:
        """Tell whether a user holds a directory role now, by themselves or through a group that may carry one.

        Groups that may carry a role hold no groups, so direct memberships tell it all. A role somebody is only eligible
        for (Privileged Identity Management) is not held until they activate it.
        https://learn.microsoft.com/graph/api/user-list-memberof
        """
        memberships = self._memberships(company_id, user_id)
        if any(each.kind == mapping.DIRECTORY_ROLE for each in memberships):
            return True
        groups = {each.id for each in memberships if each.kind == mapping.GROUP}
        return bool(groups) and not groups.isdisjoint(self._groups_for_roles(company_id))

    def passes(self, company_id: str, user_id: str) -> tuple[PassPayload, ...]:
        """List a user's Temporary Access Passes, of which there is one at most; never their codes."""
        records = self.tenant(company_id).pages(f"/users/{_segment(user_id)}/authentication/temporaryAccessPassMethods")
        return tuple(mapping.parsed(PassPayload, record) for record in records)

    def tenant(self, company_id: str) -> GraphClient:
        """Open a company's own tenant. NotFoundError where ``tenants`` does not name the company."""
        tenant = self.settings.tenants.get(company_id)
        if tenant is None:
            raise NotFoundError(f"company {company_id} has no Entra tenant: add it to tenants of {NAME}")
        with self._opening:
            if company_id not in self._tenants:
                source = tokens.TokenSource(self.settings, tenant, self._authority)
                self._tenants[company_id] = GraphClient(self.settings, source, patience=self._patience)
            return self._tenants[company_id]

    def eventually(self, holds: Callable[[], bool]) -> bool:
        """Read until something holds, six times in some 15 seconds: Graph answers from replicas that lag."""
        for pause in PAUSES:
            if _holds(holds):
                return True
            self._patience.sleep(pause)
        return _holds(holds)

    def _memberships(self, company_id: str, user_id: str) -> tuple[MembershipPayload, ...]:
        parameters: Parameters = {"$select": "id", "$top": self.settings.page_size}
        records = self.tenant(company_id).pages(f"/users/{_segment(user_id)}/memberOf", parameters)
        return tuple(mapping.parsed(MembershipPayload, record) for record in records)

    def _groups_for_roles(self, company_id: str) -> frozenset[str]:
        """Name the groups that may carry a directory role: https://learn.microsoft.com/graph/api/resources/group."""
        parameters: Parameters = {"$filter": FOR_ROLES, "$select": GROUP, "$top": self.settings.page_size}
        records = self.tenant(company_id).pages("/groups", parameters)
        return frozenset(mapping.mapped(GroupPayload, lambda each: each.id, records))

    def _users(self, tenant_id: str, parameters: dict[str, str]) -> Iterable[UserPayload]:
        every: Parameters = {**parameters, "$select": PERSON, "$top": self.settings.page_size}
        return mapping.mapped(UserPayload, lambda each: each, self.tenant(tenant_id).pages("/users", every))


def _holds(reading: Callable[[], bool]) -> bool:
    try:
        return reading()
    except NotFoundError:
        return False  # a replica that has not heard of it yet


def _has_address(address: str) -> Filter:
    """Match sign-in name, mail and proxies; whether Graph ignores the case of a proxy's prefix is not documented."""
    proxies = any_equals("proxyAddresses", f"smtp:{address}") | any_equals("proxyAddresses", f"SMTP:{address}")
    return equals("userPrincipalName", address) | equals("mail", address) | proxies


def _segment(identifier: str) -> str:
    return quote(identifier, safe="")
