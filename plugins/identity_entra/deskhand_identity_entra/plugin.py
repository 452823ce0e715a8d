"""What this plugin offers the host; the entry point names this module.

Callbacks are not offered yet: Graph proves an address by a query parameter that the host's receiver does not see.
"""

from collections.abc import Sequence

from deskhand.sdk.actions import AnyAction
from deskhand.sdk.hooks import CallLimit, Capabilities, ConnectorOffer, SimulatorOffer, hookimpl
from deskhand_identity_entra.actions import ACTIONS
from deskhand_identity_entra.connector import Entra
from deskhand_identity_entra.settings import EntraSettings
from deskhand_identity_entra.simulator import EntraSimulator, settings


@hookimpl
def offer_connector() -> ConnectorOffer:
    """Offer Microsoft Entra ID as the directory of each client."""
    return ConnectorOffer(settings=EntraSettings, connect=Entra)


@hookimpl
def offer_capabilities() -> Capabilities:
    """Declare everything this plugin does, reaches and is told."""
    return Capabilities(
        actions=(
            "identity_entra.reset_password",
            "identity_entra.revoke_sessions",
            "identity_entra.disable_account",
            "identity_entra.enable_account",
            "identity_entra.create_temporary_access_pass",
            "identity_entra.delete_temporary_access_pass",
            "identity_entra.reset_mfa",
            "identity_entra.add_group_member",
            "identity_entra.remove_group_member",
        ),
        hosts=("login.microsoftonline.com", "graph.microsoft.com"),
        host_settings=("authority", "graph"),
        secrets=("client_secret", "certificate", "notification_secret"),
        # the tightest that is told for one app in one tenant: what it may write
        limit=CallLimit(3_000, 150, "https://learn.microsoft.com/graph/throttling-limits"),
    )


@hookimpl
def offer_actions() -> Sequence[AnyAction]:
    """Offer what a locked or compromised account needs, and group membership."""
    return ACTIONS


@hookimpl
def offer_simulator() -> SimulatorOffer:
    """Offer the tenants in miniature."""
    return SimulatorOffer(create=EntraSimulator, settings=settings)
