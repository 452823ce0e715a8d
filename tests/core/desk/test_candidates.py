"""What recurs is ranked by what each client's policy allows."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.desk.candidates import FRESH_FOR, Candidates, doables_of
from deskhand.desk.policies import Policies
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance.permission import LivePermissions
from deskhand.governance.policy import ClientPolicy
from deskhand.mirror.mirror import Mirror
from deskhand.records import grants
from deskhand.records.database import Records, url_of
from deskhand.records.documents import Handling
from deskhand.records.grants import Grant, Mode
from deskhand.sdk.clock import utc_now
from deskhand.sdk.models import Company, Note, NoteKind, Reference, Ticket
from deskhand_identity_entra.actions import ACTIONS as ENTRA
from deskhand_psa_connectwise.actions import ACTIONS as CONNECTWISE
from tests.core.desk.msp import START, Hurry, quick_folder

CLIENTS = {"1": "Marlow & Tern", "2": "Babbage Ltd"}
REVOKE = "identity_entra.revoke_sessions"


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def seeking(folder: Path) -> Iterator[Candidates]:
    records = Records.open(url_of(folder / "records.db"), clock=utc_now)
    mirror = Mirror.open(folder / "mirror.db")
    mirror.save_companies([Company(number, name, name[:6].upper()) for number, name in CLIENTS.items()])
    for number in range(12):
        close(mirror, f"s{number}", "Strange sign-in from abroad", "Revoked all sessions.", client="12"[number % 2])
        close(mirror, f"t{number}", "Toner empty in the printer", "Replaced the toner.", client="1")
    policies = Policies(ClientPolicy(), {}, mirror)
    yield Candidates(mirror, policies, LivePermissions(records), doables_of((*ENTRA, *CONNECTWISE)), utc_now)
    mirror.close()
    records.close()


def close(mirror: Mirror, number: str, summary: str, fix: str, *, client: str) -> None:
    at = START - timedelta(days=int(number[1:]))
    owner, board, status = Reference(client, CLIENTS[client]), Reference("1", "Help Desk"), Reference("9", "Closed")
    facts = {"company": owner, "closed_at": at, "hours_worked": 0.5}
    ticket = Ticket(number, "1", summary, board, status, is_closed=True, created_at=at, updated_at=at, **facts)  # type: ignore[arg-type]  # a test's shorthand
    mirror.save_tickets([ticket])
    mirror.save_notes(number, [Note(f"n{number}", number, fix, NoteKind.RESOLUTION, at)])


def test_what_deskhand_can_do_comes_first_with_the_tickets_behind_it(seeking: Candidates) -> None:
    first, second = seeking.ranked()
    assert set(first.pattern.tickets) == {f"s{number}" for number in range(12)}
    assert [each.action.action for each in first.steps] == [REVOKE]
    assert first.minutes == 30
    assert second.score == 0
    assert first.pattern.clients == {"1": 6, "2": 6}


def test_of_one_client_only_its_tickets_count(seeking: Candidates) -> None:
    first = seeking.ranked(client="2")[0]
    assert first.pattern.clients == {"2": 6}
    with pytest.raises(DeskRefusedError, match="the PSA has no company 77"):
        seeking.ranked(client="77")
    assert len(seeking.ranked(1)) == 1


def test_what_recurs_is_looked_for_once_an_hour(seeking: Candidates) -> None:
    hurry = Hurry()
    watched = Candidates(seeking.mirror, seeking.policies, seeking.permissions, seeking.doables, hurry)
    assert len(watched.ranked()) == 2
    for number in range(6):
        close(seeking.mirror, f"v{number}", "VPN drops at home", "Updated it.", client="1")
    assert len(watched.ranked()) == 2
    hurry.offset += FRESH_FOR + timedelta(seconds=1)
    assert len(watched.ranked()) == 3


def test_a_client_that_leaves_an_action_off_earns_nothing_with_it(seeking: Candidates) -> None:
    before = seeking.ranked()[0].score
    rows = (Grant(tenant_id="2", subject=f"action:{REVOKE}", mode=Mode.OFF),)
    with seeking.permissions.records.transaction("admin") as transaction:
        version = grants.propose(transaction, rows, author="admin")
        grants.approve(transaction, version.version, by="other")
    first = seeking.ranked()[0]
    assert first.forbidden == {"2": (REVOKE,)}
    assert first.score == pytest.approx(before / 2)


def test_a_client_whose_tickets_are_left_alone_earns_nothing(seeking: Candidates) -> None:
    before = seeking.ranked()[0].score
    off = Policies(ClientPolicy(), {"2": ClientPolicy(handling=Handling.OFF)}, seeking.mirror)
    first = Candidates(seeking.mirror, off, seeking.permissions, seeking.doables, utc_now).ranked()[0]
    assert first.score == pytest.approx(before / 2)
