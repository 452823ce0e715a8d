"""What a configuration file may say: one model, composed of each room's own settings."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from deskhand.agent.settings import TriageSettings
from deskhand.governance.anchoring.settings import AuditSettings
from deskhand.governance.breaker import MaintenanceSettings
from deskhand.governance.entra.settings import EntraSignInSettings
from deskhand.governance.policy import ClientPolicy
from deskhand.governance.secrets.settings import SecretSettings
from deskhand.governance.traffic.settings import LimitSettings
from deskhand.identity.settings import IdentitySettings
from deskhand.intake.settings import IntakeSettings
from deskhand.llm.selection import EngineSettings


def _is_readable(url: str) -> bool:
    try:
        return bool(make_url(url).database)
    except (ArgumentError, ValueError):
        return False


HostName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$")]
Origin: TypeAlias = Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:[0-9]{1,5})?$")]


class Section(BaseModel):
    """A table of the file: closed, so that a misspelt key is an error and not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DeskSettings(Section):
    """Where the desk keeps its state and what it is called."""

    name: str = Field(default="deskhand", min_length=1, max_length=60, description="The name people see in notes.")
    state: Path = Field(
        default=Path("state"), description="Folder for records, mirror, keys and log; relative to the configuration."
    )
    ticket_system: str = Field(
        default="psa_connectwise", description="The connector that holds the tickets, a key of [connectors]."
    )


class ResolvingSettings(Section):
    """What carrying out a plan says and books."""

    msp_name: str = Field(
        default="your IT support", max_length=60, description="How you are called in texts to your clients' people."
    )
    hours: float = Field(
        default=0.1, gt=0, le=8, description="Hours of the time entry that every carried-out plan ends with."
    )


class RecordsSettings(Section):
    """Where the record store is: a file, or a database on a PostgreSQL server."""

    url: str = Field(
        default="",
        description="`postgresql+psycopg://user@host/database`, without its password; empty: a SQLite file in the "
        "state folder. The signing keys stay in the state folder either way.",
    )
    password: SecretStr | None = Field(
        default=None, description="Password of the user in `url`, as `file:` or `env:`; none: what libpq finds."
    )

    @field_validator("url")
    @classmethod
    def _is_usable(cls, url: str) -> str:
        start, _, rest = url.partition("://")
        if url and (start != "postgresql+psycopg" or not _is_readable(url)):
            raise ValueError("postgresql+psycopg://user@host/database, or nothing")
        if ":" in rest.rpartition("@")[0] or "password=" in rest:
            raise ValueError("a URL without a password: set `password` beside it, to `file:` or `env:`")
        return url


class WebSettings(Section):
    """Where the console and the callback receiver listen."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; to other machines the console answers by HTTPS under `hosts` alone.",
    )
    port: int = Field(default=8484, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    public_url: str = Field(default="", description="HTTPS address the PSA can reach for callbacks; empty: poll only.")
    console_url: str = Field(
        default="",
        pattern=r"^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?)?$",
        description="HTTPS address of the console for technicians' browsers: a note in the PSA asks for each approval, "
        "with a link there; empty: no such notes.",
    )
    hosts: tuple[HostName, ...] = Field(
        default=(), description="Names under which technicians' machines reach the console; none: this machine only."
    )
    certificate: Path | None = Field(
        default=None,
        description="Absolute path of a PEM file, the certificate and its chain: the console then speaks HTTPS.",
    )
    private_key: Path | None = Field(default=None, description="Absolute path of a PEM file, the key.")
    frame_ancestors: tuple[Origin, ...] = Field(
        default=(), description="Origins that may show the panel in a frame, such as https://na.myconnectwise.net."
    )
    entra: EntraSignInSettings = Field(
        default_factory=EntraSignInSettings, description="Signing in with Microsoft Entra ID."
    )

    @model_validator(mode="after")
    def _is_served_safely(self) -> "WebSettings":
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key go together: set both, or neither")
        if any(file is not None and not file.is_absolute() for file in (self.certificate, self.private_key)):
            raise ValueError("certificate and private_key as absolute paths, such as /etc/deskhand/desk.pem")
        if (self.hosts or self.frame_ancestors) and self.certificate is None:
            raise ValueError("hosts and frame_ancestors need HTTPS: set certificate and private_key too")
        return self


class LogSettings(Section):
    """How the desk tells what it does."""

    format: Literal["auto", "json", "people"] = Field(
        default="auto", description="`people` on a terminal, `json` elsewhere, unless said otherwise."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least to report.")


class PluginSettings(Section):
    """Which installed plugins may run."""

    enabled: tuple[str, ...] | None = Field(
        default=None, description="Allow-list of plugin names; left out, exactly those with a [connectors] section."
    )
    pinned: dict[str, str] = Field(
        default_factory=dict,
        description="Digest by plugin name, as `deskhand plugin pin` prints them; with any, every plugin needs one.",
    )

    @field_validator("pinned")
    @classmethod
    def _are_digests(cls, pinned: dict[str, str]) -> dict[str, str]:
        if not all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pinned.values()):
            raise ValueError("sha256: and 64 hexadecimal digits for each plugin")
        return pinned


class Configuration(Section):
    """One whole configuration file."""

    file: Path = Field(exclude=True, description="Where it was read from; not a key of the file.")
    desk: DeskSettings = Field(default_factory=DeskSettings, description="The desk itself.")
    resolving: ResolvingSettings = Field(
        default_factory=ResolvingSettings, description="What carrying out a plan says and books."
    )
    records: RecordsSettings = Field(default_factory=RecordsSettings, description="The record store.")
    secrets: SecretSettings = Field(default_factory=SecretSettings, description="The secret store.")
    audit: AuditSettings = Field(default_factory=AuditSettings, description="The record, and where it is anchored.")
    web: WebSettings = Field(default_factory=WebSettings, description="Console and callbacks.")
    log: LogSettings = Field(default_factory=LogSettings, description="Logging.")
    plugins: PluginSettings = Field(default_factory=PluginSettings, description="Which plugins may run.")
    intake: IntakeSettings = Field(default_factory=IntakeSettings, description="Polling the PSA.")
    identity: IdentitySettings = Field(default_factory=IdentitySettings, description="Whose ticket it is.")
    engine: EngineSettings = Field(default_factory=EngineSettings, description="The local model.")
    triage: TriageSettings = Field(default_factory=TriageSettings, description="How sure triage must be.")
    maintenance: MaintenanceSettings = Field(
        default_factory=MaintenanceSettings, description="When an automation pauses by itself."
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="How much at most, and when calls to a vendor stop by themselves."
    )
    policy: ClientPolicy = Field(default_factory=ClientPolicy, description="What the desk may do by default.")
    clients: dict[str, ClientPolicy] = Field(
        default_factory=dict, description="Policies by PSA company identifier, in place of the default."
    )
    connectors: dict[str, dict[str, Any]] = Field(
        description="One table a connector, named after its plugin; `secret:`, `file:` and `env:` values name secrets."
    )

    @field_validator("connectors")
    @classmethod
    def _has_one(cls, connectors: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if not connectors:
            raise ValueError("at least one connector, such as [connectors.psa_connectwise]")
        return connectors

    @property
    def state(self) -> Path:
        """The state folder, absolute."""
        return self.file.parent / self.desk.state

    @property
    def enabled_plugins(self) -> frozenset[str]:
        """The plugins that may run."""
        return frozenset(self.connectors if self.plugins.enabled is None else self.plugins.enabled)
