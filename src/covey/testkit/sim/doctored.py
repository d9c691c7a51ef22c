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
    pack,
    pack_batch,
    pack_gossip,
    topic_key,
)
from covey.crypto import NONCE_SIZE_BYTES, Signer, seal_envelope, sha256
from covey.model import (
    Add,
    Admit,
    AppEvent,
    Certificate,
    Core,
    Delete,
    Delta,
    DeltaId,
    DeviceId,
    Digest,
    Effect,
    HybridTime,
    Join,
    Put,
    Rule,
    Signature,
    Table,
    Tip,
    limits,
)
from covey.sync import parents_of
from covey.testkit.sim.breaches import Breaches
from covey.testkit.sim.faults import BREACHES
from covey.testkit.sim.forging import Forger

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
        self._forger = Forger(world, node, self._rng)
        self._collections = self._forger.collections
        self._breaches = Breaches(world, node, self._forger, self._publish, self._refuse)
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
            delta = self._forger.forge(self._forger.core(), (effects,))
            if deed == "rewrite" and not self._world.plan.is_verified:
                # Whether the entry is in this very cut is for the checks to find out.
                self._publish(delta)
            else:
                self._refuse(delta)
            return True
        if deed in BREACHES:
            return self._breaches.commit(deed)
        match deed:
            case "fork":
                return self._fork()
            case "withhold":
                self._withhold()
            case "orphans":
                self._orphans()
            case "future":
                ahead = self._forger.now_ms() + self._rng.randint(35_000, 60_000)
                core = self._forger.core(time=self._forger.time(ahead))
                self._publish(self._forger.write(b"later", core))
            case "forge" | "wrong-fuel" | "wrong-events":
                return self._misreport(deed)
            case "overspend":
                return self._overspend()
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
                delta = self._forger.write(b"unsigned")
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

    def _overspend(self) -> bool:
        """As much fuel as deltas may declare, one after the other, until it is too much."""
        budget = self._world.plan.fuel_budget
        core = self._forger.core()
        done = self._forger.run(core, b"overspent") if budget else None
        if done is None:
            return False
        call, outcome = done
        dear = replace(outcome, fuel=limits.CALL_FUEL_MAX)
        deltas = [self._forger.sign(core, ((call, dear),))]
        # Where calls are run again the first is found out already.
        count = 0 if self._world.plan.is_verified else budget // limits.CALL_FUEL_MAX
        for _ in range(count):
            before = deltas[-1]
            after = replace(
                core,
                sequence=before.core.sequence + 1,
                previous=before.id,
                parents=(),
                time=HybridTime(before.core.time + 1),
            )
            deltas.append(self._forger.sign(after, ((call, dear),)))
        for delta in deltas[:-1]:
            self._publish(delta)
        self._refuse(deltas[-1])
        return True

    def _misreport(self, deed: str) -> bool:
        """A call that was run, and another word on it: what only running it again shows."""
        core = self._forger.core()
        done = self._forger.run(core, b"misreported")
        if done is None:
            return False
        call, outcome = done
        match deed:
            case "wrong-fuel":
                fuel = outcome.fuel + self._rng.choice((-1, 1, 1_000))
                outcome = replace(outcome, fuel=max(0, fuel))
            case "wrong-events":
                outcome = replace(outcome, events=(*outcome.events, AppEvent("paid", b"{}")))
            case _:
                outcome = replace(outcome, effects=_altered(outcome.effects))
        delta = self._forger.sign(core, ((call, outcome),))
        if self._world.plan.is_verified:
            self._refuse(delta)
        else:
            self._publish(delta)
        return True

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
            case "role" if self._forger.reserved:
                if not self._node.replica.ledger.authority.roles(self._device):
                    return (Put(self._forger.reserved, b"k0", b"hear me"),)
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
        forger, core = self._forger, self._forger.core()
        match deed:
            case "twice" if frozen := self._collections.get(Rule.FROZEN):
                stamp = Put(frozen, self._member + b"twice", b"x")
                return forger.forge(core, ((stamp,), (replace(stamp, value=b"y"),)))
            case "back-in-time":
                if not core.parents and tip is None:
                    return None
                return forger.write(b"forged", replace(core, time=HybridTime(1)))
            case "tangled":
                below = self._ancestor(core)
                if below is None or len(core.parents) >= limits.DELTA_PARENTS_MAX:
                    return None
                parents = tuple(sorted({*core.parents, below}))
                return forger.write(b"forged", replace(core, parents=parents))
            case "skip":
                if tip is None:
                    return None
                return forger.write(b"forged", replace(core, sequence=core.sequence + 1))
            case "wrong-governance":
                wrong = () if core.gov_parents else (core.previous or sha256(b"none"),)
                named = tuple(DeltaId(w) for w in wrong)
                return forger.write(b"forged", replace(core, gov_parents=named))
            case "empty":
                return forger.forge(core, ())
            case "bad-join":
                return forger.forge(replace(core, governance=(self._forged_admit(),)), ())
            case "follow-refused":
                if self._refused is None:
                    return None
                parents = tuple(sorted({*core.parents, self._refused.id}))
                if len(parents) > limits.DELTA_PARENTS_MAX:
                    return None
                later = max(forger.time(self._refused.core.time >> 16), core.time)
                return forger.write(b"forged", replace(core, parents=parents, time=later))
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
        for place, part in enumerate((others[:half], others[half:])):
            delta = self._forger.branch(place)
            for node in part:
                self._push(node, delta.frame)
        return bool(others)

    def _withhold(self) -> None:
        """A delta whose parent nobody is given, or only late."""
        parent = self._forger.write(b"withheld")
        core = self._forger.core()
        child = replace(
            core,
            sequence=parent.core.sequence + 1,
            previous=parent.id,
            parents=(),
            time=HybridTime(parent.core.time + 1),
        )
        self._publish(self._forger.write(b"after the withheld", child, after=parent))
        if self._rng.random() < 0.5:
            self._node.later(self._rng.uniform(0.5, 5), lambda: self._publish(parent))

    def _orphans(self) -> None:
        """A chain whose beginning does not exist."""
        previous = DeltaId(sha256(b"never written"))
        core = self._forger.core()
        for step in range(20):
            link = replace(
                core,
                sequence=core.sequence + 1 + step,
                previous=previous,
                parents=(),
                time=HybridTime(core.time + step),
            )
            delta = self._forger.write(b"orphan", link)
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
            unix_ms=self._forger.now_ms() + 1,
        )
        self._world.checks.lied(self._node, frontier, state)
        context = self._world.founding.context
        frame = encode_announcement(context, announcement, self._signer)
        self._seal(pack_gossip(GOSSIP_ANNOUNCEMENT, frame))

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


def _altered(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """The same entries, the first of them otherwise than the code left it."""
    first, *others = effects
    match first:
        case Put():
            return (replace(first, value=first.value + b"!"), *others)
        case Add():
            return (replace(first, amount=first.amount ^ 1), *others)
        case Delete():
            return tuple(others)
