"""Keys that are wrong, or refused from one moment on: said so, and no ticket is taken for deleted because of it."""

import pytest
from structlog.testing import capture_logs

from deskhand.records.documents import FieldName, Why
from deskhand.sdk.testing.faults import ExpiredToken, Fault, ServerError
from tests.journeys.office import (
    PATIENCE,
    PLUGIN,
    Listener,
    Office,
    is_api,
    is_check,
    is_note,
    is_update,
    light,
    running,
    wait_until,
)

ON_PREMISES = pytest.param(False, "check company_id, public_key, private_key and client_id", id="on premises: 401")
IN_THE_CLOUD = pytest.param(True, "in the cloud, refused keys can look like this too", id="in the cloud: 404")


@pytest.mark.parametrize(("is_cloud", "advice"), [ON_PREMISES, IN_THE_CLOUD])
def test_wrong_keys_are_told_and_the_corrected_ones_finish_the_work(
    office: Office, advice: str, *, is_cloud: bool
) -> None:
    office.simulator.is_cloud = is_cloud
    right = office.sections["connectors"][PLUGIN]
    with (
        capture_logs() as log,
        office.desk(connectors={PLUGIN: {**right, "private_key": "mistyped"}}) as desk,
        running(desk, drain=True),
    ):
        wait_until(lambda: advice in light(desk, "psa").detail, "the health document says what to check")
        assert "mistyped" not in desk.health().model_dump_json()
    assert any(advice in line.get("reason", "") for line in log)
    assert not any("mistyped" in str(line) for line in log)
    assert not any(office.desk_notes(ticket) for ticket in office.tickets)
    office.work(connectors={PLUGIN: right})
    office.assert_nothing_lost()


REFUSALS = [
    pytest.param(False, ExpiredToken(), id="on premises: 401"),
    pytest.param(True, ServerError(404), id="in the cloud: 404"),
]


@pytest.mark.parametrize(("is_cloud", "refusal"), REFUSALS)
def test_keys_refused_from_one_moment_on_leave_every_ticket_where_it_was(
    office: Office, refusal: Fault, *, is_cloud: bool
) -> None:
    def revoke(_why: Why) -> None:
        if len(listener.handled_tickets) == 1:
            office.host.faults.schedule(refusal, times=10_000, matching=is_api)

    office.simulator.is_cloud = is_cloud
    listener = Listener(revoke)
    with office.desk() as desk, running(desk, listener, drain=True) as thread:
        wait_until(lambda: not light(desk, "psa").is_well, "the health document tells")
        assert "check" in light(desk, "psa").detail
        assert "private_key" in light(desk, "psa").detail
        assert len(listener.handled_tickets) == 1
        office.host.faults.clear()
        thread.join(PATIENCE)
    office.assert_nothing_lost()


@pytest.mark.parametrize(("is_cloud", "refusal"), REFUSALS)
def test_keys_refused_just_when_a_note_is_written_cost_no_note(
    office: Office, refusal: Fault, *, is_cloud: bool
) -> None:
    office.simulator.is_cloud = is_cloud
    office.host.faults.schedule(refusal, times=1, matching=is_note)
    with office.desk() as desk, running(desk, drain=True) as thread:
        thread.join(PATIENCE)
        assert light(desk, "psa").is_well
    office.assert_nothing_lost()


@pytest.mark.parametrize(("is_cloud", "refusal"), REFUSALS)
def test_keys_refused_just_when_fields_are_set_do_not_make_them_a_mere_suggestion(
    office: Office, refusal: Fault, *, is_cloud: bool
) -> None:
    office.simulator.is_cloud = is_cloud
    for place in (is_update, is_check):
        office.host.faults.schedule(refusal, matching=place)
    office.work()
    office.host.faults.clear()
    assert all(FieldName.TYPE in why.applied for why in office.explanations().values())
    office.assert_nothing_lost()


def test_keys_refused_while_history_is_read_do_not_make_it_history_without_notes(office: Office) -> None:
    office.simulator.is_cloud = True
    created = office.simulator.state.clock()
    closed = office.new_ticket(
        "The scanner was out of paper",
        created=created,
        closed=created,
        notes=[{"text": "Filled up the tray.", "kind": "resolution"}],
    )
    office.host.faults.schedule(ServerError(404), times=3, matching=lambda request: "allNotes" in request.path)
    office.host.faults.schedule(ServerError(404), times=8, matching=is_check)
    with office.desk() as desk, running(desk, drain=True) as thread:
        thread.join(PATIENCE)
        assert [note.text for note in desk.mirror.notes(closed)] == ["Filled up the tray."]
    office.assert_nothing_lost()
