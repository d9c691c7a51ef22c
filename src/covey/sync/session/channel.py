"""One context on one stream: what was told, what is streamed, and the credits for it.

Source: protocols/session.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.codec import (
    Credit,
    DeltasFrame,
    DigestFrame,
    FrontierFrame,
    ListingFrame,
    PartsFrame,
    ShareFrame,
    SyncFrame,
    Want,
    decode_delta,
    encode_frame,
    fitting_frontier,
    fitting_listings,
    frontier_digest,
    is_delta_signed,
    open_batch,
    pack_batch,
)
from covey.errors import ProtocolViolation
from covey.model import Cid, ContextId, DeltaId, DeviceId, PeerId, Table, limits
from covey.sync.ledger import Ledger
from covey.sync.ranges import answer_parts, first_parts, page_of
from covey.sync.session.allowance import Allowance
from covey.sync.session.events import (
    AskFrontiers,
    BatchDue,
    Compared,
    Consumed,
    DeltaDelivered,
    More,
    Send,
    SessionEffect,
)
from covey.sync.session.streaming import Stream, missing_here
from covey.sync.session.unopened import Unopened
from covey.sync.sources import Share, Sources

__all__ = ["Channel", "send"]

_ALL = Share(0, 1)


def send(frame: SyncFrame) -> Send:
    """The effect that writes a frame."""
    return Send(encode_frame(frame))


@dataclass(slots=True)
class Channel:
    """One context on this stream. ours, theirs: channel numbers of each side.

    sources: who streams the context to this node. credit_bytes: what may still be sent.
    in_flight_bytes: what came and is not granted again; owed_bytes: the part of it that is dealt
    with. share: what the peer wants of what it lacks. waiting: frames read and not yet sent.
    wanted: ids that the peer asked for and did not get yet.
    told_s, told_share: when the peer was asked last, and for what. due_share: to be asked for once
    what came is dealt with. heard: the peer's frontier digest. ranged: that and ours when ranges
    were told last. pages: told when ranges had led to nothing. answers: bytes said for comparison.
    known: bytes of deltas that were here. lately: deltas handed over since this node asked; the
    oldest are forgotten. unopened: deltas as they came. dealt_s: when one was dealt with last.
    """

    context: ContextId
    peer: PeerId
    sources: Sources
    ours: int
    theirs: int | None = None
    device: DeviceId | None = None
    stream: Stream | None = None
    credit_bytes: int = field(default_factory=lambda: limits.SYNC_CREDIT_BYTES)
    owed_bytes: int = 0
    in_flight_bytes: int = 0
    share: Share = _ALL
    waiting: list[bytes] = field(default_factory=list)
    wanted: dict[DeltaId, None] = field(default_factory=dict)
    told_s: float = 0.0
    told_share: Share = _ALL
    due_share: Share | None = None
    heard: bytes = b""
    ranged: tuple[bytes, bytes] = (b"", b"")
    pages: int = 0
    answers: Allowance = field(
        default_factory=lambda: Allowance(
            limits.SYNC_RANGES_BYTES_PER_S, limits.SYNC_RANGES_BYTES_PER_S
        )
    )
    known: Allowance = field(
        default_factory=lambda: Allowance(
            limits.SYNC_KNOWN_BYTES_MAX, limits.SYNC_KNOWN_BYTES_PER_S
        )
    )
    lately: dict[DeltaId, None] = field(default_factory=dict)
    unopened: Unopened = field(default_factory=Unopened)
    dealt_s: float = 0.0
    blobs_asked: dict[Cid, None] = field(default_factory=dict)
    admissions_asked: int = 0
    is_peers_asked: bool = False
    peers_told_s: float = 0.0

    # -- who holds what --------------------------------------------------------------------------

    def tell_digest(self, ledger: Ledger) -> Send:
        """What is held here, in short."""
        return send(DigestFrame(self.ours, ledger.frontier_digest(), ledger.digest()))

    def tell_frontier(self, ledger: Ledger, share: Share, now: float) -> list[SessionEffect]:
        """Have the peer send its share of what is lacking.

        While deltas of the peer are being taken in it waits for them: it would have those sent
        again. Not for long where none is dealt with, since some of them may never be.
        """
        if self._is_taking_in and now - max(self.told_s, self.dealt_s) < limits.SYNC_INTERVAL_S:
            self.due_share = share
            return []
        self.due_share = None
        if self.answers.is_used_up(now):
            return []  # To make a large frontier ready takes a second, also where it is not told.
        digest = ledger.frontier_digest()
        effects: list[Send] = []
        if share != self.told_share:
            effects.append(send(ShareFrame(self.ours, share.index, share.count)))
        if len(ledger.frontier) < limits.SYNC_RANGES_DEVICES_MIN:
            told = fitting_frontier(ledger.frontier)
            effects.append(send(FrontierFrame(self.ours, told, ledger.digest())))
        elif self.ranged == (self.heard, digest):  # Ranges led to nothing before.
            listings = page_of(ledger.ranges(), self.pages)
            self.pages += 1
            effects.append(send(ListingFrame(self.ours, is_answer=False, several=listings)))
        else:
            self.ranged = self.heard, digest
            effects.append(send(PartsFrame(self.ours, first_parts(ledger.ranges()))))
        self.told_s, self.told_share = now, share
        self.lately.clear()
        return self._said(effects, now)

    def _said(self, effects: list[Send], now: float) -> list[SessionEffect]:
        """Take what is said for comparison off its allowance: a peer decides how often it is."""
        self.answers.spend(sum(len(effect.frame) for effect in effects), now)
        return [*effects]

    def ask(self) -> list[SessionEffect]:
        """Have frontiers told to whom the sources name."""
        due = self.sources.due()
        return [AskFrontiers(self.context, due)] if due else []

    def take_digest(self, ledger: Ledger, told: DigestFrame, now: float) -> list[SessionEffect]:
        """Take the peer's digests; where they differ, somebody is told the frontier.

        It says that no more will come, so it is taken after all that came before.
        """
        if self.unopened:
            self.unopened.digest = told
            return []
        self.heard = told.frontier_digest
        mine = ledger.frontier_digest()
        if told.frontier_digest == mine:
            self.sources.agrees(self.peer, now)
        else:
            self.sources.finished(self.peer, mine, told.frontier_digest, now)
        compared = Compared(self.context, told.frontier_digest, told.state_digest, 0)
        return [compared, *self.ask()]

    def compare(
        self, ledger: Ledger, told: FrontierFrame | PartsFrame | ListingFrame, now: float
    ) -> list[SessionEffect]:
        """Take what the peer says of its frontier, in whichever way."""
        match told:
            case FrontierFrame():
                return self.take_frontier(ledger, told, now)
            case PartsFrame():
                return self.take_parts(ledger, told, now)
            case ListingFrame():
                return self.take_listing(ledger, told, now)

    def take_frontier(self, ledger: Ledger, told: FrontierFrame, now: float) -> list[SessionEffect]:
        """Take the peer's frontier: stream what it lacks, ask for what is lacking here."""
        if self.stream is None:
            return []
        missing = missing_here(ledger, told.frontier)
        digest = frontier_digest(self.context, told.frontier)
        effects: list[SessionEffect] = [Compared(self.context, digest, told.state_digest, missing)]
        self.stream.restart(told.frontier)
        self.waiting.clear()
        if missing:
            self.sources.differs(self.peer, ledger.frontier_digest(), digest, now)
            effects += self.ask()
        return [*effects, *self._stream_or_say_so(ledger)]

    def take_parts(self, ledger: Ledger, told: PartsFrame, now: float) -> list[SessionEffect]:
        """Take fingerprints of the peer's frontier: say what differs, more closely."""
        if self.answers.is_used_up(now):
            return []  # The next comparison brings another chance.
        split, listed = answer_parts(ledger.ranges(), told.several)
        if not split and not listed:
            return [self.tell_digest(ledger)]
        effects: list[Send] = []
        if split:
            effects.append(send(PartsFrame(self.ours, split)))
        if listed:
            effects.append(send(ListingFrame(self.ours, is_answer=False, several=listed)))
        return self._said(effects, now)

    def take_listing(self, ledger: Ledger, told: ListingFrame, now: float) -> list[SessionEffect]:
        """Take what the peer holds in some ranges: stream what it lacks, tell what is here."""
        if self.stream is None:
            return []
        theirs = {d: tips for listing in told.several for d, tips in listing.frontier.items()}
        missing = missing_here(ledger, theirs)
        effects: list[SessionEffect] = []
        if missing and not told.is_answer and not self.answers.is_used_up(now):
            index = ledger.ranges()
            mine = fitting_listings(index.listing(listing.range) for listing in told.several)
            answer = send(ListingFrame(self.ours, is_answer=True, several=mine))
            effects = self._said([answer], now)
        self.stream.narrow(told.several)
        return [*effects, *self._stream_or_say_so(ledger)]

    # -- deltas ----------------------------------------------------------------------------------

    @property
    def _is_taking_in(self) -> bool:
        """Whether deltas of the peer came that are not dealt with."""
        return bool(self.unopened) or self.owed_bytes < self.in_flight_bytes

    def _stream_or_say_so(self, ledger: Ledger) -> list[SessionEffect]:
        """Send what the peer lacks; if that is nothing, a digest says that no more will come."""
        assert self.stream is not None
        if self.waiting or not self.stream.is_idle:
            return self.pump(ledger)
        return [self.tell_digest(ledger)]

    @property
    def is_streaming(self) -> bool:
        """Whether there is something to send, as far as the peer told what it holds."""
        return bool(self.waiting) or (self.stream is not None and not self.stream.is_idle)

    def pump(self, ledger: Ledger) -> list[SessionEffect]:
        """Send one batch of what the peer asked for or lacks, up to its credit.

        Not more: to read and compress all that the credit allows takes half a second.
        """
        asked_for = self._wanted_batch(ledger)
        if asked_for:
            is_more = self.wanted or self.is_streaming
            return [*asked_for, More(self.context)] if is_more else asked_for
        if self.stream is None or not self.is_streaming:
            return []
        if not self.waiting:
            self.waiting.extend(self.stream.page(self.share))
        batch: list[bytes] = []
        size_bytes = 0
        for frame in self.waiting:
            is_full = size_bytes >= limits.SYNC_BATCH_BYTES
            if is_full or len(batch) == limits.SYNC_BATCH_DELTAS_MAX:
                break
            if len(frame) > self.credit_bytes:
                break
            self.credit_bytes -= len(frame)
            size_bytes += len(frame)
            batch.append(frame)
        del self.waiting[: len(batch)]
        effects = self._batch(batch)
        if self.waiting and len(self.waiting[0]) > self.credit_bytes:
            return effects
        return [*effects, More(self.context) if self.is_streaming else self.tell_digest(ledger)]

    def _batch(self, frames: list[bytes]) -> list[SessionEffect]:
        return [send(DeltasFrame(self.ours, pack_batch(frames)))] if frames else []

    def take_want(self, ledger: Ledger, ids: tuple[DeltaId, ...]) -> list[SessionEffect]:
        """Send the deltas asked for that are here, as far as the credit goes."""
        for wanted in ids:
            if len(self.wanted) < limits.SYNC_WANTED_MAX:
                self.wanted[wanted] = None
        batch = self._wanted_batch(ledger)
        return [*batch, More(self.context)] if self.wanted else batch

    def _wanted_batch(self, ledger: Ledger) -> list[SessionEffect]:
        batch: list[bytes] = []
        size_bytes = 0
        while self.wanted and size_bytes < limits.SYNC_BATCH_BYTES:
            if len(batch) == limits.SYNC_BATCH_DELTAS_MAX:
                break
            wanted = next(iter(self.wanted))
            del self.wanted[wanted]
            frame = ledger.committed.get(Table.DELTA, (wanted,))
            if frame is None:
                continue
            if len(frame) > self.credit_bytes:
                self.wanted.clear()  # The peer asks again for what it still lacks.
                break
            self.credit_bytes -= len(frame)
            size_bytes += len(frame)
            batch.append(frame)
        return self._batch(batch)

    def take_deltas(self, batch: bytes) -> list[SessionEffect]:
        """Take a batch of deltas that came; it is opened in its turn."""
        self.unopened.add(batch)
        return self._batch_due()

    def _batch_due(self) -> list[SessionEffect]:
        return [BatchDue(self.context)] if self.unopened.is_due else []

    def open_next(self, ledger: Ledger | None, now: float) -> list[SessionEffect]:
        """Open a batch if there is room for it; then, and only then, what came behind it."""
        if not self.unopened.is_due:
            return []
        effects = self._open(ledger, self.unopened.take(), now)
        if self.unopened:
            return [*effects, *self._batch_due()]
        digest = self.unopened.take_digest()
        if digest is None or ledger is None:
            return effects
        return [*effects, *self.take_digest(ledger, digest, now)]

    def _open(self, ledger: Ledger | None, batch: bytes, now: float) -> list[SessionEffect]:
        """Check deltas that came, and hand those over that are news."""
        room_bytes = limits.SYNC_CREDIT_BYTES - self.in_flight_bytes
        effects: list[SessionEffect] = []
        known_bytes = 0
        for packed in open_batch(batch, room_bytes):
            self.in_flight_bytes += len(packed)
            delta = decode_delta(self.context, packed)
            if ledger is None or ledger.is_applied(delta.id) or delta.id in self.lately:
                known_bytes += len(packed)
                continue
            if not is_delta_signed(self.context, delta):
                raise ProtocolViolation("bad-signature", "the delta's signature does not verify")
            self._note_handed_over(delta.id)
            self.sources.delivered(self.peer)
            self.unopened.open_count += 1
            effects.append(DeltaDelivered(self.context, delta))
        if not self.known.spend(known_bytes, now):
            raise ProtocolViolation("flood", "the peer goes on sending what it was told is here")
        return [*self.grant(known_bytes), *effects]

    def want(self, ids: tuple[DeltaId, ...]) -> Send:
        """Ask for deltas by their ids, also for some that came before."""
        for delta in ids:
            self.lately.pop(delta, None)
        return send(Want(self.ours, ids))

    def _note_handed_over(self, delta: DeltaId) -> None:
        """One that can never be applied would else be checked again as often as it is sent."""
        self.lately[delta] = None
        while len(self.lately) > limits.SYNC_LATELY_MAX:
            del self.lately[next(iter(self.lately))]

    def consume(self, ledger: Ledger | None, dealt: Consumed, now: float) -> list[SessionEffect]:
        """A delta that was handed over is dealt with."""
        is_ahead = bool(self.unopened)
        self.sources.consumed(self.peer, dealt.use, dealt.size_bytes, now, is_ahead=is_ahead)
        self.unopened.open_count -= 1
        self.dealt_s = now
        effects = [*self.grant(dealt.size_bytes), *self._batch_due()]
        if not self.sources.is_asked(self.peer):
            self.due_share = None  # Others have it by now.
        if ledger is None or self.due_share is None or self._is_taking_in:
            return [*effects, *self.ask()]
        return [*effects, *self.tell_frontier(ledger, self.due_share, now), *self.ask()]

    def grant(self, size_bytes: int) -> list[SessionEffect]:
        """Give credit back, in portions of a quarter of it."""
        self.owed_bytes += size_bytes
        if self.owed_bytes < limits.SYNC_CREDIT_BYTES // 4:
            return []
        granted, self.owed_bytes = self.owed_bytes, 0
        self.in_flight_bytes -= granted
        return [send(Credit(self.ours, granted))]

    def accept_credit(self, size_bytes: int) -> None:
        """The peer granted more."""
        granted = self.credit_bytes + size_bytes
        if granted > limits.SYNC_CREDIT_BYTES:
            raise ProtocolViolation("wrong-credit", "the peer gave more credit than it had")
        self.credit_bytes = granted
