"""The hand that misuses a node's keys: it signs at the place where the node's replica stands."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import trio

from covey.codec import (
    GOSSIP_DELTA,
    DeltasFrame,
    encode_frame,
    encode_payload,
    make_delta,
    pack_batch,
    pack_gossip,
    topic_key,
)
from covey.crypto import NONCE_SIZE_BYTES, Signer, seal_envelope
from covey.model import (
    Batch,
    Call,
    Completed,
    Core,
    Delta,
    DeltaId,
    DeviceId,
    Effect,
    Governance,
    HybridTime,
    Outcome,
    Payload,
    PeerId,
    limits,
    next_time,
    time_at,
)
from covey.node.service import Node
from covey.sync import DeltaReceived, Ledger, Send
from covey.sync.before import StateBefore

__all__ = ["Deed", "Hand", "Words", "play", "put"]

Words = dict[str, Any]
"""What a deed is told, beside its name."""

_LINKED_S = 20.0
_APPLIED_S = 30.0
_LOOK_S = 0.01
_FORGED_FUEL = 1_000_000  # enough to see that it fails for another reason


class Mask:
    """A key that goes by another's name."""

    def __init__(self, signer: Signer, public: bytes) -> None:
        self.public = public
        self.sign = signer.sign


class Hand:
    """One context of a running node, whose device writes what it is told to."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        held = node._held(name)
        assert held.driver is not None, "the context is here"
        self.driver = held.driver
        self.context = held.record.id
        self.device = held.record.device
        self.signer: Signer = node._contexts._home.device_of(self.device)

    @property
    def ledger(self) -> Ledger:
        return self.driver.replica.ledger

    @property
    def member(self):
        return self.driver.replica.certificate.member

    def peers(self) -> tuple[PeerId, ...]:
        """Who shares the context over a stream."""
        return self.node._contexts.links.sharing(self.context)

    # -- where it stands ---

    def core(self, *governance: Governance, **changes: object) -> Core:
        """The core that an honest node would write here; with some fields changed."""
        ledger = self.ledger
        tip = ledger.own_tip(self.device)
        own = None if tip is None else tip.id
        others = tuple(sorted(head for head in ledger.heads if head != own))
        followed = others if own is None else (own, *others)
        core = Core(
            author=self.device,
            sequence=1 if tip is None else tip.sequence + 1,
            previous=own,
            parents=others,
            gov_parents=ledger.governance_heads(followed),
            time=next_time(int(time.time() * 1000), ledger.clock),
            release=ledger.release,
            epochs=(),
            fuel=(),
            governance=governance,
        )
        return replace(core, **changes)  # type: ignore[arg-type]

    def core_of(self, victim: DeviceId) -> Core:
        """Where another device's chain would go on."""
        tip = self.ledger.own_tip(victim)
        assert tip is not None
        return self.core(
            author=victim,
            sequence=tip.sequence + 1,
            previous=tip.id,
            parents=(),
            gov_parents=self.ledger.governance_heads((tip.id,)),
            time=HybridTime(self.summary(tip.id).time + 1),
        )

    def summary(self, delta: DeltaId):
        summary = self.ledger.summary(delta)
        assert summary is not None
        return summary

    def ahead(self, ms: int) -> HybridTime:
        """So far in the future."""
        return time_at(int(time.time() * 1000) + ms)

    # -- what calls do there ---

    async def run(
        self, core: Core, *calls: Call, roles: Iterable[str] | None = None
    ) -> tuple[Completed, ...]:
        """What calls do at a place, where nothing of what they read is silent.

        roles: those that the code is told the device holds.
        """
        release = core.release
        ledger = self.ledger
        followed = core.parents if core.previous is None else (core.previous, *core.parents)
        cut = ledger.cut_of_parents(followed)
        authority = ledger.governor.at(cut, core.gov_parents)
        batch = Batch(
            context=self.context,
            release=release,
            member=self.member,
            device=core.author,
            sequence=core.sequence,
            previous=core.previous,
            time=core.time,
            roles=tuple(sorted(authority.roles(self.device) if roles is None else roles)),
            calls=calls,
        )
        before = StateBefore(
            self.driver.code.collections(release), cut, None, {}, core.gov_parents, core.time
        )
        with self.node._store.snapshot(self.context) as reader:
            outcomes: tuple[Outcome, ...] = await self.node._executor.run_batch(
                batch, before.entries(reader)
            )
        assert all(isinstance(outcome, Completed) for outcome in outcomes), outcomes
        return outcomes  # type: ignore[return-value]

    async def wrote(self, core: Core, *calls: Call) -> Delta:
        """The delta that an honest node would make of calls."""
        return self.sign(core, calls, await self.run(core, *calls))

    def forge(self, core: Core, *effects: Effect) -> Delta:
        """A delta whose call nobody ran."""
        done = Completed(_ordered(effects), (), b"", _FORGED_FUEL, ())
        return self.sign(core, (play(b"forged"),), (done,))

    def sign(
        self,
        core: Core,
        calls: tuple[Call, ...] = (),
        outcomes: tuple[Completed, ...] = (),
    ) -> Delta:
        """A delta that says of some calls what they did; its own key signs, whoever it names."""
        payload = Payload(
            calls,
            tuple(outcome.effects for outcome in outcomes),
            tuple(outcome.events for outcome in outcomes),
        )
        core = replace(core, fuel=tuple(outcome.fuel for outcome in outcomes))
        return make_delta(
            self.context, core, encode_payload(payload), Mask(self.signer, core.author)
        )

    # -- sending ---

    async def publish(self, *deltas: Delta) -> None:
        """On the topic, then over every stream."""
        await self.gossip(*deltas)
        await self.stream(*deltas)

    async def gossip(self, *deltas: Delta) -> None:
        """On the topic."""
        for delta in deltas:
            nonce = secrets.token_bytes(NONCE_SIZE_BYTES)
            packed = pack_gossip(GOSSIP_DELTA, delta.frame)
            envelope = seal_envelope(topic_key(self.context), nonce, packed)
            if len(envelope) <= limits.GOSSIP_FRAME_BYTES_MAX:
                await self.node._network.publish(self.driver.topic, envelope)

    async def stream(self, *deltas: Delta) -> None:
        """Slipped into the streams to all peers, as if they had asked."""
        links = self.node._contexts.links
        for peer in self.peers():
            link = links._links[peer]
            channel = link.session._channels[self.context]
            for delta in deltas:
                frame = DeltasFrame(channel.ours, pack_batch((delta.frame,)))
                link._queue([Send(encode_frame(frame))])
        await trio.lowlevel.checkpoint()

    async def linked(self, count: int) -> None:
        """Wait until so many peers share the context."""
        await self._until(lambda: len(self.peers()) >= count, _LINKED_S)

    async def keep(self, *deltas: Delta) -> None:
        """Have the node's own replica apply what others are to apply too."""
        for delta in deltas:
            await self.driver.deliver(DeltaReceived(delta, PeerId(self.node.peer_id)))
        for delta in deltas:
            await self._until(lambda it=delta: self.ledger.is_applied(it.id), _APPLIED_S)

    async def _until(self, fact: Callable[[], bool], within_s: float) -> None:
        with trio.fail_after(within_s):
            while not fact():  # noqa: ASYNC110 -- the fact is another task's doing
                await trio.sleep(_LOOK_S)


Deed = Callable[[Hand, Words], Awaitable["list[Delta]"]]
"""Something done, and the deltas that it published."""


def play(*steps: list[object] | bytes, work: int = 0) -> Call:
    """A call of the arena."""
    arguments = {"steps": list(steps), "work": work} if isinstance(steps[0], list) else {}
    return Call("play", json.dumps(arguments).encode())


def put(key: str, value: str = "stolen", collection: str = "notes") -> list[object]:
    """A step of such a call."""
    return ["put", collection, key, value]


def device_of(words: Words, name: str = "who") -> DeviceId:
    """A device that a deed was told of, in hexadecimal digits."""
    return DeviceId(bytes.fromhex(words[name]))


def _ordered(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    return tuple(sorted(effects, key=lambda e: (e.collection.encode(), e.key)))
