"""The mirror as one object: what the vendors hold, near at hand."""

from deskhand.mirror.database import MirrorFile, MirrorUnavailableError
from deskhand.mirror.reference import ReferenceMirror
from deskhand.mirror.tickets import Hit, PastTicket, TicketMirror, problem_text

__all__ = ["Hit", "Mirror", "MirrorFile", "MirrorUnavailableError", "PastTicket", "problem_text"]

_COUNTED = ("tickets", "past_tickets", "notes", "people", "companies", "devices", "taxonomies", "priorities")


class Mirror(ReferenceMirror, TicketMirror):
    """Tickets, notes, people, companies, devices and boards in one file. Thread-safe.

    Any method raises MirrorUnavailableError where the file cannot be read or written; a save that raises has saved
    whole batches or nothing. Everything here can be read again from the vendors.
    """

    def counts(self) -> dict[str, int]:
        """Return how many records of each kind there are."""
        with self._reading() as database:
            return {table: database.table(table).count for table in _COUNTED}

    def reach(self, milestone: str) -> None:
        """Remember that something was completed, for as long as this file lives."""
        with self._writing() as database:
            database.table("milestones").insert({"name": milestone}, ignore=True)

    def has_reached(self, milestone: str) -> bool:
        """Tell whether something was completed; a mirror that was rebuilt has reached nothing."""
        with self._reading() as database:
            return database.table("milestones").count_where("name = ?", [milestone]) > 0
