"""One simulated node: a real replica and real sessions over a simulated disk, engine and network.

It drives the machines as the node does: one event at a time, its effects in order, and nothing
after a `Commit` before the commit is done. It may crash between any two effects, and a disk that
fails ends it, as it ends the real one.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from covey.errors import StoreError
from covey.merge import StateReader
from covey.model import Batch, Completed, DeltaId, Governance, PeerId, Verdict
from covey.sync import (
    BUDGET,
    AdmissionAnswered,
    Applied,
    Ask,
    Broadcast,
    CallsSubmitted,
    Commit,
    Dealt,
    Effect,
    Event,
    Execute,
    Executed,
    GovernanceAnswered,
    GovernanceRequested,
    Misbehaved,
    NeedRelease,
    RecordSequence,
    Replica,
    Reply,
    SetTimer,
    TimerFired,
    Verified,
    Verify,
)
from covey.testkit.identities import Identity
from covey.testkit.sim.disk import Disk
from covey.testkit.sim.peers import Peers
from covey.testkit.sim.plan import NodePlan
from covey.testkit.sim.shelf import Shelf

if TYPE_CHECKING:
    from covey.testkit.sim.world import World

__all__ = ["EPOCH_S", "Node"]

EPOCH_S = 1_800_000_000.0
"""The Unix time at which every simulation begins."""

_DISK_MENDED_S = 1.0  # a node that its disk ended is started again after it
_MESSAGES_KNOWN_MAX = 50_000
_SHORT_SHARE = 0.08  # of the batches, answered only in part


class Node:
    """A node; `is_up` between its start or restart and its next crash.

    is_gone: it left for good. crash_in: effects until it crashes. slow_disk_s: the longest that a
    durable write takes. handled_s: when it took its last event, by its own clock.
    """

    def __init__(self, world: World, plan: NodePlan, identity: Identity) -> None:
        self.world = world
        self.name = plan.name
        self.is_doctored = plan.is_doctored
        self.identity = identity
        self.disk = Disk(world.founding.context)
        self.disk.hurt.met = world.met
        self.keystore_sequence = 0
        self.skew_s = 0.0
        self.handled_s = 0.0
        self.slow_disk_s = 0.0
        self.is_up = False
        self.is_gone = False
        self.incarnation = 0
        self.crash_in: int | None = None
        self.crash_is_power_cut = False
        self.rng = random.Random(f"{world.plan.seed}/{self.name}")  # noqa: S311 - as its name says
        self.replica: Replica
        self.shelf = Shelf(self)
        self._forget()

    @property
    def peer(self) -> PeerId:
        """By what others call it."""
        return PeerId(self.name)

    @property
    def is_idle(self) -> bool:
        """Whether everything that was asked of this node is done."""
        return not (
            self._inbox
            or self._outbox
            or self._is_writing
            or self._executing
            or self.replica.intake.is_busy
        )

    def now(self) -> float:
        """Unix time by this node's own clock."""
        return EPOCH_S + self.world.clock.now + self.skew_s

    # -- life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Open what the disk holds and begin."""
        self.is_up = True
        self.incarnation += 1
        self._forget()
        with self.on_disk():
            self.replica = self._open()
            self.world.checks.started(self)
            self._outbox.extend(self.replica.start(self.now()))
        self._run()
        self.peers.start()

    def _open(self) -> Replica:
        founding, seed = self.world.founding, self.world.plan.seed
        return Replica(
            context=founding.context,
            charter=founding.charter,
            first=founding.first,
            reader=self.disk.reader,
            device=self.identity.signer,
            certificate=self.identity.certificate,
            peer=self.peer,
            rng=random.Random(f"{seed}/{self.name}/{self.incarnation}"),  # noqa: S311 - as above
        )

    @contextmanager
    def on_disk(self) -> Iterator[None]:
        """Around whatever reads or writes the disk: when that fails, the process ends."""
        try:
            yield
        except StoreError as error:
            self.world.note(self, f"disk: {error}")
            self.stop("disk failure", is_power_cut=False)
            self.world.clock.after(_DISK_MENDED_S, self.restart)

    def restart(self) -> None:
        """Come up again, if it is down and not gone for good."""
        if not self.is_up and not self.is_gone:
            self.start()

    def stop(self, why: str, *, is_power_cut: bool) -> None:
        """End here and now; what was being written may or may not be on the disk."""
        self.world.note(self, why)
        writing = self._is_writing
        self.is_up = False
        self.crash_in = None
        if writing is not None and self.rng.random() < 0.5 and not self.disk.hurt.is_full:
            self.disk.write(writing.writes, durable=False)
        survived = self.disk.crash(self.rng, is_power_cut=is_power_cut)
        if survived.lost:
            self.world.met("lost-write")
        if survived.is_torn:
            self.world.met("torn-write")
        self.world.streams.close_all(self)
        self.world.rollouts.stopped(self)
        self._forget()
        self.world.checks.stopped(self, why)

    def crash(self) -> None:
        """Crash as the fault says that armed it."""
        self.world.met("power-cut" if self.crash_is_power_cut else "kill")
        why = "power cut" if self.crash_is_power_cut else "killed"
        self.stop(why, is_power_cut=self.crash_is_power_cut)

    def leave(self, *, is_for_good: bool) -> None:
        """The owner switches it off."""
        self.is_gone = is_for_good
        if self.is_up:
            self.world.met("leave")
            self.stop("left for good" if is_for_good else "left", is_power_cut=False)

    def _forget(self) -> None:
        self._inbox: deque[Callable[[], list[Effect]]] = deque()
        self._outbox: deque[Effect] = deque()
        self._is_writing: Commit | None = None
        self._is_running = False
        self._executing = False
        self._timers: dict[str, int] = {}
        self._timer_count = 0
        self._messages: dict[int, None] = {}
        self.peers = Peers(self)
        self.shelf.forget()

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something after a time, unless this life of the node has ended by then."""
        incarnation = self.incarnation

        def due() -> None:
            if self.is_up and self.incarnation == incarnation:
                action()

        self.world.clock.after(delay_s, due)

    # -- events --------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Queue an event for the replica."""
        self.do(lambda: self.replica.handle(event, self.now()))

    def do(self, action: Callable[[], list[Effect]]) -> None:
        """Queue something that may change the replica; its effects are carried out after it."""
        if self.is_up:
            self._inbox.append(action)
            self._run()

    def govern(self, effects: tuple[Governance, ...], request: int) -> None:
        """Wish to govern; a node that is down wishes nothing."""
        if self.is_up:
            self.world.met("governance")
            self.wish(GovernanceRequested(request, effects))

    def wish(self, event: GovernanceRequested) -> None:
        """Its owner wishes for governance."""
        self.world.checks.wished(self, event)
        self.take(event)

    def submit(self, event: CallsSubmitted) -> None:
        """Local callers want something."""
        self.world.checks.submitted(self, event)
        self.take(event)

    def hear(self, envelope: bytes, message: int, source: str) -> None:
        """A frame came on the topic: the verdict at once, the rest in its turn."""
        if not self.is_up or message in self._messages:
            return
        if self.world.plan.degree:
            # In a crowd a frame takes many ways; the network knows its id, as GossipSub does.
            self._messages[message] = None
            if len(self._messages) > _MESSAGES_KNOWN_MAX:
                del self._messages[next(iter(self._messages))]
        with self.on_disk():
            self._judge(envelope, message, source)

    def _judge(self, envelope: bytes, message: int, source: str) -> None:
        verdict, heard = self.replica.verdict(envelope, self.now())
        self.world.checks.judged(self, source, verdict)
        if verdict is Verdict.ACCEPT:
            self.world.flood(self, envelope, message, but=source)
        if heard.delta is None and heard.announcement is None and not heard.code:
            return
        self.do(lambda: self.replica.hear(heard, PeerId(source), self.now()))

    def _run(self) -> None:
        if self._is_running:
            return
        self._is_running = True
        with self.on_disk():
            while self.is_up and self._is_writing is None and self._step():
                pass
        self._is_running = False

    def _step(self) -> bool:
        """Carry out the next effect, or take the next event; whether there was one."""
        if self._outbox:
            if self._is_crash_due():
                self.crash()
                return False
            self._carry_out(self._outbox.popleft())
            if not self._outbox and self._is_writing is None and self.is_up:
                self.world.checks.settled(self)
            return True
        if not self._inbox:
            return False
        self.handled_s = self.now()
        self._outbox.extend(self._inbox.popleft()())
        if not self._outbox:
            self.world.checks.settled(self)
        return True

    def _is_crash_due(self) -> bool:
        if self.crash_in is None:
            return False
        self.crash_in -= 1
        return self.crash_in < 0

    # -- effects -------------------------------------------------------------------------------

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Commit():
                self._commit(effect)
            case SetTimer(name, after_s):
                self._set_timer(name, after_s)
            case Broadcast(envelope):
                self.world.note(self, f"broadcast {len(envelope)} {envelope[1:9].hex()}")
                self.world.checks.broadcast(self, envelope)
                self.world.publish(self, envelope)
            case RecordSequence(sequence):
                self.keystore_sequence = max(self.keystore_sequence, sequence)
            case Execute(batch):
                self._execute(batch)
            case Verify():
                self._verify(effect)
            case Reply():
                self.world.note(self, f"reply {effect.request} {_short(effect.delta)}")
                self.world.took_effect += isinstance(effect.outcome, Completed)
                self.world.checks.replied(self, effect)
            case AdmissionAnswered(request, reason):
                self.peers.answer_admission(request, reason)
            case NeedRelease():
                self.shelf.need(effect)
            case GovernanceAnswered(request, delta_id, denied):
                what = _short(delta_id) if denied is None else denied.code
                self.world.note(self, f"governance {request} {what}")
                self.world.governed(self, effect)
            case Applied(delta):
                self.world.note(self, f"applied {_short(delta.id)}")
                self.world.checks.applied(self, delta)
            case Ask(peer, ids):
                self.world.note(self, f"ask {peer} {' '.join(_short(i) for i in ids)}")
                self.peers.ask(peer, ids)
            case Dealt():
                self.peers.dealt(effect)
            case Misbehaved(peer, code):
                self.world.note(self, f"misbehaved {peer} {code}")
                self.world.checks.accused(self, peer, code)

    def _commit(self, commit: Commit) -> None:
        self.world.note(self, f"commit {len(commit.writes)} {commit.durable}")
        delay_s = self.rng.choice((0.0, 0.002, 0.01))
        if self.slow_disk_s and commit.durable:
            self.world.met("slow-disk")
            delay_s = self.rng.uniform(0.0, self.slow_disk_s)
        if delay_s == 0.0:
            self.disk.write(commit.writes, durable=commit.durable)
            return
        self._is_writing = commit

        def written() -> None:
            self._is_writing = None
            with self.on_disk():
                self.disk.write(commit.writes, durable=commit.durable)
                if not self._outbox:
                    self.world.checks.settled(self)
            self._run()

        self.later(delay_s, written)

    def _set_timer(self, name: str, after_s: float) -> None:
        if name == BUDGET:
            self.world.met("budget")
        self._timer_count += 1
        number = self._timers[name] = self._timer_count

        def fire() -> None:
            if self._timers.get(name) == number:
                self.take(TimerFired(name))

        self.later(after_s, fire)

    def _execute(self, batch: Batch) -> None:
        self._executing = True
        self.world.note(self, f"execute {batch.sequence} {len(batch.calls)}")
        self.world.checks.executes(self, batch)
        if len(batch.calls) > 1 and self.rng.random() < _SHORT_SHARE:
            # An engine may answer for a prefix; whoever asked comes again with the rest.
            some = self.rng.randint(1, len(batch.calls) - 1)
            batch = replace(batch, calls=batch.calls[:some])

        def run() -> None:
            # Read at the end of the time it takes: whatever was applied meanwhile would show.
            with self.on_disk():
                base = StateReader(self.disk.reader, self.shelf.collections(batch.release))
                outcomes = self.world.application.executor.run_batch(batch, base)
                self._executing = False
                self.take(Executed(outcomes))

        self.later(self.rng.choice((0.0, 0.01, 0.05, 0.4)), run)

    def _verify(self, asked: Verify) -> None:
        """Run again what others signed, on the state as it is now; the words come later."""
        self.world.note(self, f"verify {' '.join(str(s.batch.sequence) for s in asked.row)}")
        self.world.met("verified")
        base = asked.state.entries(self.disk.reader)
        words = self.world.application.executor.replay(asked.row, base)
        self.later(self.rng.choice((0.0, 0.0, 0.01, 0.1)), lambda: self.take(Verified(words)))


def _short(delta: DeltaId | None) -> str:
    return "-" if delta is None else delta.hex()[:8]
