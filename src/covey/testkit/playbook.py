"""Tests that read as a conversation: `play(stage) >> event << effect`.

A `Stage` carries a replica's commits out to a store in memory, under a clock that stands still
until a test moves it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeAlias

from covey.model import (
    Call,
    Completed,
    Delta,
    PeerId,
    ScopedWrites,
    Table,
    limits,
)
from covey.model import Effect as StateEffect
from covey.store import MemoryStore
from covey.sync import (
    TAKE_IN,
    CallRequest,
    CallsSubmitted,
    Commit,
    DeltaReceived,
    Effect,
    Event,
    Execute,
    Executed,
    Replica,
    SetTimer,
    TimerFired,
)
from covey.testkit.history import START_MS
from covey.testkit.identities import Founding, Identity

__all__ = ["PEER", "Playbook", "Stage", "completed", "play", "submit"]

PEER = PeerId("a peer")
"""Who sends what a test does not attribute."""


class Stage:
    """A replica, its store in memory and its clock."""

    def __init__(
        self,
        founding: Founding,
        who: Identity,
        *,
        store: MemoryStore | None = None,
        now: float = START_MS / 1000,
    ) -> None:
        self.founding = founding
        self.who = who
        self.store = MemoryStore() if store is None else store
        self.now = now
        self.commits: list[Commit] = []
        self.replica = Replica(
            context=founding.context,
            charter=founding.charter,
            first=founding.first,
            reader=self.store.reader(founding.context),
            device=who.signer,
            certificate=who.certificate,
            peer=PeerId(f"peer of {who.name}"),
            rng=random.Random(who.name),  # noqa: S311  # a test repeats itself
        )

    def restarted(self) -> Stage:
        """Another replica over the same store, as after a crash."""
        return Stage(self.founding, self.who, store=self.store, now=self.now)

    def handle(self, event: Event) -> list[Effect]:
        """Tell the replica; its commits are done, the other effects are given back.

        What is to be taken in afterwards is, at once.
        """
        effects = self.carry_out(self.replica.handle(event, self.now))
        intake = self.replica.intake
        while intake.is_busy and not (intake.is_verifying or self.replica.is_executing):
            effects += self.carry_out(self.replica.handle(TimerFired(TAKE_IN), self.now))
        return [effect for effect in effects if effect != SetTimer(TAKE_IN, limits.INTAKE_PAUSE_S)]

    def carry_out(self, effects: list[Effect]) -> list[Effect]:
        """Write what is to be committed; the other effects are given back."""
        for effect in effects:
            if isinstance(effect, Commit):
                self.commits.append(effect)
                part = ScopedWrites(self.founding.context, effect.writes)
                self.store.write((part,), durable=effect.durable)
        return [effect for effect in effects if not isinstance(effect, Commit)]

    @property
    def tables(self) -> set[Table]:
        """Where anything was written so far."""
        return {write.table for commit in self.commits for write in commit.writes}

    def receive(self, *deltas: Delta, peer: PeerId = PEER) -> list[Effect]:
        """Deltas come, one after the other."""
        return [e for delta in deltas for e in self.handle(DeltaReceived(delta, peer))]

    def write(self, *calls: tuple[StateEffect, ...], request: int = 0) -> list[Effect]:
        """Local calls that have these effects; everything up to the replies."""
        effects = self.handle(submit(*(request + n for n in range(len(calls)))))
        assert isinstance(effects[-1], Execute), effects
        return effects[:-1] + self.handle(Executed(tuple(completed(*call) for call in calls)))


def submit(*requests: int) -> CallsSubmitted:
    """Local calls of no particular method, by number."""
    return CallsSubmitted(tuple(CallRequest(n, Call("change", b"{}")) for n in requests))


def completed(*effects: StateEffect) -> Completed:
    """The outcome of a call that had these effects."""
    return Completed(effects, (), b"null", 1, ())


class _Machine(Protocol):
    def handle(self, event: Event) -> list[Effect]: ...


_Expected: TypeAlias = "Effect | type | Callable[[Effect], bool] | None"
_QUIET = (SetTimer,)


class Playbook:
    """One conversation. `>>` tells the machine; each `<<` names its next effect.

    Named by value, by type or by a predicate; `<< None`: there is no (further) one. Timers are
    silent unless they are named by value or type first. What is not named fails the next `>>`
    and the truth of the whole.
    """

    def __init__(self, machine: _Machine) -> None:
        self._machine = machine
        self._effects: deque[Effect] = deque()

    def __rshift__(self, event: Event) -> Playbook:
        self._check_said()
        self._effects.extend(self._machine.handle(event))
        return self

    def __lshift__(self, expected: _Expected) -> Playbook:
        if expected is None:
            self._check_said()
            return self
        while self._effects:
            effect = self._effects.popleft()
            if _is(effect, expected):
                return self
            assert isinstance(effect, _QUIET), f"{effect} came instead of {expected}"
        raise AssertionError(f"{expected} did not come")

    def __bool__(self) -> bool:
        self._check_said()
        return True

    def _check_said(self) -> None:
        loud = [effect for effect in self._effects if not isinstance(effect, _QUIET)]
        assert not loud, f"nobody named {loud}"
        self._effects.clear()


def _is(effect: Effect, expected: _Expected) -> bool:
    if isinstance(expected, type):
        return isinstance(effect, expected)
    if effect == expected:
        return True
    return callable(expected) and expected(effect)


def play(machine: _Machine) -> Playbook:
    """Begin a conversation."""
    return Playbook(machine)
