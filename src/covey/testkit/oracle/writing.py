"""Real signed deltas on any cut, with headers as they should be, and the word of the oracle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from covey.codec import encode_payload, make_delta
from covey.model import (
    Call,
    Close,
    Core,
    Delta,
    DeltaId,
    Demote,
    DeviceId,
    Effect,
    Evidence,
    Governance,
    HybridTime,
    Payload,
    ReleaseId,
    Upgrade,
    limits,
    time_at,
)
from covey.testkit.history import START_MS
from covey.testkit.identities import Founding, Identity
from covey.testkit.oracle.admissible import refusal
from covey.testkit.oracle.history import History, Known
from covey.testkit.oracle.judgement import Judgement, Mask
from covey.testkit.oracle.oracle import Oracle
from covey.testkit.oracle.people import FIRST

__all__ = ["Writing"]

_FOLLOWS = "follows-refused"


@dataclass
class Writing:
    """One context: its deltas in the order of creation, and what the oracle says of each.

    honest: deltas of honest nodes. refused: inadmissible ones, and those that follow one. codes:
    why. bad: devices of attackers. stolen: honest devices whose key an attacker has too.
    """

    founding: Founding
    history: History = field(default_factory=History)
    honest: Mask = 0
    refused: Mask = 0
    codes: dict[DeltaId, str] = field(default_factory=dict)
    bad: set[DeviceId] = field(default_factory=set)
    stolen: set[DeviceId] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.founding.charter, FIRST, self.history)

    def copy(self) -> Writing:
        """The same up to here; what is written to one is not in the other."""
        history = History()
        history.known.update(self.history.known)
        other = Writing(self.founding, history, self.honest, self.refused, dict(self.codes))
        other.bad, other.stolen = set(self.bad), set(self.stolen)
        other.oracle._judged.update(self.oracle._judged)  # Bits mean the same so far.
        return other

    @property
    def deltas(self) -> list[Delta]:
        """All of them, in the order of creation."""
        return [known.delta for known in self.history.known.values()]

    @property
    def admitted(self) -> Mask:
        """Those that every node applies, sooner or later."""
        return (1 << len(self.history.known)) - 1 & ~self.refused

    def judge(self, cut: Mask) -> Judgement:
        """The word on what is admissible in a cut."""
        return self.oracle.judge(cut & ~self.refused)

    def down(self, chosen: Iterable[Known]) -> Mask:
        """These deltas and all they follow."""
        mask = 0
        for known in chosen:
            mask |= known.past | known.bit
        return mask

    def tips(self, cut: Mask, device: DeviceId) -> tuple[DeltaId, ...]:
        """What a close of a device names: its deltas that it did not continue in the cut."""
        own = [k.delta for k in self.history.within(cut) if k.delta.core.author == device]
        continued = {delta.core.previous for delta in own}
        tips = sorted(delta.id for delta in own if delta.id not in continued)
        return tuple(tips[: limits.DELTA_TIPS_MAX])

    def close(self, cut: Mask, device: DeviceId) -> Close:
        """A close of a device as it is said at this cut."""
        return Close(device, self.tips(cut, device))

    def demote(self, cut: Mask, device: DeviceId, role: str) -> Demote:
        """A demote of a device as it is said at this cut."""
        return Demote(device, role, self.tips(cut, device))

    def news(self, cut: Mask) -> list[Governance]:
        """Evidence of each fork in the cut of which there is none there."""
        places: dict[tuple[DeviceId, int], DeltaId] = {}
        pairs: dict[DeviceId, Governance] = {}
        told: set[DeviceId] = set()
        for known in self.history.within(cut):
            core = known.delta.core
            for effect in core.governance:
                if isinstance(effect, Evidence) and effect.one in self.history.known:
                    told.add(self.history.known[effect.one].delta.core.author)
            first = places.setdefault((core.author, core.sequence), known.delta.id)
            if first != known.delta.id:
                pairs.setdefault(core.author, Evidence(*sorted((first, known.delta.id))))
        return [pair for device, pair in pairs.items() if device not in told]

    # -- writing -------------------------------------------------------------------------------

    def write(
        self,
        author: Identity,
        cut: Mask,
        governance: Iterable[Governance] = (),
        entries: tuple[Effect, ...] = (),
        *,
        at_ms: int = 0,
        honest: bool = False,
        release: ReleaseId | None = None,
        method: str = "",
    ) -> Known:
        """A delta that follows the cut; entries: the effects of its one call, if any.

        at_ms: its time, should the cut allow it. release: another one than its cut's. method: what
        is called, if not what an honest node would. It may be refused: `codes` says so.
        """
        said = tuple(governance)
        is_migration = any(isinstance(effect, Upgrade) for effect in said)
        method = method or ("migrate" if is_migration else "change")
        calls = (Call(method, b"{}"),) if entries else ()
        effects = (tuple(sorted(entries, key=_place)),) if entries else ()
        core = self._core(author, cut, said, len(calls), at_ms)
        if release is not None:
            core = replace(core, release=release)
        sealed = encode_payload(Payload(calls, effects, ((),) * len(calls)))
        delta = make_delta(self.founding.context, core, sealed, author.signer)
        while delta.id in self.history.known:  # The same said again: a tick later.
            core = replace(core, time=HybridTime(core.time + 1))
            delta = make_delta(self.founding.context, core, sealed, author.signer)
        known = self.history.record(delta)
        assert known.past == cut, "the header does not say the cut"
        code = (
            _FOLLOWS if cut & self.refused else refusal(self.oracle, self.founding.context, known)
        )
        if code:
            self.codes[delta.id] = code
            self.refused |= known.bit
        if honest:
            self.honest |= known.bit
        return known

    def forget(self, known: Known) -> None:
        """Take back the delta that was written last."""
        assert self.history.known.popitem()[1] is known
        self.codes.pop(known.delta.id, None)
        self.refused &= ~known.bit
        self.honest &= ~known.bit

    def code(self, known: Known) -> str:
        """Why a delta is refused; empty: it is not."""
        return self.codes.get(known.delta.id, "")

    def _core(
        self, author: Identity, cut: Mask, said: tuple[Governance, ...], calls: int, at_ms: int
    ) -> Core:
        past = self.history.within(cut)
        own = [k.delta for k in past if k.delta.core.author == author.device]
        last = max(own, key=lambda delta: (delta.core.sequence, delta.id), default=None)
        previous = None if last is None else last.id
        floor = max((k.delta.core.time for k in past), default=0)
        return Core(
            author=author.device,
            sequence=1 if last is None else last.core.sequence + 1,
            previous=previous,
            parents=tuple(i for i in _heads(past) if i != previous),
            gov_parents=_heads([k for k in past if k.delta.core.governance]),
            time=HybridTime(max(floor + 1, time_at(START_MS + at_ms))),
            release=self.judge(cut).release or self.founding.charter.release,
            epochs=(),
            fuel=(1,) * calls,
            governance=said,
        )


def _heads(deltas: list[Known]) -> tuple[DeltaId, ...]:
    """Those that no other of them follows, sorted."""
    followed = 0
    for known in deltas:
        followed |= known.past
    heads = tuple(sorted(known.delta.id for known in deltas if not followed & known.bit))
    assert len(heads) <= limits.DELTA_PARENTS_MAX, "more heads than fit"
    return heads


def _place(effect: Effect) -> tuple[bytes, bytes]:
    return effect.collection.encode(), effect.key
