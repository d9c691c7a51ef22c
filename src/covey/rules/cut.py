"""What an author had seen: frontiers of cuts, kept as differences, and membership in a cut.

A cut is named by its frontier. A device that forked has several tips; its chain is a tree of
branches, and a position is (branch, sequence), so that asking whether one delta lies on the chain
below another costs the number of branches, never the number of deltas.
Source: protocols/delta.md, "The cut".
"""

from __future__ import annotations

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
    "closure_of",
    "cut_of",
    "is_forked",
    "is_on_chain",
    "join_frontiers",
    "position_of",
    "record_frontier",
    "record_position",
]

_WHOLE, _DIFFERENCE = 0, 1
_ROW_BYTES_MAX = limits.SYNC_FRAME_SIZE_BYTES_MAX
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
    branch, arrival = shape.fields(unpack(row, 64), 2, "chain row")
    return Position(
        device,
        shape.integer(branch, 0, _BRANCHES, "branch"),
        tip.sequence,
        shape.integer(arrival, 1, limits.SEQUENCE_MAX, "arrival"),
    )


def record_position(
    draft: Draft, device: DeviceId, tip: Tip, previous: Tip | None, arrival: int
) -> Position:
    """Give a delta that is being applied its place; a second child opens a branch."""
    siblings = [key for key, _ in draft.scan(Table.CHAIN, (device, tip.sequence))]
    known = position_of(draft, device, previous) if previous is not None else None
    branch = known.branch if known is not None else 0
    taken = any(_branch_of(draft, device, tip.sequence, key[2]) == branch for key in siblings)
    if taken:
        parent, branch = branch, _branch_count(draft, device)
        draft.put(Table.BRANCH, (device, branch), pack((parent, tip.sequence)))
    draft.put(Table.CHAIN, (device, tip.sequence, tip.id), pack((branch, arrival)))
    return Position(device, branch, tip.sequence, arrival)


def _branch_of(reader: Reader, device: DeviceId, sequence: int, delta: object) -> int:
    assert isinstance(delta, bytes)
    position = position_of(reader, device, Tip(sequence, DeltaId(delta)))
    assert position is not None
    return position.branch


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
        self.frontier = frontier

    def holds(self, device: DeviceId, tip: Tip) -> bool:
        """Whether an applied delta of a device is in the cut."""
        tips = self.frontier.get(device)
        if tips is None:
            return False
        if tip in tips:
            return True
        if not is_forked(self._reader, device):
            return tip.sequence <= tips[0].sequence
        position = position_of(self._reader, device, tip)
        return position is not None and any(
            is_on_chain(self._reader, position, last) for last in tips
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
        row = reader.get(Table.BRANCH, (position.device, branch))
        if row is None:
            return False
        parent, first = shape.fields(unpack(row, 64), 2, "branch row")
        branch = shape.integer(parent, 0, _BRANCHES, "parent branch")
        sequence = min(sequence, shape.integer(first, 1, limits.SEQUENCE_MAX, "first") - 1)
    return position.sequence <= sequence


def join_frontiers(reader: Reader, left: Frontier, right: Frontier) -> Frontier:
    """The frontier of the union of two cuts."""
    if len(left) < len(right):
        left, right = right, left
    joined = dict(left)
    for device, tips in right.items():
        mine = joined.get(device)
        if mine == tips:
            continue
        joined[device] = tips if mine is None else _maximal(reader, device, mine, tips)
    return joined


def _maximal(
    reader: Reader, device: DeviceId, left: tuple[Tip, ...], right: tuple[Tip, ...]
) -> tuple[Tip, ...]:
    if not is_forked(reader, device):
        return max(left, right)
    tips = sorted({*left, *right})
    kept = []
    for tip in tips:
        position = position_of(reader, device, tip)
        assert position is not None
        if not any(is_on_chain(reader, position, t) for t in tips if t != tip):
            kept.append(tip)
    return tuple(kept)


def cut_of(reader: Reader, delta: DeltaId) -> Frontier:
    """The frontier of the cut of an applied delta (without the delta itself)."""
    changes: list[Frontier] = []
    current = delta
    for _ in range(limits.FRONTIER_FULL_EVERY + 1):
        row = reader.get(Table.FRONTIER, (current,))
        assert row is not None, "the frontier of an applied delta is stored"
        kind, base, body = shape.fields(unpack(row, _ROW_BYTES_MAX), 3, "frontier row")
        changes.append(decode_frontier(shape.blob(body, _ROW_BYTES_MAX, "frontier")))
        if kind == _WHOLE:
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
    draft: Draft,
    author: DeviceId,
    tip: Tip,
    previous: DeltaId | None,
    past: Frontier,
    cut: Frontier,
) -> None:
    """Store the cut of a delta: as difference from `previous`'s cut, whole now and then.

    past: `previous` and all it follows.
    """
    if previous is None or tip.sequence % limits.FRONTIER_FULL_EVERY == 0:
        draft.put(Table.FRONTIER, (tip.id,), pack((_WHOLE, None, encode_frontier(cut))))
        return
    # The cut of `previous` is its past without itself, so the author's own entry always differs.
    change = {
        device: tips for device, tips in cut.items() if device == author or past.get(device) != tips
    }
    draft.put(Table.FRONTIER, (tip.id,), pack((_DIFFERENCE, previous, encode_frontier(change))))
