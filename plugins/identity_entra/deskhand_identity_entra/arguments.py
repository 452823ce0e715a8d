"""What the actions are called with: a client, one of its users, and what is to be so."""

from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, Field

from deskhand.sdk.actions import Arguments
from deskhand_identity_entra.settings import GUID

CompanyId: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""The PSA company: it alone decides which tenant, and so which credential, a call reaches."""
ObjectId: TypeAlias = Annotated[str, Field(pattern=GUID)]
"""Never a name or an address: those are looked up first, by a person or in the tenant's own list."""


class UserArguments(Arguments):
    """A user of a client's."""

    company_id: CompanyId
    user_id: ObjectId


class SessionArguments(UserArguments):
    """Whose sessions to end: those that began before ``since``; all there are where it is left out."""

    since: AwareDatetime | None = None


class PassArguments(UserArguments):
    """A Temporary Access Pass: for how long, and whether for one sign-in only."""

    lifetime_minutes: Annotated[int, Field(ge=10, le=480)] = 60
    is_usable_once: bool = True


class MembershipArguments(UserArguments):
    """A user and a group of the same client."""

    group_id: ObjectId
