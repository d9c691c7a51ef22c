"""Replay: what others wrote is applied only after the engine ran it again and agreed.

Source: protocols/replay.md. The engine is asked about one delta at a time, and with it about those
behind it that follow each other in a row: what they do depends on nothing that is decided later.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from covey.codec import cid_of
from covey.governance import Authority, silence_at
from covey.model import (
    Batch,
    Core,
    Delta,
    DeltaId,
    Denied,
    DeviceId,
    Failed,
    Failure,
    MemberId,
    Payload,
    ReleaseId,
    ReplayWord,
    Signed,
    Tip,
    Upgrade,
    Verification,
    limits,
)
from covey.sync.before import Silences, StateBefore
from covey.sync.events import Verify
from covey.sync.judge import Admissible, Judge
from covey.sync.ledger import Ledger

__all__ = ["Replays", "named_manifest", "release_of_calls", "signed_of"]

_T = TypeVar("_T")
_NOT_BEGUN = Failed(Failure.HOST_FAULT, "it was not even begun", 0, ())


@dataclass(frozen=True, slots=True)
class _Held:
    """The last delta of a device that this node cannot tell about: tried again later and later.

    Meanwhile none of that device is tried: it may sign any number that each cost what this one did.
    """

    delta: DeltaId
    tries: int
    again_s: float


class Replays:
    """What replay said and is asked; says nothing where the charter wants signatures alone."""

    def __init__(self, ledger: Ledger, judge: Judge, ready: dict[ReleaseId, None]) -> None:
        self._ledger = ledger
        self._judge = judge
        self._ready = ready
        self._is_wanted = ledger.charter.verification is Verification.REPLAY
        self._silences = Silences(ledger.context, ledger.charter, ledger.governor.first)
        self._in_hand: tuple[Delta, ...] = ()
        self._agreed: OrderedDict[DeltaId, None] = OrderedDict()
        self._differs: OrderedDict[DeltaId, Denied] = OrderedDict()
        self._held: OrderedDict[DeviceId, _Held] = OrderedDict()

    @property
    def held_count(self) -> int:
        """Devices of which this node could not run a delta to the end, by its own fault."""
        return len(self._held)

    def lacks(self, delta: Delta, admissible: Admissible) -> bool:
        """Whether a delta has to be run before it may be applied."""
        return self._is_wanted and bool(admissible.payload.calls) and delta.id not in self._agreed

    def difference(self, delta: DeltaId) -> Denied | None:
        """How a delta that was run differs from what was signed."""
        return self._differs.get(delta)

    def missing_release(self, delta: Delta) -> ReleaseId | None:
        """The release that a delta's calls ran under, where it is not ready here."""
        release = release_of_calls(delta.core)
        return None if release in self._ready else release

    def is_held(self, device: DeviceId, now: float) -> bool:
        """Whether it is too early to try a delta of a device again."""
        held = self._held.get(device)
        return held is not None and now < held.again_s

    def is_to_be_tried(self, delta: Delta) -> bool:
        """Whether a delta is of a device that is held: it is tried again, sooner or later."""
        return delta.core.author in self._held

    def begin(self, delta: Delta, admissible: Admissible, behind: Iterable[Delta]) -> Verify:
        """Ask the engine about a delta that may be applied otherwise. behind: what came after."""
        row = _Row(self._ledger, self._judge, delta, admissible)
        for candidate in behind:
            if row.is_full:
                break
            row.extend(candidate)
        self._in_hand = tuple(row.deltas.values())
        return Verify(tuple(row.signed), self._state_before(delta, admissible))

    def finish(self, words: tuple[ReplayWord, ...], now: float) -> None:
        """The engine's words on a prefix of the row it was asked about; on none: a host fault."""
        asked, self._in_hand = self._in_hand, ()
        for delta, word in zip(asked, words or (_NOT_BEGUN,), strict=False):
            if isinstance(word, Failed):
                self._hold(delta, now)
                continue
            self._is_told(delta)
            if word is None:
                _remember(self._agreed, delta.id, None)
            else:
                _remember(self._differs, delta.id, word)

    def forget(self, delta: Delta) -> None:
        """A delta is applied, or refused."""
        self._agreed.pop(delta.id, None)
        self._differs.pop(delta.id, None)
        self._is_told(delta)

    def _is_told(self, delta: Delta) -> None:
        """This node can tell about a delta: if it was the one, its device is held no longer."""
        held = self._held.get(delta.core.author)
        if held is not None and held.delta == delta.id:
            del self._held[delta.core.author]

    def _hold(self, delta: Delta, now: float) -> None:
        device = delta.core.author
        held = self._held.pop(device, None)
        tries = 0 if held is None else held.tries
        wait_s = min(limits.REPLAY_AGAIN_MAX_S, limits.REPLAY_AGAIN_S * 2**tries)
        self._held[device] = _Held(delta.id, min(tries + 1, 16), now + wait_s)
        while len(self._held) > limits.REPLAYS_HELD_MAX:
            self._held.popitem(last=False)

    def _state_before(self, delta: Delta, admissible: Admissible) -> StateBefore:
        ledger, heads, time = self._ledger, delta.core.gov_parents, delta.core.time
        collections = tuple(ledger.governor.collections_of(delta).values())
        if ledger.is_everything(admissible.cut):
            return StateBefore(collections, None, None, {}, heads, time)
        authority = ledger.governor.at(admissible.cut, heads)
        if silence_at(ledger.governor, authority) is None:
            return StateBefore(collections, admissible.cut, None, {}, heads, time)
        everything = dict(ledger.frontier)
        return StateBefore(collections, admissible.cut, self._silences, everything, heads, time)


class _Row:
    """Deltas of which each follows all before it, and nothing that the first one's cut lacks.

    So each one's calls see the first one's state and the effects of those before it. That holds
    without forks and governance, which could make silent what is in a cut.
    """

    def __init__(self, ledger: Ledger, judge: Judge, first: Delta, admissible: Admissible) -> None:
        self._ledger = ledger
        self._judge = judge
        self._last = first
        self._authority = ledger.governor.at(admissible.cut, first.core.gov_parents)
        # What the first one's cut holds of everything applied: all, or its author's chain.
        self._is_latest = ledger.is_everything(admissible.cut)
        self._is_closed = bool(ledger.governor.forked or first.core.governance)
        self._tips = {first.core.author: Tip(first.core.sequence, first.id)}
        self._size_bytes = len(first.frame)
        self._fuel = sum(first.core.fuel)
        self.deltas = {first.id: first}
        member, payload = admissible.member, admissible.payload
        self.signed = [signed_of(ledger, self._authority, first, member, payload)]

    @property
    def is_full(self) -> bool:
        """Whether nothing more is asked about at once."""
        return (
            self._is_closed
            or len(self.deltas) >= limits.REPLAY_ROW_MAX
            or self._size_bytes >= limits.REPLAY_ROW_BYTES
            or self._fuel >= limits.REPLAY_ROW_FUEL
        )

    def extend(self, delta: Delta) -> None:
        """Take a delta into the row, if it is certain what its calls see."""
        core = delta.core
        if not self._continues(core) or delta.id in self.deltas:
            return
        member = self._authority.member(core.author)
        payload = self._judge.payload_of(delta)
        if member is None or payload is None or len(payload.calls) != len(core.fuel):
            return
        fuel = sum(core.fuel)
        if not payload.calls or fuel > limits.CALL_FUEL_MAX:
            return
        if self._fuel + fuel > limits.REPLAY_ROW_FUEL:
            self._is_closed = True  # Calls of this node wait for the whole row.
            return
        self._fuel += fuel
        self._last = delta
        self._tips[core.author] = Tip(core.sequence, delta.id)
        self._size_bytes += len(delta.frame)
        self.deltas[delta.id] = delta
        self.signed.append(signed_of(self._ledger, self._authority, delta, member, payload))

    def _continues(self, core: Core) -> bool:
        last = self._last
        if (
            core.governance
            or core.gov_parents != last.core.gov_parents
            or core.release != last.core.release
            or core.time <= last.core.time
        ):
            return False
        # Whatever else it might name, the last one follows.
        if core.parents != (() if core.previous == last.id else (last.id,)):
            return False
        return self._is_next(core) if self._is_latest else core.previous == last.id

    def _is_next(self, core: Core) -> bool:
        """Whether it goes on where its device's only chain ends."""
        tip = self._tips.get(core.author) or self._ledger.own_tip(core.author)
        if tip is None:
            return core.previous is None and core.author not in self._ledger.frontier
        return core.previous == tip.id and core.sequence == tip.sequence + 1


def named_manifest(core: Core) -> bytes | None:
    """The manifest of the release that a delta puts in force, if it does."""
    upgrade = next((e for e in core.governance if isinstance(e, Upgrade)), None)
    return None if upgrade is None else upgrade.manifest


def release_of_calls(core: Core) -> ReleaseId:
    """The release that a delta's calls ran under: a migration runs under the upgrade's own."""
    manifest = named_manifest(core)
    return core.release if manifest is None else ReleaseId(cid_of(manifest))


def signed_of(
    ledger: Ledger, authority: Authority, delta: Delta, member: MemberId, payload: Payload
) -> Signed:
    """What a delta's author signed of its calls; authority: at its cut. member: the author's."""
    core = delta.core
    batch = Batch(
        context=ledger.context,
        release=release_of_calls(core),
        member=member,
        device=core.author,
        sequence=core.sequence,
        previous=core.previous,
        time=core.time,
        roles=tuple(sorted(authority.roles(core.author))),
        calls=payload.calls,
    )
    return Signed(batch, payload.effects, payload.events, core.fuel)


def _remember(words: OrderedDict[DeltaId, _T], delta: DeltaId, word: _T) -> None:
    words[delta] = word
    while len(words) > limits.REPLAYED_REMEMBERED_MAX:
        words.popitem(last=False)
