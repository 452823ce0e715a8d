"""What the simulated tenants remember: users, groups, methods, consent; and how far their replicas lag."""

import uuid
from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from pydantic import JsonValue

from deskhand.sdk.clock import Clock

Record: TypeAlias = dict[str, JsonValue]

NAMES = uuid.UUID("6f1a3c52-0a67-4c0e-9d3f-0d0f3a6a7e11")
EVERY_PERMISSION = frozenset(
    {
        "GroupMember.ReadWrite.All",
        "Organization.Read.All",
        "User-PasswordProfile.ReadWrite.All",
        "User.EnableDisableAccount.All",
        "User.Read.All",
        "User.RevokeSessions.All",
        "UserAuthMethod-TAP.ReadWrite.All",
        "UserAuthenticationMethod.Read.All",
        "UserAuthenticationMethod.ReadWrite.All",
    }
)
"""What the plugin's README asks for."""


@dataclass(slots=True)
class Contents:
    """The records of one tenant at one moment."""

    users: dict[str, Record] = field(default_factory=dict)
    groups: dict[str, Record] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    methods: dict[str, list[Record]] = field(default_factory=dict)
    roles: dict[str, list[Record]] = field(default_factory=dict)
    """Directory roles by the id of the user who holds them."""


class Tenant:
    """One client's tenant. Writes land at once; reads may come from a replica that is ``lag`` behind."""

    def __init__(self, identifier: str, name: str, domains: tuple[str, ...], clock: Clock) -> None:
        self.id = identifier
        self.name = name
        self.domains = domains
        self.clock = clock
        self.granted = set(EVERY_PERMISSION)
        self.is_consented = True
        self.lag = timedelta(0)
        self.contents = Contents()
        self._earlier: deque[tuple[datetime, Contents]] = deque()
        self._identifiers = 0

    def identifier(self) -> str:
        """Make the next identifier: the same ones in the same order, and none that another tenant has."""
        self._identifiers += 1
        return str(uuid.uuid5(NAMES, f"{self.id}/{self._identifiers}"))

    def changing(self) -> Contents:
        """Return the records to change; what they were stays visible to readers for a while."""
        if self.lag:
            self._earlier.append((self.clock(), deepcopy(self.contents)))
        return self.contents

    def seen(self) -> Contents:
        """Return the records as a reader sees them now."""
        now = self.clock()
        while self._earlier and now - self._earlier[0][0] >= self.lag:
            self._earlier.popleft()
        return self._earlier[0][1] if self._earlier else self.contents

    def organization(self) -> Record:
        """Return the tenant's record of itself."""
        verified: list[JsonValue] = [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": index == 0,
                "isInitial": name.endswith(".onmicrosoft.com"),
                "name": name,
                "type": "Managed",
            }
            for index, name in enumerate(self.domains)
        ]
        return {"id": self.id, "displayName": self.name, "tenantType": "AAD", "verifiedDomains": verified}

    def now(self) -> str:
        """Read the vendor's clock: whole seconds, UTC."""
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
