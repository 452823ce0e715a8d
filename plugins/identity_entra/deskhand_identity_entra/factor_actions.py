"""Renewing a user's second factors: what is registered is removed, so that a new phone or app can be registered.

What the portal calls “require re-register multifactor authentication”: telephones, the Authenticator and other apps.
Security keys and Windows Hello stay, each being bound to a device and removed by its own name; so does the password.
https://learn.microsoft.com/entra/identity/authentication/howto-mfa-userdevicesettings
"""

from collections.abc import Iterable

from deskhand.sdk.actions import Action, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import RejectedError
from deskhand_identity_entra.arguments import UserArguments
from deskhand_identity_entra.connector import NAME, Entra
from deskhand_identity_entra.mapping import AuthenticationMethod

COLLECTIONS = {
    "phone": "phoneMethods",
    "authenticator app": "microsoftAuthenticatorMethods",
    "code app": "softwareOathMethods",
}
"""Where each kind that is renewed is deleted."""


def inspect_factors(connector: Entra, arguments: UserArguments) -> Inspection:
    """Show each factor that would be removed, by its kind; numbers are not shown."""
    name = connector.account(arguments.company_id, arguments.user_id).user_principal_name
    changes = tuple(
        Change(f"{each.kind} of {name}", "registered", "removed; registered anew at the next sign-in")
        for each in _factors(connector, arguments)
    )
    return Inspection(
        connector.owner(arguments.company_id),
        changes,
        is_privileged=connector.is_privileged(arguments.company_id, arguments.user_id),
    )


def apply_factors(connector: Entra, arguments: UserArguments, key: str) -> Receipt:
    """Remove every factor; none is no error. The default one can only go last, and which it is Graph does not say."""
    del key
    removed: list[str] = []
    waiting = list(_factors(connector, arguments))
    while waiting:
        refused = list(_refused(connector, arguments, waiting))
        removed += [each.kind for each in waiting if each not in [other for other, _ in refused]]
        if len(refused) == len(waiting):
            raise refused[0][1]
        waiting = [each for each, _ in refused]
    return Receipt(arguments.user_id, {"removed": [*sorted(removed)]})


def verify_factors(connector: Entra, arguments: UserArguments, receipt: Receipt) -> bool:
    """See that none is listed."""
    del receipt
    return connector.eventually(lambda: not _factors(connector, arguments))


RESET_MFA = Action(
    name=f"{NAME}.reset_mfa",
    title="Have a user register their second factors anew",
    arguments=UserArguments,
    tier=Tier.HARD_GATE,
    effect=Effect.IDEMPOTENT,
    permission="UserAuthenticationMethod.ReadWrite.All, User.Read.All, GroupMember.Read.All",
    documentation="https://learn.microsoft.com/graph/api/phoneauthenticationmethod-delete",
    inspect=inspect_factors,
    apply=apply_factors,
    verify=verify_factors,
    irreversible="What was registered cannot be put back: the person registers their telephone or app anew.",
    needs_proof=True,
    resets_proof=True,
)


def _factors(connector: Entra, arguments: UserArguments) -> tuple[AuthenticationMethod, ...]:
    methods = connector.authentication_methods(arguments.company_id, arguments.user_id)
    return tuple(each for each in methods if each.kind in COLLECTIONS)


def _refused(
    connector: Entra, arguments: UserArguments, factors: Iterable[AuthenticationMethod]
) -> Iterable[tuple[AuthenticationMethod, RejectedError]]:
    """Delete factors one after another, and yield those that Graph does not delete yet."""
    home = f"/users/{arguments.user_id}/authentication"
    for each in factors:
        try:
            connector.tenant(arguments.company_id).delete(f"{home}/{COLLECTIONS[each.kind]}/{each.id}")
        except RejectedError as error:
            yield each, error
