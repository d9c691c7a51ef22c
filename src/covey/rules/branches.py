"""Where the chain of a device that forked parts, and what lies on one of its branches.

Source: protocols/delta.md, "Chain"; protocols/governance.md, "Forks".
"""

from __future__ import annotations

from collections import Counter

from covey.model import DeltaId, DeviceId, Reader, Table, Tip
from covey.rules.cut import is_on_chain, origin_of, position_of, reach_of

__all__ = ["ancestor_at", "first_doubled"]


def first_doubled(reader: Reader, device: DeviceId, tips: tuple[Tip, ...]) -> int | None:
    """The smallest sequence that a device has twice below some of its tips, or None."""
    reach = reach_of(reader, device, tips)
    begun: Counter[tuple[int, int]] = Counter()
    for branch in reach:
        origin = origin_of(reader, device, branch)
        if origin is not None:
            begun[origin] += 1
    for (parent, last), count in begun.items():
        begun[parent, last] = count + (reach.get(parent, 0) > last)
    return min((last + 1 for (_, last), count in begun.items() if count > 1), default=None)


def ancestor_at(reader: Reader, device: DeviceId, tip: Tip, sequence: int) -> Tip:
    """The delta of this sequence on a device's chain that ends with `tip`."""
    for key, _ in reader.scan(Table.CHAIN, (device, sequence)):
        delta = key[2]
        assert isinstance(delta, bytes)
        candidate = Tip(sequence, DeltaId(delta))
        position = position_of(reader, device, candidate)
        assert position is not None
        if is_on_chain(reader, position, tip):
            return candidate
    raise AssertionError("a chain has a delta of each sequence")
