"""How identifiers and moments are spelled for the vendor."""

from datetime import UTC, datetime

from deskhand.sdk.errors import NotFoundError, RejectedError


def number(identifier: str) -> int:
    """Read an identifier of the vendor's; NotFoundError for a text that cannot be one."""
    if not identifier.isdecimal() or not identifier.isascii():
        raise NotFoundError("an identifier in ConnectWise PSA is a whole number")
    return int(identifier)


def moment(value: datetime) -> str:
    """Write a moment in UTC, in whole seconds."""
    if value.tzinfo is None:
        raise RejectedError("a moment without a time zone")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
