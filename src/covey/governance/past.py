"""What applied deltas follow, and what they hold: facts that never change, remembered.

Bounded: what is forgotten is read again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from covey.codec import decode_delta, decode_payload
from covey.governance.rows import EvidenceRow, Placed
from covey.model import (
    ContextId,
    Delta,
    DeltaId,
    DeviceId,
    Frontier,
    Reader,
    Table,
    Tip,
    limits,
)
from covey.rules import Cut, ancestor_at, position_of

__all__ = ["Past"]


class Past:
    """Pasts and contents of applied deltas.

    reader: must show every applied delta whenever it is asked. closure: the frontier of an applied
    delta and all it follows.
    """

    def __init__(
        self, context: ContextId, reader: Reader, closure: Callable[[DeltaId], Frontier]
    ) -> None:
        self._context = context
        self.reader = reader
        self._closure = closure
        self._seen: OrderedDict[tuple[DeltaId, DeviceId], tuple[Tip, ...]] = OrderedDict()

    def upto(self, delta: DeltaId) -> Cut:
        """A delta and all it follows, as a cut."""
        return Cut(self.reader, self._closure(delta))

    def follows(self, later: Placed, earlier: Placed) -> bool:
        """Whether one delta follows another."""
        if later.id == earlier.id:
            return False
        return self.upto(later.id).holds(earlier.author, earlier.tip)

    def arrival(self, at: Placed) -> int:
        """Where in this node's log an applied delta is."""
        position = position_of(self.reader, at.author, at.tip)
        assert position is not None, "it is applied"
        return position.arrival

    def delta(self, delta: DeltaId) -> Delta:
        """An applied delta."""
        frame = self.reader.get(Table.DELTA, (delta,))
        assert frame is not None, "an applied delta is stored"
        return decode_delta(self._context, frame)

    def collections_touched(self, delta: DeltaId) -> frozenset[str]:
        """The names of the collections that an applied delta changes."""
        payload = decode_payload(self.delta(delta).sealed)
        return frozenset(e.collection for effects in payload.effects for e in effects)

    def seen(
        self, voucher: DeviceId, tip: Tip, guilty: DeviceId, proofs: Iterable[EvidenceRow]
    ) -> tuple[Tip, ...]:
        """The last deltas of a forked device that one can vouch for which ends its chain with tip.

        That is, what the last of its deltas follows whose cut holds no evidence against the other.
        """
        known = self._seen.get((tip.id, guilty))
        if known is None:
            last = self._last_unaware(voucher, tip, tuple(proofs))
            known = () if last is None else self._closure(last.id).get(guilty, ())
            self._seen[tip.id, guilty] = known
            while len(self._seen) > limits.FACTS_REMEMBERED_MAX:
                self._seen.popitem(last=False)
        return known

    def _last_unaware(
        self, device: DeviceId, tip: Tip, proofs: tuple[EvidenceRow, ...]
    ) -> Tip | None:
        """The last delta on a chain whose cut holds none of some proofs."""
        if not self._is_aware(tip, proofs):
            return tip
        low, high = 0, tip.sequence  # at low it is unaware, if there is such a delta; at high aware
        while high - low > 1:
            middle = (low + high) // 2
            if self._is_aware(ancestor_at(self.reader, device, tip, middle), proofs):
                high = middle
            else:
                low = middle
        return ancestor_at(self.reader, device, tip, low) if low else None

    def _is_aware(self, tip: Tip, proofs: tuple[EvidenceRow, ...]) -> bool:
        cut = self.upto(tip.id)
        return any(
            proof.at.id != tip.id and cut.holds(proof.at.author, proof.at.tip) for proof in proofs
        )
