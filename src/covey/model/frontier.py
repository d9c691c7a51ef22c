"""A compact name for a cut: per device, its last delta in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from covey.model.ids import DeltaId, DeviceId

__all__ = ["Frontier", "Tip"]


@dataclass(frozen=True, slots=True, order=True)
class Tip:
    """One delta of a device: its sequence and id."""

    sequence: int
    id: DeltaId


Frontier: TypeAlias = Mapping[DeviceId, tuple[Tip, ...]]
"""Device -> its maximal deltas, sorted: one, or one for each branch should it have forked."""
