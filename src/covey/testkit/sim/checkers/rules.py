"""No state holds an effect that its rule forbids, whoever signed it.

Every delta that any node applies is judged here once more, by its own causal past alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from covey.model import (
    Add,
    Collection,
    Delete,
    Delta,
    DeltaId,
    Effect,
    MemberId,
    PeerId,
    Put,
    Rule,
    Verdict,
)
from covey.testkit.oracle import Known, parents_of, refusal
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.checkers.budgets import overspent
from covey.testkit.sim.checkers.reference import fold
from covey.testkit.sim.checkers.rerun import rerun

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Rules"]


class Rules(Checker):
    """Forbidden deltas are applied nowhere; those who only follow the rules are never blamed."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self.forbidden: set[DeltaId] = set()
        self._judged: set[DeltaId] = set()

    def applied(self, node: Node, delta: Delta) -> None:
        """What is applied is admissible."""
        who = f"{node.name} applied {delta.id.hex()[:8]}"
        assert delta.id not in self.forbidden, f"{who}, which no node may"
        if delta.id not in self._judged:
            self._judged.add(delta.id)
            known = self.checks.history.known[delta.id]
            reason = (
                self._judge(known) or overspent(self.checks, known) or rerun(self.checks, known)
            )
            assert reason == "", f"{who}: {reason}"

    def accused(self, node: Node, peer: PeerId, code: str) -> None:
        """Only a doctored node is ever blamed; by itself, after its meddling, anybody may be."""
        if node.is_doctored:
            return
        guilty = self.checks.world.by_peer[peer].is_doctored
        assert guilty, f"{node.name} blames {peer}, who did nothing wrong: {code}"

    def judged(self, node: Node, source: str, verdict: Verdict) -> None:
        """What an honest node passes on is never malformed."""
        honest = not self.checks.world.nodes[source].is_doctored
        assert not (honest and verdict is Verdict.REJECT), f"{node.name} rejects {source}'s frame"

    def _judge(self, known: Known) -> str:
        return self._judge_place(known) or self._judge_effects(known)

    def _judge_place(self, known: Known) -> str:
        """Why the delta does not fit its cut, or empty."""
        core = known.delta.core
        past = self.checks.history.within(known.past)
        parents = [self.checks.history.known[p] for p in parents_of(known.delta)]
        if any(parent.delta.core.time >= core.time for parent in parents):
            return "it is not later than a parent"
        # The previous delta may well be an ancestor of a parent; a parent of nothing.
        heads = [self.checks.history.known[p] for p in core.parents]
        if any(one.bit & other.past for one in heads for other in parents):
            return "a parent is an ancestor of another"
        own = [each for each in past if each.delta.core.author == core.author]
        if len({each.delta.core.sequence for each in own}) != len(own):
            return "its cut holds a fork of its author"
        last = max(own, key=lambda each: each.delta.core.sequence, default=None)
        if core.previous != (None if last is None else last.delta.id):
            return "it does not continue its chain"
        if core.sequence != (0 if last is None else last.delta.core.sequence) + 1:
            return "its sequence is not the next"
        governance = [each for each in past if each.delta.core.governance]
        followed = 0
        for each in governance:
            followed |= each.past
        maximal = sorted(each.delta.id for each in governance if not each.bit & followed)
        if list(core.gov_parents) != maximal:
            return "its governance parents are not the heads of its cut's governance"
        code = refusal(self.checks.oracle, self.checks.world.founding.context, known)
        return "" if code == "" else f"the oracle refuses it: {code}"

    def _judge_effects(self, known: Known) -> str:
        """Why an effect is not allowed, or empty."""
        author = known.delta.core.author
        j = self.checks.oracle.judge(known.past)
        member, roles = j.members[author], j.roles[author]
        effects = [effect for effects in known.payload.effects for effect in effects]
        declared = self.checks.declared
        collections, places = declared.collections(known), declared.places(known)
        unknown = [e.collection for e in effects if e.collection not in collections]
        if unknown:
            return f"its release has no collection {unknown[0]}"
        needs_state = any(collections[e.collection].rule is Rule.FROZEN for e in effects)
        exists = (
            set(fold(self.checks.speaking(known.past), declared.places)) if needs_state else set()
        )
        for effect in effects:
            collection = collections[effect.collection]
            if collection.roles and not roles.intersection(collection.roles):
                return "its author lacks the role"
            place = (places[effect.collection][0], effect.key)
            if not _is_allowed(collection, effect, member, is_new=place not in exists):
                return f"{effect} is forbidden"
            exists.add(place)
        return ""


def _is_allowed(collection: Collection, effect: Effect, member: MemberId, *, is_new: bool) -> bool:
    match collection.rule:
        case Rule.REGISTER:
            return isinstance(effect, Put | Delete)
        case Rule.COUNTER:
            return isinstance(effect, Add)
        case Rule.OWNED:
            return isinstance(effect, Put | Delete) and effect.key[:32] == member
    if not isinstance(effect, Put) or not is_new:
        return False
    return effect.key[:32] == member or effect.key == hashlib.sha256(effect.value).digest()
