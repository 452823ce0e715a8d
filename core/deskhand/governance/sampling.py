"""Which decisions people are asked to review: a share drawn by hash, larger where a mistake is likelier."""

import hashlib
from dataclasses import dataclass

DOUBT = 2.0
"""A decision made with no confidence at all is drawn this much more often, added to one."""
CHANGED = 2.0
"""So many times as often while what decides is new."""
NEW = 200
"""Decisions after which a model or a history is no longer new."""


@dataclass(frozen=True, slots=True)
class Draw:
    """How likely a decision is to be drawn, in [0, 1], and why that likely."""

    rate: float
    because: str

    def takes(self, subject: str, identifier: str) -> bool:
        """Tell whether this decision is drawn: always the same for the same one, and not for the decider to choose."""
        digest = hashlib.sha256(f"review\n{subject}\n{identifier}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.rate * 2**64


def draw_for(share: float, *, confidence: float | None, is_new: bool) -> Draw:
    """Say how a decision is drawn where a client has ``share`` of its decisions reviewed."""
    rate, reasons = share, [f"{share:.0%} of this client's decisions"]
    if confidence is not None and confidence < 1:
        rate *= 1 + DOUBT * (1 - confidence)
        reasons.append(f"more where confidence is low ({confidence:.2f})")
    if is_new:
        rate *= CHANGED
        reasons.append("more while what decides is new")
    return Draw(min(rate, 1.0), "; ".join(reasons))
