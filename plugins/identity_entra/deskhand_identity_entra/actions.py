"""The changes deskhand can make in a client's tenant: what a locked or compromised account needs, and groups."""

from deskhand.sdk.actions import AnyAction
from deskhand_identity_entra.account_actions import DISABLE_ACCOUNT, ENABLE_ACCOUNT, RESET_PASSWORD, REVOKE_SESSIONS
from deskhand_identity_entra.factor_actions import RESET_MFA
from deskhand_identity_entra.group_actions import ADD_MEMBER, REMOVE_MEMBER
from deskhand_identity_entra.pass_actions import CREATE_PASS, DELETE_PASS

ACTIONS: tuple[AnyAction, ...] = (
    RESET_PASSWORD,
    REVOKE_SESSIONS,
    DISABLE_ACCOUNT,
    ENABLE_ACCOUNT,
    CREATE_PASS,
    DELETE_PASS,
    RESET_MFA,
    ADD_MEMBER,
    REMOVE_MEMBER,
)
