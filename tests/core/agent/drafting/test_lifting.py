import pytest

from deskhand.agent.drafting.lifting import LISTED, Lifting, TicketFacts
from deskhand.automation.document import Given
from deskhand.automation.plan import Argument, SourceKind


@pytest.mark.parametrize("name", sorted(LISTED))
def test_what_the_boards_list_is_the_same_for_the_next_ticket_and_is_remarked_on(name: str) -> None:
    lifting = Lifting(TicketFacts())
    argument = Argument(source=SourceKind.DIRECTORY, value="512", origin="the status of this name in the PSA")
    assert lifting.lift("status", "Set the status", name, argument, ()) == Given(constant="512")
    assert lifting.remarks == [f"status.{name} is one of this board's values: it fits tickets of this board."]


def test_another_record_of_the_client_is_asked_for() -> None:
    argument = Argument(source=SourceKind.DIRECTORY, value="512", origin="a record")
    assert Lifting(TicketFacts()).lift("tell", "Tell them", "device_id", argument, ()).kind == "prompt"
