"""Who is a direct member of a group."""

from collections.abc import Mapping

from pydantic import JsonValue

from deskhand.sdk.actions import Action, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import RejectedError
from deskhand_identity_entra.arguments import MembershipArguments
from deskhand_identity_entra.connector import NAME, Entra
from deskhand_identity_entra.payloads import GroupPayload

DOCUMENTATION = "https://learn.microsoft.com/graph/api"


def membership_action(verb: str, title: str, page: str, *, is_member: bool) -> Action[Entra, MembershipArguments]:
    """Make the action that puts a user into a group, or takes them out."""

    def inspect(connector: Entra, arguments: MembershipArguments) -> Inspection:
        group = _editable(connector, arguments)
        name = connector.account(arguments.company_id, arguments.user_id).user_principal_name
        held = connector.is_member(arguments.company_id, arguments.user_id, arguments.group_id)
        owner = connector.owner(arguments.company_id)
        is_privileged = connector.is_privileged(arguments.company_id, arguments.user_id)
        if held is is_member:
            return Inspection(owner, (), {"member": held}, is_privileged)
        change = Change(f"{name} in {group.display_name}", _word(is_member=held), _word(is_member=is_member))
        return Inspection(owner, (change,), {"member": held}, is_privileged)

    def apply(connector: Entra, arguments: MembershipArguments, key: str) -> Receipt:
        del key
        _editable(connector, arguments)
        connector.account(arguments.company_id, arguments.user_id)
        _place(connector, arguments, is_member=is_member)
        return Receipt(f"{arguments.group_id}/{arguments.user_id}", {"member": is_member})

    def verify(connector: Entra, arguments: MembershipArguments, receipt: Receipt) -> bool:
        del receipt
        return _is_so(connector, arguments, is_member=is_member)

    def undo(
        connector: Entra, arguments: MembershipArguments, prior_state: Mapping[str, JsonValue], receipt: Receipt
    ) -> None:
        del receipt
        _editable(connector, arguments)
        _place(connector, arguments, is_member=prior_state.get("member") is True)

    return Action(
        name=f"{NAME}.{verb}",
        title=title,
        arguments=MembershipArguments,
        tier=Tier.CLIENT_REVERSIBLE,
        effect=Effect.IDEMPOTENT,
        permission="GroupMember.ReadWrite.All, User.Read.All",
        documentation=f"{DOCUMENTATION}/{page}",
        inspect=inspect,
        apply=apply,
        verify=verify,
        undo=undo,
    )


ADD_MEMBER = membership_action("add_group_member", "Add a user to a group", "group-post-members", is_member=True)
REMOVE_MEMBER = membership_action(
    "remove_group_member", "Take a user out of a group", "group-delete-members", is_member=False
)


def _editable(connector: Entra, arguments: MembershipArguments) -> GroupPayload:
    """Read the group. RejectedError, with the reason, where its members are not Graph's, or not ours, to change."""
    group = connector.group(arguments.company_id, arguments.group_id)
    reasons = {
        "it can carry administrator roles, which only people give": group.is_assignable_to_role is True,
        "a rule decides who its members are": "DynamicMembership" in group.group_types,
        "it is synchronised from the client's own Active Directory: change it there": group.on_premises_sync_enabled,
        "Exchange keeps its members: change it there": group.mail_enabled and "Unified" not in group.group_types,
    }
    reason = next((each for each, holds in reasons.items() if holds), None)
    if reason is not None:
        raise RejectedError(f"group {group.id}: {reason}")
    return group


def _place(connector: Entra, arguments: MembershipArguments, *, is_member: bool) -> None:
    """Add or remove the user. Graph refuses to add a member twice: then membership is read, not the refusal's words."""
    tenant, members = connector.tenant(arguments.company_id), f"/groups/{arguments.group_id}/members"
    if not is_member:
        tenant.delete(f"{members}/{arguments.user_id}/$ref")
        return
    address = f"{connector.settings.graph}/v1.0/directoryObjects/{arguments.user_id}"
    try:
        tenant.call(f"{members}/$ref", {"@odata.id": address})
    except RejectedError:
        if not _is_so(connector, arguments, is_member=True):
            raise


def _is_so(connector: Entra, arguments: MembershipArguments, *, is_member: bool) -> bool:
    def holds() -> bool:
        return connector.is_member(arguments.company_id, arguments.user_id, arguments.group_id) is is_member

    return connector.eventually(holds)


def _word(*, is_member: bool) -> str:
    return "a member" if is_member else "not a member"
