"""The record store and the mirror of a configured desk, opened for one command; neither is made by looking at it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from deskhand.cli.answers import fail
from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.schema import Configuration
from deskhand.desk.stores import mirror_file, open_mirror, open_records, records_file
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records, url_of


@contextmanager
def records_of(configuration: Configuration) -> Iterator[Records]:
    """Open the record store that is there."""
    _expect(records_file(configuration))
    with closing(open_records(configuration)) as records:
        yield records


@contextmanager
def mirror_of(configuration: Configuration) -> Iterator[Mirror]:
    """Open the mirror that is there."""
    _expect(mirror_file(configuration))
    with closing(open_mirror(configuration)) as mirror:
        yield mirror


def url_of_records(configuration: Configuration) -> str:
    """Return the URL of the record store that is there."""
    _expect(records_file(configuration))
    return url_of(records_file(configuration))


def _expect(file: Path) -> None:
    if not file.exists():
        fail(ExitCode.UNAVAILABLE, f"{file}: not there yet; `deskhand run` makes it")
