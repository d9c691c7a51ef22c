"""Bugs in what a node says: to callers, of itself and of others, and to gossip."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.codec import DigestFrame
from covey.model import Completed, Failed, Failure, Verdict
from covey.sync import Claims, Delayed, Judge, LocalWrites, Missing, Replica, Reply, Standing
from covey.sync.session import Compared
from covey.sync.session.channel import Channel, send


def believe_frontiers_alone(patch: pytest.MonkeyPatch) -> None:
    """In sync with whoever claims the same deltas, whatever state it claims."""
    original = Claims.standing

    def standing(self: Claims, *args: Any) -> Standing:
        told = original(self, *args)
        return replace(told, in_sync_with=(*told.in_sync_with, *told.diverged), diverged=())

    patch.setattr(Claims, "standing", standing)


def claim_where_nothing_is_missing(patch: pytest.MonkeyPatch) -> None:
    """In sync with whoever claims nothing that is not here, though it may lack something."""
    original = Claims.standing

    def standing(self: Claims, ledger: Any, *args: Any) -> Standing:
        told = original(self, ledger, *args)
        behind = {
            peer: None
            for peer, claim in self._claims.items()
            if claim.heads and all(ledger.is_applied(head.tip.id) for head in claim.heads)
        }
        return replace(told, in_sync_with=tuple(sorted({*told.in_sync_with, *behind})))

    patch.setattr(Claims, "standing", standing)


def claim_what_was_sent(patch: pytest.MonkeyPatch) -> None:
    """A peer counts as in sync as soon as all that it lacks is sent, whether or not it arrives."""
    original = Channel.pump

    def pump(self: Channel, ledger: Any) -> Any:
        effects = original(self, ledger)
        if self.stream is None or not self.stream.is_idle or self.waiting:
            return effects
        told = Compared(self.context, ledger.frontier_digest(), ledger.digest(), 0)
        return [*effects, told]

    patch.setattr(Channel, "pump", pump)


def claim_for_ever(patch: pytest.MonkeyPatch) -> None:
    """What a peer once said stays true, however long it is silent."""
    original = Claims.standing

    def standing(self: Claims, ledger: Any, waiting_count: int, now_s: float) -> Standing:
        fresh = Claims()
        for peer, claim in self._claims.items():
            fresh.record(peer, replace(claim, at_s=now_s))
        return original(fresh, ledger, waiting_count, now_s)

    patch.setattr(Claims, "standing", standing)


def reject_what_must_wait(patch: pytest.MonkeyPatch) -> None:
    """Gossip rejects a delta whose parents are not here yet, as if it were malformed."""
    original = Replica.verdict

    def verdict(self: Replica, envelope: bytes, now: float) -> Any:
        word, heard = original(self, envelope, now)
        if heard.delta is not None and word is Verdict.IGNORE:
            return Verdict.REJECT, heard
        return word, heard

    patch.setattr(Replica, "verdict", verdict)


def remember_that_it_must_wait(patch: pytest.MonkeyPatch) -> None:
    """A delta that had to wait once is never judged again."""
    original = Judge.judge
    said: dict[tuple[Judge, Any], Any] = {}

    def judge(self: Judge, delta: Any, now_ms: int) -> Any:
        known = said.get((self, delta.id))
        if known is None:
            known = original(self, delta, now_ms)
            if isinstance(known, Missing | Delayed):
                said[self, delta.id] = known
        return known

    patch.setattr(Judge, "judge", judge)


def tell_failure_of_what_took_effect(patch: pytest.MonkeyPatch) -> None:
    """The last caller of a batch is told that its call failed, though the delta holds it."""
    original = LocalWrites.finish
    failed = Failed(Failure.HOST_FAULT, "nobody knows", 0, ())

    def finish(self: LocalWrites, outcomes: Any) -> Any:
        *effects, last = original(self, outcomes)
        if isinstance(last, Reply) and isinstance(last.outcome, Completed):
            last = replace(last, outcome=failed, delta=None)
        return [*effects, last]

    patch.setattr(LocalWrites, "finish", finish)


def answer_failures_first(patch: pytest.MonkeyPatch) -> None:
    """Of a batch those callers are answered first whose calls failed."""
    original = LocalWrites.finish

    def finish(self: LocalWrites, outcomes: Any) -> Any:
        def is_late(effect: Any) -> bool:
            return isinstance(effect, Reply) and not isinstance(effect.outcome, Failed)

        return sorted(original(self, outcomes), key=is_late)

    patch.setattr(LocalWrites, "finish", finish)


def tell_what_was_held_before(patch: pytest.MonkeyPatch) -> None:
    """On a stream a node says what it held when it said so last."""
    told: dict[int, tuple[Channel, DigestFrame]] = {}  # which keeps them: ids are used again

    def tell(self: Channel, ledger: Any) -> Any:
        holds = DigestFrame(self.ours, ledger.frontier_digest(), ledger.digest())
        _, before = told.get(id(self), (self, holds))
        told[id(self)] = self, holds
        return send(before)

    patch.setattr(Channel, "tell_digest", tell)
