"""The hands of a desk, as people are told of them."""

from datetime import timedelta

from deskhand.desk.health import Light
from deskhand.records.database import Records
from deskhand.workflow.executors import Heard, Kind, listing


def hands(records: Records) -> tuple[Heard, ...]:
    """List the hands there are, and those that were not heard of any more. Raises RecordsUnavailableError."""
    return tuple(each for each in executors(records) if each.executor.kind is Kind.HAND)


def executors(records: Records) -> tuple[Heard, ...]:
    """List the desk and its hands; nobody where the record store is a file. Raises RecordsUnavailableError."""
    with records.reading() as connection:
        return listing(connection)


def told_of(heard: Heard) -> str:
    """Tell people how one of them is."""
    ago = timedelta(seconds=round(heard.silent_for.total_seconds()))
    if heard.is_living:
        return f"heard of {ago} ago"
    return f"not heard of for {ago}: others have taken up its work; start it again, or let it be"


def hands_light(records: Records) -> tuple[Light, ...]:
    """Tell how the hands are, in one light; none where there are no hands. Raises RecordsUnavailableError.

    A dead one keeps nothing from being done, so the desk is not unwell.
    """
    found = hands(records)
    if not found:
        return ()
    living = sum(each.is_living for each in found)
    text = f"{living} of {len(found)} hands at work" if living < len(found) else f"Hands at work: {living}"
    detail = "; ".join(f"{each.executor.name} on {each.executor.host} {told_of(each)}" for each in found)
    return (Light(name="hands", is_well=True, is_quiet=living < len(found), text=text, detail=detail),)
