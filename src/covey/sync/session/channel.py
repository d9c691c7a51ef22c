"""One context on one stream: what was told, what is streamed, and the credits for it.

Source: protocols/sync.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.codec import (
    Credit,
    DeltaFrame,
    DigestFrame,
    FrontierFrame,
    SyncFrame,
    decode_delta,
    encode_frame,
    fitting_frontier,
    frontier_digest,
    is_delta_signed,
)
from covey.errors import ProtocolViolation
from covey.model import Cid, ContextId, DeltaId, DeviceId, Table, limits
from covey.sync.ledger import Ledger
from covey.sync.session.events import Compared, DeltaDelivered, More, Send, SessionEffect
from covey.sync.session.streaming import Stream, missing_here

__all__ = ["Channel", "send"]


def send(frame: SyncFrame) -> Send:
    """The effect that writes a frame."""
    return Send(encode_frame(frame))


@dataclass(slots=True)
class Channel:
    """One context on this stream. ours, theirs: channel numbers of each side.

    credit_bytes: what may still be sent. in_flight_bytes: what came and is not granted again;
    owed_bytes: the part of it that is dealt with. waiting: frames read and not yet sent.
    is_frontier_due: to be told once what came is dealt with.
    """

    context: ContextId
    ours: int
    theirs: int | None = None
    device: DeviceId | None = None
    stream: Stream | None = None
    credit_bytes: int = limits.SYNC_CREDIT_BYTES
    owed_bytes: int = 0
    in_flight_bytes: int = 0
    waiting: list[bytes] = field(default_factory=list)
    told_frontier: bytes = b""
    told_frontier_s: float = 0.0
    is_frontier_due: bool = False
    blobs_asked: dict[Cid, None] = field(default_factory=dict)
    admissions_asked: int = 0

    # -- frontiers -------------------------------------------------------------------------------

    def tell_digest(self, ledger: Ledger) -> Send:
        """What is held here, in short."""
        return send(DigestFrame(self.ours, ledger.frontier_digest(), ledger.digest()))

    def tell_frontier(self, ledger: Ledger, now: float) -> list[SessionEffect]:
        """What is held here, unless the same was told a moment ago.

        While deltas of the peer are being taken in it waits for them: it would have those sent
        again. Not for long, since some of them may never be dealt with.
        """
        since_s = now - self.told_frontier_s
        if self.owed_bytes < self.in_flight_bytes and since_s < limits.SYNC_INTERVAL_S:
            self.is_frontier_due = True
            return []
        self.is_frontier_due = False
        digest = ledger.frontier_digest()
        if digest == self.told_frontier and since_s < limits.ASK_AGAIN_S:
            return []
        self.told_frontier, self.told_frontier_s = digest, now
        return [send(FrontierFrame(self.ours, fitting_frontier(ledger.frontier), ledger.digest()))]

    def compare(
        self, ledger: Ledger, frontier: bytes, state: bytes, now: float
    ) -> list[SessionEffect]:
        """Take the peer's digests; where they differ, tell the frontier."""
        compared = Compared(self.context, frontier, state, 0)
        if frontier == ledger.frontier_digest():
            return [compared]
        return [compared, *self.tell_frontier(ledger, now)]

    def take_frontier(self, ledger: Ledger, told: FrontierFrame, now: float) -> list[SessionEffect]:
        """Take the peer's frontier: stream what it lacks, tell it what is lacking here."""
        if self.stream is None:
            return []
        missing = missing_here(ledger, told.frontier)
        digest = frontier_digest(self.context, told.frontier)
        effects: list[SessionEffect] = [Compared(self.context, digest, told.state_digest, missing)]
        self.stream.restart(told.frontier)
        self.waiting.clear()
        if missing:
            effects += self.tell_frontier(ledger, now)
        if digest == ledger.frontier_digest():
            effects.append(self.tell_digest(ledger))  # Now the peer, too, knows that both agree.
        return [*effects, *self.pump(ledger)]

    # -- deltas ----------------------------------------------------------------------------------

    def pump(self, ledger: Ledger) -> list[SessionEffect]:
        """Send what the peer lacks, up to its credit and a page."""
        if self.stream is None:
            return []
        was_busy = bool(self.waiting) or not self.stream.is_idle
        if not self.waiting:
            self.waiting.extend(frame for _, frame in self.stream.page())
        effects: list[SessionEffect] = []
        sent_bytes = sent_count = 0
        for frame in self.waiting:
            if sent_bytes >= limits.SYNC_PAGE_BYTES or len(frame) > self.credit_bytes:
                break
            self.credit_bytes -= len(frame)
            sent_bytes += len(frame)
            sent_count += 1
            effects.append(send(DeltaFrame(self.ours, frame)))
        del self.waiting[:sent_count]
        if self.waiting and len(self.waiting[0]) > self.credit_bytes:
            return effects
        if self.waiting or not self.stream.is_idle:
            return [*effects, More(self.context)]
        return [*effects, self.tell_digest(ledger)] if was_busy else effects

    def send_wanted(self, ledger: Ledger, ids: tuple[DeltaId, ...]) -> list[SessionEffect]:
        """Send the deltas asked for that are here, as far as the credit goes."""
        effects: list[SessionEffect] = []
        for wanted in ids:
            frame = ledger.committed.get(Table.DELTA, (wanted,))
            if frame is None:
                continue
            if len(frame) > self.credit_bytes:
                break
            self.credit_bytes -= len(frame)
            effects.append(send(DeltaFrame(self.ours, frame)))
        return effects

    def take_delta(self, ledger: Ledger | None, packed: bytes) -> list[SessionEffect]:
        """Check a delta that came, and hand it over where it is news."""
        self.in_flight_bytes += len(packed)
        if self.in_flight_bytes > limits.SYNC_CREDIT_BYTES:
            raise ProtocolViolation("wrong-credit", "the peer sent more than its credit")
        delta = decode_delta(self.context, packed)
        if ledger is None or ledger.is_applied(delta.id):
            return self.grant(len(packed))
        if not is_delta_signed(self.context, delta):
            raise ProtocolViolation("bad-signature", "the delta's signature does not verify")
        return [DeltaDelivered(self.context, delta)]

    def consume(self, ledger: Ledger | None, size_bytes: int, now: float) -> list[SessionEffect]:
        """A delta that was handed over is dealt with."""
        effects = self.grant(size_bytes)
        if ledger is None or not self.is_frontier_due or self.owed_bytes < self.in_flight_bytes:
            return effects
        return [*effects, *self.tell_frontier(ledger, now)]

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
