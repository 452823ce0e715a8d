"""Filling the simulated PSA with clients, people and boards: every function returns the new record's id."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import JsonValue

from deskhand_psa_connectwise.simulation.filter_syntax import MOMENT
from deskhand_psa_connectwise.simulation.tables import Record, State, reference
from deskhand_psa_connectwise.simulation.tables import identifier as number
from deskhand_psa_connectwise.simulation.tickets import find, shown

STATUSES = ("New", "In Progress", "Waiting on Customer", "Resolved", "Closed")
EMAIL_CONNECTOR = "EmailConnector"
"""Who acts where no member does: mail becomes tickets and notes under this name."""


class Seeding:
    """Adds records without asking what HTTP asks."""

    state: State

    def seed_company(
        self, name: str, *, identifier: str | None = None, website: str = "", sites: Sequence[str] = ()
    ) -> int:
        """Add a client with its sites."""
        short = identifier or "".join(name.split())[:30]
        record: Record = {"identifier": short, "name": name, "website": website, "deletedFlag": False}
        company = self._add("companies", {**record, "status": {"id": 1, "name": "Active"}})
        for site in sites:
            self._add("sites", {"name": site, "company": shown("companies", company)})
        return number(company)

    def seed_contact(  # what a contact has
        self,
        name: str,
        *,
        company: int,
        emails: Sequence[str] = (),
        phones: Sequence[str] = (),
        title: str = "",
        site: str | None = None,
        is_active: bool = True,
    ) -> int:
        """Add a contact; the first address and number are the default ones."""
        first, _, last = name.partition(" ")
        items: list[JsonValue] = [
            {
                "id": position,
                "type": {"id": 1 if kind == "Email" else 2, "name": "Email" if kind == "Email" else "Direct"},
                "value": value,
                "defaultFlag": value == values[0],
                "communicationType": kind,
            }
            for kind, values in (("Email", emails), ("Phone", phones))
            for position, value in enumerate(values, 1)
        ]
        record: Record = {
            "firstName": first,
            "lastName": last,
            "company": shown("companies", self._get("companies", company)),
            "title": title,
            "inactiveFlag": not is_active,
            "communicationItems": items,
        }
        return number(self._add("contacts", {**record, **self._site(company, site)}))

    def seed_configuration(  # what a configuration has
        self,
        name: str,
        *,
        company: int,
        type: str = "Workstation",  # noqa: A002  # the vendor's word
        contact: int | None = None,
        site: str | None = None,
        serial_number: str = "",
        is_active: bool = True,
    ) -> int:
        """Add a machine or anything else a client owns."""
        record: Record = {
            "name": name,
            "type": {"id": 1 + sum(map(ord, type)) % 97, "name": type},
            "company": shown("companies", self._get("companies", company)),
            "serialNumber": serial_number,
            "activeFlag": is_active,
            **self._site(company, site),
        }
        if contact is not None:
            record["contact"] = shown("contacts", self._get("contacts", contact))
        return number(self._add("configurations", record))

    def seed_member(self, identifier: str, name: str, *, email: str = "") -> int:
        """Add a technician."""
        first, _, last = name.partition(" ")
        record: Record = {
            "identifier": identifier,
            "licenseClass": "F",
            "firstName": first,
            "lastName": last,
            "hireDate": "2020-01-01T00:00:00Z",
            "defaultEmail": "Office",
            "defaultPhone": "Office",
            "officeEmail": email,
            "primaryEmail": email,
            "securityRole": {"id": 63, "name": "Technician"},
            "inactiveFlag": False,
        }
        return number(self._add("members", record))

    def seed_priority(self, name: str, *, level: str = "", color: str = "Blue", is_default: bool = False) -> int:
        """Add a priority behind those there are; ``level`` is Critical, High, Medium or Low, guessed where empty."""
        order = len(self.state["priorities"]) + 1
        guessed = level or ("Critical", "High", "Medium", "Low")[min(order, 4) - 1]
        record: Record = {"name": name, "color": color, "sortOrder": order, "defaultFlag": is_default, "level": guessed}
        return number(self._add("priorities", record))

    def seed_source(self, name: str) -> int:
        """Add a way tickets come in, or find it where it is there."""
        known = find(self.state, "sources", {"name": name})
        return number(known or self._add("sources", {"name": name, "defaultFlag": False}))

    def seed_board(
        self,
        name: str,
        *,
        types: Mapping[str, Sequence[str]],
        items: Sequence[str] = (),
        statuses: Sequence[str] = STATUSES,
        closed_statuses: Sequence[str] = ("Closed",),
    ) -> int:
        """Add a service board; ``types`` lists each type's subtypes, and one subtype may stand under several types."""
        place: Record = {"location": {"id": 11, "name": "Main"}, "department": {"id": 10, "name": "Services"}}
        board = self._add("boards", {"name": name, **place, "inactiveFlag": False, "projectFlag": False})
        owner: Record = {"board": shown("boards", board)}
        ids = {each: self._add("types", {"name": each, "inactiveFlag": False, **owner})["id"] for each in types}
        for subtype in dict.fromkeys(each for subtypes in types.values() for each in subtypes):
            under: list[JsonValue] = [ids[each] for each, subtypes in types.items() if subtype in subtypes]
            self._add("subtypes", {"name": subtype, "inactiveFlag": False, "typeAssociationIds": under, **owner})
        for item in items:
            self._add("items", {"name": item, "inactiveFlag": False, **owner})
        for order, status in enumerate(statuses):
            flags: Record = {"closedStatus": status in closed_statuses, "defaultFlag": order == 0, "inactive": False}
            self._add("statuses", {"name": status, "sortOrder": order, **flags, **owner})
        return number(board)

    def seed_status_anew(self, board: int, name: str) -> int:
        """Make a status of a board anew, as an admin does who rebuilds it: the old id is gone, tickets move along."""
        old = next(each for each in self.state["statuses"].children(board) if each["name"] == name)
        new = self._add("statuses", {key: value for key, value in old.items() if key not in {"id", "_info"}})
        for ticket in self.state["tickets"]:
            if find(self.state, "statuses", ticket.get("status")) is old:
                ticket["status"] = shown("statuses", new)
        self.state["statuses"].remove(number(old))
        return number(new)

    def _site(self, company: int, name: str | None) -> Record:
        if name is None:
            return {}
        site = next((each for each in self.state["sites"].children(company) if each["name"] == name), None)
        if site is None:
            owner = shown("companies", self._get("companies", company))
            site = self._add("sites", {"name": name, "company": owner})
        return {"site": reference(site)}

    def _add(self, table: str, record: Record, created: datetime | None = None) -> Record:
        self.state.stamp(record, EMAIL_CONNECTOR, at=as_text(created) if created else None)
        return self.state[table].add(record)

    def _get(self, table: str, wanted: int) -> Record:
        record = find(self.state, table, {"id": wanted})
        if record is None:
            raise LookupError(f"no {wanted} among the {table}")
        return record


def as_text(moment: datetime) -> str:
    """Write a moment as the vendor does."""
    return moment.astimezone(UTC).strftime(MOMENT)
