"""What this plugin offers the host; the entry point names this module."""

from collections.abc import Callable, Sequence
from typing import Any

from deskhand.sdk.actions import AnyAction
from deskhand.sdk.hooks import Capabilities, ConnectorOffer, SimulatorOffer, hookimpl
from deskhand.sdk.webhooks import CallbackReceiver
from deskhand_notify_twilio.actions import ACTIONS
from deskhand_notify_twilio.connector import Twilio
from deskhand_notify_twilio.settings import TwilioSettings
from deskhand_notify_twilio.simulator import TwilioSimulator, settings
from deskhand_notify_twilio.webhooks import TwilioCallbacks


@hookimpl
def offer_connector() -> ConnectorOffer:
    """Offer Twilio as a messenger and a proof of identity."""
    return ConnectorOffer(settings=TwilioSettings, connect=Twilio)


@hookimpl
def offer_capabilities() -> Capabilities:
    """Declare everything this plugin does, reaches and is told."""
    return Capabilities(
        actions=(
            "notify_twilio.send_sms",
            "notify_twilio.start_verification",
            "notify_twilio.check_verification",
            "notify_twilio.start_call_back",
            "notify_twilio.check_call_back",
        ),
        hosts=("api.twilio.com", "verify.twilio.com"),
        host_settings=("api_url", "verify_url"),
        secrets=("api_key_secret", "auth_token"),
    )


@hookimpl
def offer_actions() -> Sequence[AnyAction]:
    """Offer texts and verifications."""
    return ACTIONS


@hookimpl
def offer_callbacks() -> Callable[[Any], CallbackReceiver]:
    """Offer the receiver of signed callbacks."""
    return TwilioCallbacks


@hookimpl
def offer_simulator() -> SimulatorOffer:
    """Offer Twilio in miniature."""
    return SimulatorOffer(create=TwilioSimulator, settings=settings)
