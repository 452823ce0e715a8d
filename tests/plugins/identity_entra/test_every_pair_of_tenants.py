"""Whose ticket, whose plan, whose credential, whose user: where any two differ, nothing reaches the vendor."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import product

import pytest

from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.records.database import Records, url_of
from deskhand.sdk.actions import AnyAction
from deskhand.sdk.clock import utc_now
from deskhand.sdk.errors import NotFoundError
from deskhand.sdk.models import Reference, TenantContext
from deskhand.sdk.testing import SimulatorHost
from deskhand.workflow.calls import Call, Case, Mandate, RefusedError, RingName
from deskhand.workflow.gate import Gate
from deskhand.workflow.rings import Rings
from deskhand_identity_entra.account_actions import DISABLE_ACCOUNT, REVOKE_SESSIONS
from deskhand_identity_entra.connector import Entra
from deskhand_identity_entra.settings import EntraSettings
from deskhand_identity_entra.simulator import EntraSimulator, settings
from tests.plugins.identity_entra.practice import IMPATIENT

CLIENTS = ("250", "251", "252")
TENANTS = {client: f"{number:08x}-0000-4000-8000-000000000001" for number, client in enumerate(CLIENTS, start=10)}


class Passing:
    """A ring that says nothing: here it is the tenants alone that refuse."""

    def __init__(self, name: RingName) -> None:
        self.name = name

    def objection(self, _case: Case) -> str | None:
        return None


@pytest.fixture(scope="module")
def simulator() -> EntraSimulator:
    entra = EntraSimulator(clock=utc_now)
    for client, tenant in TENANTS.items():
        entra.seed_tenant(tenant, f"Client {client}", domains=[f"client{client}.example"])
    return entra


@pytest.fixture(scope="module")
def users(simulator: EntraSimulator) -> dict[str, str]:
    return {
        client: simulator.seed_user(tenant, f"User {client}", f"user@client{client}.example")
        for client, tenant in TENANTS.items()
    }


@pytest.fixture(scope="module")
def entra(simulator: EntraSimulator) -> Iterator[Entra]:
    with SimulatorHost(simulator) as host:
        opened = Entra(EntraSettings.model_validate(settings(host.url, TENANTS)), patience=IMPATIENT)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    records = Records.open(url_of(tmp_path_factory.mktemp("tenants") / "records.db"), clock=utc_now)
    rings = Rings(policy=Passing(RingName.POLICY), approval=Passing(RingName.APPROVAL), proof=Passing(RingName.PROOF))
    yield Gate(records, "gate", governing=rings)
    records.close()


def call(entra: Entra, action: AnyAction, *, ticket: str, planned: str, credential: str, user: str) -> Call:
    """Ask for something on a ticket of one client, by a plan made for another, with a third's credential and user."""
    values = {"company_id": credential, "user_id": user}
    step = PlannedStep(
        id="do",
        action=action.name,
        title=action.title,
        tier=action.tier,
        effect=action.effect,
        irreversible=action.irreversible,
        needs_proof=action.needs_proof,
        arguments={
            name: Argument(source=SourceKind.TECHNICIAN, value=value, origin="said") for name, value in values.items()
        },
    )
    plan = Plan(
        id="p-" + "0" * 16,
        ticket_id="100",
        tenant=Named(id=planned, name=f"Client {planned}"),
        requested_by="ann",
        steps=(step,),
    )
    context = TenantContext(Reference(ticket, f"Client {ticket}"), "100", requester=None, evidence=())
    verb = action.name.partition(".")[2].replace("_", "-")
    key = f"{verb}-{ticket}-{planned}-{credential}-{user[:8]}"
    return Call(action, entra, context, action.arguments(**values), key, Mandate(plan, step, "r-1", None))


def contents(simulator: EntraSimulator) -> dict[str, object]:
    return {name: deepcopy(tenant.contents.users) for name, tenant in simulator.tenants.items()}


@pytest.mark.parametrize("action", [REVOKE_SESSIONS, DISABLE_ACCOUNT], ids=lambda each: each.name)
def test_every_pair_of_unequal_tenants_is_refused_and_the_equal_ones_pass(
    action: AnyAction, entra: Entra, gate: Gate, simulator: EntraSimulator, users: dict[str, str]
) -> None:
    passed, refused = 0, 0
    for tenant in simulator.tenants.values():
        for user in tenant.contents.users.values():
            user["signInSessionsValidFromDateTime"] = "2020-01-01T00:00:00Z"  # the simulator counts whole seconds
    for ticket, planned, credential, owner in product(CLIENTS, repeat=4):
        asked = call(entra, action, ticket=ticket, planned=planned, credential=credential, user=users[owner])
        before = contents(simulator)
        try:
            gate.perform(asked)
            is_done = True
        except (RefusedError, NotFoundError):
            is_done = False
        is_one_tenant = len({ticket, planned, credential, owner}) == 1
        assert is_done is is_one_tenant, (ticket, planned, credential, owner)
        assert (contents(simulator) != before) is is_one_tenant
        passed, refused = passed + is_done, refused + (not is_done)
    assert (passed, refused) == (len(CLIENTS), len(CLIENTS) ** 4 - len(CLIENTS))


def test_a_credential_of_one_client_is_not_even_used_on_anothers_ticket(
    entra: Entra, gate: Gate, simulator: EntraSimulator, users: dict[str, str]
) -> None:
    """Refused before anything is looked at: no token is asked for, no user read."""
    before = dict(simulator.requests)
    for ticket, credential in ((a, b) for a in CLIENTS for b in CLIENTS if a != b):
        asked = call(
            entra, DISABLE_ACCOUNT, ticket=ticket, planned=ticket, credential=credential, user=users[credential]
        )
        for act in (gate.perform, gate.inspect):
            with pytest.raises(RefusedError) as raised:
                act(asked)
            assert raised.value.ring is RingName.TICKET
    assert dict(simulator.requests) == before
