"""What `[audit.anchors]` may say: where checkpoints are copied to, how often, and when that is too long ago."""

from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _Section(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FileAnchorSettings(_Section):
    """A file on another volume, best one that this host may only append to."""

    path: Path | None = Field(
        default=None, description="File to append to, on another volume; its folder must be there. None: not used."
    )


class SyslogAnchorSettings(_Section):
    """A log server that takes syslog over TLS (RFC 5425)."""

    host: str = Field(default="", description="Name of the log server, as in its certificate; empty: not used.")
    port: int = Field(default=6514, ge=1, le=65535, description="Its TCP port.")
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authority that signed its certificate; none: those of this system."
    )
    certificate: Path | None = Field(
        default=None, description="PEM file with our own certificate and key, where the server asks for one."
    )


class ObjectLockAnchorSettings(_Section):
    """A bucket with S3 Object Lock; needs the extra `deskhand[anchors]`."""

    bucket: str = Field(default="", description="Bucket with Object Lock enabled; empty: not used.")
    prefix: str = Field(default="deskhand/", description="What the keys of our objects begin with.")
    region: str = Field(default="", description="Its region; empty: as boto3 finds it.")
    endpoint: str = Field(default="", description="Address of an S3 service other than Amazon's; empty: Amazon's.")
    access_key_id: str = Field(default="", description="Access key, as `file:` or `env:`; empty: as boto3 finds it.")
    secret_access_key: SecretStr | None = Field(
        default=None, description="Its secret, as `file:` or `env:`; none: as boto3 finds it."
    )
    mode: Literal["COMPLIANCE", "GOVERNANCE"] = Field(
        default="COMPLIANCE", description="Who may delete early: `COMPLIANCE` nobody, `GOVERNANCE` some administrators."
    )
    retain_days: int = Field(default=400, ge=1, description="Days each copy is kept from being changed or deleted.")


class TimestampAnchorSettings(_Section):
    """A time-stamping authority (RFC 3161); needs the extra `deskhand[anchors]`."""

    url: str = Field(default="", description="Address of the time-stamping authority; empty: not used.")
    roots: Path | None = Field(
        default=None, description="PEM file of the root certificates its answers must lead to; required with `url`."
    )
    folder: Path | None = Field(
        default=None, description="Where tokens are kept, best on another volume; none: `anchors` in the state folder."
    )
    allow_private_addresses: bool = Field(
        default=False, description="Let the authority be at a private or loopback address."
    )


class NoteAnchorSettings(_Section):
    """An internal note in the PSA, which other people's backups keep too."""

    ticket: str = Field(default="", description="Number of a ticket that takes one internal note a day; empty: none.")
    every_hours: int = Field(default=24, ge=1, le=720, description="Hours between two notes.")

    @property
    def every(self) -> timedelta:
        """The time between two notes."""
        return timedelta(hours=self.every_hours)


class AnchorSettings(_Section):
    """Where the record is anchored. With no place at all, a rewrite by whoever owns this host cannot be found."""

    every_minutes: int = Field(default=60, ge=1, le=10_080, description="Minutes between two copies to the same place.")
    stale_after_hours: int = Field(
        default=24,
        ge=1,
        le=720,
        description="Hours an entry may go without any anchor; then the desk alarms and pauses tier 3 and above.",
    )
    file: FileAnchorSettings = Field(default_factory=FileAnchorSettings, description="A file on another volume.")
    syslog: SyslogAnchorSettings = Field(default_factory=SyslogAnchorSettings, description="Syslog over TLS.")
    s3: ObjectLockAnchorSettings = Field(default_factory=ObjectLockAnchorSettings, description="S3 Object Lock.")
    timestamp: TimestampAnchorSettings = Field(
        default_factory=TimestampAnchorSettings, description="A time-stamping authority."
    )
    note: NoteAnchorSettings = Field(default_factory=NoteAnchorSettings, description="An internal note in the PSA.")

    @property
    def every(self) -> timedelta:
        """The time between two copies."""
        return timedelta(minutes=self.every_minutes)

    @property
    def stale_after(self) -> timedelta:
        """How long an entry may go without an anchor."""
        return timedelta(hours=self.stale_after_hours)


class AuditSettings(_Section):
    """The record of everything."""

    anchors: AnchorSettings = Field(default_factory=AnchorSettings, description="Where checkpoints are copied to.")
