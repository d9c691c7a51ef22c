"""Running application code, as values: what is asked of an engine, and what came of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from covey.model.delta import AppEvent, Call, Effect
from covey.model.ids import ContextId, DeltaId, DeviceId, MemberId, ReleaseId
from covey.model.time import HybridTime
from covey.model.verdict import Denied

__all__ = [
    "Batch",
    "Completed",
    "Failed",
    "Failure",
    "Outcome",
    "Query",
    "ReplayWord",
    "Signed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls that share one delta: everything their code may know is fixed here.

    calls: run in order, each on the effects of those before it. sequence, previous: of the
    delta to be; they enter the seed of each call. fuel_max: what all of them together use less
    than; None: what one delta may.
    """

    context: ContextId
    release: ReleaseId
    member: MemberId
    device: DeviceId
    sequence: int
    previous: DeltaId | None
    time: HybridTime
    roles: tuple[str, ...]
    calls: tuple[Call, ...]
    fuel_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One read-only invocation; time: the node's clock."""

    context: ContextId
    release: ReleaseId
    member: MemberId
    device: DeviceId
    time: HybridTime
    call: Call


class Failure(enum.Enum):
    """Why a call has no effect; the value is its code in protocols/registry.md."""

    REFUSED = "refused"  # the application said `fail`, or its `validate` did
    TRAP = "trap"  # the code went wrong: unreachable, memory, division, a bad pointer
    OUT_OF_FUEL = "out-of-fuel"
    FORBIDDEN = "forbidden"  # an effect that the collection's rule does not allow
    UNKNOWN_METHOD = "unknown-method"
    TOO_LARGE = "too-large"  # effects or result beyond a limit
    CANCELLED = "cancelled"  # the caller went away (queries only)
    NOT_ADMITTED = "not-admitted"  # this node's device may not write (yet)
    OVERLOADED = "overloaded"  # the queue of calls is full: try again
    HOST_FAULT = "host-fault"  # the node, not the code: never a verdict


@dataclass(frozen=True, slots=True)
class Completed:
    """A call that took effect; effects: as in `Payload`. result: JSON, or empty."""

    effects: tuple[Effect, ...]
    events: tuple[AppEvent, ...]
    result: bytes
    fuel: int
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A call without effect; message: one sentence for a person."""

    failure: Failure
    message: str
    fuel: int
    log: tuple[str, ...]


Outcome: TypeAlias = Completed | Failed


@dataclass(frozen=True, slots=True)
class Signed:
    """A batch and what its author signed of it: run again, each call must do exactly this.

    effects, events, fuel: one of each for a call, in order.
    """

    batch: Batch
    effects: tuple[tuple[Effect, ...], ...]
    events: tuple[tuple[AppEvent, ...], ...]
    fuel: tuple[int, ...]


ReplayWord: TypeAlias = Denied | Failed | None
"""Of a batch that was run again: how it differs, or why this node cannot tell; None: it agrees."""
