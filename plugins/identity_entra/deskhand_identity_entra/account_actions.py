"""Changes to a user's account: its password, its sessions, and whether it may sign in at all."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue

from deskhand.sdk.actions import Action, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.clock import utc_now
from deskhand.sdk.errors import RejectedError
from deskhand.sdk.http import JsonBody
from deskhand_identity_entra.arguments import SessionArguments, UserArguments
from deskhand_identity_entra.connector import NAME, Entra
from deskhand_identity_entra.payloads import UserPayload

THIS_MOMENT = timedelta(seconds=2)
DOCUMENTATION = "https://learn.microsoft.com/graph/api"


def inspect_reset(connector: Entra, arguments: UserArguments) -> Inspection:
    """Show what would happen to the password. RejectedError, with the reason, where it is not Entra's to set."""
    account = _with_own_password(connector, arguments)
    current = f"last set {_moment(account.last_password_change_date_time)}"
    desired = "a temporary one, to be changed at the next sign-in"
    return Inspection(
        connector.owner(arguments.company_id),
        (Change(f"password of {_name(account)}", current, desired),),
        is_privileged=connector.is_privileged(arguments.company_id, arguments.user_id),
    )


def apply_reset(connector: Entra, arguments: UserArguments, key: str) -> Receipt:
    """Set a new random password, and hand it over among the receipt's secrets: it is nowhere else.

    Graph keeps no key with a password, so an outcome that was lost cannot be told apart and waits for a person.
    """
    del key
    account, password = _with_own_password(connector, arguments), connector.new_password()
    profile: JsonBody = {"password": password.get_secret_value(), "forceChangePasswordNextSignIn": True}
    connector.tenant(arguments.company_id).change(
        f"/users/{arguments.user_id}", {"passwordProfile": profile}, idempotent=False
    )
    before = _moment(account.last_password_change_date_time)
    return Receipt(arguments.user_id, {"last_set_before": before}, {"temporary_password": password})


def verify_reset(connector: Entra, arguments: UserArguments, receipt: Receipt) -> bool:
    """See that the password was set anew; what it is cannot be read."""

    def is_set_anew() -> bool:
        account = connector.account(arguments.company_id, arguments.user_id)
        return _moment(account.last_password_change_date_time) != receipt.detail.get("last_set_before")

    return connector.eventually(is_set_anew)


def inspect_sessions(connector: Entra, arguments: SessionArguments) -> Inspection:
    """Show from when on sessions are valid; no change where none from before ``since`` is left."""
    account = connector.account(arguments.company_id, arguments.user_id)
    owner = connector.owner(arguments.company_id)
    is_privileged = connector.is_privileged(arguments.company_id, arguments.user_id)
    if _are_ended(account, arguments.since):
        return Inspection(owner, (), is_privileged=is_privileged)
    current = f"valid if begun after {_moment(account.sign_in_sessions_valid_from_date_time)}"
    change = Change(f"sessions of {_name(account)}", current, "ended; each device signs in again")
    return Inspection(owner, (change,), is_privileged=is_privileged)


def apply_sessions(connector: Entra, arguments: SessionArguments, key: str) -> Receipt:
    """End the sessions; where none from before ``since`` is left, nothing is sent.

    Graph counts in whole seconds: where they were ended this very moment, by a new password for instance, ending them
    once more moves nothing that could be read back.
    """
    del key
    account = connector.account(arguments.company_id, arguments.user_id)
    if not _are_ended(account, arguments.since):
        connector.tenant(arguments.company_id).call(f"/users/{arguments.user_id}/revokeSignInSessions")
    before = account.sign_in_sessions_valid_from_date_time
    is_fresh = before is not None and abs(utc_now() - before) <= THIS_MOMENT
    return Receipt(arguments.user_id, {"valid_from_before": _moment(before), "were_just_ended": is_fresh})


def verify_sessions(connector: Entra, arguments: SessionArguments, receipt: Receipt) -> bool:
    """See that sessions are valid from a later moment on than before, or were ended at this very one."""
    if receipt.detail.get("were_just_ended") is True:
        return True

    def is_later() -> bool:
        account = connector.account(arguments.company_id, arguments.user_id)
        is_moved = _moment(account.sign_in_sessions_valid_from_date_time) != receipt.detail.get("valid_from_before")
        return is_moved or _are_ended(account, arguments.since)

    return connector.eventually(is_later)


def switch_action(verb: str, title: str, *, is_enabled: bool) -> Action[Entra, UserArguments]:
    """Make the action that lets a user sign in, or keeps them out."""

    def inspect(connector: Entra, arguments: UserArguments) -> Inspection:
        account = _in_the_cloud(connector, arguments)
        owner, held = connector.owner(arguments.company_id), account.account_enabled is True
        is_privileged = connector.is_privileged(arguments.company_id, arguments.user_id)
        if held is is_enabled:
            return Inspection(owner, (), {"enabled": held}, is_privileged)
        change = Change(f"account {_name(account)}", _word(is_enabled=held), _word(is_enabled=is_enabled))
        return Inspection(owner, (change,), {"enabled": held}, is_privileged)

    def apply(connector: Entra, arguments: UserArguments, key: str) -> Receipt:
        del key
        _in_the_cloud(connector, arguments)
        _switch(connector, arguments, is_enabled=is_enabled)
        return Receipt(arguments.user_id, {"enabled": is_enabled})

    def verify(connector: Entra, arguments: UserArguments, receipt: Receipt) -> bool:
        del receipt

        def is_so() -> bool:
            return connector.account(arguments.company_id, arguments.user_id).account_enabled is is_enabled

        return connector.eventually(is_so)

    def undo(
        connector: Entra, arguments: UserArguments, prior_state: Mapping[str, JsonValue], receipt: Receipt
    ) -> None:
        del receipt
        _switch(connector, arguments, is_enabled=prior_state.get("enabled") is True)

    return Action(
        name=f"{NAME}.{verb}",
        title=title,
        arguments=UserArguments,
        tier=Tier.HARD_GATE,
        effect=Effect.IDEMPOTENT,
        permission="User.EnableDisableAccount.All, User.Read.All, GroupMember.Read.All",
        documentation=f"{DOCUMENTATION}/user-update",
        inspect=inspect,
        apply=apply,
        verify=verify,
        undo=undo,
    )


RESET_PASSWORD = Action(
    name=f"{NAME}.reset_password",
    title="Give a cloud user a temporary password",
    arguments=UserArguments,
    tier=Tier.HARD_GATE,
    effect=Effect.ONCE,
    permission="User-PasswordProfile.ReadWrite.All, User.Read.All, GroupMember.Read.All",
    documentation=f"{DOCUMENTATION}/user-update",
    inspect=inspect_reset,
    apply=apply_reset,
    verify=verify_reset,
    irreversible="The former password cannot be read, and so not be put back; the user chooses a new one.",
    needs_proof=True,
)
REVOKE_SESSIONS = Action(
    name=f"{NAME}.revoke_sessions",
    title="End a user's sessions on every device",
    arguments=SessionArguments,
    tier=Tier.CLIENT_REVERSIBLE,
    effect=Effect.IDEMPOTENT,
    permission="User.RevokeSessions.All, User.Read.All, GroupMember.Read.All",
    documentation=f"{DOCUMENTATION}/user-revokesigninsessions",
    inspect=inspect_sessions,
    apply=apply_sessions,
    verify=verify_sessions,
    irreversible="A session that was ended does not come back; the user signs in again, which is all the harm.",
)
DISABLE_ACCOUNT = switch_action("disable_account", "Keep a user from signing in", is_enabled=False)
ENABLE_ACCOUNT = switch_action("enable_account", "Let a user sign in again", is_enabled=True)


def _with_own_password(connector: Entra, arguments: UserArguments) -> UserPayload:
    account = _in_the_cloud(connector, arguments)
    if account.user_type == "Guest":
        raise RejectedError(f"user {account.id} is a guest: the password belongs to the organisation they come from")
    return account


def _in_the_cloud(connector: Entra, arguments: UserArguments) -> UserPayload:
    account = connector.account(arguments.company_id, arguments.user_id)
    if account.on_premises_sync_enabled:
        raise RejectedError(
            f"user {account.id} is synchronised from the client's own Active Directory, which would overwrite the "
            "change: make it there"
        )
    return account


def _switch(connector: Entra, arguments: UserArguments, *, is_enabled: bool) -> None:
    connector.tenant(arguments.company_id).change(
        f"/users/{arguments.user_id}", {"accountEnabled": is_enabled}, idempotent=True
    )


def _are_ended(account: UserPayload, since: datetime | None) -> bool:
    """Tell whether no session from before ``since`` is left; the vendor's clock ticks in whole seconds."""
    valid_from = account.sign_in_sessions_valid_from_date_time
    return since is not None and valid_from is not None and valid_from >= since.replace(microsecond=0)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment is not None else "never"


def _name(account: UserPayload) -> str:
    return account.user_principal_name or account.id


def _word(*, is_enabled: bool) -> str:
    return "enabled" if is_enabled else "disabled"
