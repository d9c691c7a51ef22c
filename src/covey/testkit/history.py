"""An oracle of deltas and their meaning: sets, loops over everything, no shortcut.

A `History` writes deltas by hand, honest or not, and says what any set of them means by the words
of protocols/merge.md. It shares the codec with the code under test and nothing else. Work grows
with the square of the deltas: for tens of them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

from covey.codec import constraint_packed, encode_payload, make_delta, pack
from covey.crypto import Tag, tagged_hash
from covey.model import (
    Add,
    AppEvent,
    Call,
    Core,
    Delta,
    DeltaId,
    DeviceId,
    Digest,
    Effect,
    Governance,
    HybridTime,
    MemberId,
    Payload,
    Put,
    Rule,
    Tip,
    time_at,
)
from covey.testkit.identities import Founding, Identity
from covey.testkit.oracle import History as Record
from covey.testkit.oracle import Judgement, Oracle

__all__ = ["START_MS", "History", "Written", "lane_sum"]

START_MS = 1_750_000_000_000
"""The Unix time at which histories begin."""

_LANES = 1024
_Stamp = tuple[int, bytes, int]


@dataclass(frozen=True, slots=True)
class Written:
    """A delta with what was put into it; cut: everything it follows, without itself."""

    delta: Delta
    author: Identity
    payload: Payload
    cut: frozenset[DeltaId]


class History:
    """Deltas of one context, each with its whole cut."""

    def __init__(self, founding: Founding) -> None:
        self.founding = founding
        self.deltas: dict[DeltaId, Written] = {}

    # -- writing -------------------------------------------------------------------------------

    def write(
        self,
        author: Identity,
        after: Iterable[DeltaId] = (),
        *calls: Iterable[Effect],
        governance: tuple[Governance, ...] = (),
        keep: bool = True,
        payload: bytes | None = None,
        **wrong: object,
    ) -> Delta:
        """A signed delta that follows these and all they follow; one call for each group.

        keep: whether the history knows it from now on. payload: its bytes, should they be odd.
        wrong: fields of the core that shall differ from the honest ones.
        """
        cut = self.past(after)
        plain = _payload_of(calls)
        honest = self._core(author, cut, len(plain.calls), governance)
        core = replace(honest, **wrong)  # type: ignore[arg-type]  # a test's own fields
        sealed = encode_payload(plain) if payload is None else payload
        delta = make_delta(self.founding.context, core, sealed, author.signer)
        if keep:
            self.deltas[delta.id] = Written(delta, author, plain, cut)
        return delta

    def _core(
        self,
        author: Identity,
        cut: frozenset[DeltaId],
        call_count: int,
        governance: tuple[Governance, ...],
    ) -> Core:
        own = [self.deltas[i].delta for i in cut if self.deltas[i].author is author]
        previous = max(own, key=lambda d: (d.core.sequence, d.id), default=None)
        previous_id = None if previous is None else previous.id
        times = [self.deltas[i].delta.core.time for i in cut]
        governing = frozenset(i for i in cut if self.deltas[i].delta.core.governance)
        return Core(
            author=author.device,
            sequence=1 if previous is None else previous.core.sequence + 1,
            previous=previous_id,
            parents=tuple(i for i in self.maximal(cut) if i != previous_id),
            gov_parents=self.maximal(governing),
            time=HybridTime(max(times, default=time_at(START_MS)) + 1),
            release=self.founding.charter.release,
            epochs=(),
            fuel=(1,) * call_count,
            governance=governance,
        )

    # -- causality -----------------------------------------------------------------------------

    def past(self, ids: Iterable[DeltaId]) -> frozenset[DeltaId]:
        """These deltas and all they follow."""
        given = frozenset(ids)
        return given.union(*(self.deltas[i].cut for i in given))

    def maximal(self, ids: frozenset[DeltaId]) -> tuple[DeltaId, ...]:
        """Those that no other of them follows, sorted."""
        return tuple(sorted(i for i in ids if not any(i in self.deltas[o].cut for o in ids)))

    def frontier(self, ids: Iterable[DeltaId]) -> dict[DeviceId, tuple[Tip, ...]]:
        """For each device its deltas among these that it did not continue among these."""
        chosen = [self.deltas[i].delta for i in sorted(ids)]
        continued = {delta.core.previous for delta in chosen}
        tips: dict[DeviceId, list[Tip]] = {}
        for delta in chosen:
            if delta.id not in continued:
                tips.setdefault(delta.core.author, []).append(Tip(delta.core.sequence, delta.id))
        return {device: tuple(sorted(tips[device])) for device in sorted(tips)}

    # -- meaning -------------------------------------------------------------------------------

    def entries(self, ids: Iterable[DeltaId]) -> dict[tuple[str, bytes], tuple[bytes, _Stamp]]:
        """The live entries that these deltas make, each with its winning version."""
        rules = {c.name: c.rule for c in self.founding.collections}
        versions: dict[tuple[str, bytes], list[tuple[_Stamp, bytes | None]]] = {}
        for delta, index, effect in self._effects(ids):
            if not isinstance(effect, Add):
                value = effect.value if isinstance(effect, Put) else None
                stamp = (int(delta.core.time), bytes(delta.id), index)
                place = (effect.collection, effect.key)
                versions.setdefault(place, []).append((stamp, value))
        live: dict[tuple[str, bytes], tuple[bytes, _Stamp]] = {}
        for place, found in versions.items():
            found.sort(key=lambda version: version[0])
            stamp, value = found[0] if rules[place[0]] is Rule.FROZEN else found[-1]
            if value is not None:
                live[place] = (value, stamp)
        return live

    def counters(self, ids: Iterable[DeltaId]) -> dict[tuple[str, bytes], int]:
        """The exact sums of the counters that these deltas touch."""
        sums: dict[tuple[str, bytes], int] = {}
        for _, _, effect in self._effects(ids):
            if isinstance(effect, Add):
                place = (effect.collection, effect.key)
                sums[place] = sums.get(place, 0) + effect.amount
        return sums

    def judged(self, ids: Iterable[DeltaId]) -> tuple[Judgement, frozenset[DeltaId]]:
        """The oracle's word on these deltas, and those of them that have effects on entries."""
        chosen = sorted(ids, key=lambda i: (len(self.deltas[i].cut), i))
        record = Record()
        for i in chosen:
            record.record(self.deltas[i].delta)
        oracle = Oracle(self.founding.charter, self.founding.first, record)
        j = oracle.judge((1 << len(chosen)) - 1)
        speaking = record.within(j.s & ~j.silent)
        return j, frozenset(known.delta.id for known in speaking)

    def members(self, ids: Iterable[DeltaId]) -> dict[DeviceId, MemberId]:
        """Every device that is a member's, and whose."""
        return self.judged(ids)[0].members

    def values(self, ids: frozenset[DeltaId]) -> dict[tuple[str, bytes], bytes]:
        """Live entries as application code reads them."""
        values = {place: value for place, (value, _) in self.entries(ids).items()}
        for place, total in self.counters(ids).items():
            clamped = max(-(2**63), min(2**63 - 1, total))
            values[place] = struct.pack("<q", clamped)
        return values

    def elements(self, ids: frozenset[DeltaId]) -> list[bytes]:
        """The elements of the state digest, by the words of the specification."""
        j, _ = self.judged(ids)
        return [
            *(pack((1, c, k, v, *stamp)) for (c, k), (v, stamp) in self.entries(ids).items()),
            *(
                pack((2, c, k, total.to_bytes(16, "big", signed=True)))
                for (c, k), total in self.counters(ids).items()
            ),
            *(pack((3, device, member)) for device, member in j.members.items()),
            pack((4, j.release)),
            *(pack((5, device)) for device in j.closed),
            *(pack((6, device, role)) for device, held in j.roles.items() for role in held),
            *(pack((7, constraint_packed(constraint))) for constraint in j.constraints),
        ]

    def digest(self, ids: frozenset[DeltaId]) -> Digest:
        """The state digest, lane by lane."""
        return Digest(tagged_hash(Tag.DIGEST, self.founding.context, lane_sum(self.elements(ids))))

    def _effects(self, ids: Iterable[DeltaId]) -> list[tuple[Delta, int, Effect]]:
        found = []
        for i in sorted(self.judged(ids)[1]):
            written = self.deltas[i]
            effects = [effect for call in written.payload.effects for effect in call]
            found += [(written.delta, index, effect) for index, effect in enumerate(effects)]
        return found


def lane_sum(elements: Iterable[bytes]) -> bytes:
    """LtHash16 x 1024 in the plainest way: a list of numbers, added modulo 2^16."""
    lanes = [0] * _LANES
    prefix = bytes((len(Tag.ELEMENT),)) + Tag.ELEMENT
    for element in elements:
        drawn = hashlib.shake_128(prefix + element).digest(2 * _LANES)
        for place, lane in enumerate(struct.unpack(f">{_LANES}H", drawn)):
            lanes[place] = (lanes[place] + lane) % 2**16
    return struct.pack(f">{_LANES}H", *lanes)


def _payload_of(calls: Iterable[Iterable[Effect]]) -> Payload:
    groups = tuple(tuple(group) for group in calls)
    events: tuple[tuple[AppEvent, ...], ...] = tuple(() for _ in groups)
    return Payload(tuple(Call("change", b"{}") for _ in groups), groups, events)
