"""Where a desk's two databases are, and how they are opened."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from deskhand.configuration.schema import Configuration
from deskhand.mirror.mirror import Mirror
from deskhand.records.audit.anchors import Anchor
from deskhand.records.audit.keys import Trust
from deskhand.records.audit.verification import Progress, Verification, unwatched, verify
from deskhand.records.database import Records, is_made, location_of, url_of
from deskhand.records.server_clock import ServerClock
from deskhand.records.transaction import Redact
from deskhand.sdk.clock import Clock, utc_now


def records_url(configuration: Configuration) -> str:
    """Return the URL of the record store, its password included."""
    settings = configuration.records
    if not settings.url:
        return url_of(configuration.state / "records.db")
    password = settings.password and settings.password.get_secret_value()
    url = make_url(settings.url)
    return (url.set(password=password) if password else url).render_as_string(hide_password=False)


def records_keys(configuration: Configuration) -> Path:
    """Return where the record store's key files are, without their suffix."""
    return configuration.state / ("records" if configuration.records.url else "records.db")


def records_location(configuration: Configuration) -> str:
    """Name the record store for people: its file, or its URL without the password."""
    return location_of(make_url(records_url(configuration)))


def hands_folder(configuration: Configuration) -> Path:
    """Return where hands of this state folder keep what they read from the PSA, each below its name."""
    return configuration.state / "hands"


def is_of_a_hand(configuration: Configuration) -> bool:
    """Tell whether hands alone have worked in this state folder: what signs the record is where the desk runs."""
    keys = records_keys(configuration)
    is_signed_here = keys.with_name(f"{keys.name}.key").exists()
    return bool(configuration.records.url) and hands_folder(configuration).is_dir() and not is_signed_here


def mirror_file(configuration: Configuration) -> Path:
    """Return the file of the mirror."""
    return configuration.state / "mirror.db"


def open_records(configuration: Configuration, clock: Clock = utc_now, redact: Redact = str) -> Records:
    """Open the record store, making or upgrading it as needed; ``redact`` keeps secrets out of it.

    Raises RecordsUnavailableError.
    """
    keys = records_keys(configuration)
    return Records.open(records_url(configuration), clock=clock, signing=keys, redact=redact)


def join_records(configuration: Configuration, clock: Clock, redact: Redact = str) -> Records:
    """Open the record store of a desk that runs elsewhere, which makes and signs it. Raises RecordsUnavailableError."""
    return Records.join(records_url(configuration), clock=clock, redact=redact)


def store_clock(configuration: Configuration) -> Clock:
    """Return the clock everybody who works on the record store goes by. Raises RecordsUnavailableError."""
    return ServerClock.of(records_url(configuration)) if configuration.records.url else utc_now


def heard_by(clock: Clock) -> Callable[[datetime], None]:
    """Return what tells a clock the time of the record store's server, where it goes by that."""
    return clock.hear if isinstance(clock, ServerClock) else _unheard


def _unheard(now: datetime) -> None:
    del now


def are_records_made(configuration: Configuration) -> bool:
    """Tell whether the record store is there, without making it. Raises RecordsUnavailableError."""
    return is_made(records_url(configuration))


def verify_records(
    configuration: Configuration,
    *,
    trust: Trust | None = None,
    anchors: Sequence[Anchor] = (),
    progress: Progress = unwatched,
) -> Verification:
    """Check the whole record store, changing nothing. Never raises for what is wrong with it."""
    keys = records_keys(configuration)
    return verify(records_url(configuration), signing=keys, trust=trust, anchors=anchors, progress=progress)


def renew_records_key(configuration: Configuration, *, actor: str, clock: Clock = utc_now) -> Trust:
    """Sign with a new key from here on and return whom to trust. Raises RecordsUnavailableError."""
    return Records.renew_key(records_url(configuration), clock=clock, actor=actor, signing=records_keys(configuration))


def open_mirror(configuration: Configuration) -> Mirror:
    """Open the mirror, making or upgrading it as needed. Raises MirrorUnavailableError."""
    return Mirror.open(mirror_file(configuration))
