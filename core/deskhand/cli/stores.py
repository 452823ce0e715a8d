"""The record store and the mirror of a configured desk, opened for one command; neither is made by looking at it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NoReturn

from deskhand.cli.answers import fail
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.schema import Configuration
from deskhand.desk.leaks import redacting
from deskhand.desk.stores import (
    are_records_made,
    is_of_a_hand,
    join_records,
    mirror_file,
    open_mirror,
    open_records,
    records_keys,
    records_location,
)
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records
from deskhand.records.transaction import Redact
from deskhand.sdk.clock import utc_now


@contextmanager
def records_of(configuration: Configuration) -> Iterator[Records]:
    """Open the record store that is there; on a hand's machine as a hand does, whose entries the desk signs."""
    expect_records(configuration)
    with closing(opened_records(configuration, redacting(configuration))) as records:
        yield records


def opened_records(configuration: Configuration, redact: Redact = str) -> Records:
    """Open the record store as whoever works on this machine does. Raises RecordsUnavailableError."""
    if is_of_a_hand(configuration):
        return join_records(configuration, utc_now, redact)
    return open_records(configuration, redact=redact)


def refuse_on_a_hands_machine(configuration: Configuration) -> None:
    """Fail where the record cannot be signed or vouched for, saying where it can."""
    if is_of_a_hand(configuration):
        fail(
            ExitCode.CONFIGURATION,
            "this machine is a hand's: the record is signed where the desk runs, so do it there\n"
            f"if the desk is to run here, restore {records_keys(configuration)}.key from its backup",
        )


@contextmanager
def mirror_of(configuration: Configuration) -> Iterator[Mirror]:
    """Open the mirror that is there."""
    file = mirror_file(configuration)
    if not file.exists():
        _fail_for(str(file))
    with closing(open_mirror(configuration)) as mirror:
        yield mirror


def expect_records(configuration: Configuration) -> None:
    """Fail, saying what makes it, where the record store is not there."""
    if not are_records_made(configuration):
        _fail_for(records_location(configuration))


def _fail_for(location: str) -> NoReturn:
    fail(ExitCode.UNAVAILABLE, f"{location}: not there yet; `deskhand run` makes it")
