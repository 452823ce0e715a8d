import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse
from deskhand_psa_connectwise.simulator import (
    CLIENT_ID,
    COMPANY_ID,
    PRIVATE_KEY,
    PUBLIC_KEY,
    ConnectWiseSimulator,
    settings,
)
from tests.plugins.psa_connectwise.practice import START, Practice, TickingClock, practice

ROOT = "/v2025_1/apis/3.0"
NONE: Mapping[str, str] = {}
FORWARD_ONLY = {"pagination-type": "forward-only"}


@dataclass
class Caller:
    """Asks a simulator without a socket."""

    simulator: ConnectWiseSimulator
    headers: dict[str, str] = field(
        default_factory=lambda: {
            "authorization": _basic(f"{COMPANY_ID}+{PUBLIC_KEY}:{PRIVATE_KEY}"),
            "clientid": CLIENT_ID,
            "content-type": "application/json",
        }
    )

    def __call__(
        self, method: str, target: str, body: object = None, *, raw: bytes = b"", headers: Mapping[str, str] = NONE
    ) -> SimulatedResponse:
        path, _, query = target.partition("?")
        return self.simulator.handle(
            SimulatedRequest(
                method=method,
                path=path if path.startswith("/login") else ROOT + path,
                query={name: (value,) for name, value in parse_qsl(query)},
                headers={**self.headers, **headers},
                body=raw if body is None else json.dumps(body).encode(),
            )
        )


def _basic(credential: str) -> str:
    return "Basic " + base64.b64encode(credential.encode()).decode()


def told(response: SimulatedResponse) -> Any:  # noqa: ANN401  # any JSON
    return json.loads(response.body)


@pytest.fixture
def ask(msp: Practice) -> Caller:
    return Caller(msp.simulator)


def test_an_unknown_company_is_null_and_no_error(ask: Caller) -> None:
    answer = ask("GET", "/login/companyinfo/nobody")
    assert (answer.status, told(answer)) == (200, None)


def test_company_information_is_spelled_as_the_vendor_spells_it(ask: Caller) -> None:
    information = told(ask("GET", "/login/companyinfo/REHEARSAL"))
    assert (information["Codebase"], information["IsCloud"]) == ("v2025_1/", "False")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": _basic("rehearsal+x:y")}, 401),
        ({"authorization": ""}, 401),
        ({"clientid": ""}, 401),
        ({"accept": "application/vnd.connectwise.com+json; version=2019.1"}, 406),
        ({"accept": "application/vnd.connectwise.com+json; version=2025.1"}, 200),
        ({"accept": "*/*"}, 200),
    ],
)
def test_who_asks_and_in_which_version_is_checked_at_the_door(
    ask: Caller, headers: dict[str, str], status: int
) -> None:
    assert ask("GET", "/system/info", headers=headers).status == status


def test_in_the_cloud_refused_keys_look_like_nothing_there(ask: Caller) -> None:
    ask.simulator.is_cloud = True
    assert ask("GET", "/system/info", headers={"authorization": ""}).status == 404


def test_another_codebase_is_not_there(ask: Caller) -> None:
    ask.simulator.codebase = "v2026_1/"
    assert ask("GET", "/system/info").status == 404


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "fault"),
    [
        ("POST", "/service/tickets", {}, 400, "MissingRequiredField summary"),
        ("POST", "/service/tickets", {"summary": "x"}, 400, "MissingRequiredField company"),
        ("POST", "/service/tickets", {"summary": "x" * 101, "company": {"id": 20}}, 400, "StringTooLong summary"),
        ("POST", "/service/tickets", {"summary": "x", "company": {"id": 99}}, 400, "ObjectNotFound company"),
        ("POST", "/service/tickets", {"summary": "x", "company": 20}, 400, "ObjectNotFound company"),
        ("POST", "/service/tickets", {"summary": 5, "company": {"id": 20}}, 400, "MissingRequiredField summary"),
        ("POST", "/service/tickets", [], 400, None),
        ("POST", "/service/tickets/{ticket}/notes", {"text": "x"}, 400, "MissingRequiredField detailDescriptionFlag"),
        ("POST", "/service/tickets/{ticket}/notes", {"internalAnalysisFlag": True}, 400, "MissingRequiredField text"),
        ("POST", "/service/tickets/7/notes", {"text": "x", "internalAnalysisFlag": True}, 404, None),
        ("POST", "/time/entries", {"chargeToId": 7}, 400, "MissingRequiredField timeStart"),
        (
            "POST",
            "/time/entries",
            {"chargeToId": 7, "timeStart": "2026-03-02T09:00:00Z"},
            400,
            "ObjectNotFound chargeToId",
        ),
        ("POST", "/time/entries", {"timeStart": "yesterday"}, 400, "InvalidValue timeStart"),
        ("POST", "/system/callbacks", {"url": "https://x"}, 400, "MissingRequiredField objectId"),
        (
            "POST",
            "/system/callbacks",
            {"url": "https://x", "objectId": 1, "type": "ticket", "level": "world"},
            400,
            "InvalidValue level",
        ),
        ("GET", "/service/tickets/7", None, 404, None),
        ("GET", "/service/tickets/seven", None, 404, None),
        ("GET", "/service/boards/99/types", None, 404, None),
        ("GET", "/service/nothing", None, 404, None),
        ("PUT", "/service/boards", {}, 405, None),
        ("GET", "/service/tickets?conditions=summary=", None, 400, None),
        ("GET", '/service/tickets?conditions=summary="a" b"', None, 400, None),
        ("GET", "/service/tickets?pageSize=1001", None, 400, None),
        ("GET", "/service/tickets?pageSize=0", None, 400, None),
        ("GET", "/service/tickets?page=x", None, 400, None),
    ],
)
def test_refuses_what_the_vendor_refuses(
    ask: Caller, msp: Practice, method: str, target: str, body: object, status: int, fault: str | None
) -> None:
    answer = ask(method, target.format(ticket=msp.ticket), body)
    assert answer.status == status
    faults = [f"{each['code']} {each['field']}" for each in told(answer)["errors"]]
    assert fault in faults if fault is not None else faults == []


def test_a_body_that_is_not_json_is_refused(ask: Caller) -> None:
    assert ask("POST", "/service/tickets", raw=b"{").status == 400
    assert ask("POST", "/service/tickets", {}, headers={"content-type": "text/plain"}).status == 415


def patch(msp: Practice, *operations: tuple[str, object]) -> SimulatedResponse:
    body = [{"op": "replace", "path": path, "value": value} for path, value in operations]
    return Caller(msp.simulator)("PATCH", f"/service/tickets/{msp.ticket}", body)


def stored(msp: Practice) -> dict[str, Any]:
    return next(each for each in msp.simulator.tickets() if each["id"] == msp.ticket)


def test_a_sub_path_is_answered_with_a_false_success(msp: Practice) -> None:
    spam = int(msp.named("types", "Spam", msp.board))
    assert patch(msp, ("type/id", spam)).status == 200
    assert "type" not in stored(msp)
    assert patch(msp, ("type", {"id": spam})).status == 200
    assert stored(msp)["type"] == {"id": spam, "name": "Spam"}


@pytest.mark.parametrize("path", ["Summary", "SUMMARY", "subtype", "madeUp", ""])
def test_a_path_is_case_sensitive(msp: Practice, path: str) -> None:
    assert patch(msp, (path, "x")).status == 400


@pytest.mark.parametrize("value", [5, "Spam", [], True])
def test_a_reference_is_replaced_whole(msp: Practice, value: object) -> None:
    assert patch(msp, ("type", value)).status == 400


@pytest.mark.parametrize("body", [{"op": "replace", "path": "summary", "value": "x"}, [], ["x"], [{"op": "move"}], "x"])
def test_a_patch_is_an_array_of_operations(ask: Caller, msp: Practice, body: object) -> None:
    assert ask("PATCH", f"/service/tickets/{msp.ticket}", body).status == 400


def test_what_another_board_has_is_refused(msp: Practice) -> None:
    for field_name, table, name in (
        ("type", "types", "Move"),
        ("subType", "subtypes", "Office"),
        ("item", "items", "Cable"),
        ("status", "statuses", "New"),
    ):
        other = int(msp.named(table, name, msp.other_board))
        before = dict(stored(msp))
        assert patch(msp, (field_name, {"id": other})).status == 400, field_name
        assert stored(msp) == before


def test_a_subtype_needs_its_type_and_an_item_a_subtype(msp: Practice) -> None:
    hardware, spam = ({"id": int(msp.named("types", name, msp.board))} for name in ("Hardware", "Spam"))
    printer = {"id": int(msp.named("subtypes", "Printer", msp.board))}
    macos = {"id": int(msp.named("items", "macOS", msp.board))}
    assert patch(msp, ("subType", printer)).status == 400
    assert patch(msp, ("type", spam), ("subType", printer)).status == 400
    assert patch(msp, ("type", hardware), ("item", macos)).status == 400
    assert patch(msp, ("type", hardware), ("subType", printer), ("item", macos)).status == 200
    assert patch(msp, ("type", spam)).status == 400


def test_a_closed_status_closes_and_an_open_one_opens(msp: Practice) -> None:
    assert patch(msp, ("status", {"name": "Closed"})).status == 200
    closed = stored(msp)
    assert (closed["closedFlag"], closed["closedBy"]) == (True, "deskhand")
    assert patch(msp, ("summary", "Still closed")).status == 200
    assert stored(msp)["closedDate"] == closed["closedDate"]
    assert patch(msp, ("status", {"name": "New"})).status == 200
    assert (stored(msp)["closedFlag"], "closedDate" in stored(msp)) == (False, False)


def test_every_change_moves_the_moment_of_change(ask: Caller, msp: Practice) -> None:
    seen = [stored(msp)["_info"]["lastUpdated"]]
    note = {"text": "x", "internalAnalysisFlag": True}
    entry = {"chargeToId": msp.ticket, "timeStart": "2026-03-02T09:00:00Z", "actualHours": 1}
    ask("POST", f"/service/tickets/{msp.ticket}/notes", note)
    seen.append(stored(msp)["_info"]["lastUpdated"])
    patch(msp, ("summary", "Other"))
    seen.append(stored(msp)["_info"]["lastUpdated"])
    ask("POST", "/time/entries", entry)
    seen.append(stored(msp)["_info"]["lastUpdated"])
    assert seen == sorted(set(seen))
    assert stored(msp)["_info"]["dateEntered"] == "2026-03-02T06:00:00Z"


def test_a_note_notifies_unless_it_says_otherwise(ask: Caller, msp: Practice) -> None:
    path, note = f"/service/tickets/{msp.ticket}/notes", {"text": "x", "internalAnalysisFlag": True}
    ask("POST", path, {**note, "processNotifications": False})
    assert msp.simulator.notified == []
    ask("POST", path, note)
    assert msp.simulator.notified == [msp.ticket]


def test_a_note_belongs_to_its_ticket_alone(ask: Caller, msp: Practice) -> None:
    note = msp.simulator.notes(msp.ticket)[0]["id"]
    assert ask("GET", f"/service/tickets/{msp.ticket}/notes/{note}").status == 200
    assert ask("GET", f"/service/tickets/{msp.closed_ticket}/notes/{note}").status == 404
    assert ask("DELETE", f"/service/tickets/{msp.closed_ticket}/notes/{note}").status == 404


def links(response: SimulatedResponse) -> dict[str, str]:
    parts = [each.split("; rel=") for each in response.headers.get("Link", "").split(", ") if each]
    return {relation.strip('"'): address.strip("<>") for address, relation in parts}


def test_numbered_pages_link_to_their_neighbours(ask: Caller) -> None:
    first = links(ask("GET", "/service/tickets?pageSize=3"))
    assert {name: address.rpartition("page=")[2] for name, address in first.items()} == {"next": "2", "last": "3"}
    middle = links(ask("GET", "/service/tickets?pageSize=3&page=2"))
    assert {name: address.rpartition("page=")[2] for name, address in middle.items()} == {
        "next": "3",
        "last": "3",
        "first": "1",
        "prev": "1",
    }
    assert set(links(ask("GET", "/service/tickets?pageSize=3&page=3"))) == {"first", "prev"}
    assert links(ask("GET", "/service/tickets")) == {}


def test_forward_only_pages_always_link_onwards(ask: Caller, msp: Practice) -> None:
    page = ask("GET", "/service/tickets?pageSize=5", headers=FORWARD_ONLY)
    ids = [record["id"] for record in told(page)]
    assert ids == [ticket["id"] for ticket in msp.simulator.tickets()][:5]
    assert links(page)["next"].endswith(f"pageId={ids[-1]}")
    rest = ask("GET", f"/service/tickets?pageSize=5&pageId={ids[-1]}", headers=FORWARD_ONLY)
    assert len(told(rest)) == 2
    assert "next" in links(rest)


def test_forward_only_pages_take_no_order(ask: Caller) -> None:
    assert ask("GET", "/service/tickets?orderBy=id desc", headers=FORWARD_ONLY).status == 400
    assert [each["id"] for each in told(ask("GET", "/service/tickets?orderBy=id desc&pageSize=2"))] == [10007, 10006]


def test_fields_may_be_chosen(ask: Caller, msp: Practice) -> None:
    answer = told(ask("GET", "/service/tickets?fields=id,board/name,company/id,none&pageSize=1"))
    assert answer == [{"id": msp.ticket, "board": {"name": "Help Desk"}, "company": {"id": msp.company}}]


def test_throttling_starts_where_it_is_set_and_ends_a_minute_later() -> None:
    clock = TickingClock()
    simulator = ConnectWiseSimulator(clock=clock, requests_per_minute=3)
    ask = Caller(simulator)
    assert [ask("GET", "/system/info").status for _ in range(4)] == [200, 200, 200, 429]
    refused = ask("GET", "/system/info")
    assert refused.headers["Retry-After"] == "30"
    assert told(refused) == {
        "error": "ConnectWiseAPI",
        "message": "Too many requests. Please try again in 30 seconds.",
    }
    clock.now += timedelta(minutes=1)
    assert ask("GET", "/system/info").status == 200


def test_a_snapshot_brings_everything_back(ask: Caller, msp: Practice) -> None:
    snapshot = json.loads(json.dumps(msp.simulator.snapshot()))
    other = ConnectWiseSimulator(clock=TickingClock())
    other.restore(snapshot)
    assert other.snapshot() == msp.simulator.snapshot()
    ask.simulator = other
    note = ask("POST", f"/service/tickets/{msp.ticket}/notes", {"text": "x", "internalAnalysisFlag": True})
    assert told(note)["id"] not in {each["id"] for each in msp.simulator.notes(msp.ticket)}
    assert len(other.notes(msp.ticket)) == len(msp.simulator.notes(msp.ticket)) + 1


def test_seeding_refuses_what_the_board_has_not(msp: Practice) -> None:
    with pytest.raises(Exception, match="400"):
        msp.simulator.seed_ticket("x", board=msp.other_board, company=msp.company, type="Hardware")
    with pytest.raises(LookupError):
        msp.simulator.seed_contact("x", company=99)


def test_settings_configure_a_connector_for_an_address() -> None:
    assert settings("http://127.0.0.1:5")["callback_key_url"] == "http://127.0.0.1:5/callbacks/signingkey"


def test_ten_thousand_tickets_are_no_burden() -> None:
    msp = practice()
    psa = msp.simulator
    for number in range(10_000):
        created = START + timedelta(seconds=number)
        psa.seed_ticket(f"Ticket {number}", board=msp.board, company=msp.company, created=created)
    ask, began = Caller(psa), time.process_time()
    for number in range(1000):
        assert ask("GET", f"/service/tickets/{10_001 + number}").status == 200
    reading = time.process_time() - began
    began, after, found = time.process_time(), 0, 0
    while page := told(ask("GET", f"/service/tickets?pageSize=1000&pageId={after}", headers=FORWARD_ONLY)):
        found, after = found + len(page), page[-1]["id"]
    listing = time.process_time() - began
    began = time.process_time()
    for _ in range(20):
        assert told(ask("GET", "/service/tickets?conditions=lastUpdated>=[2030-01-01]", headers=FORWARD_ONLY)) == []
    polling = time.process_time() - began
    assert found == 10_007
    assert reading < 2.0, "500 reads a second"
    assert listing < 4.0
    assert polling < 4.0


def test_a_ticket_shows_the_work_recorded_on_it(ask: Caller, msp: Practice) -> None:
    entry = {"chargeToId": msp.ticket, "timeStart": "2026-03-02T09:00:00Z", "actualHours": 0.5}
    first = told(ask("POST", "/time/entries", entry))
    ask("POST", "/time/entries", {**entry, "actualHours": 0.25})
    assert stored(msp)["actualHours"] == 0.75
    ask("DELETE", f"/time/entries/{first['id']}")
    assert stored(msp)["actualHours"] == 0.25
