"""An Action: the only way to change anything at a vendor.

An action is data plus four functions. ``inspect`` compares current with desired and writes nothing (it is the
dry run and the diff); ``apply`` makes the change; ``verify`` reads it back; ``undo`` restores the captured prior
state, or ``irreversible`` says why there is none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr


class Tier(IntEnum):
    """How dangerous an action is, and so how it is gated."""

    READ = 0
    PSA_REVERSIBLE = 1
    CLIENT_REVERSIBLE = 2
    HARD_GATE = 3
    NEVER_AUTOMATED = 4


class Effect(StrEnum):
    """What repeating an action does, and so how a crash inside it is handled."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


class Arguments(BaseModel):
    """What an action is called with: strict, closed, and part of the hash that people approve."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


C = TypeVar("C")
A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the diff a person reads."""

    field: str
    current: str
    desired: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an action would change, whose it is, and what it takes to restore it.

    ``tenant_id`` is the owner of the target as the vendor states it; the gate refuses a call whose ticket
    belongs to someone else. ``is_privileged`` says that the target holds power over others (an administrator, a
    service or an emergency account): such a target is never touched without a person's approval.
    """

    tenant_id: str
    changes: tuple[Change, ...]
    prior_state: Mapping[str, JsonValue] = field(default_factory=dict)
    is_privileged: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the vendor answered: identifiers only, fit for the record.

    ``secrets`` are what the change made for one person (a temporary password). They are for a later step of the same
    run, in memory alone: never stored, logged, shown or compared, and gone from every receipt that was read back.
    """

    reference: str
    detail: Mapping[str, JsonValue] = field(default_factory=dict)
    secrets: Annotated[Mapping[str, SecretStr], Field(exclude=True)] = field(
        default_factory=dict, repr=False, compare=False
    )


UNDO_HOURS = 7 * 24
"""How long after it a change can be undone, unless its action says otherwise: later, others have built on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[C, A]):
    """Data plus four functions over a connector ``C`` and arguments ``A``.

    ``apply`` receives an idempotency key, at most 64 characters of ``[a-z0-9-]``. An action whose effect is
    ``once`` leaves that key where ``probe`` can find it again; without a probe an unknown outcome waits for a person.
    ``undo_hours`` is how long after it the change can be undone.
    ``needs_proof`` marks an action that hands a person access (a password, a pass): it runs only for a person who has
    just proven who they are; ``proves_identity`` marks the action whose success is such a proof, and ``is_call_back``
    that the person was called on their number for it. ``resets_proof`` marks an action after which they will prove who
    they are by something else (new factors): it takes a call-back to a number unchanged for 30 days and the approval
    of a manager, as whoever can have it done is that person from then on.
    """

    name: str
    title: str
    arguments: type[A]
    tier: Tier
    effect: Effect
    permission: str
    documentation: str
    inspect: Callable[[C, A], Inspection]
    apply: Callable[[C, A, str], Receipt]
    verify: Callable[[C, A, Receipt], bool]
    probe: Callable[[C, A, str], Receipt | None] | None = None
    undo: Callable[[C, A, Mapping[str, JsonValue], Receipt], None] | None = None
    undo_hours: int = UNDO_HOURS
    irreversible: str | None = None
    needs_proof: bool = False
    proves_identity: bool = False
    is_call_back: bool = False
    resets_proof: bool = False

    def __post_init__(self) -> None:
        """Refuse an action that neither undoes itself nor says why it cannot, and one that asks for half a proof."""
        if (self.resets_proof and not self.needs_proof) or (self.is_call_back and not self.proves_identity):
            message = f"action {self.name}: resets_proof goes with needs_proof, is_call_back with proves_identity"
            raise ValueError(message)
        if self.tier is not Tier.READ and (self.undo is None) == (self.irreversible is None):
            message = f"action {self.name} needs exactly one of undo and irreversible"
            raise ValueError(message)


def connector_of(action: str) -> str:
    """Name the connector of an action by the action's full name, ``<plugin>.<verb>_<object>``."""
    return action.partition(".")[0]


def capability_of(action: str) -> str:
    """Name what an action does, whoever offers it: ``<verb>_<object>``."""
    return action.partition(".")[2]


AnyAction: TypeAlias = Action[Any, Any]
"""An action whose connector and arguments are checked when it is called, not where it is listed."""
