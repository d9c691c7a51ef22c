"""A member whose node was doctored: it signs what its application would never have written.

Its own replica is a real one and follows along; beside it, misdeeds are forged with its key.
Deltas that every honest node must refuse are told to the checks.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from covey.codec import (
    GOSSIP_ANNOUNCEMENT,
    GOSSIP_DELTA,
    Announcement,
    DeltasFrame,
    Head,
    decode_delta,
    encode_announcement,
    encode_frame,
    encode_payload,
    make_delta,
    pack,
    pack_batch,
    pack_gossip,
    topic_key,
)
from covey.crypto import NONCE_SIZE_BYTES, Signer, seal_envelope, sha256
from covey.model import (
    Add,
    Admit,
    Call,
    Certificate,
    Core,
    Delta,
    DeltaId,
    DeviceId,
    Digest,
    Effect,
    HybridTime,
    Join,
    Payload,
    Put,
    Rule,
    Signature,
    Table,
    Tip,
    limits,
    next_time,
)
from covey.sync import parents_of

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.world import World

__all__ = ["Doctored"]


class Doctored:
    """The hand that misuses one node's keys."""

    def __init__(self, world: World, node: Node) -> None:
        self._world = world
        self._node = node
        self._rng = random.Random(f"{world.plan.seed}/doctored")  # noqa: S311 - as its name says
        self._signer = node.identity.signer
        self._device = node.identity.device
        self._member = node.identity.member_id
        self._collections: dict[Rule, str] = {}
        self._reserved = ""
        for collection in world.founding.collections:
            if collection.roles:
                self._reserved = self._reserved or collection.name
            else:
                self._collections.setdefault(collection.rule, collection.name)
        self._kept: list[bytes] = []
        self._refused: Delta | None = None

    def do(self, deed: str) -> None:
        """Commit one misdeed, if the node is in a position to."""
        if not self._node.is_up or not self._node.replica.is_member(self._device):
            return
        if self._commit(deed):
            self._world.note(self._node, f"misdeed {deed}")
            self._world.met(f"misdeed {deed}")
            self._world.checks.did(self._node, deed)

    def _commit(self, deed: str) -> bool:
        effects = self._forbidden_effects(deed)
        if effects:
            delta = self._forge(*effects)
            if deed == "rewrite":
                # Whether the entry is in this very cut is for the checks to find out.
                self._publish(delta)
            else:
                self._refuse(delta)
            return True
        match deed:
            case "fork":
                return self._fork()
            case "withhold":
                self._withhold()
            case "orphans":
                self._orphans()
            case "future":
                ahead = self._now_ms() + self._rng.randint(35_000, 60_000)
                self._publish(self._forge(*self._something(b"later"), time=self._time(ahead)))
            case "replay":
                for envelope in self._rng.sample(self._kept, min(3, len(self._kept))):
                    self._spread(envelope)
                return bool(self._kept)
            case "lie":
                self._lie()
            case "garbage":
                self._spread(self._rng.randbytes(60))
                self._seal(pack((GOSSIP_DELTA, self._rng.randbytes(60))))
                self._seal(pack_gossip(GOSSIP_DELTA, self._rng.randbytes(60)))
                self._seal(pack_gossip(3, b"another kind"))
            case "bad-signature":
                delta = self._forge(*self._something(b"unsigned"))
                frame = bytearray(delta.frame)
                frame[frame.index(delta.signature)] ^= 1
                self._seal(pack_gossip(GOSSIP_DELTA, bytes(frame)))
                self._stream(bytes(frame))
            case _:
                malformed = self._malformed(deed)
                if malformed is None:
                    return False
                self._refuse(malformed)
        return True

    def _something(self, value: bytes) -> tuple[Effect, ...]:
        """An effect that any member may have; every application has a place for one."""
        key = b"k0"
        for rule, name in self._collections.items():
            match rule:
                case Rule.REGISTER:
                    return (Put(name, key, value),)
                case Rule.COUNTER:
                    return (Add(name, key, len(value)),)
                case Rule.OWNED:
                    return (Put(name, self._member + key, value),)
        name = self._collections.get(Rule.FROZEN, "")
        return (Put(name, sha256(value), value),) if name else ()

    # -- deltas that nobody may accept ---------------------------------------------------------

    def _forbidden_effects(self, deed: str) -> tuple[Effect, ...]:
        other = next(iter(self._world.nodes.values())).identity.member_id
        named = self._collections.get
        match deed:
            case "steal" if (owned := named(Rule.OWNED)) and other != self._member:
                return (Put(owned, other + b"k0", b"mine now"),)
            case "rewrite" if frozen := named(Rule.FROZEN):
                key = self._some_frozen_key(frozen)
                return (Put(frozen, key, b"changed"),) if key else ()
            case "counter-put" if counter := named(Rule.COUNTER):
                return (Put(counter, b"k0", b"5"),)
            case "register-add" if register := named(Rule.REGISTER):
                return (Add(register, b"k0", 5),)
            case "role" if self._reserved:
                if not self._node.replica.ledger.authority.roles(self._device):
                    return (Put(self._reserved, b"k0", b"hear me"),)
            case "foreign-frozen" if (frozen := named(Rule.FROZEN)) and other != self._member:
                return (Put(frozen, other + b"k0", b"forged"),)
        return ()

    def _some_frozen_key(self, frozen: str) -> bytes | None:
        """An existing frozen entry that the key alone would let this member write."""
        view = self._node.replica.ledger.view
        rows = view.scan(Table.ENTRY, (frozen.encode(),), start=self._member)
        key = next((key[1] for key, _ in rows), None)
        return key if isinstance(key, bytes) else None

    def _malformed(self, deed: str) -> Delta | None:
        ledger = self._node.replica.ledger
        tip = ledger.own_tip(self._device)
        note = self._something(b"forged")
        core = self._core()
        match deed:
            case "twice" if frozen := self._collections.get(Rule.FROZEN):
                stamp = Put(frozen, self._member + b"twice", b"x")
                return self._sign(core, ((stamp,), (replace(stamp, value=b"y"),)))
            case "back-in-time":
                if not core.parents and tip is None:
                    return None
                return self._forge(*note, time=HybridTime(1))
            case "tangled":
                below = self._ancestor(core)
                if below is None or len(core.parents) >= limits.DELTA_PARENTS_MAX:
                    return None
                return self._forge(*note, parents=tuple(sorted({*core.parents, below})))
            case "skip":
                return self._forge(*note, sequence=core.sequence + 1) if tip else None
            case "wrong-governance":
                wrong = () if core.gov_parents else (core.previous or sha256(b"none"),)
                return self._forge(*note, gov_parents=tuple(DeltaId(w) for w in wrong))
            case "empty":
                return self._sign(core, ())
            case "bad-join":
                return self._sign(replace(core, governance=(self._forged_admit(),)), ())
            case "follow-refused":
                if self._refused is None:
                    return None
                parents = tuple(sorted({*core.parents, self._refused.id}))
                if len(parents) > limits.DELTA_PARENTS_MAX:
                    return None
                later = self._time(self._refused.core.time >> 16)
                return self._forge(*note, parents=parents, time=max(later, core.time))
        return None

    def _ancestor(self, core: Core) -> DeltaId | None:
        """What one of the heads follows directly, and so is no head."""
        context, ledger = self._world.founding.context, self._node.replica.ledger
        heads = (*core.parents, *(() if core.previous is None else (core.previous,)))
        for head in heads:
            frame = ledger.frame(head)
            assert frame is not None
            below = parents_of(decode_delta(context, frame))
            if below:
                return below[0]
        return None

    def _forged_admit(self) -> Admit:
        stranger = Signer.from_seed(sha256(b"stranger"))
        victim = next(iter(self._world.nodes.values())).identity.certificate
        certificate = Certificate(
            victim.member, DeviceId(stranger.public), victim.exchange_key, victim.signature
        )
        return Admit(certificate, Join(None, Signature(bytes(64)), None))

    def _refuse(self, delta: Delta) -> None:
        """Publish a delta that every node must refuse."""
        self._world.checks.forbid(delta.id)
        self._refused = delta
        self._publish(delta)

    # -- misdeeds with deltas that are well-formed ---------------------------------------------

    def _fork(self) -> bool:
        """Two deltas with one sequence, each to a part of the nodes."""
        others = [self._world.nodes[name] for name in sorted(self._node.peers.streams)]
        half = self._rng.randint(0, len(others))
        frozen = self._collections.get(Rule.FROZEN)
        counter = self._collections.get(Rule.COUNTER)
        for place, part in enumerate((others[:half], others[half:])):
            branch = b"branch %d" % place
            effects = list(self._something(branch))
            if counter and not isinstance(effects[0], Add):
                effects.append(Add(counter, b"k0", place + 1))
            if frozen:
                effects.append(Put(frozen, self._member + b"fork", branch))
            delta = self._forge(*effects)
            for node in part:
                self._push(node, delta.frame)
        return bool(others)

    def _withhold(self) -> None:
        """A delta whose parent nobody is given, or only late."""
        parent = self._forge(*self._something(b"withheld"))
        core = self._core()
        child = replace(
            core,
            sequence=parent.core.sequence + 1,
            previous=parent.id,
            parents=(),
            time=HybridTime(parent.core.time + 1),
        )
        effects = (self._something(b"after the withheld"),)
        self._publish(self._sign(child, effects))
        if self._rng.random() < 0.5:
            self._node.later(self._rng.uniform(0.5, 5), lambda: self._publish(parent))

    def _orphans(self) -> None:
        """A chain whose beginning does not exist."""
        previous = DeltaId(sha256(b"never written"))
        core = self._core()
        for step in range(20):
            link = replace(
                core,
                sequence=core.sequence + 1 + step,
                previous=previous,
                parents=(),
                time=HybridTime(core.time + step),
            )
            delta = self._sign(link, (self._something(b"orphan"),))
            previous = delta.id
            self._world.checks.forbid(delta.id)
            self._publish(delta)

    def _lie(self) -> None:
        """Announce what is not so: another state at this frontier, or heads that do not exist."""
        replica = self._node.replica
        ledger = replica.ledger
        state, heads = ledger.digest(), []
        frontier = ledger.frontier_digest()
        if self._rng.random() < 0.6:
            state = Digest(self._rng.randbytes(32))
        else:
            frontier = Digest(self._rng.randbytes(32))
            heads = [Head(self._device, Tip(9_999, DeltaId(self._rng.randbytes(32))))]
        announcement = Announcement(
            device=self._device,
            peer=self._node.peer,
            count=ledger.count,
            frontier_digest=frontier,
            state_digest=state,
            heads=tuple(heads),
            unix_ms=self._now_ms() + 1,
        )
        self._world.checks.lied(self._node, frontier, state)
        context = self._world.founding.context
        frame = encode_announcement(context, announcement, self._signer)
        self._seal(pack_gossip(GOSSIP_ANNOUNCEMENT, frame))

    # -- forging -------------------------------------------------------------------------------

    def _now_ms(self) -> int:
        return int(self._node.now() * 1000)

    def _time(self, now_ms: int) -> HybridTime:
        return next_time(now_ms, self._node.replica.ledger.clock)

    def _core(self) -> Core:
        """The core that an honest node would write here."""
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
        return Core(
            author=self._device,
            sequence=1 if tip is None else tip.sequence + 1,
            previous=own,
            parents=parents,
            gov_parents=ledger.governance_heads(followed),
            time=self._time(self._now_ms()),
            release=ledger.charter.release,
            epochs=(),
            fuel=(),
            governance=(),
        )

    def _forge(self, *effects: Effect, **changes: object) -> Delta:
        core = replace(self._core(), **changes)  # type: ignore[arg-type]  # fields by name
        return self._sign(core, (effects,))

    def _sign(self, core: Core, effects: tuple[tuple[Effect, ...], ...]) -> Delta:
        ordered = tuple(
            tuple(sorted(call, key=lambda e: (e.collection.encode(), e.key))) for call in effects
        )
        calls = tuple(Call("forged", b"{}") for _ in effects)
        payload = Payload(calls, ordered, tuple(() for _ in effects))
        core = replace(core, fuel=tuple(0 for _ in effects))
        context = self._world.founding.context
        return make_delta(context, core, encode_payload(payload), self._signer)

    # -- sending -------------------------------------------------------------------------------

    def _publish(self, delta: Delta) -> None:
        if self._rng.random() < 0.5:
            self._seal(pack_gossip(GOSSIP_DELTA, delta.frame))
        else:
            self._stream(delta.frame)

    def _seal(self, packed: bytes) -> None:
        nonce = self._rng.randbytes(NONCE_SIZE_BYTES)
        key = topic_key(self._world.founding.context)
        envelope = seal_envelope(key, nonce, packed)
        self._kept.append(envelope)
        self._spread(envelope)

    def _spread(self, envelope: bytes) -> None:
        self._world.publish(self._node, envelope)

    def _stream(self, frame: bytes) -> None:
        for peer in sorted(self._node.peers.streams):
            self._push(self._world.nodes[peer], frame)

    def _push(self, node: Node, frame: bytes) -> None:
        """Slip a delta into the stream with a node."""
        stream = self._node.peers.streams.get(node.name)
        if stream is not None:
            deltas = DeltasFrame(stream.channel_number(self._node), pack_batch((frame,)))
            stream.write(self._node, encode_frame(deltas))
