"""What the desk says to a person who asks for something it will not do."""

from deskhand.records.accounts import Account, Role


class DeskRefusedError(Exception):
    """The desk will not do what was asked; the message says why and what would mend it, fit for a person."""


class NotPermittedError(DeskRefusedError):
    """Whoever asks may not: they lack a role, or are for other clients."""


def require(who: Account, *roles: Role) -> None:
    """Raise NotPermittedError where an account has none of the roles now."""
    if not any(who.has(role) for role in roles):
        names = " or ".join(role.value for role in roles)
        raise NotPermittedError(f"{who.name} has not the role {names}: `deskhand account` gives it")


def require_client(who: Account, tenant_id: str) -> None:
    """Raise NotPermittedError where an account is for other clients."""
    if not who.serves(tenant_id):
        raise NotPermittedError(
            f"{who.name} is for other clients than {tenant_id}: `deskhand account clients` says which"
        )


def require_all_clients(who: Account) -> None:
    """Raise NotPermittedError where an account is for some clients only: what it asks for concerns every one."""
    if who.is_confined:
        raise NotPermittedError(
            f"this concerns all clients, and {who.name} is for some: ask somebody who is for all of them"
        )
