"""Bugs in the fold of deltas into state, and in its digest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.crypto import LtHash
from covey.merge import Stamp, Sum, decode_entry, encode_sum, live_total
from covey.merge.fold import _fold_version, _strongest_tombstone
from covey.model import TIME_MAX, Draft, HybridTime, Rule, milliseconds
from covey.sync import Ledger
from covey.sync.voids import count_outcomes


def last_to_arrive_wins(patch: pytest.MonkeyPatch) -> None:
    """The winner depends on the order of arrival."""

    def older(row: bytes) -> Any:
        entry = decode_entry(row)
        return replace(entry, stamp=Stamp(HybridTime(0), entry.stamp.delta, 0))

    patch.setattr("covey.merge.fold.decode_entry", older)


def compare_ids_before_times(patch: pytest.MonkeyPatch) -> None:
    """Of two values the one with the greater delta id wins, however old it is."""
    patch.setattr(Stamp, "__gt__", lambda a, b: (a.delta, a.index) > (b.delta, b.index))


def compare_milliseconds_alone(patch: pytest.MonkeyPatch) -> None:
    """Within one millisecond the counter of the clock does not count."""

    def key(stamp: Stamp) -> tuple[int, bytes, int]:
        return milliseconds(stamp.time), stamp.delta, stamp.index

    patch.setattr(Stamp, "__gt__", lambda a, b: key(a) > key(b))


def forget_tombstones(patch: pytest.MonkeyPatch) -> None:
    """An old put brings a deleted entry back."""
    patch.setattr("covey.merge.fold._strongest_tombstone", lambda *_: None)


def bury_for_ever(patch: pytest.MonkeyPatch) -> None:
    """What was deleted stays so, whatever is put later."""

    def tombstone(*args: Any) -> Stamp | None:
        stamp = _strongest_tombstone(*args)
        return None if stamp is None else replace(stamp, time=HybridTime(TIME_MAX))

    patch.setattr("covey.merge.fold._strongest_tombstone", tombstone)


def thaw_frozen_entries(patch: pytest.MonkeyPatch) -> None:
    """Of concurrent puts on a frozen entry the greatest stays, as in a register."""

    def fold(draft: Any, digest: Any, collection: Any, *rest: Any, silent: bool) -> None:
        thawed = replace(collection, rule=Rule.REGISTER)
        _fold_version(draft, digest, thawed, *rest, silent=silent)

    patch.setattr("covey.merge.fold._fold_version", fold)


def add_to_stale_sums(patch: pytest.MonkeyPatch) -> None:
    """Of two adds that are folded in one commit the first is lost."""

    def stale(draft: Draft, place: tuple[bytes, bytes]) -> int | None:
        return live_total(draft._base, place)

    patch.setattr("covey.merge.fold.live_total", stale)


def clamp_sums(patch: pytest.MonkeyPatch) -> None:
    """A counter that leaves 64 bits stays at their end, so the order of adds matters."""

    def clamped(total: Sum) -> bytes:
        low, high = -(2**63), 2**63 - 1
        return encode_sum(Sum(*(max(low, min(high, n)) for n in (total.amount, total.prefix))))

    patch.setattr("covey.merge.fold.encode_sum", clamped)


def keep_losers_in_the_digest(patch: pytest.MonkeyPatch) -> None:
    """The digest still counts a value that another one has replaced."""
    patch.setattr(LtHash, "subtract", lambda *_: None)


def keep_a_stale_digest(patch: pytest.MonkeyPatch) -> None:
    """The state digest is computed once and then stays as it is."""
    original = Ledger.apply

    def apply(self: Ledger, *args: Any) -> int:
        digest = self._digest
        place = original(self, *args)
        self._digest = digest
        return place

    patch.setattr(Ledger, "apply", apply)


def lose_the_last_call(patch: pytest.MonkeyPatch) -> None:
    """Of a delta with several calls the effects of the last are not folded."""
    original = Ledger.apply

    def apply(self: Ledger, delta: Any, payload: Any, cut: Any) -> int:
        kept = payload.effects[:-1] if len(payload.effects) > 1 else payload.effects
        return original(self, delta, replace(payload, effects=kept), cut)

    patch.setattr(Ledger, "apply", apply)


def see_removed_rows(patch: pytest.MonkeyPatch) -> None:
    """A row that was removed in the commit under way is read from below again."""
    original = Draft.get

    def get(self: Draft, table: Any, key: Any) -> bytes | None:
        found = original(self, table, key)
        return self._base.get(table, key) if found is None else found

    patch.setattr(Draft, "get", get)


def forget_earlier_adds(patch: pytest.MonkeyPatch) -> None:
    """At a cut a counter has of each device only what its last delta added."""
    patch.setattr("covey.merge.fold._prefix_before", lambda *_: 0)


def count_admissions_twice(patch: pytest.MonkeyPatch) -> None:
    """A device that two members admitted counts twice in the digest."""

    def count(digest: Any, authority: Any, devices: Any, sign: int) -> None:
        if sign > 0:
            count_outcomes(digest, authority, devices, sign)

    patch.setattr("covey.sync.voids.count_outcomes", count)
