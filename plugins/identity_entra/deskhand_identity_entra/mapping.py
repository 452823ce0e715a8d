"""From Graph's records to deskhand's vocabulary: pure functions over payloads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from deskhand.sdk.errors import UnavailableError
from deskhand.sdk.models import Person, Reference
from deskhand_identity_entra.client import JsonObject
from deskhand_identity_entra.payloads import MethodPayload, OrganizationPayload, Payload, UserPayload

P = TypeVar("P", bound=Payload)
T = TypeVar("T")

SMTP = "smtp:"
DIRECTORY_ROLE = "#microsoft.graph.directoryRole"
GROUP = "#microsoft.graph.group"
KINDS = {
    "#microsoft.graph.passwordAuthenticationMethod": "password",
    "#microsoft.graph.phoneAuthenticationMethod": "phone",
    "#microsoft.graph.emailAuthenticationMethod": "e-mail",
    "#microsoft.graph.microsoftAuthenticatorAuthenticationMethod": "authenticator app",
    "#microsoft.graph.softwareOathAuthenticationMethod": "code app",
    "#microsoft.graph.fido2AuthenticationMethod": "security key",
    "#microsoft.graph.windowsHelloForBusinessAuthenticationMethod": "Windows Hello",
    "#microsoft.graph.temporaryAccessPassAuthenticationMethod": "temporary access pass",
}
"""Kinds of authentication method by their ``@odata.type``; others exist, and are called "other"."""


@dataclass(frozen=True, slots=True)
class AuthenticationMethod:
    """One way a user can prove who they are; ``label`` is the number, address or device it is registered with."""

    id: str
    kind: str
    label: str = ""


def parsed(model: type[P], record: JsonObject) -> P:
    """Read a record as the vendor's documentation says it is. UnavailableError where it is something else."""
    try:
        return model.model_validate(record)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise UnavailableError(f"{model.__name__}: unexpected {', '.join(fields)}") from None


def mapped(model: type[P], to: Callable[[P], T], records: Iterable[JsonObject]) -> Iterable[T]:
    """Map records one by one, as they are consumed."""
    return (to(parsed(model, record)) for record in records)


def addresses(user: UserPayload) -> tuple[str, ...]:
    """List a user's e-mail addresses in lower case: the mail attribute, then the proxies, then the sign-in name."""
    proxies = [each for each in user.proxy_addresses if each.lower().startswith(SMTP)]
    primary_first = sorted(proxies, key=lambda each: not each.startswith(SMTP.upper()))
    every = [user.mail, *(each[len(SMTP) :] for each in primary_first), user.user_principal_name]
    return tuple(dict.fromkeys(each.strip().lower() for each in every if each.strip()))


def names(user: UserPayload) -> frozenset[str]:
    """List what a user is called, whole and in part, as it is compared."""
    every = (user.display_name, user.given_name, user.surname)
    return frozenset(each.strip().casefold() for each in every if each.strip())


def person(user: UserPayload, company_id: str) -> Person:
    """Map a user of the tenant that belongs to this PSA company."""
    return Person(
        id=user.id,
        name=user.display_name,
        company=Reference(company_id, ""),
        emails=addresses(user),
        phones=tuple(dict.fromkeys(each for each in (user.mobile_phone, *user.business_phones) if each)),
        title=user.job_title,
        is_active=user.account_enabled is not False,
    )


def domains(organization: OrganizationPayload) -> tuple[str, ...]:
    """List the domains a tenant has proven to own, in lower case."""
    return tuple(dict.fromkeys(each.name.lower() for each in organization.verified_domains if each.name))


def method(payload: MethodPayload) -> AuthenticationMethod:
    """Map an authentication method."""
    label = payload.phone_number or payload.email_address or payload.display_name
    return AuthenticationMethod(payload.id, KINDS.get(payload.kind, "other"), label)
