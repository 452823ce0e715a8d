"""Everything a plugin may import, and nothing else.

The names are also here, so that ``from deskhand.sdk import Ticket`` works; each is loaded when it is first asked for,
so that a module that needs one does not pay for all.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskhand.sdk.actions import (
        Action,
        AnyAction,
        Arguments,
        Change,
        Effect,
        Inspection,
        Receipt,
        Tier,
    )
    from deskhand.sdk.clock import (
        Clock,
        utc_now,
    )
    from deskhand.sdk.errors import (
        AuthorizationError,
        ConfigurationError,
        ConnectorError,
        HeldBackError,
        HeldBy,
        NotFoundError,
        RateLimitedError,
        RejectedError,
        TooLateError,
        UnavailableError,
        UncertainError,
    )
    from deskhand.sdk.hooks import (
        CallLimit,
        Capabilities,
        ConnectorOffer,
        SimulatorOffer,
        hookimpl,
    )
    from deskhand.sdk.http import (
        HttpClient,
        JsonBody,
        Patience,
    )
    from deskhand.sdk.models import (
        Alert,
        Company,
        Device,
        Document,
        EvidenceKind,
        Level,
        Member,
        NewTicket,
        Note,
        NoteKind,
        Person,
        Priority,
        Reference,
        Signal,
        SignalSource,
        Subtype,
        Taxonomy,
        TenantContext,
        TenantEvidence,
        Ticket,
        TicketPage,
        TicketUpdate,
        TimeEntry,
    )
    from deskhand.sdk.roles import (
        CallbackSource,
        CloudAccount,
        Connector,
        DeviceFleet,
        Directory,
        DocumentStore,
        IdentityProof,
        Messenger,
        TicketSystem,
    )
    from deskhand.sdk.secrets import (
        SealedSecret,
        SecretSealedError,
        basic,
    )
    from deskhand.sdk.settings import (
        ConnectorSettings,
    )
    from deskhand.sdk.webhooks import (
        Callback,
        CallbackReceiver,
        CallbackRefusedError,
    )

_HOMES = {
    "actions": ("Action", "AnyAction", "Arguments", "Change", "Effect", "Inspection", "Receipt", "Tier"),
    "clock": ("Clock", "utc_now"),
    "errors": (
        "AuthorizationError",
        "ConfigurationError",
        "ConnectorError",
        "HeldBackError",
        "HeldBy",
        "NotFoundError",
        "RateLimitedError",
        "RejectedError",
        "TooLateError",
        "UnavailableError",
        "UncertainError",
    ),
    "hooks": ("CallLimit", "Capabilities", "ConnectorOffer", "SimulatorOffer", "hookimpl"),
    "http": ("HttpClient", "JsonBody", "Patience"),
    "models": (
        "Alert",
        "Company",
        "Device",
        "Document",
        "EvidenceKind",
        "Level",
        "Member",
        "NewTicket",
        "Note",
        "NoteKind",
        "Person",
        "Priority",
        "Reference",
        "Signal",
        "SignalSource",
        "Subtype",
        "Taxonomy",
        "TenantContext",
        "TenantEvidence",
        "Ticket",
        "TicketPage",
        "TicketUpdate",
        "TimeEntry",
    ),
    "roles": (
        "CallbackSource",
        "CloudAccount",
        "Connector",
        "DeviceFleet",
        "Directory",
        "DocumentStore",
        "IdentityProof",
        "Messenger",
        "TicketSystem",
    ),
    "secrets": ("SealedSecret", "SecretSealedError", "basic"),
    "settings": ("ConnectorSettings",),
    "webhooks": ("Callback", "CallbackReceiver", "CallbackRefusedError"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Action",
    "Alert",
    "AnyAction",
    "Arguments",
    "AuthorizationError",
    "CallLimit",
    "Callback",
    "CallbackReceiver",
    "CallbackRefusedError",
    "CallbackSource",
    "Capabilities",
    "Change",
    "Clock",
    "CloudAccount",
    "Company",
    "ConfigurationError",
    "Connector",
    "ConnectorError",
    "ConnectorOffer",
    "ConnectorSettings",
    "Device",
    "DeviceFleet",
    "Directory",
    "Document",
    "DocumentStore",
    "Effect",
    "EvidenceKind",
    "HeldBackError",
    "HeldBy",
    "HttpClient",
    "IdentityProof",
    "Inspection",
    "JsonBody",
    "Level",
    "Member",
    "Messenger",
    "NewTicket",
    "NotFoundError",
    "Note",
    "NoteKind",
    "Patience",
    "Person",
    "Priority",
    "RateLimitedError",
    "Receipt",
    "Reference",
    "RejectedError",
    "SealedSecret",
    "SecretSealedError",
    "Signal",
    "SignalSource",
    "SimulatorOffer",
    "Subtype",
    "Taxonomy",
    "TenantContext",
    "TenantEvidence",
    "Ticket",
    "TicketPage",
    "TicketSystem",
    "TicketUpdate",
    "Tier",
    "TimeEntry",
    "TooLateError",
    "UnavailableError",
    "UncertainError",
    "basic",
    "hookimpl",
    "utc_now",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module it lives in (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
