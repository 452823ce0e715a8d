"""The kill switch: what is stopped, asked anew before every call."""

from dataclasses import dataclass

from deskhand.records import switches
from deskhand.records.database import Records
from deskhand.records.switches import Level, Switch, release, throw, thrown

__all__ = ["Level", "Switch", "Switches", "release", "throw", "thrown"]


@dataclass(frozen=True, slots=True)
class Switches:
    """Asks the record store each time and remembers nothing, so a switch holds from the commit that throws it.

    That is so whichever process threw it: a look costs a fraction of a millisecond, and a call that follows many.
    """

    records: Records

    def stopped(self, tenant: str = "", connector: str = "", automation: str = "") -> Switch | None:
        """Return the widest switch that stops a call; leave out what it does not concern.

        Raises RecordsUnavailableError where it cannot be told: then nothing may go.
        """
        return switches.stopping(self.records, tenant=tenant, connector=connector, automation=automation)
