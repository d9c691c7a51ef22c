"""All checkers of one simulation, and the one place that tells them what happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from covey.codec import (
    GOSSIP_DELTA,
    Announcement,
    DeltasFrame,
    DigestFrame,
    FrontierFrame,
    decode_announcement,
    decode_delta,
    decode_frame,
    decode_payload,
    frontier_digest,
    open_batch,
    open_gossip,
    topic_key,
)
from covey.crypto import open_envelope
from covey.errors import ProtocolViolation
from covey.model import Batch, Delta, DeltaId, PeerId, ReleaseId, Table, Verdict, limits
from covey.sync import CallsSubmitted, GovernanceAnswered, GovernanceRequested, Reply
from covey.testkit.oracle import History, Known, Oracle, parents_of, refusal
from covey.testkit.sim.checkers.announcements import Announcements
from covey.testkit.sim.checkers.answers import Answers
from covey.testkit.sim.checkers.authority import Authority
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.checkers.bounds import Bounds
from covey.testkit.sim.checkers.causality import Account, Causality
from covey.testkit.sim.checkers.chains import Chains
from covey.testkit.sim.checkers.code import Code
from covey.testkit.sim.checkers.cuts import Cuts
from covey.testkit.sim.checkers.declared import Declared
from covey.testkit.sim.checkers.drift import Drift
from covey.testkit.sim.checkers.durability import Durability
from covey.testkit.sim.checkers.healing import NotHealed, require_healed
from covey.testkit.sim.checkers.honesty import Honesty
from covey.testkit.sim.checkers.keystore import Keystore
from covey.testkit.sim.checkers.nonces import Nonces
from covey.testkit.sim.checkers.pasts import Pasts
from covey.testkit.sim.checkers.progress import Progress
from covey.testkit.sim.checkers.rules import Rules
from covey.testkit.sim.checkers.signatures import Signatures
from covey.testkit.sim.checkers.states import States

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.world import World

__all__ = ["Checks"]

_HEALED_EVERY = 4  # steps for each node between looks at whether all agree
_PROGRESS_EVERY = 10  # as above, whether anybody is stuck


class Checks:
    """Tells every checker everything; `history` and `mask` are what they share."""

    def __init__(self, world: World, more: type[Checker] | None = None) -> None:
        self.world = world
        self.history = History()
        self.oracle = Oracle(world.founding.charter, world.founding.first, self.history)
        self.doctored_devices = tuple(
            node.identity.device for node in world.nodes.values() if node.is_doctored
        )
        self.declared = Declared(self)
        self._key = topic_key(world.founding.context)
        self._causality = Causality(self)
        self._rules = Rules(self)
        self._honesty = Honesty(self)
        self._progress = Progress(self)
        self._all: tuple[Checker, ...] = (
            self._causality,
            self._rules,
            Chains(self),
            Durability(self),
            States(self),
            self._honesty,
            Bounds(self),
            self._progress,
            Signatures(self),
            Cuts(self),
            Answers(self),
            Drift(self),
            Nonces(self),
            Announcements(self),
            Keystore(self),
            Pasts(self),
            *(() if world.plan.code is None else (Code(self),)),
            Authority(self),
            *(() if more is None else (more(self),)),
        )
        self._settling = tuple(c for c in self._all if type(c).settled is not Checker.settled)
        self._steps = 0
        self._is_healed = False

    def mask(self, node: Node) -> int:
        """What a node has applied, as bits of the history."""
        return self.account(node).mask

    def speaking(self, mask: int) -> list[Known]:
        """Of some deltas those whose effects on entries count, by the oracle."""
        return self.history.within(mask & ~self.oracle.judge(mask).silent)

    def account(self, node: Node) -> Account:
        """What a node has applied."""
        return self._causality.accounts[node.name]

    # -- what happens --------------------------------------------------------------------------

    def forbid(self, delta: DeltaId) -> None:
        """From now on nobody may ever apply this delta."""
        self._rules.forbidden.add(delta)

    def refusal(self, delta: Delta) -> str:
        """Why a delta may be applied nowhere, by the oracle; empty: it may, or who knows."""
        parents = [self.history.known.get(parent) for parent in parents_of(delta)]
        past = 0
        for parent in parents:
            if parent is None:
                return ""
            past |= parent.past | parent.bit
        known = Known(delta, decode_payload(delta.sealed), 0, past)
        return refusal(self.oracle, self.world.founding.context, known)

    def lied(self, node: Node, frontier: bytes, state: bytes) -> None:
        """A doctored node said this, true or not."""
        self._honesty.announced(node, frontier, state)

    def started(self, node: Node) -> None:
        with node.disk.unhurt():
            for checker in self._all:
                checker.started(node)

    def stopped(self, node: Node, why: str) -> None:
        for checker in self._all:
            checker.stopped(node, why)

    def did(self, node: Node, deed: str) -> None:
        for checker in self._all:
            checker.did(node, deed)

    def known(self, node: Node, delta: DeltaId) -> Known:
        """A delta on a node's disk; it may have crashed before it could tell of it."""
        if delta not in self.history:
            frame = node.disk.reader.get(Table.DELTA, (delta,))
            assert frame is not None, f"{node.name}: the log names a delta that is not there"
            self.history.record(decode_delta(self.world.founding.context, frame))
        return self.history.known[delta]

    def submitted(self, node: Node, event: CallsSubmitted) -> None:
        for checker in self._all:
            checker.submitted(node, event)

    def replied(self, node: Node, reply: Reply) -> None:
        for checker in self._all:
            checker.replied(node, reply)

    def executes(self, node: Node, batch: Batch) -> None:
        with node.disk.unhurt():
            for checker in self._all:
                checker.executes(node, batch)

    def needs(self, node: Node, release: ReleaseId) -> None:
        for checker in self._all:
            checker.needs(node, release)

    def has(self, node: Node, release: ReleaseId) -> None:
        for checker in self._all:
            checker.has(node, release)

    def wished(self, node: Node, event: GovernanceRequested) -> None:
        for checker in self._all:
            checker.wished(node, event)

    def governed(self, node: Node, answer: GovernanceAnswered) -> None:
        with node.disk.unhurt():
            for checker in self._all:
                checker.governed(node, answer)

    def applied(self, node: Node, delta: Delta) -> None:
        if delta.id not in self.history:
            self.history.record(delta)
        for checker in self._all:
            checker.applied(node, delta)

    def judged(self, node: Node, source: str, verdict: Verdict) -> None:
        for checker in self._all:
            checker.judged(node, source, verdict)

    def accused(self, node: Node, peer: PeerId, code: str) -> None:
        for checker in self._all:
            checker.accused(node, peer, code)

    def settled(self, node: Node) -> None:
        with node.disk.unhurt():
            for checker in self._settling:
                checker.settled(node)
            digest = node.replica.ledger.digest()
        self.world.note(node, f"holds {digest.hex()[:8]}")

    def broadcast(self, node: Node, envelope: bytes) -> None:
        """A replica published a frame: a delta of its own, or what it holds."""
        with _readable(node):
            told = self._opened(envelope)
        for checker in self._all:
            checker.published(node, envelope, told)
        if isinstance(told, Delta):
            self._released(node, told)
        else:
            self._announced(node, told.frontier_digest, told.state_digest)

    def _opened(self, envelope: bytes) -> Delta | Announcement:
        """What an envelope carries. Raises ProtocolViolation."""
        context = self.world.founding.context
        kind, frame = open_gossip(open_envelope(self._key, envelope))
        is_delta = kind == GOSSIP_DELTA
        return decode_delta(context, frame) if is_delta else decode_announcement(context, frame)

    def sent(self, node: Node, packed: bytes) -> None:
        """A session sent a frame."""
        context = self.world.founding.context
        with _readable(node):
            told = decode_frame(packed)
            frames = (
                open_batch(told.batch, limits.SYNC_CREDIT_BYTES)
                if isinstance(told, DeltasFrame)
                else ()
            )
            deltas = [decode_delta(context, frame) for frame in frames]
        for delta in deltas:
            self._released(node, delta)
        if isinstance(told, DigestFrame):
            self._announced(node, told.frontier_digest, told.state_digest)
        elif isinstance(told, FrontierFrame):
            self._announced(node, frontier_digest(context, told.frontier), told.state_digest)

    def _released(self, node: Node, delta: Delta) -> None:
        for checker in self._all:
            checker.released(node, delta)

    def _announced(self, node: Node, frontier: bytes, state: bytes) -> None:
        for checker in self._all:
            checker.announced(node, frontier, state)

    # -- the end -------------------------------------------------------------------------------

    def stepped(self) -> None:
        """One more step is done."""
        self._steps += 1
        if self._steps % (_PROGRESS_EVERY * len(self.world.nodes)) == 0:
            self._progress.look()

    def is_healed(self) -> bool:
        """Whether all honest nodes agree, know it, and have nothing left to do."""
        if self._is_healed or self._steps % (_HEALED_EVERY * len(self.world.nodes)):
            return self._is_healed
        try:
            require_healed(self)
        except NotHealed:
            return False
        self._is_healed = True
        return True

    def ended(self) -> None:
        """Healed, and everything holds that must at the end."""
        require_healed(self)
        for checker in self._all:
            checker.ended()


@contextmanager
def _readable(node: Node) -> Iterator[None]:
    """Around the decoding of what a node sends: everybody must be able to."""
    try:
        yield
    except ProtocolViolation as violation:
        raise AssertionError(f"{node.name} sends what nobody can read: {violation}") from violation
