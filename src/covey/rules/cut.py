"""What an author had seen: frontiers of cuts, kept as differences, and membership in a cut.

A cut is named by its frontier. A device that forked has several tips; its chain is a tree of
branches, and a position is (branch, sequence), so that asking whether one delta lies on the chain
below another costs the number of branches, never the number of deltas.
Source: protocols/delta.md, "The cut".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covey.codec import decode_frontier, encode_frontier, pack, shape, unpack
from covey.model import (
    DeltaId,
    DeviceId,
    Draft,
    Frontier,
    Reader,
    Table,
    Tip,
    limits,
)

__all__ = [
    "Cut",
    "Position",
    "arrival_of",
    "closure_of",
    "cut_of",
    "is_forked",
    "is_on_chain",
    "join_frontiers",
    "position_of",
    "record_frontier",
    "record_position",
]

_WHOLE = 0
_BRANCHES = 2**32


@dataclass(frozen=True, slots=True)
class Position:
    """Where an applied delta lies on its device's tree; arrival: its place in the log."""

    device: DeviceId
    branch: int
    sequence: int
    arrival: int


def position_of(reader: Reader, device: DeviceId, tip: Tip) -> Position | None:
    """The position of an applied delta, or None if it is not applied."""
    row = reader.get(Table.CHAIN, (device, tip.sequence, tip.id))
    if row is None:
        return None
    branch, arrival = _chain_row(row)
    return Position(device, branch, tip.sequence, arrival)


def arrival_of(row: bytes) -> int:
    """Where in the log the delta of a row of `Table.CHAIN` is."""
    return _chain_row(row)[1]


def _chain_row(row: bytes) -> tuple[int, int]:
    branch, arrival = shape.fields(unpack(row, 64), 2, "chain row")
    return (
        shape.integer(branch, 0, _BRANCHES, "branch"),
        shape.integer(arrival, 1, limits.SEQUENCE_MAX, "arrival"),
    )


def record_position(
    draft: Draft, device: DeviceId, tip: Tip, previous: Tip | None, arrival: int
) -> Position:
    """Give a delta that is being applied its place; a second child opens a branch.

    The first child goes on its parent's branch, so whether there is one is all that is asked: to
    look at every child would cost the square of a flood of forks.
    """
    known = position_of(draft, device, previous) if previous is not None else None
    branch = known.branch if known is not None else 0
    if _has_child(draft, device, previous):
        parent, branch = branch, _branch_count(draft, device)
        draft.put(Table.BRANCH, (device, branch), pack((parent, tip.sequence)))
    draft.put(Table.CHAIN, (device, tip.sequence, tip.id), pack((branch, arrival)))
    return Position(device, branch, tip.sequence, arrival)


def _has_child(reader: Reader, device: DeviceId, previous: Tip | None) -> bool:
    """Whether a device's delta, or its beginning, is continued by one that is applied."""
    if previous is None:
        return next(iter(reader.scan(Table.TIP, (device,))), None) is not None
    return reader.get(Table.TIP, (device, previous.id)) is None


def _branch_count(reader: Reader, device: DeviceId) -> int:
    last = next(iter(reader.scan(Table.BRANCH, (device,), reverse=True)), None)
    if last is None:
        return 1
    number = last[0][1]
    assert isinstance(number, int)
    return number + 1


class Cut:
    """A set of applied deltas closed under causal past; answers what it holds."""

    def __init__(self, reader: Reader, frontier: Frontier) -> None:
        self._reader = reader
        self._reach: dict[DeviceId, dict[int, int]] = {}
        self.frontier = frontier

    def holds(self, device: DeviceId, tip: Tip) -> bool:
        """Whether an applied delta of a device is in the cut."""
        tips = self.frontier.get(device)
        if tips is None:
            return False
        if not is_forked(self._reader, device):
            return tip in tips or tip.sequence <= tips[0].sequence
        position = position_of(self._reader, device, tip)
        if position is None:
            return False
        if device not in self._reach:
            self._reach[device] = reach_of(self._reader, device, tips)
        return position.sequence <= self._reach[device].get(position.branch, 0)


def reach_of(reader: Reader, device: DeviceId, tips: tuple[Tip, ...]) -> dict[int, int]:
    """Branch -> the last sequence on it that some tips hold; costs the branches, once for all."""
    reach: dict[int, int] = {}
    for tip in tips:
        position = position_of(reader, device, tip)
        if position is not None:
            reach[position.branch] = max(reach.get(position.branch, 0), position.sequence)
    for branch, sequence in _reach_below(reader, device, tuple(reach)).items():
        reach[branch] = max(reach.get(branch, 0), sequence)
    return reach


def _reach_below(reader: Reader, device: DeviceId, branches: tuple[int, ...]) -> dict[int, int]:
    """Branch -> the last sequence on it that lies below some branches of a device's tree."""
    below: dict[int, int] = {}
    walked: set[int] = set()
    for start in branches:
        branch = start
        while branch not in walked:
            walked.add(branch)
            origin = origin_of(reader, device, branch)
            if origin is None:
                break
            branch, last = origin
            below[branch] = max(below.get(branch, 0), last)
    return below


def origin_of(reader: Reader, device: DeviceId, branch: int) -> tuple[int, int] | None:
    """The branch that a branch left, and the last sequence both share; None for the first."""
    row = reader.get(Table.BRANCH, (device, branch))
    if row is None:
        return None
    parent, first = shape.fields(unpack(row, 64), 2, "branch row")
    return (
        shape.integer(parent, 0, _BRANCHES, "parent branch"),
        shape.integer(first, 1, limits.SEQUENCE_MAX, "first") - 1,
    )


def is_forked(reader: Reader, device: DeviceId) -> bool:
    """Whether two applied deltas of a device share a sequence."""
    return reader.get(Table.BRANCH, (device, 1)) is not None


def is_on_chain(reader: Reader, position: Position, tip: Tip) -> bool:
    """Whether a delta is `tip` or an ancestor of it on their device's tree."""
    last = position_of(reader, position.device, tip)
    if last is None:
        return False
    branch, sequence = last.branch, last.sequence
    while branch != position.branch:
        origin = origin_of(reader, position.device, branch)
        if origin is None:
            return False
        branch, shared = origin
        sequence = min(sequence, shared)
    return position.sequence <= sequence


def join_frontiers(reader: Reader, *frontiers: Frontier) -> Frontier:
    """The frontier of the union of some cuts."""
    joined: dict[DeviceId, tuple[Tip, ...]] = {}
    apart: dict[DeviceId, dict[Tip, None]] = {}
    for frontier in sorted(frontiers, key=len, reverse=True):
        if not joined:
            joined.update(frontier)
            continue
        for device, tips in frontier.items():
            mine = joined.setdefault(device, tips)
            if mine != tips:
                apart.setdefault(device, dict.fromkeys(mine)).update(dict.fromkeys(tips))
    for device, several in apart.items():
        joined[device] = maximal_tips(reader, device, tuple(several))
    return joined


def maximal_tips(reader: Reader, device: DeviceId, tips: tuple[Tip, ...]) -> tuple[Tip, ...]:
    """Those of a device's tips that lie below no other one of them."""
    if not is_forked(reader, device):
        return (max(tips),)
    last: dict[int, Tip] = {}
    for tip in tips:
        position = position_of(reader, device, tip)
        assert position is not None
        last[position.branch] = max(last.get(position.branch, tip), tip)
    below = _reach_below(reader, device, tuple(last))
    return tuple(sorted(t for branch, t in last.items() if t.sequence > below.get(branch, 0)))


def cut_of(reader: Reader, delta: DeltaId) -> Frontier:
    """The frontier of the cut of an applied delta (without the delta itself)."""
    changes: list[Frontier] = []
    current = delta
    # Twice: the first version of a store marked every difference as 1, however deep it was.
    for _ in range(2 * limits.FRONTIER_FULL_EVERY):
        row = reader.get(Table.FRONTIER, (current,))
        assert row is not None, "the frontier of an applied delta is stored"
        depth, base, body = shape.fields(unpack(row, len(row)), 3, "frontier row")
        changes.append(decode_frontier(shape.blob(body, len(row), "frontier")))
        if depth == _WHOLE:
            break
        current = DeltaId(shape.exactly(base, 32, "base"))
    frontier: dict[DeviceId, tuple[Tip, ...]] = {}
    for change in reversed(changes):
        frontier.update(change)
    return frontier


def closure_of(reader: Reader, device: DeviceId, tip: Tip) -> Frontier:
    """The frontier of an applied delta and all it follows."""
    # A delta whose cut holds a fork of its author is inadmissible: it is its device's only tip.
    return {**cut_of(reader, tip.id), device: (tip,)}


def record_frontier(
    draft: Draft, tip: Tip, cut: Frontier, bases: Sequence[tuple[DeltaId, DeviceId, Frontier]]
) -> None:
    """Store the cut of a delta: as difference from the nearest base, whole now and then.

    bases: deltas that the delta follows directly, each with its device and the frontier of itself
    and all it follows. A row is [depth, base, frontier]; depth: differences to a whole one.
    """
    nearest: tuple[int, DeltaId, Frontier] | None = None
    for base, author, past in bases:
        depth = _depth_of(draft, base) + 1
        if depth >= limits.FRONTIER_FULL_EVERY:
            continue
        # The cut of the base is its past without itself, so its device's entry always differs.
        change = {
            device: tips
            for device, tips in cut.items()
            if device == author or past.get(device) != tips
        }
        if nearest is None or len(change) < len(nearest[2]):
            nearest = (depth, base, change)
    if nearest is None:
        packed = pack((_WHOLE, None, encode_frontier(cut)))
    else:
        depth, base, smallest = nearest
        packed = pack((depth, base, encode_frontier(smallest)))
    draft.put(Table.FRONTIER, (tip.id,), packed)


def _depth_of(reader: Reader, delta: DeltaId) -> int:
    row = reader.get(Table.FRONTIER, (delta,))
    assert row is not None, "the frontier of an applied delta is stored"
    depth, _, _ = shape.fields(unpack(row, len(row)), 3, "frontier row")
    return shape.integer(depth, 0, limits.FRONTIER_FULL_EVERY, "depth")
