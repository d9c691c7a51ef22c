"""Gossip of one context: what a frame on the topic is worth, and what this node announces.

Source: protocols/gossip.md. Gossip is a hint; sync is the truth. Reject only what anyone who knows
the context id can see to be wrong.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from covey.codec import (
    GOSSIP_ANNOUNCEMENT,
    GOSSIP_DELTA,
    Announcement,
    Head,
    decode_announcement,
    decode_delta,
    encode_announcement,
    is_delta_signed,
    open_gossip,
    pack_gossip,
    topic_key,
)
from covey.crypto import NONCE_SIZE_BYTES, Signer, open_envelope, seal_envelope, sha256
from covey.errors import ProtocolViolation
from covey.model import (
    ContextId,
    Delta,
    DeviceId,
    PeerId,
    Verdict,
    limits,
)
from covey.sync.ledger import Ledger

__all__ = ["Gossip", "Heard"]

_ENVELOPE_OVERHEAD_BYTES = 1 + NONCE_SIZE_BYTES + 16 + 16


@dataclass(frozen=True, slots=True)
class Heard:
    """The verdict on a frame, and what it carried where that is news."""

    verdict: Verdict
    delta: Delta | None = None
    announcement: Announcement | None = None
    code: str = ""


class Gossip:
    """Opens and seals the frames of one context's topic; remembers negative verdicts."""

    def __init__(
        self,
        context: ContextId,
        peer: PeerId,
        device: Signer,
        rng: random.Random,
        is_member: Callable[[DeviceId], bool],
    ) -> None:
        self._context = context
        self._key = topic_key(context)
        self._peer = peer
        self._device = device
        self._rng = rng
        self._is_member = is_member
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._last_announced_ms: OrderedDict[DeviceId, int] = OrderedDict()
        self._own_announced_ms = 0

    def hear(self, envelope: bytes, now: float) -> Heard:
        """Open a frame from the topic. A delta's verdict is Accept until it is judged."""
        name = sha256(envelope)
        if name in self._seen:
            return Heard(Verdict.IGNORE)
        self._remember(name)
        try:
            if len(envelope) > limits.GOSSIP_FRAME_BYTES_MAX:
                raise ProtocolViolation("oversized", "the gossip frame is too large")
            kind, frame = open_gossip(open_envelope(self._key, envelope))
            if kind == GOSSIP_DELTA:
                return self._hear_delta(frame)
            return self._hear_announcement(frame, int(now * 1000))
        except ProtocolViolation as violation:
            newer = violation.code == "unknown-version"
            return Heard(Verdict.IGNORE if newer else Verdict.REJECT, code=violation.code)

    def _hear_delta(self, frame: bytes) -> Heard:
        delta = decode_delta(self._context, frame)
        if not is_delta_signed(self._context, delta):
            raise ProtocolViolation("bad-signature", "the delta's signature does not verify")
        return Heard(Verdict.ACCEPT, delta=delta)

    def _hear_announcement(self, frame: bytes, now_ms: int) -> Heard:
        announcement = decode_announcement(self._context, frame)
        device = announcement.device
        if not self._is_member(device) or not _is_current(announcement, now_ms):
            return Heard(Verdict.IGNORE)
        if announcement.unix_ms <= self._last_announced_ms.get(device, 0):
            return Heard(Verdict.IGNORE)
        self._last_announced_ms.pop(device, None)
        self._last_announced_ms[device] = announcement.unix_ms
        while len(self._last_announced_ms) > limits.ANNOUNCEMENT_PEERS_MAX:
            self._last_announced_ms.popitem(last=False)
        return Heard(Verdict.ACCEPT, announcement=announcement)

    def delta_envelope(self, delta: Delta) -> bytes | None:
        """The frame that carries a delta, or None where only a stream can."""
        if len(delta.frame) + _ENVELOPE_OVERHEAD_BYTES > limits.GOSSIP_FRAME_BYTES_MAX:
            return None
        return self._seal(pack_gossip(GOSSIP_DELTA, delta.frame))

    def announcement_envelope(self, ledger: Ledger, now_ms: int) -> bytes:
        """The frame that says what this node holds."""
        self._own_announced_ms = max(now_ms, self._own_announced_ms + 1)
        heads = []
        for head in sorted(ledger.heads)[: limits.ANNOUNCED_HEADS_MAX]:
            summary = ledger.summary(head)
            assert summary is not None
            heads.append(Head(summary.author, summary.tip))
        announcement = Announcement(
            device=DeviceId(self._device.public),
            peer=self._peer,
            count=ledger.count,
            frontier_digest=ledger.frontier_digest(),
            state_digest=ledger.digest(),
            heads=tuple(heads),
            unix_ms=self._own_announced_ms,
        )
        frame = encode_announcement(self._context, announcement, self._device)
        return self._seal(pack_gossip(GOSSIP_ANNOUNCEMENT, frame))

    def _seal(self, frame: bytes) -> bytes:
        nonce = self._rng.getrandbits(8 * NONCE_SIZE_BYTES).to_bytes(NONCE_SIZE_BYTES, "big")
        envelope = seal_envelope(self._key, nonce, frame)
        self._remember(sha256(envelope))
        return envelope

    def _remember(self, name: bytes) -> None:
        self._seen[name] = None
        while len(self._seen) > limits.FRAMES_REMEMBERED_MAX:
            self._seen.popitem(last=False)


def _is_current(announcement: Announcement, now_ms: int) -> bool:
    """Whether its time is now, as far as clocks agree.

    Anyone can play back an old one to a node that was restarted and remembers none: it would claim
    to be in sync with a peer that is gone.
    """
    ahead_ms = announcement.unix_ms - now_ms
    ttl_ms = int(limits.ANNOUNCEMENT_TTL_S * 1000)
    return -ttl_ms - limits.DRIFT_MS_MAX <= ahead_ms <= limits.DRIFT_MS_MAX
