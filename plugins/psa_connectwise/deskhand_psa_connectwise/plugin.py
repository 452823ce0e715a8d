"""What this plugin offers the host; the entry point names this module."""

from collections.abc import Callable, Sequence
from typing import Any

from deskhand.sdk.actions import AnyAction
from deskhand.sdk.hooks import CallLimit, Capabilities, ConnectorOffer, SimulatorOffer, hookimpl
from deskhand.sdk.webhooks import CallbackReceiver
from deskhand_psa_connectwise.actions import ACTIONS
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.settings import ConnectWiseSettings
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator, settings
from deskhand_psa_connectwise.webhooks import ConnectWiseCallbacks


@hookimpl
def offer_connector() -> ConnectorOffer:
    """Offer ConnectWise PSA as a ticket system."""
    return ConnectorOffer(settings=ConnectWiseSettings, connect=ConnectWise)


@hookimpl
def offer_capabilities() -> Capabilities:
    """Declare everything this plugin does, reaches and is told."""
    return Capabilities(
        actions=(
            "psa_connectwise.add_internal_note",
            "psa_connectwise.add_resolution_note",
            "psa_connectwise.update_triage",
            "psa_connectwise.add_time_entry",
        ),
        hosts=("*.myconnectwise.net", "*.connectwisedev.com"),
        host_settings=("site", "callback_key_url"),
        secrets=("public_key", "private_key", "client_id"),
        # by the Developer Guide more than some 1,000 requests a minute are throttled
        limit=CallLimit(1_000, 60, "https://developer.connectwise.com/Products/Manage/REST"),
    )


@hookimpl
def offer_actions() -> Sequence[AnyAction]:
    """Offer notes, triage fields and time entries."""
    return ACTIONS


@hookimpl
def offer_callbacks() -> Callable[[Any], CallbackReceiver]:
    """Offer the receiver of signed callbacks."""
    return ConnectWiseCallbacks


@hookimpl
def offer_simulator() -> SimulatorOffer:
    """Offer the PSA in miniature."""
    return SimulatorOffer(create=ConnectWiseSimulator, settings=settings)
