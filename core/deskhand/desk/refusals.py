"""What the desk says to a person who asks for something it will not do."""

from deskhand.records.accounts import Account, Role


class DeskRefusedError(Exception):
    """The desk will not do what was asked; the message says why and what would mend it, fit for a person."""


def require(who: Account, *roles: Role) -> None:
    """Raise DeskRefusedError where an account has none of the roles now."""
    if not any(who.has(role) for role in roles):
        names = " or ".join(role.value for role in roles)
        raise DeskRefusedError(f"{who.name} has not the role {names}: `deskhand account` gives it")
