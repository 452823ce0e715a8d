from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from deskhand.sdk.testing import ActionCase, ActionContract, SimulatorHost, TicketSystemContract, TicketWorld
from deskhand_psa_connectwise.actions import ACTIONS, NoteArguments, TimeArguments, TriageArguments
from deskhand_psa_connectwise.settings import ConnectWiseSettings
from deskhand_psa_connectwise.simulator import CLIENT_ID, PRIVATE_KEY, PUBLIC_KEY
from tests.plugins.psa_connectwise.practice import Practice, configured

ACTION = {action.name.partition(".")[2]: action for action in ACTIONS}


class TestConnectWise(TicketSystemContract, ActionContract):
    @pytest.fixture
    def settings(self, simulator_host: SimulatorHost) -> ConnectWiseSettings:
        return configured(simulator_host.url)

    @pytest.fixture
    def world(self, msp: Practice) -> TicketWorld:
        return TicketWorld(
            secrets=(PUBLIC_KEY, PRIVATE_KEY, CLIENT_ID),
            ticket=str(msp.ticket),
            missing_ticket="7",
            board=str(msp.board),
            company=str(msp.company),
            contact=str(msp.contact),
            contact_email="ada.king@ada.example",
            member=str(msp.member),
        )

    @pytest.fixture
    def action_cases(self, msp: Practice) -> Sequence[ActionCase]:
        ticket, company = str(msp.ticket), str(msp.company)

        def fields() -> object:
            stored = next(each for each in msp.simulator.tickets() if each["id"] == msp.ticket)
            return {name: value for name, value in stored.items() if name != "_info"}

        def notes() -> object:
            return msp.simulator.notes(msp.ticket)

        def work() -> object:
            return msp.simulator.time_entries(msp.ticket)

        triage = TriageArguments.model_validate(
            {
                "ticket_id": ticket,
                "type_id": msp.named("types", "Hardware", msp.board),
                "subtype_id": msp.named("subtypes", "Laptop", msp.board),
                "item_id": msp.named("items", "macOS", msp.board),
                "priority_id": msp.named("priorities", "Priority 1 - Critical"),
                "impact": "high",
            },
            strict=False,
        )
        started = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        time = TimeArguments(ticket_id=ticket, started_at=started, hours=0.5, notes="Reset the password.")
        note = NoteArguments(ticket_id=ticket, text="Seen before:\n\n- reset")
        return [
            ActionCase(ACTION["update_triage"], triage, company, fields),
            ActionCase(ACTION["add_internal_note"], note, company, notes),
            ActionCase(ACTION["add_resolution_note"], note, company, notes),
            ActionCase(ACTION["add_time_entry"], time, company, work),
        ]
