"""Deltas signed with a member's key, whatever its application says: true ones and forged ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from covey.codec import decode_manifest, decode_payload, encode_payload, make_delta
from covey.crypto import Signer, sha256
from covey.governance import silence_at
from covey.merge import StateAtCut
from covey.model import (
    Add,
    Batch,
    Call,
    Collection,
    Completed,
    Core,
    Delta,
    DeltaId,
    Effect,
    EntryReader,
    HybridTime,
    Payload,
    Put,
    ReleaseId,
    Rule,
    limits,
    next_time,
)
from covey.rules import Cut
from covey.runtime import Overlay
from covey.testkit.sim.releases import Release
from covey.testkit.sim.workload import call_maker

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.world import World

__all__ = ["Forger"]

_TRIES = 5  # calls drawn until one takes effect


class Forger:
    """Signs deltas at the place where a node's replica stands.

    Where the context's charter wants calls run again, what any member may write is what a call
    does; elsewhere effects are made up.
    """

    def __init__(self, world: World, node: Node, rng: random.Random) -> None:
        self._world = world
        self._node = node
        self._rng = rng
        self._context = world.founding.context
        self._device = node.identity.device
        self._member = node.identity.member_id
        self.reserved = ""
        self.collections: dict[Rule, str] = {}
        for collection in world.founding.collections:
            if collection.roles:
                self.reserved = self.reserved or collection.name
            else:
                self.collections.setdefault(collection.rule, collection.name)

    def now_ms(self) -> int:
        """By the node's own clock."""
        return int(self._node.now() * 1000)

    def time(self, now_ms: int) -> HybridTime:
        """The time of a delta that is written now."""
        return next_time(now_ms, self._node.replica.ledger.clock)

    def core(self, **changes: object) -> Core:
        """The core that an honest node would write here; with some fields changed."""
        ledger = self._node.replica.ledger
        tip = ledger.own_tip(self._device)
        own = None if tip is None else tip.id
        if tip is None and self._device in ledger.frontier:
            # Forked already: go on from one branch.
            tip = ledger.frontier[self._device][0]
            own = tip.id
        if own is not None and ledger.own_tip(self._device) is None:
            parents: tuple[DeltaId, ...] = ()
        else:
            others = sorted(head for head in ledger.heads if head != own)
            parents = tuple(others[: limits.DELTA_PARENTS_MAX])
        followed = parents if own is None else (own, *parents)
        core = Core(
            author=self._device,
            sequence=1 if tip is None else tip.sequence + 1,
            previous=own,
            parents=parents,
            gov_parents=ledger.governance_heads(followed),
            time=self.time(self.now_ms()),
            release=ledger.release,
            epochs=(),
            fuel=(),
            governance=(),
        )
        return replace(core, **changes)  # type: ignore[arg-type]  # fields by name

    # -- what any member may write ---------------------------------------------------------------

    def write(self, value: bytes, core: Core | None = None, after: Delta | None = None) -> Delta:
        """A delta as the rules want it, told apart by a value. after: its unpublished parent."""
        core = self.core() if core is None else core
        if self._world.plan.is_verified:
            done = self.run(core, value, after)
            if done is not None:
                call, outcome = done
                return self.sign(core, ((call, outcome),))
        return self.forge(core, (self._something(value),))

    def branch(self, place: int) -> Delta:
        """One of several deltas that the device signs with the same sequence."""
        value, core = b"branch %d" % place, self.core()
        if self._world.plan.is_verified:
            return self.write(value, core)
        effects = list(self._something(value))
        counter, frozen = self.collections.get(Rule.COUNTER), self.collections.get(Rule.FROZEN)
        if counter and not isinstance(effects[0], Add):
            effects.append(Add(counter, b"k0", place + 1))
        if frozen:
            effects.append(Put(frozen, self._member + b"fork", value))
        return self.forge(core, (tuple(effects),))

    def run(
        self, core: Core, value: bytes, after: Delta | None = None
    ) -> tuple[Call, Completed] | None:
        """A call that takes effect at a place, and what it does there."""
        state = self._state(core if after is None else after.core)
        if after is not None:
            state = _after(state, decode_payload(after.sealed))
        for call in self._calls(value):
            (outcome,) = self._world.application.executor.run_batch(
                self._batch(core, call, core.release), state
            )
            if isinstance(outcome, Completed) and outcome.effects:
                return call, outcome
        return None

    def migrate(self, core: Core, release: Release, call: Call) -> Completed | None:
        """What the call of an upgrade does at a place, under the release that it is to bring."""
        terms = decode_manifest(release.manifest).terms
        placed = self._node.replica.ledger.governor.placed(terms)
        state, batch = self._state(core, placed), self._batch(core, call, release.id)
        (outcome,) = self._world.application.executor.run_batch(batch, state)
        return outcome if isinstance(outcome, Completed) else None

    def _calls(self, value: bytes) -> Iterator[Call]:
        if self._world.application.is_arena:
            text = value.decode()
            common = [["put", "notes", "k0", text], ["add", "counts", "k0", len(text)]]
            for steps in ([*common, ["stamp", "stamps", "fork", text]], common):
                arguments = json.dumps({"steps": steps, "fails": False, "work": 0})
                yield Call("play", arguments.encode())
            return
        draw = call_maker(self._world.application, 2)
        for _ in range(_TRIES):
            yield draw(self._rng, 0.0).call

    def _batch(self, core: Core, call: Call, release: ReleaseId) -> Batch:
        ledger = self._node.replica.ledger
        return Batch(
            context=self._context,
            release=release,
            member=self._member,
            device=self._device,
            sequence=core.sequence,
            previous=core.previous,
            time=core.time,
            roles=tuple(sorted(ledger.authority.roles(self._device))),
            calls=(call,),
        )

    def _state(self, core: Core, placed: Mapping[str, Collection] | None = None) -> EntryReader:
        """What the calls of a delta see of what the node has applied.

        placed: the collections, where it is not those of the release in force.
        """
        ledger = self._node.replica.ledger
        own = () if core.previous is None else (core.previous,)
        applied = tuple(p for p in (*own, *core.parents) if ledger.is_applied(p))
        cut = ledger.cut_of_parents(applied) if applied else {}
        authority = ledger.governor.at(cut, ledger.governance_heads(applied))
        silence = silence_at(ledger.governor, authority)
        declared = ledger.governor.collections(core.release) if placed is None else placed
        collections = tuple(declared.values())
        return StateAtCut(ledger.view, collections, Cut(ledger.view, cut), silence)

    def _something(self, value: bytes) -> tuple[Effect, ...]:
        """Effects that any member may have; every application has a place for one."""
        key = b"k0"
        for rule, name in self.collections.items():
            match rule:
                case Rule.REGISTER:
                    return (Put(name, key, value),)
                case Rule.COUNTER:
                    return (Add(name, key, len(value)),)
                case Rule.OWNED:
                    return (Put(name, self._member + key, value),)
        name = self.collections.get(Rule.FROZEN, "")
        return (Put(name, sha256(value), value),) if name else ()

    # -- signing ---------------------------------------------------------------------------------

    def forge(self, core: Core, effects: tuple[tuple[Effect, ...], ...]) -> Delta:
        """A delta whose calls nobody could have run."""
        calls = tuple(
            (Call("forged", b"{}"), Completed(_ordered(some), (), b"", 0, ())) for some in effects
        )
        return self.sign(core, calls)

    def sign(self, core: Core, done: tuple[tuple[Call, Completed], ...]) -> Delta:
        """A delta that says of some calls what they did."""
        payload = Payload(
            tuple(call for call, _ in done),
            tuple(outcome.effects for _, outcome in done),
            tuple(outcome.events for _, outcome in done),
        )
        core = replace(core, fuel=tuple(outcome.fuel for _, outcome in done))
        return make_delta(self._context, core, encode_payload(payload), self._node.identity.signer)

    def sign_as(self, signer: Signer, core: Core) -> Delta:
        """A delta without calls in the name of another, whose signature is to be spoilt."""
        return make_delta(self._context, core, encode_payload(Payload((), (), ())), signer)


def _ordered(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    return tuple(sorted(effects, key=lambda e: (e.collection.encode(), e.key)))


def _after(state: EntryReader, payload: Payload) -> EntryReader:
    overlay = Overlay(state)
    for effects in payload.effects:
        overlay.absorb(effects)
    return overlay
