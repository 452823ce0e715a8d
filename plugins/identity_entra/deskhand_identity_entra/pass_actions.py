"""Temporary Access Passes: a code that signs a user in once, so that a new phone or key can be registered.

https://learn.microsoft.com/entra/identity/authentication/howto-authentication-temporary-access-pass
"""

from collections.abc import Mapping

from pydantic import JsonValue, SecretStr

from deskhand.sdk.actions import Action, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import RejectedError, UncertainError
from deskhand_identity_entra.arguments import PassArguments, UserArguments
from deskhand_identity_entra.connector import NAME, Entra
from deskhand_identity_entra.mapping import parsed
from deskhand_identity_entra.payloads import PassPayload

DOCUMENTATION = "https://learn.microsoft.com/graph/api"


def inspect_creation(connector: Entra, arguments: PassArguments) -> Inspection:
    """Show the pass that would be issued. RejectedError where the user has a usable one, which it would delete."""
    _refuse_second(connector, arguments)
    uses = "one sign-in" if arguments.is_usable_once else "any number of sign-ins"
    desired = f"valid for {arguments.lifetime_minutes} minutes and {uses}"
    name = connector.account(arguments.company_id, arguments.user_id).user_principal_name
    change = Change(f"temporary access pass of {name}", "none", desired)
    return Inspection(
        connector.owner(arguments.company_id),
        (change,),
        is_privileged=connector.is_privileged(arguments.company_id, arguments.user_id),
    )


def apply_creation(connector: Entra, arguments: PassArguments, key: str) -> Receipt:
    """Issue a pass, and hand its code over among the receipt's secrets: it cannot be read again.

    Graph keeps no key with a pass, so an outcome that was lost cannot be told apart and waits for a person.
    """
    del key
    _refuse_second(connector, arguments)
    body = {"lifetimeInMinutes": arguments.lifetime_minutes, "isUsableOnce": arguments.is_usable_once}
    record = connector.tenant(arguments.company_id).create(_passes(arguments), body)
    issued = parsed(PassPayload, record)
    if issued.temporary_access_pass is None:
        raise UncertainError(f"user {arguments.user_id}: pass {issued.id} came without its code; delete it")
    code = SecretStr(issued.temporary_access_pass)
    return Receipt(issued.id, {"lifetime_minutes": issued.lifetime_in_minutes}, {"temporary_access_pass": code})


def verify_creation(connector: Entra, arguments: PassArguments, receipt: Receipt) -> bool:
    """See that the pass is listed; whether it is usable is the tenant's policy."""

    def is_listed() -> bool:
        return any(each.id == receipt.reference for each in connector.passes(arguments.company_id, arguments.user_id))

    return connector.eventually(is_listed)


def undo_creation(
    connector: Entra, arguments: PassArguments, prior_state: Mapping[str, JsonValue], receipt: Receipt
) -> None:
    """Delete the pass; sessions begun with it end."""
    del prior_state
    connector.tenant(arguments.company_id).delete(f"{_passes(arguments)}/{receipt.reference}")


def inspect_deletion(connector: Entra, arguments: UserArguments) -> Inspection:
    """Show the passes that would be deleted."""
    name = connector.account(arguments.company_id, arguments.user_id).user_principal_name
    passes = connector.passes(arguments.company_id, arguments.user_id)
    changes = tuple(Change(f"temporary access pass of {name}", f"pass {each.id}", "none") for each in passes)
    return Inspection(
        connector.owner(arguments.company_id),
        changes,
        is_privileged=connector.is_privileged(arguments.company_id, arguments.user_id),
    )


def apply_deletion(connector: Entra, arguments: UserArguments, key: str) -> Receipt:
    """Delete every pass of the user's; none is no error."""
    del key
    passes = connector.passes(arguments.company_id, arguments.user_id)
    for each in passes:
        connector.tenant(arguments.company_id).delete(f"{_passes(arguments)}/{each.id}")
    return Receipt(arguments.user_id, {"passes": [each.id for each in passes]})


def verify_deletion(connector: Entra, arguments: UserArguments, receipt: Receipt) -> bool:
    """See that none is listed."""
    del receipt
    return connector.eventually(lambda: not connector.passes(arguments.company_id, arguments.user_id))


CREATE_PASS = Action(
    name=f"{NAME}.create_temporary_access_pass",
    title="Issue a Temporary Access Pass",
    arguments=PassArguments,
    tier=Tier.HARD_GATE,
    effect=Effect.ONCE,
    permission="UserAuthMethod-TAP.ReadWrite.All, User.Read.All, GroupMember.Read.All",
    documentation=f"{DOCUMENTATION}/authentication-post-temporaryaccesspassmethods",
    inspect=inspect_creation,
    apply=apply_creation,
    verify=verify_creation,
    undo=undo_creation,
    needs_proof=True,
)
DELETE_PASS = Action(
    name=f"{NAME}.delete_temporary_access_pass",
    title="Delete a user's Temporary Access Pass",
    arguments=UserArguments,
    tier=Tier.HARD_GATE,
    effect=Effect.IDEMPOTENT,
    permission="UserAuthMethod-TAP.ReadWrite.All, User.Read.All, GroupMember.Read.All",
    documentation=f"{DOCUMENTATION}/temporaryaccesspassauthenticationmethod-delete",
    inspect=inspect_deletion,
    apply=apply_deletion,
    verify=verify_deletion,
    irreversible="The code of a pass cannot be read, and so not be put back; issue a new pass instead.",
)


def _refuse_second(connector: Entra, arguments: UserArguments) -> None:
    if any(each.is_usable is not False for each in connector.passes(arguments.company_id, arguments.user_id)):
        raise RejectedError(
            f"user {arguments.user_id} has a pass, which a new one would delete unasked: "
            f"run {NAME}.delete_temporary_access_pass first"
        )


def _passes(arguments: UserArguments) -> str:
    return f"/users/{arguments.user_id}/authentication/temporaryAccessPassMethods"
