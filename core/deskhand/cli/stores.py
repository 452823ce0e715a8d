"""The record store and the mirror of a configured desk, opened for one command; neither is made by looking at it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NoReturn

from deskhand.cli.answers import fail
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.schema import Configuration
from deskhand.desk.leaks import redacting
from deskhand.desk.stores import are_records_made, mirror_file, open_mirror, open_records, records_location
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records


@contextmanager
def records_of(configuration: Configuration) -> Iterator[Records]:
    """Open the record store that is there."""
    expect_records(configuration)
    with closing(open_records(configuration, redact=redacting(configuration))) as records:
        yield records


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
