from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskhand.records.database import Records, url_of
from deskhand.sdk.actions import AnyAction, Arguments
from deskhand.sdk.models import Reference, TenantContext
from deskhand.workflow.gate import Call, Gate
from tests.core.workflow.vendor import TENANT, Board, Notice, notice_action

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MakeCall = Callable[..., Call]


class SteppingClock:
    """A second passes with every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def context(tenant: str = TENANT, ticket: str = "1") -> TenantContext:
    return TenantContext(Reference(tenant, f"Client {tenant}"), ticket, requester=None, evidence=())


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(url_of(tmp_path / "records.db"), clock=SteppingClock())
    yield opened
    opened.close()


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def gate(records: Records) -> Gate:
    return Gate(records, "gate")


@pytest.fixture
def call(board: Board) -> MakeCall:
    """Make a call on the board; what is not said is as it should be."""

    def make(
        text: str = "Hello",
        *,
        tenant: str = TENANT,
        ticket: str = "1",
        about: str = "1",
        key: str = "key-1",
        action: AnyAction | None = None,
        arguments: Arguments | None = None,
    ) -> Call:
        return Call(
            action=action or notice_action(),
            connector=board,
            context=context(tenant, ticket),
            arguments=arguments or Notice(ticket_id=about, text=text),
            key=key,
        )

    return make


def kinds(records: Records) -> list[str]:
    """What stands on the record, oldest first."""
    return [entry.kind for entry in records.audit_entries()]
