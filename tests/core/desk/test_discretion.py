"""A secret of the desk, wherever it was pasted, leaves in no note, prompt, entry, row, bundle or plan."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deskhand.automation.plan import Argument, Plan, Proposal, SourceKind
from deskhand.desk.desk import Desk
from deskhand.desk.leaks import redacting, scanner_over
from deskhand.desk.refusals import DeskRefusedError
from deskhand.desk.stores import verify_records
from deskhand.governance.leaks.files import leaks_in
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.records import work
from deskhand.records.accounts import Account, Role
from deskhand.records.audit.proofs import prove
from deskhand.records.schema import explanations as explanations_table
from deskhand.sdk.testing import SimulatorHost
from deskhand.workflow.calls import RefusedError, RingName
from deskhand_psa_connectwise.simulator import PRIVATE_KEY
from tests.core.desk.msp import Msp, configure, drain
from tests.core.desk.test_canary import Prompts, sensible
from tests.core.governance.plan_examples import plan

NAME = "[connectors.psa_connectwise.private_key]"
KNOWN = LeakScanner({"key": SecretStr(PRIVATE_KEY)})
ANN = Account("ann", "Ann", frozenset({Role.TECHNICIAN}))


@pytest.fixture
def engine() -> Prompts:
    return Prompts(sensible)


@pytest.fixture
def desk(folder: Path, host: SimulatorHost, engine: Prompts) -> Iterator[Desk]:
    """A desk whose admin pasted the PSA's private key where its name belongs, as a client did into a ticket."""
    configuration = configure(folder, host, desk={"name": f"desk {PRIVATE_KEY}"})
    with Desk.open(configuration, engine=engine) as opened:
        yield opened


def test_a_pasted_secret_is_left_out_everywhere_and_the_tickets_work_is_done(
    desk: Desk, msp: Msp, engine: Prompts, folder: Path
) -> None:
    ticket = msp.ticket("Outlook asks for the password again", f"Our technician said to use {PRIVATE_KEY} here")
    why = drain(desk)[ticket]
    (note,) = msp.notes(ticket)
    assert NAME in note
    assert any(NAME[1:-1] in reason for reason in why.reasons), "the Why says that something was left out"
    assert any(NAME in prompt for prompt in engine.given), "the model was asked about the ticket"
    assert not KNOWN.find("\n".join([note, *engine.given, why.model_dump_json()]))
    desk.records.checkpoint()
    with desk.records.reading() as connection:
        assert not KNOWN.find(prove(connection, tenant=str(msp.marlow)).model_dump_json())
    assert desk.records.audit_entries(ticket=ticket)
    held = {each.where for each in leaks_in(folder / "state", KNOWN)}
    assert {where.partition(",")[0] for where in held} <= {"mirror.db", "mirror.db-wal"}, "what the client wrote itself"


def test_an_entry_and_a_row_are_written_without_it(desk: Desk) -> None:
    with desk.records.transaction("test") as transaction:
        work.enqueue(transaction, "psa", "100", "1", reason=f"a {PRIVATE_KEY}")
        transaction.put(
            explanations_table, {"ticket_id": "100"}, {"outcome": "x", "place": 1, "document": f"a {PRIVATE_KEY}"}
        )
        transaction.audit("tried", detail={"words": f"see {PRIVATE_KEY}", "list": [PRIVATE_KEY.encode().hex()]})
        row = transaction.find(explanations_table, {"ticket_id": "100"})
    enqueued, tried = desk.records.audit_entries()[-2:]
    assert not KNOWN.find(enqueued.model_dump_json())
    assert tried.detail == {"words": f"see {NAME}", "list": [NAME]}
    assert row is not None
    assert row["document"] == f"a {NAME}"
    assert verify_records(desk.configuration).ok, "what was hashed is what was written"


def test_a_call_that_carries_it_is_refused_before_the_vendor_hears_of_it(desk: Desk, msp: Msp) -> None:
    ticket = msp.ticket()
    drain(desk)
    writer, owner = desk.worker.handler.writer, desk.services.contexts.certain(ticket)
    before = dict(msp.psa.requests)
    call = writer._call("add_internal_note", owner, {"ticket_id": ticket, "text": f"it is {PRIVATE_KEY[::-1]}"}, "k-1")
    for do in (writer.gate.perform, writer.gate.inspect):
        with pytest.raises(RefusedError, match="text holds a secret of this desk") as raised:
            do(call)
        assert raised.value.ring is RingName.LEAK
        assert PRIVATE_KEY[::-1] not in str(raised.value)
    assert dict(msp.psa.requests) == before
    refused = desk.records.audit_entries(newest=1)[0]
    assert (refused.kind, refused.detail["ring"]) == ("gate.refused", "leak")


def test_a_plan_that_holds_it_is_not_kept(desk: Desk) -> None:
    whole = plan()
    words = Argument(source=SourceKind.TECHNICIAN, value=f"text {PRIVATE_KEY}", origin="the technician")
    step = whole.steps[0].model_copy(update={"arguments": {**whole.steps[0].arguments, "text": words}})
    leaky = Plan.model_validate({**whole.model_dump(), "steps": (step.model_dump(), *whole.model_dump()["steps"][1:])})
    with pytest.raises(DeskRefusedError, match="leave the secret out") as raised:
        desk.resolving.keep(ANN, Proposal(plan=leaky))
    assert PRIVATE_KEY not in str(raised.value)
    desk.resolving.begin(leaky)
    (held,) = [entry for entry in desk.records.audit_entries() if entry.kind == "automation.held_back"]
    assert "leave the secret out" in str(held.detail["reason"])


def test_what_a_run_made_for_one_person_is_looked_for_until_it_is_fetched(desk: Desk) -> None:
    handover = desk.services.runs.handover
    assert handover.scanner is not None
    redact = handover.scanner.redact
    handover.put("r-1", "reset", {"temporary_password": SecretStr("Tulip-Anchor-77")})
    assert redact("it is Tulip-Anchor-77") == "it is [temporary_password of reset in r-1]"
    assert set(handover.take("r-1", "reset")) == {"temporary_password"}
    assert redact("it is Tulip-Anchor-77") == "it is Tulip-Anchor-77"


def test_a_command_that_cannot_open_every_secret_still_knows_those_of_the_file(desk: Desk) -> None:
    with_all, configuration = redacting(desk.configuration), desk.configuration
    assert with_all(f"a {PRIVATE_KEY}") == f"a {NAME}"
    broken = configuration.model_copy(update={"connectors": {**configuration.connectors, "psa_absent": {}}})
    assert redacting(broken)("a word") == "a word"
    assert scanner_over(broken, {}).find(PRIVATE_KEY) == ()
