"""Where a desk's two databases are, and how they are opened."""

from pathlib import Path

from deskhand.configuration.schema import Configuration
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import Clock, utc_now


def records_file(configuration: Configuration) -> Path:
    """Return the file of the record store."""
    return configuration.state / "records.db"


def mirror_file(configuration: Configuration) -> Path:
    """Return the file of the mirror."""
    return configuration.state / "mirror.db"


def open_records(configuration: Configuration, clock: Clock = utc_now) -> Records:
    """Open the record store, making or upgrading it as needed. Raises RecordsUnavailableError."""
    return Records.open(url_of(records_file(configuration)), clock=clock)


def open_mirror(configuration: Configuration) -> Mirror:
    """Open the mirror, making or upgrading it as needed. Raises MirrorUnavailableError."""
    return Mirror.open(mirror_file(configuration))
