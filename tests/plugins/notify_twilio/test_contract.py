from collections.abc import Sequence

import pytest

from deskhand.sdk.testing import ActionCase, ActionContract, ConnectorContract, SimulatorHost, World
from deskhand_notify_twilio.actions import ACTIONS
from deskhand_notify_twilio.arguments import CheckArguments, SmsArguments, StartArguments
from deskhand_notify_twilio.connector import Twilio
from deskhand_notify_twilio.settings import TwilioSettings
from deskhand_notify_twilio.simulator import AUTH_TOKEN, KEY_SECRET, TwilioSimulator
from tests.plugins.notify_twilio.practice import ADA, BOB, COMPANY, CY, DI, OWN_COMPANY, configured

SEND, BEGIN, CHECK, CALL, CHECK_CALL = ACTIONS


class TestTwilio(ConnectorContract, ActionContract):
    @pytest.fixture
    def settings(self, simulator_host: SimulatorHost) -> TwilioSettings:
        return configured(simulator_host.url)

    @pytest.fixture
    def world(self) -> World:
        return World(secrets=(KEY_SECRET, AUTH_TOKEN))

    @pytest.fixture
    def action_cases(self, connector: Twilio, simulator: TwilioSimulator) -> Sequence[ActionCase]:
        _, started = connector.start(OWN_COMPANY, BOB)
        _, called = connector.start(COMPANY, CY, "call")
        call = CheckArguments(company_id=COMPANY, to=CY, verification_sid=called.sid, code=simulator.code(CY))
        check = CheckArguments(company_id=OWN_COMPANY, to=BOB, verification_sid=started.sid, code=simulator.code(BOB))
        sms = SmsArguments(company_id=COMPANY, to=ADA, text="Your password was reset.\nCall us with questions.")

        def pending() -> object:
            return [each["sid"] for each in simulator.pending()]

        return [
            ActionCase(SEND, sms, COMPANY, lambda: [each["sid"] for each in simulator.messages()]),
            ActionCase(BEGIN, StartArguments(company_id=COMPANY, to=ADA), COMPANY, pending),
            ActionCase(CHECK, check, OWN_COMPANY, pending),
            ActionCase(CALL, StartArguments(company_id=COMPANY, to=DI), COMPANY, pending),
            ActionCase(CHECK_CALL, call, COMPANY, pending),
        ]
