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
from covey.rules import Position, is_on_chain, is_silent, position_of

__all__ = ["Origin", "fold_effect", "live_total", "refold", "versions_of"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The delta whose effects are folded; previous: its device's delta before it."""

    position: Position
    tip: Tip
    previous: Tip | None
    time: HybridTime


def fold_effect(
    draft: Draft,
    digest: LtHash,
    collection: Collection,
    origin: Origin,
    index: int,
    effect: Effect,
    *,
    silent: bool = False,
) -> None:
    """Fold one admissible effect; index: its place among all effects of its delta.

    silent: it is kept, and changes nothing, as long as its delta is silent.
    """
    if isinstance(effect, Add):
        _fold_add(draft, digest, collection.place, origin, effect, silent=silent)
        return
    _fold_version(draft, digest, collection, origin, index, effect, silent=silent)


def _fold_version(
    draft: Draft,
    digest: LtHash,
    collection: Collection,
    origin: Origin,
    index: int,
    effect: Put | Delete,
    *,
    silent: bool,
) -> None:
    rule, place = collection.rule, (collection.place, effect.key)
    stamp = Stamp(origin.time, origin.tip.id, index)
    value = effect.value if isinstance(effect, Put) else None
    version = Version(stamp, value, origin.position.device, origin.tip)
    key = (*place, stamp.time, stamp.delta, index)
    if silent:
        draft.put(Table.VERSION, key, encode_version(version))
        return
    row = draft.get(Table.ENTRY, place)
    before = None if row is None else decode_entry(row)
    winner = before.stamp if before is not None else _strongest_tombstone(draft, rule, place)
    draft.put(Table.VERSION, key, encode_version(version))
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
    strongest = _strongest(draft, rule, place)
    return None if strongest is None else strongest.stamp


def _strongest(draft: Draft, rule: Rule, place: tuple[bytes, bytes]) -> Version | None:
    """The version that wins of those whose deltas are not silent."""
    for version in versions_of(draft, rule, place):
        if not is_silent(draft, version.author, version.tip):
            return version
    return None


def refold(draft: Draft, digest: LtHash, collection: Collection, key: bytes) -> None:
    """Merge one entry again, after deltas that touch it became silent or no longer are."""
    place = (collection.place, key)
    row = draft.get(Table.ENTRY, place)
    if collection.rule is Rule.COUNTER:
        _refold_counter(draft, digest, collection.name, place, row)
        return
    before = None if row is None else decode_entry(row)
    strongest = _strongest(draft, collection.rule, place)
    if strongest is None or strongest.value is None:
        after = None
        draft.delete(Table.ENTRY, place)
    else:
        after = Entry(strongest.value, strongest.stamp)
        draft.put(Table.ENTRY, place, encode_entry(after))
    if before is not None:
        digest.subtract(entry_element(collection.name, key, before))
    if after is not None:
        digest.add(entry_element(collection.name, key, after))


def _refold_counter(
    draft: Draft, digest: LtHash, name: str, place: tuple[bytes, bytes], row: bytes | None
) -> None:
    amounts = [
        decode_sum(value).amount
        for key, value in draft.scan(Table.SUM, place)
        if not _is_row_silent(draft, key)
    ]
    if row is not None:
        digest.subtract(counter_element(name, place[1], decode_sum(row).amount))
    if not amounts:
        draft.delete(Table.ENTRY, place)
        return
    total = sum(amounts)
    digest.add(counter_element(name, place[1], total))
    draft.put(Table.ENTRY, place, encode_sum(Sum(total, total)))


def _is_row_silent(reader: Reader, key: RowKey) -> bool:
    _, _, device, sequence, delta = key
    assert isinstance(device, bytes)
    assert isinstance(sequence, int)
    assert isinstance(delta, bytes)
    return is_silent(reader, DeviceId(device), Tip(sequence, DeltaId(delta)))


def versions_of(
    reader: Reader, rule: Rule, place: tuple[bytes, bytes], before: HybridTime | None = None
) -> Iterator[Version]:
    """The versions of one entry, the winner first.

    before: those of this time and later are skipped, where they are the first ones.
    """
    is_last_first = rule is not Rule.FROZEN
    after = before if is_last_first else None
    for key, row in reader.scan(Table.VERSION, place, after=after, reverse=is_last_first):
        yield decode_version(stamp_of(key), row)


def stamp_of(key: RowKey) -> Stamp:
    """The stamp in the key of a version's row."""
    _, _, time, delta, index = key
    assert isinstance(time, int)
    assert isinstance(delta, bytes)
    assert isinstance(index, int)
    return Stamp(HybridTime(time), DeltaId(delta), index)


def _fold_add(
    draft: Draft, digest: LtHash, name: bytes, origin: Origin, effect: Add, *, silent: bool
) -> None:
    place = (name, effect.key)
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
    if silent:
        return
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
