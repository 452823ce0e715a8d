"""A contract that cannot fail, or can be left, is none: each way out is closed, each mistake is caught."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import JsonValue, SecretStr

from deskhand.sdk.actions import AnyAction, Receipt
from deskhand.sdk.errors import ConnectorError, NotFoundError, UncertainError
from deskhand.sdk.hooks import ConnectorOffer
from deskhand.sdk.models import (
    NewTicket,
    Note,
    NoteKind,
    Person,
    Priority,
    Reference,
    Taxonomy,
    Ticket,
    TicketPage,
    TicketUpdate,
    TimeEntry,
)
from deskhand.sdk.secrets import SecretSealedError
from deskhand.sdk.testing import (
    ActionContract,
    BindingError,
    ConnectorContract,
    SimulatorHost,
    TicketSystemContract,
    World,
    offers,
)
from tests.core.sdk.example_connector import ADD_NOTE, SET_PRIORITY, ExampleConnector, ExampleSettings
from tests.core.sdk.example_vendor import CREDENTIAL, ExampleSimulator
from tests.core.sdk.test_contract_of_the_example import ENTRY, WORLD, cases

TEST = "test_a_missing_ticket_is_not_found"


# Ways out of a contract


def mine(self: object) -> None:
    del self


def test_a_test_of_the_contract_cannot_be_replaced() -> None:
    with pytest.raises(BindingError, match=TEST):
        type("TestMine", (TicketSystemContract,), {TEST: mine})


def test_a_test_of_the_contract_cannot_be_set_to_none() -> None:
    with pytest.raises(BindingError, match=TEST):
        type("TestMine", (TicketSystemContract,), {TEST: None})


def test_a_test_of_the_contract_cannot_be_shadowed_by_a_mixin() -> None:
    mixin = type("Mixin", (), {TEST: None})
    with pytest.raises(BindingError, match=TEST):
        type("TestMine", (mixin, TicketSystemContract), {})


def test_a_test_of_the_contract_cannot_be_replaced_at_second_hand() -> None:
    parent = type("Parent", (TicketSystemContract,), {})
    with pytest.raises(BindingError, match=TEST):
        type("TestMine", (parent,), {TEST: mine})


@pytest.mark.parametrize("value", [None, mine])
def test_a_test_of_the_contract_cannot_be_replaced_afterwards(value: object) -> None:
    bound = type("TestMine", (TicketSystemContract,), {})
    for target in (bound, TicketSystemContract):
        with pytest.raises(BindingError, match="cannot be replaced"):
            setattr(target, TEST, value)


def test_a_test_of_the_contract_cannot_be_deleted() -> None:
    for target in (type("TestMine", (TicketSystemContract,), {}), *TicketSystemContract.__mro__[:2]):
        with pytest.raises(BindingError, match="cannot be removed"):
            delattr(target, TEST)


def test_a_class_cannot_hide_from_its_contract() -> None:
    with pytest.raises(BindingError, match="hide"):
        type("TestMine", (ConnectorContract,), {"__test__": False})
    bound = type("TestMine", (ConnectorContract,), {})
    with pytest.raises(BindingError, match="hide"):
        bound.__test__ = False  # type: ignore[attr-defined]  # what pytest looks for


@pytest.mark.parametrize("mark", [pytest.mark.skip, pytest.mark.skipif("1", reason="busy"), pytest.mark.xfail])
def test_a_class_cannot_be_excused(mark: pytest.MarkDecorator) -> None:
    with pytest.raises(BindingError, match="excused"):
        mark(type("TestMine", (ConnectorContract,), {}))
    with pytest.raises(BindingError, match="excused"):
        type("TestMine", (ConnectorContract,), {"pytestmark": [mark]})


def test_other_marks_and_tests_of_ones_own_are_welcome() -> None:
    marked = pytest.mark.usefixtures("tmp_path")(type("TestMine", (ConnectorContract,), {"test_of_my_own": mine}))
    assert "pytestmark" in vars(marked)


@pytest.mark.parametrize("mark", ["skip", "skipif", "xfail"])
def test_a_mark_on_a_single_test_is_found_when_the_suite_runs(mark: str) -> None:
    bound = type("TestMine", (ConnectorContract,), {"test_of_my_own": mine})

    def item(name: str, *marks: str) -> object:
        found = [SimpleNamespace(name=each) for each in marks]
        return SimpleNamespace(cls=bound, originalname=name, nodeid=name, iter_markers=lambda: found)

    def suite(*items: object) -> pytest.FixtureRequest:
        return SimpleNamespace(session=SimpleNamespace(items=items))  # type: ignore[return-value]  # all it looks at

    check = ConnectorContract().test_no_part_of_the_contract_is_excused
    check(suite(item("test_is_named_kind_and_vendor", "usefixtures"), item("test_of_my_own", mark)))
    with pytest.raises(AssertionError, match="test_an_outage_is_temporary is excused"):
        check(suite(item("test_is_named_kind_and_vendor"), item("test_an_outage_is_temporary", mark)))


# Mistakes of connectors


class Forgetful(ExampleConnector):
    """Makes up a ticket where there is none."""

    def ticket(self, ticket_id: str) -> Ticket:
        try:
            return super().ticket(ticket_id)
        except NotFoundError:
            return replace(super().ticket("1"), id=ticket_id)


class Confused(ExampleConnector):
    """Reads another ticket."""

    def ticket(self, ticket_id: str) -> Ticket:
        del ticket_id
        return super().ticket("1")


class Trusting(ExampleConnector):
    """Takes whatever it is given for an identifier."""

    def ticket(self, ticket_id: str) -> Ticket:
        return super().ticket("".join(each for each in ticket_id if each.isalnum()) or "1")


class Impatient(ExampleConnector):
    """Reads one page only."""

    def tickets_since(self, since: datetime | None, after: str | None = None) -> TicketPage:
        return replace(super().tickets_since(since, after), next_after=None)


class Repetitive(ExampleConnector):
    """Gives the last ticket of a page again on the next one."""

    def tickets_since(self, since: datetime | None, after: str | None = None) -> TicketPage:
        return super().tickets_since(since, str(int(after) - 1) if after else None)


class Timeless(ExampleConnector):
    """Does not filter by time."""

    def tickets_since(self, since: datetime | None, after: str | None = None) -> TicketPage:
        del since
        return super().tickets_since(None, after)


class Backwards(ExampleConnector):
    """Lists notes newest first."""

    def notes(self, ticket_id: str) -> tuple[Note, ...]:
        return super().notes(ticket_id)[::-1]


class Constant(ExampleConnector):
    """Gives every state of a ticket the same version."""

    def ticket(self, ticket_id: str) -> Ticket:
        return replace(super().ticket(ticket_id), version="1")

    def update_ticket(self, ticket_id: str, update: TicketUpdate) -> Ticket:
        return replace(super().update_ticket(ticket_id, update), version="1")


class Indiscreet(ExampleConnector):
    """Writes what was meant for technicians where the customer reads it."""

    def add_note(self, ticket_id: str, text: str, kind: NoteKind) -> Note:
        return super().add_note(ticket_id, text, NoteKind.DISCUSSION if kind is NoteKind.INTERNAL else kind)


class Sanitising(ExampleConnector):
    """Changes the words of a note."""

    def add_note(self, ticket_id: str, text: str, kind: NoteKind) -> Note:
        return super().add_note(ticket_id, text.replace("<", ""), kind)


class Insistent(ExampleConnector):
    """Sends a note again when the answer was lost."""

    def add_note(self, ticket_id: str, text: str, kind: NoteKind) -> Note:
        try:
            return super().add_note(ticket_id, text, kind)
        except UncertainError:
            return super().add_note(ticket_id, text, kind)


class Insouciant(ExampleConnector):
    """Opens a ticket again and bills work again when the answer was lost."""

    def create_ticket(self, ticket: NewTicket) -> Ticket:
        try:
            return super().create_ticket(ticket)
        except UncertainError:
            super().create_ticket(ticket)
            raise

    def add_time_entry(self, entry: TimeEntry) -> TimeEntry:
        try:
            return super().add_time_entry(entry)
        except UncertainError:
            super().add_time_entry(entry)
            raise


class Overwriting(ExampleConnector):
    """Blanks the fields an update does not name."""

    def update_ticket(self, ticket_id: str, update: TicketUpdate) -> Ticket:
        fields: dict[str, str] = {"summary": "", "priority": update.priority_id or "low"}
        self.client.send("PATCH", f"/tickets/{ticket_id}", json=fields, idempotent=True)
        return self.ticket(ticket_id)


class CaseSensitive(ExampleConnector):
    """Looks an address up as it is written."""

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        return tuple(person for person in self.people() if address in person.emails)


class Wild(ExampleConnector):
    """Matches any part of an address."""

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        part = address.strip('*%"').lower()
        return tuple(person for person in self.people() if any(part in each for each in person.emails))


class Muddled(ExampleConnector):
    """Lists priorities in no order, and subtypes of types there are not."""

    def priorities(self) -> tuple[Priority, ...]:
        return super().priorities()[::-1]

    def taxonomy(self, board_id: str) -> Taxonomy:
        taxonomy = super().taxonomy(board_id)
        return replace(taxonomy, types=taxonomy.types[:1])


class Absent(ExampleConnector):
    """Takes an unknown board for an empty one."""

    def taxonomy(self, board_id: str) -> Taxonomy:
        try:
            return super().taxonomy(board_id)
        except NotFoundError:
            return Taxonomy(Reference(board_id, ""), (), (), (), ())


class Gullible(ExampleConnector):
    """Makes a ticket of anything."""

    def ticket(self, ticket_id: str) -> Ticket:
        try:
            return super().ticket(ticket_id)
        except ConnectorError:
            board, status, now = Reference("b1", "b1"), Reference("new", "new"), datetime.now(UTC)
            return Ticket(ticket_id, "1", "?", board, status, is_closed=False, created_at=now, updated_at=now)


class Shy(ExampleConnector):
    """Takes a refused credential for an outage, and proves nothing."""

    def check(self) -> str:
        return "Connected"


class Talkative(ExampleConnector):
    """Tells its credential when something goes wrong."""

    def check(self) -> str:
        try:
            return super().check()
        except ConnectorError as error:
            raise type(error)(f"{CREDENTIAL} was refused", **vars(error)) from None


class Nameless(ExampleConnector):
    name = "Example"


class Stingy(ExampleConnector):
    """Rounds work down to whole hours."""

    def add_time_entry(self, entry: TimeEntry) -> TimeEntry:
        return super().add_time_entry(replace(entry, hours=float(int(entry.hours))))


MISTAKES: list[tuple[type[ExampleConnector], str]] = [
    (Forgetful, TEST),
    (Forgetful, "test_an_identifier_cannot_reach_another_record"),
    (Confused, "test_reads_the_ticket_it_was_asked_for"),
    (Trusting, "test_an_identifier_cannot_reach_another_record"),
    (Impatient, "test_pages_go_forward_without_loss_or_repetition"),
    (Repetitive, "test_pages_go_forward_without_loss_or_repetition"),
    (Timeless, "test_since_leaves_out_what_is_older_and_nothing_else"),
    (Timeless, "test_since_the_future_there_is_nothing"),
    (Backwards, "test_notes_are_listed_oldest_first"),
    (Constant, "test_an_update_replaces_what_it_names_and_nothing_else"),
    (Constant, "test_a_change_shows_in_the_listing"),
    (Constant, "test_the_listing_shows_tickets_as_they_are"),
    (Indiscreet, "test_a_note_is_read_back_as_written"),
    (Sanitising, "test_a_note_is_read_back_as_written"),
    (Insistent, "test_a_lost_answer_to_a_note_is_uncertain_and_the_note_is_there_once"),
    (Insistent, "test_an_unclear_answer_to_a_note_is_uncertain"),
    (Insouciant, "test_a_lost_answer_to_a_new_ticket_is_uncertain_and_the_ticket_is_there_once"),
    (Insouciant, "test_a_lost_answer_to_work_is_uncertain_and_the_work_is_there_once"),
    (Overwriting, "test_an_update_replaces_what_it_names_and_nothing_else"),
    (Overwriting, "test_an_empty_update_changes_nothing"),
    (Overwriting, "test_a_listed_combination_can_be_written"),
    (Overwriting, "test_a_value_the_board_does_not_list_is_refused"),
    (CaseSensitive, "test_people_are_found_by_address_whatever_its_case"),
    (Wild, "test_an_address_is_no_pattern"),
    (Muddled, "test_priorities_come_most_pressing_first"),
    (Muddled, "test_a_taxonomy_agrees_with_itself"),
    (Absent, "test_a_missing_board_has_no_taxonomy"),
    (Gullible, "test_what_is_not_an_answer_never_becomes_a_ticket"),
    (Gullible, "test_an_expired_credential_is_no_outage"),
    (Shy, "test_proves_address_and_credential_in_one_line"),
    (Shy, "test_an_expired_credential_asks_for_a_person"),
    (Shy, "test_an_outage_is_temporary"),
    (Talkative, "test_no_error_tells_a_secret"),
    (Nameless, "test_is_named_kind_and_vendor"),
    (Stingy, "test_work_is_read_back_as_recorded"),
]


@pytest.mark.parametrize(("kind", "name"), MISTAKES, ids=lambda each: getattr(each, "__name__", each))
def test_the_contract_catches_a_connector_that_is(kind: type[ExampleConnector], name: str) -> None:
    with SimulatorHost(ExampleSimulator()) as host:
        connector = kind(host.url, CREDENTIAL)
        supplied = {"connector": connector, "simulator_host": host, "world": WORLD}
        test = getattr(TicketSystemContract(), name)
        wanted = test.__code__.co_varnames[1 : test.__code__.co_argcount]
        with pytest.raises((AssertionError, ConnectorError)):
            test(**{each: supplied[each] for each in wanted})
        connector.close()


def test_the_contract_insists_on_secrets_to_look_for() -> None:
    with SimulatorHost(ExampleSimulator()) as host:
        connector = ExampleConnector(host.url, CREDENTIAL)
        with pytest.raises(AssertionError, match=r"world\.secrets"):
            ConnectorContract().test_no_error_tells_a_secret(connector, host, World(secrets=("",)))
        connector.close()


class Hasty(ExampleConnector):
    """Opens its secret to connect."""

    def __init__(self, url: str, token: str | SecretStr) -> None:
        super().__init__(url, token.get_secret_value() if isinstance(token, SecretStr) else token)


class Early(ExampleConnector):
    """Opens its secret before anybody let the request go."""

    def __init__(self, url: str, token: str | SecretStr) -> None:
        super().__init__(url, token)
        self.token = token

    def check(self) -> str:
        assert len(self.token)
        return super().check()


class Knowing(ExampleConnector):
    """Signs in with what is not in its settings."""

    def __init__(self, url: str, token: str | SecretStr) -> None:
        del token
        super().__init__(url, CREDENTIAL)


@pytest.mark.parametrize(
    ("kind", "error"),
    [(Hasty, SecretSealedError), (Early, SecretSealedError), (Knowing, AssertionError), (ExampleConnector, None)],
)
def test_the_contract_catches_a_secret_that_is_not_opened_for_a_request(
    kind: type[ExampleConnector], error: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(settings: ExampleSettings) -> ExampleConnector:
        return kind(settings.url, settings.token)

    module = SimpleNamespace(__name__="tests.x", offer_connector=lambda: ConnectorOffer(ExampleSettings, connect))
    monkeypatch.setattr(offers, "entry_points", lambda **_: [SimpleNamespace(load=lambda: module)])
    with SimulatorHost(ExampleSimulator()) as host, nullcontext() if error is None else pytest.raises(error):
        settings = ExampleSettings(url=host.url, token=SecretStr(CREDENTIAL))
        ConnectorContract().test_a_secret_is_opened_for_a_request_that_was_let_go_alone(
            kind(host.url, CREDENTIAL), host, settings
        )


# Mistakes of actions


def writes(connector: ExampleConnector, *_: object) -> None:
    connector.add_note("3", "oops", NoteKind.INTERNAL)


def inspect_and_write(connector: ExampleConnector, call: object) -> object:
    writes(connector)
    return ADD_NOTE.inspect(connector, call)  # type: ignore[arg-type]  # the example's own call


def undo_nothing(_connector: object, _call: object, _prior: Mapping[str, JsonValue], _receipt: object) -> None:
    return None


A_SECRET = {"code": SecretStr("TAP-4711")}
ACTION_MISTAKES: list[tuple[str, AnyAction, dict[str, object]]] = [
    ("test_inspecting_changes_nothing", ADD_NOTE, {"inspect": inspect_and_write}),
    ("test_applying_can_be_verified", ADD_NOTE, {"verify": lambda *_: False}),
    (
        "test_applying_can_be_verified",
        SET_PRIORITY,
        {"apply": lambda _c, _a, key: Receipt(key)},
    ),
    (
        "test_applying_can_be_verified",
        SET_PRIORITY,
        {
            "apply": lambda c, a, key: replace(
                SET_PRIORITY.apply(c, a, key), detail={"code": "TAP-4711"}, secrets=A_SECRET
            )
        },
    ),
    ("test_a_probe_finds_what_a_lost_answer_did", ADD_NOTE, {"probe": lambda *_: None}),
    (
        "test_a_probe_finds_what_a_lost_answer_did",
        ADD_NOTE,
        {"probe": lambda *_: SimpleNamespace(reference="n1")},
    ),
    ("test_undoing_restores_what_was_captured", SET_PRIORITY, {"undo": undo_nothing}),
    ("test_undoing_restores_what_was_captured", SET_PRIORITY, {"verify": lambda *_: True}),
    ("test_what_cannot_be_undone_says_why", ADD_NOTE, {"irreversible": "no"}),
    ("test_an_action_carries_its_papers", ADD_NOTE, {"documentation": "ask Bob"}),
    ("test_an_action_carries_its_papers", ADD_NOTE, {"permission": ""}),
]


@pytest.mark.parametrize(("name", "action", "flaw"), ACTION_MISTAKES)
def test_the_contract_catches_an_action(name: str, action: AnyAction, flaw: dict[str, object]) -> None:
    with SimulatorHost(ExampleSimulator()) as host:
        connector = ExampleConnector(host.url, CREDENTIAL)
        assert isinstance(host.simulator, ExampleSimulator)
        flawed = replace(action, **flaw)  # type: ignore[arg-type]  # its flaws are of any type
        flawed_cases = [
            replace(case, action=flawed) for case in cases(connector, host.simulator) if case.action is action
        ]
        supplied = {"connector": connector, "simulator_host": host, "action_cases": flawed_cases}
        test = getattr(ActionContract(), name)
        wanted = test.__code__.co_varnames[1 : test.__code__.co_argcount]
        with pytest.raises((AssertionError, ConnectorError)):
            test(**{each: supplied[each] for each in wanted})
        connector.close()


def test_an_action_without_a_case_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = ExampleConnector("http://127.0.0.1:1", CREDENTIAL)
    monkeypatch.setattr(offers, "entry_points", lambda **_: [ENTRY])
    with pytest.raises(AssertionError):
        ActionContract().test_every_action_of_the_plugin_has_a_case(installed, ())
