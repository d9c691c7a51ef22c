"""Deltas and what they are made of: calls, effects, events, the header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from covey.model.governance import Governance
from covey.model.ids import DeltaId, DeviceId, ReleaseId, Signature
from covey.model.time import HybridTime

__all__ = [
    "Add",
    "AppEvent",
    "Call",
    "Core",
    "Delete",
    "Delta",
    "Effect",
    "Payload",
    "Put",
]


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of an application method; arguments: JSON in UTF-8."""

    method: str
    arguments: bytes


@dataclass(frozen=True, slots=True)
class Put:
    """Set one entry to a value."""

    collection: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one entry."""

    collection: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Add:
    """Add a signed 64 bit amount to one counter."""

    collection: str
    key: bytes
    amount: int


Effect: TypeAlias = Put | Delete | Add


@dataclass(frozen=True, slots=True)
class AppEvent:
    """Something application code told subscribers; data: bytes of its own choosing."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Payload:
    """What a delta's calls did; effects and events: one tuple for each call.

    The effects of one call: at most one for each entry, sorted by (collection, key).
    """

    calls: tuple[Call, ...]
    effects: tuple[tuple[Effect, ...], ...]
    events: tuple[tuple[AppEvent, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The signed facts of a delta but the hash of its payload (protocols/delta.md).

    parents, gov_parents: sorted, <= 32 each. fuel: one number for each call.
    epochs: empty with encryption `none`.
    """

    author: DeviceId
    sequence: int
    previous: DeltaId | None
    parents: tuple[DeltaId, ...]
    gov_parents: tuple[DeltaId, ...]
    time: HybridTime
    release: ReleaseId
    epochs: tuple[bytes, ...]
    fuel: tuple[int, ...]
    governance: tuple[Governance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """One signed delta as it was on the wire, decoded; the signature is not implied checked.

    header: the exact bytes that id and signature cover. sealed: the exact payload bytes.
    frame: the whole wire form [version, header, signature, sealed].
    """

    id: DeltaId
    core: Core
    header: bytes
    signature: Signature
    sealed: bytes
    frame: bytes
