"""The fold of effects into state: commutative, associative, idempotent over sets of deltas.

Source: protocols/merge.md; last-writer-wins registers and counters after Shapiro et al., INRIA
RR-7506. Each delta is folded once; the order of deltas does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from covey.crypto import LtHash
from covey.merge.elements import counter_element, entry_element
from covey.merge.entries import (
    Entry,
    Stamp,
    Sum,
    Version,
    decode_entry,
    decode_sum,
    decode_version,
    encode_entry,
    encode_sum,
    encode_version,
)
from covey.model import (
    Add,
    Collection,
    Delete,
    DeltaId,
    DeviceId,
    Draft,
    Effect,
    HybridTime,
    Put,
    Reader,
    RowKey,
    Rule,
    Table,
    Tip,
)
from covey.rules import Position, is_on_chain, position_of

__all__ = ["Origin", "fold_effect", "live_total", "versions_of"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The delta whose effects are folded; previous: its device's delta before it."""

    position: Position
    tip: Tip
    previous: Tip | None
    time: HybridTime


def fold_effect(
    draft: Draft, digest: LtHash, collection: Collection, origin: Origin, index: int, effect: Effect
) -> None:
    """Fold one admissible effect; index: its place among all effects of its delta."""
    if isinstance(effect, Add):
        _fold_add(draft, digest, origin, effect)
        return
    _fold_version(draft, digest, collection.rule, origin, index, effect)


def _fold_version(
    draft: Draft, digest: LtHash, rule: Rule, origin: Origin, index: int, effect: Put | Delete
) -> None:
    place = (effect.collection.encode(), effect.key)
    stamp = Stamp(origin.time, origin.tip.id, index)
    value = effect.value if isinstance(effect, Put) else None
    row = draft.get(Table.ENTRY, place)
    before = None if row is None else decode_entry(row)
    winner = before.stamp if before is not None else _strongest_tombstone(draft, rule, place)
    version = Version(stamp, value, origin.position.device, origin.tip)
    draft.put(Table.VERSION, (*place, stamp.time, stamp.delta, index), encode_version(version))
    wins = winner is None or (stamp < winner if rule is Rule.FROZEN else stamp > winner)
    if not wins:
        return
    if before is not None:
        digest.subtract(entry_element(effect.collection, effect.key, before))
    if value is None:
        draft.delete(Table.ENTRY, place)
        return
    after = Entry(value, stamp)
    digest.add(entry_element(effect.collection, effect.key, after))
    draft.put(Table.ENTRY, place, encode_entry(after))


def _strongest_tombstone(draft: Draft, rule: Rule, place: tuple[bytes, bytes]) -> Stamp | None:
    # No live entry: the strongest version, if there is any, is a delete.
    strongest = next(versions_of(draft, rule, place), None)
    return None if strongest is None else strongest.stamp


def versions_of(reader: Reader, rule: Rule, place: tuple[bytes, bytes]) -> Iterator[Version]:
    """The versions of one entry, the winner first."""
    for key, row in reader.scan(Table.VERSION, place, reverse=rule is not Rule.FROZEN):
        yield decode_version(stamp_of(key), row)


def stamp_of(key: RowKey) -> Stamp:
    """The stamp in the key of a version's row."""
    _, _, time, delta, index = key
    assert isinstance(time, int)
    assert isinstance(delta, bytes)
    assert isinstance(index, int)
    return Stamp(HybridTime(time), DeltaId(delta), index)


def _fold_add(draft: Draft, digest: LtHash, origin: Origin, effect: Add) -> None:
    place = (effect.collection.encode(), effect.key)
    before = live_total(draft, place)
    own: RowKey = (*place, origin.position.device, origin.tip.sequence, origin.tip.id)
    row = draft.get(Table.SUM, own)
    if row is None:
        prefix = _prefix_before(draft, place, origin)
        total = Sum(effect.amount, prefix + effect.amount)
    else:
        known = decode_sum(row)
        total = Sum(known.amount + effect.amount, known.prefix + effect.amount)
    draft.put(Table.SUM, own, encode_sum(total))
    if before is not None:
        digest.subtract(counter_element(effect.collection, effect.key, before))
    after = (before or 0) + effect.amount
    digest.add(counter_element(effect.collection, effect.key, after))
    draft.put(Table.ENTRY, place, encode_sum(Sum(after, after)))


def live_total(reader: Reader, place: tuple[bytes, bytes]) -> int | None:
    """The exact sum of a counter, or None where nothing touched it."""
    row = reader.get(Table.ENTRY, place)
    return None if row is None else decode_sum(row).amount


def _prefix_before(draft: Draft, place: tuple[bytes, bytes], origin: Origin) -> int:
    if origin.previous is None:
        return 0
    device = origin.position.device
    for key, row in draft.scan(
        Table.SUM, (*place, device), after=origin.tip.sequence, reverse=True
    ):
        if is_before(draft, device, key, origin.previous):
            return decode_sum(row).prefix
    return 0


def is_before(reader: Reader, device: DeviceId, key: RowKey, last: Tip) -> bool:
    """Whether the delta of a sum's row lies on its device's chain up to `last`."""
    _, _, _, sequence, delta = key
    assert isinstance(sequence, int)
    assert isinstance(delta, bytes)
    position = position_of(reader, device, Tip(sequence, DeltaId(delta)))
    return position is not None and is_on_chain(reader, position, last)
