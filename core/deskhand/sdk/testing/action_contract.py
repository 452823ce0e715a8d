"""What holds for every action of every plugin."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from deskhand.sdk.actions import AnyAction, Arguments, Effect, Receipt, Tier
from deskhand.sdk.errors import UncertainError
from deskhand.sdk.roles import Connector
from deskhand.sdk.testing.binding import Contract, expected
from deskhand.sdk.testing.faults import DropAfterEffect
from deskhand.sdk.testing.host import SimulatorHost
from deskhand.sdk.testing.offers import offered_actions
from deskhand.sdk.testing.ticket_world import is_write

KEY = f"contract-{'0123456789abcdef' * 3}-{'z' * 6}"
OTHER_KEY = KEY.replace("z", "y")
SHORTEST_REASON = 20
_RECEIPT = TypeAdapter(Receipt)


@dataclass(frozen=True, slots=True)
class ActionCase:
    """One call of one action against a freshly seeded simulator, where it would change something.

    ``tenant_id`` is the owner of its target. ``state`` reads what the action changes, as the vendor holds it and
    without moments of change; two readings compare equal where nothing happened in between.
    """

    action: AnyAction
    arguments: Arguments
    tenant_id: str
    state: Callable[[], object]


class ActionContract(Contract):
    """What holds for every action of every plugin."""

    def test_every_action_of_the_plugin_has_a_case(
        self, connector: Connector, action_cases: Sequence[ActionCase]
    ) -> None:
        """What the installed plugin offers is what is held to the contract."""
        offered = {action.name for action in offered_actions(connector.name)}
        assert offered
        assert {case.action.name for case in action_cases} == offered

    def test_an_action_carries_its_papers(self, action_cases: Sequence[ActionCase]) -> None:
        """A title, a permission and the vendor's page; closed, strict arguments."""
        for action in {case.action.name: case.action for case in action_cases}.values():
            assert action.title, action.name
            assert action.permission, action.name
            assert action.documentation.startswith("https://"), action.name
            settings = action.arguments.model_config
            assert (settings.get("extra"), settings.get("strict")) == ("forbid", True), action.name
            assert (action.effect is Effect.READ) == (action.tier is Tier.READ), action.name

    def test_inspecting_changes_nothing(self, connector: Connector, action_cases: Sequence[ActionCase]) -> None:
        """The dry run names the owner and the difference, and says the same again."""
        for case in action_cases:
            before = case.state()
            inspection = case.action.inspect(connector, case.arguments)
            assert case.action.inspect(connector, case.arguments) == inspection, case.action.name
            assert case.state() == before, case.action.name
            assert inspection.tenant_id == case.tenant_id, case.action.name
            assert all(change.current != change.desired for change in inspection.changes), case.action.name
            if case.action.effect is not Effect.READ:
                assert inspection.changes, case.action.name

    def test_applying_can_be_verified(self, connector: Connector, action_cases: Sequence[ActionCase]) -> None:
        """The change is there, the receipt is fit for the record, and a read-only action changed nothing."""
        for case in action_cases:
            before = case.state()
            receipt = case.action.apply(connector, case.arguments, KEY)
            assert receipt.reference, case.action.name
            json.dumps(dict(receipt.detail))
            recorded = f"{receipt!r}{_RECEIPT.dump_json(receipt).decode()}"
            assert not any(each.get_secret_value() in recorded for each in receipt.secrets.values()), case.action.name
            assert case.action.verify(connector, case.arguments, receipt) is True, case.action.name
            assert (case.state() == before) == (case.action.effect is Effect.READ), case.action.name

    def test_an_idempotent_action_may_be_repeated(
        self, connector: Connector, action_cases: Sequence[ActionCase]
    ) -> None:
        """The second time finds nothing to change and changes nothing."""
        for case in _with(action_cases, Effect.IDEMPOTENT):
            case.action.apply(connector, case.arguments, KEY)
            after = case.state()
            assert case.action.inspect(connector, case.arguments).changes == (), case.action.name
            receipt = case.action.apply(connector, case.arguments, KEY)
            assert case.state() == after, case.action.name
            assert case.action.verify(connector, case.arguments, receipt) is True, case.action.name

    def test_a_probe_finds_what_a_lost_answer_did(
        self, connector: Connector, simulator_host: SimulatorHost, action_cases: Sequence[ActionCase]
    ) -> None:
        """An effect whose answer was lost is found again by its key, and by no other."""
        for case in _with(action_cases, Effect.ONCE):
            if case.action.probe is None:
                continue
            assert case.action.probe(connector, case.arguments, KEY) is None, case.action.name
            simulator_host.faults.schedule(DropAfterEffect(), matching=is_write)
            with expected(UncertainError):
                case.action.apply(connector, case.arguments, KEY)
            assert case.action.probe(connector, case.arguments, OTHER_KEY) is None, case.action.name
            receipt = case.action.probe(connector, case.arguments, KEY)
            assert receipt is not None, case.action.name
            assert case.action.verify(connector, case.arguments, receipt) is True, case.action.name

    def test_undoing_restores_what_was_captured(self, connector: Connector, action_cases: Sequence[ActionCase]) -> None:
        """The prior state survives the record (as JSON), is restored, and verification notices."""
        for case in action_cases:
            if case.action.undo is None:
                continue
            before = case.state()
            inspection = case.action.inspect(connector, case.arguments)
            receipt = case.action.apply(connector, case.arguments, KEY)
            prior_state = json.loads(json.dumps(dict(inspection.prior_state)))
            case.action.undo(connector, case.arguments, prior_state, receipt)
            assert case.state() == before, case.action.name
            assert case.action.verify(connector, case.arguments, receipt) is False, case.action.name

    def test_what_cannot_be_undone_says_why(self, action_cases: Sequence[ActionCase]) -> None:
        """A sentence for the person who approves it."""
        for action in (case.action for case in action_cases):
            if action.irreversible is not None:
                assert len(action.irreversible) >= SHORTEST_REASON, action.name


def _with(cases: Sequence[ActionCase], effect: Effect) -> list[ActionCase]:
    return [case for case in cases if case.action.effect is effect]
