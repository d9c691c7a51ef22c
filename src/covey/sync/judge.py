"""Is a delta admissible: decided by its own cut alone, the same on every node, for ever.

Source: protocols/delta.md and protocols/rules.md. Nothing that a node knows beyond the cut makes
it refuse a delta: breaking that one rule would split a network.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeAlias

from covey.codec import decode_payload
from covey.errors import ProtocolViolation
from covey.governance import Authority, check_governance, check_shape, silence_at
from covey.merge import StateAtCut
from covey.model import (
    Core,
    Delta,
    DeltaId,
    Denied,
    Frontier,
    MemberId,
    Payload,
    Put,
    Rule,
    is_ahead,
    limits,
)
from covey.rules import Cut, check_chain, check_clock, check_effect, check_release
from covey.sync.ledger import Ledger, Summary
from covey.sync.pending import parents_of

__all__ = ["Admissible", "Delayed", "Judge", "Judgement", "Known", "Missing"]


@dataclass(frozen=True, slots=True)
class Known:
    """It is applied already."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What it follows and is not applied here."""

    ids: tuple[DeltaId, ...]


@dataclass(frozen=True, slots=True)
class Delayed:
    """Its time lies further ahead than drift explains: it waits, without blame."""


@dataclass(frozen=True, slots=True)
class Admissible:
    """It may be applied. member: whose device wrote it."""

    cut: Frontier
    payload: Payload
    member: MemberId


Judgement: TypeAlias = Known | Missing | Delayed | Denied | Admissible


class Judge:
    """Judges deltas of one context against its ledger, and remembers its words (bounded).

    A word holds for ever, since it depends on nothing but the delta's own cut.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._refused: OrderedDict[DeltaId, Denied] = OrderedDict()
        self._admissible: OrderedDict[DeltaId, Admissible] = OrderedDict()
        self._payloads: OrderedDict[DeltaId, Payload] = OrderedDict()  # read before their turn

    def judge(self, delta: Delta, now_ms: int) -> Judgement:
        """The word on a delta whose signature is good."""
        if self._ledger.is_applied(delta.id):
            return Known()
        settled = self._refused.get(delta.id) or self._admissible.get(delta.id)
        if settled is not None:
            return settled
        parents = parents_of(delta)
        if any(parent in self._refused for parent in parents):
            return self._refuse(delta, Denied("follows-refused", "it follows a refused delta"))
        missing = tuple(p for p in parents if not self._ledger.is_applied(p))
        if missing:
            return Missing(missing)
        if is_ahead(delta.core.time, now_ms):
            return Delayed()
        judged = self._judge_at_cut(delta, parents)
        if isinstance(judged, Denied):
            return self._refuse(delta, judged)
        self._admissible[delta.id] = judged
        while len(self._admissible) > limits.JUDGED_REMEMBERED_MAX:
            self._admissible.popitem(last=False)
        return judged

    def refuse(self, delta: Delta, denied: Denied) -> None:
        """Refuse for ever what replay found to be otherwise than signed."""
        self._admissible.pop(delta.id, None)
        self._refuse(delta, denied)

    def payload_of(self, delta: Delta) -> Payload | None:
        """The payload of a delta whose turn is to come, or None if it cannot be read."""
        try:
            payload = decode_payload(delta.sealed)
        except ProtocolViolation:
            return None
        self._payloads[delta.id] = payload
        while len(self._payloads) > limits.REPLAY_ROW_MAX:
            self._payloads.popitem(last=False)
        return payload

    def forget_applied(self, delta: DeltaId) -> None:
        """Let go of the word on a delta, and of its payload: that it is applied says it all."""
        self._admissible.pop(delta, None)

    def refusal(self, delta: DeltaId) -> Denied | None:
        """Why a delta was refused, if it was and is still remembered."""
        return self._refused.get(delta)

    def _refuse(self, delta: Delta, denied: Denied) -> Denied:
        self._payloads.pop(delta.id, None)  # Read for its turn, which it will not have.
        self._refused[delta.id] = denied
        while len(self._refused) > limits.REFUSED_REMEMBERED_MAX:
            self._refused.popitem(last=False)
        return denied

    def _judge_at_cut(self, delta: Delta, parents: tuple[DeltaId, ...]) -> Denied | Admissible:
        core = delta.core
        summaries = {parent: self._summary(parent) for parent in parents}
        tangled = self._check_parents(core, summaries)
        if tangled is not None:
            return tangled
        frontier = self._ledger.cut_of_parents(parents)
        denied = (
            check_chain(core, frontier.get(core.author, ()))
            or check_clock(core, tuple(s.time for s in summaries.values()))
            or self._check_epochs(core)
        )
        if denied is not None:
            return denied
        if core.gov_parents != self._ledger.governance_heads(parents):
            return Denied("wrong-gov-parents", "gov_parents are not the cut's governance heads")
        authority = self._ledger.governor.at(frontier, core.gov_parents)
        denied = check_release(core, self._ledger.governor.rule(authority).release)
        if denied is not None:
            return denied
        member = authority.member(core.author)
        if member is None:
            return Denied("not-admitted", "the author is not a member at the delta's cut")
        try:
            payload = self._payloads.pop(delta.id, None) or decode_payload(delta.sealed)
        except ProtocolViolation as violation:
            return Denied(violation.code, violation.reason)
        denied = (
            self._check_shape(core, payload)
            or check_shape(core, payload)
            or self._check_governance(authority, frontier, core)
            or self._check_effects(delta, payload, member, authority, frontier)
        )
        return denied or Admissible(frontier, payload, member)

    def _summary(self, delta: DeltaId) -> Summary:
        summary = self._ledger.summary(delta)
        assert summary is not None
        return summary

    def _check_parents(self, core: Core, summaries: dict[DeltaId, Summary]) -> Denied | None:
        if core.previous is not None:
            previous = summaries[core.previous]
            if previous.author != core.author:
                return Denied("wrong-chain", "the previous delta is another device's")
            if core.previous in core.parents:
                return Denied("tangled-parents", "the previous delta stands among the parents")
        if all(parent in self._ledger.heads for parent in core.parents):
            return None  # No head is an ancestor of anything.
        view = self._ledger.view
        for other in summaries:
            cut = Cut(view, self._ledger.closure(other))
            for parent in core.parents:
                known = summaries[parent]
                if other != parent and cut.holds(known.author, known.tip):
                    return Denied("tangled-parents", "a parent is an ancestor of another one")
        return None

    def _check_epochs(self, core: Core) -> Denied | None:
        if core.epochs:
            return Denied("wrong-epochs", "epochs in a context without encryption")
        return None

    def _check_shape(self, core: Core, payload: Payload) -> Denied | None:
        if len(core.fuel) != len(payload.calls):
            return Denied("wrong-fuel", "fuel and calls differ in number")
        if sum(core.fuel) > limits.CALL_FUEL_MAX:
            return Denied("wrong-fuel", "the delta declares more fuel than one may use")
        if not payload.calls and not core.governance:
            return Denied("empty", "the delta says nothing")
        return None

    def _check_governance(
        self, authority: Authority, frontier: Frontier, core: Core
    ) -> Denied | None:
        if not core.governance:
            return None
        ledger = self._ledger
        cut = Cut(ledger.view, frontier)
        return check_governance(ledger.governor, ledger.context, authority, cut, core)

    def _check_effects(
        self,
        delta: Delta,
        payload: Payload,
        member: MemberId,
        authority: Authority,
        frontier: Frontier,
    ) -> Denied | None:
        if not payload.calls:
            return None
        ledger = self._ledger
        roles = tuple(sorted(authority.roles(delta.core.author)))
        collections = ledger.governor.collections_of(delta)
        state = StateAtCut(
            ledger.view,
            tuple(collections.values()),
            Cut(ledger.view, frontier),
            silence_at(ledger.governor, authority),
        )
        put_before: dict[tuple[str, bytes], None] = {}
        for effect in (e for effects in payload.effects for e in effects):
            collection = collections.get(effect.collection)
            if collection is None:
                return Denied("unknown-collection", f"no collection {effect.collection!r}")
            place = (effect.collection, effect.key)
            exists = False
            if collection.rule is Rule.FROZEN and isinstance(effect, Put):
                exists = place in put_before or self._exists(state, *place)
                put_before[place] = None
            denied = check_effect(collection, effect, author=member, exists=exists, roles=roles)
            if denied is not None:
                return denied
        return None

    def _exists(self, state: StateAtCut, collection: str, key: bytes) -> bool:
        return state.get(collection, key) is not None
