"""One context as a state machine: it is told what happened and answers with what to do.

It never sleeps, sends, reads a clock or touches a disk. The driver carries its effects out in
order; the same machine runs in the node and under the simulator.
Source: protocols/delta.md, protocols/gossip.md.
"""

from __future__ import annotations

import random

from covey.crypto import Signer
from covey.governance import devices
from covey.model import (
    Certificate,
    Charter,
    ContextId,
    Denied,
    DeviceId,
    Outcome,
    PeerId,
    Reader,
    ReleaseTerms,
    ReplayWord,
    Verdict,
    limits,
)
from covey.sync.author import Author
from covey.sync.claims import Claim, Claims, Standing
from covey.sync.events import (
    AdmissionRequested,
    Applied,
    Ask,
    Broadcast,
    CallsSubmitted,
    Commit,
    DeltaReceived,
    Effect,
    Event,
    Executed,
    FrameReceived,
    GovernanceAnswered,
    GovernanceRequested,
    Misbehaved,
    NeedRelease,
    PeerCompared,
    PeerLeft,
    ReleaseMissing,
    ReleaseReady,
    SetTimer,
    TimerFired,
    Verified,
)
from covey.sync.gossip import Gossip, Heard
from covey.sync.intake import ASK, TAKE_IN, Intake
from covey.sync.judge import Admissible, Delayed, Judge, Known, Missing
from covey.sync.ledger import Ledger
from covey.sync.local import BUDGET, LocalWrites
from covey.sync.releases import Releases
from covey.sync.replays import Replays

__all__ = ["ANNOUNCE", "Replica"]

ANNOUNCE = "announce"


class Replica:
    """Everything one node knows and does about one context.

    `now` is Unix time in seconds. Invariant: between two events the ledger equals the store.
    """

    def __init__(
        self,
        *,
        context: ContextId,
        charter: Charter,
        first: ReleaseTerms,
        reader: Reader,
        device: Signer,
        certificate: Certificate,
        peer: PeerId,
        rng: random.Random,
    ) -> None:
        assert certificate.device == device.public
        self.context = context
        self.charter = charter
        self.certificate = certificate
        self.ledger = Ledger(context, charter, first, reader)
        self.judge = Judge(self.ledger)
        self._releases = Releases(charter.release)
        self.replays = Replays(self.ledger, self.judge, self._releases.ready)
        self.claims = Claims()
        self.device = DeviceId(device.public)
        self._peer = peer
        self._rng = rng
        self._gossip = Gossip(context, peer, device, rng, self.is_member)
        self.intake = Intake(self.ledger, self.judge, self.replays, self.is_member)
        author = Author(self.ledger, device, certificate.member)
        ready = self._releases.ready
        self._local = LocalWrites(self.ledger, self.judge, author, self._gossip, ready)
        self._last_announced_s = 0.0
        self._announces_soon = False
        self.is_upgrade_needed = False

    # -- questions -----------------------------------------------------------------------------

    def is_member(self, device: DeviceId) -> bool:
        """Whether a device is a member's by everything held here."""
        return self.ledger.authority.member(device) is not None

    @property
    def is_admitted(self) -> bool:
        """Whether this node's own device may write."""
        return self.is_member(self.device) and not self.is_forked

    @property
    def is_removed(self) -> bool:
        """Whether this node's own device was closed: it never comes back."""
        return self.ledger.authority.is_closed(self.device) and not self.is_admitted

    @property
    def is_forked(self) -> bool:
        """Whether this node's own device has two branches: its home was copied or restored."""
        return len(self.ledger.frontier.get(self.device, ())) > 1

    @property
    def is_executing(self) -> bool:
        """Whether calls are with the engine: meanwhile nothing is applied."""
        return self._local.is_executing

    @property
    def has_waiting(self) -> bool:
        """Whether something of this device waits to be written."""
        return self._local.has_waiting

    def member_count(self) -> int:
        """Members, each counted once however many devices it has."""
        return len({member for _, member in devices(self.ledger.authority)})

    def standing(self, now: float) -> Standing:
        """The honest summary of what is known of peers."""
        return self.claims.standing(self.ledger, len(self.intake.pending), now)

    def verdict(self, envelope: bytes, now: float) -> tuple[Verdict, Heard]:
        """Gossip's word on a frame from the topic, at once and without any effect.

        What was heard goes on as an event (`hear`) after the verdict is given.
        """
        heard = self._gossip.hear(envelope, now)
        if heard.code == "unknown-version":
            self.is_upgrade_needed = True
        if heard.delta is None or heard.verdict is not Verdict.ACCEPT:
            return heard.verdict, heard
        if heard.delta.id in self.intake.pending or self.judge.refusal(heard.delta.id):
            return Verdict.IGNORE, Heard(Verdict.IGNORE)
        judged = self.judge.judge(heard.delta, int(now * 1000))
        match judged:
            case Admissible():
                return Verdict.ACCEPT, heard
            case Missing() | Delayed():
                return Verdict.IGNORE, heard
            case Denied() if self.ledger.wants_refusal(heard.delta, judged):
                return Verdict.IGNORE, heard  # It is kept as proof.
            case Known() | Denied():
                return Verdict.IGNORE, Heard(Verdict.IGNORE)

    # -- events --------------------------------------------------------------------------------

    def start(self, now: float) -> list[Effect]:
        """What to do first."""
        self._last_announced_s = now
        return [
            *self._need_release(now),
            SetTimer(ANNOUNCE, self._rng.uniform(0, limits.ANNOUNCE_INTERVAL_S)),
        ]

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event; the effects of the last one have all been carried out."""
        self.ledger.settle()
        match event:
            case FrameReceived(envelope, peer):
                return self.hear(self.verdict(envelope, now)[1], peer, now)
            case DeltaReceived():
                return self._receive(event, now)
            case Executed(outcomes):
                return self._finish(outcomes, now)
            case CallsSubmitted() | AdmissionRequested() | GovernanceRequested():
                return self._write(event, now)
            case Verified(words):
                return self._verified(words, now)
            case ReleaseMissing(release):
                self._releases.missed(release, now)
                return []
            case ReleaseReady(release):
                self._releases.found(release)
                self.intake.release_ready()
                return [*self._author_next(now), *self.intake.go_on()]
            case PeerCompared():
                claim = Claim(
                    frontier_digest=event.frontier_digest,
                    state_digest=event.state_digest,
                    heads=(),
                    missing=event.missing,
                    at_s=now,
                )
                self.claims.record(event.peer, claim)
                if event.device is not None:
                    self.claims.prove(event.peer, event.device)
                return []
            case PeerLeft(peer):
                self.claims.forget(peer)
                return []
            case TimerFired(name):
                return self._fire(name, now)

    def hear(self, heard: Heard, peer: PeerId, now: float) -> list[Effect]:
        """Take what a frame from the topic carried."""
        self.ledger.settle()
        if heard.delta is not None:
            return self._receive(DeltaReceived(heard.delta, peer, is_streamed=False), now)
        if heard.announcement is None:
            return [Misbehaved(peer, heard.code)] if heard.verdict is Verdict.REJECT else []
        announcement = heard.announcement
        if announcement.peer == self._peer or not self.claims.may_speak_for(
            announcement.device, announcement.peer
        ):
            return []  # A member that speaks for somebody else.
        claim = Claim(
            frontier_digest=announcement.frontier_digest,
            state_digest=announcement.state_digest,
            heads=announcement.heads,
            missing=0,
            at_s=min(now, announcement.unix_ms / 1000),  # It may have been kept back since.
        )
        self.claims.record(announcement.peer, claim)
        unknown = [h.tip.id for h in announcement.heads if not self.ledger.is_applied(h.tip.id)]
        unknown = [i for i in unknown if i not in self.intake.pending and not self.judge.refusal(i)]
        return [Ask(announcement.peer, tuple(unknown))] if unknown else []

    def _receive(self, event: DeltaReceived, now: float) -> list[Effect]:
        if self._local.is_executing or self.intake.is_busy:
            return self.intake.hold_back(event, now)
        return self._took_in(self.intake.take(event, now), now)

    def _took_in(self, effects: list[Effect], now: float) -> list[Effect]:
        """What follows from taking in what others wrote."""
        commit = self._commit(durable=False)
        after = self._after_change(effects, now)
        needed = [*self._sought(effects, now), *after, *self._need_release(now)]
        return [*commit, *needed, *self.intake.go_on()]

    def _verified(self, words: tuple[ReplayWord, ...], now: float) -> list[Effect]:
        self.intake.verified(words, now)
        if self._local.is_executing:
            return []  # It is taken in when the batch is done.
        return self._took_in(self.intake.take_some(now), now)

    def _need_release(self, now: float) -> list[Effect]:
        """Ask for the code of the release in force, where it is not ready yet."""
        release = self.ledger.release
        if release in self._releases.ready:
            return []
        manifest = self.ledger.governor.manifest(release)
        return self._sought([NeedRelease(release, manifest, is_in_force=True)], now)

    def _sought(self, effects: list[Effect], now: float) -> list[Effect]:
        """The effects; of those that need a release only the ones that are to be looked for."""
        return [
            effect
            for effect in effects
            if not isinstance(effect, NeedRelease) or self._releases.seek(effect, now)
        ]

    def _commit(self, *, durable: bool) -> list[Effect]:
        writes = self.ledger.save()
        return [Commit(writes, durable)] if writes else []

    def _after_change(self, effects: list[Effect], now: float) -> list[Effect]:
        """An announcement soon, where something was applied."""
        if not any(isinstance(effect, Applied) for effect in effects):
            return []
        if self._announces_soon:
            return []  # Set again at every change, the timer would never run out under load.
        self._announces_soon = True
        wait = self._last_announced_s + limits.ANNOUNCE_AGAIN_S - now
        return [SetTimer(ANNOUNCE, max(limits.ANNOUNCE_DEBOUNCE_S, wait))]

    def _fire(self, name: str, now: float) -> list[Effect]:
        if name == ASK:
            if self._local.is_executing:
                return [SetTimer(ASK, limits.ASK_AGAIN_S)]
            return self._took_in(self.intake.ask_again(now), now)
        if name == TAKE_IN:
            self.intake.timer_fired()
            if self._local.is_executing:
                return []  # It is taken in when the batch is done.
            return self._took_in(self.intake.take_some(now), now)
        if name == BUDGET:
            return self._author_next(now)
        assert name == ANNOUNCE
        self._last_announced_s = now
        self._announces_soon = False
        again = limits.ANNOUNCE_INTERVAL_S * self._rng.uniform(1.0, 1.5)
        timer = SetTimer(ANNOUNCE, again)
        if not self.is_admitted:
            return [timer]
        return [timer, Broadcast(self._gossip.announcement_envelope(self.ledger, int(now * 1000)))]

    # -- what this device writes -----------------------------------------------------------------

    def _write(
        self, event: CallsSubmitted | AdmissionRequested | GovernanceRequested, now: float
    ) -> list[Effect]:
        if isinstance(event, GovernanceRequested):
            before = self._local.request_governance(event, may_write=self.is_admitted)
        elif isinstance(event, CallsSubmitted):
            before = self._local.submit(event.requests, may_write=self.is_admitted)
        else:
            before = self._local.request_admission(event, may_write=self.is_admitted)
        return [*before, *self._author_next(now)]

    def _finish(self, outcomes: tuple[Outcome, ...], now: float) -> list[Effect]:
        effects = self._local.finish(outcomes)
        if self._local.has_waiting:
            # Else what came while the batch ran would wait for ever while calls go on.
            effects += self.intake.take_some(now)
        commit = self._commit(durable=True)
        done = [*commit, *self._sought(effects, now), *self._after_change(effects, now)]
        done += self._author_next(now)
        return done if self._local.is_executing else [*done, *self.intake.go_on()]

    def _author_next(self, now: float) -> list[Effect]:
        """Write what needs no execution, then begin the next batch, if any."""
        if self._local.is_executing:
            return []
        if not self.is_admitted:
            return self._local.give_up()
        written = self._local.write_governance(now)
        commit = self._commit(durable=True) if written else []
        next_ = self._local.begin(now) if self.is_admitted else self._local.give_up()
        after = self._after_change(written, now)
        done = [*commit, *written, *after, *self._need_release(now), *next_]
        is_answered = any(isinstance(effect, GovernanceAnswered) for effect in next_)
        if is_answered and self._local.has_waiting:
            done += self._author_next(now)  # A migration was refused: what waits behind it goes on.
        return done
