"""Vault in miniature: KV version 2, one token, one policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse


@dataclass
class VaultSimulator:
    """Answers `GET /v1/<mount>/data/<path>` as Vault does: errors are a list of words, a secret is wrapped twice."""

    token: str
    secrets: Mapping[str, Mapping[str, object]]
    readable: frozenset[str]
    seen: list[str] = field(default_factory=list)

    def handle(self, request: SimulatedRequest) -> SimulatedResponse:
        self.seen.append(f"{request.method} {request.path}")
        _, _, mount, kind, path = request.path.split("/", 4)
        if request.headers.get("x-vault-token") != self.token or f"{mount}/{path}" not in self.readable:
            return SimulatedResponse.json(403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
        if kind != "data" or f"{mount}/{path}" not in self.secrets:
            return SimulatedResponse.json(404, {"errors": []})
        metadata = {"created_time": "2026-03-02T08:00:00Z", "deletion_time": "", "destroyed": False, "version": 1}
        values = dict(self.secrets[f"{mount}/{path}"])
        answer = {"request_id": "1", "lease_id": "", "renewable": False, "lease_duration": 0, "warnings": None}
        return SimulatedResponse.json(200, {**answer, "data": {"data": values, "metadata": metadata}})
