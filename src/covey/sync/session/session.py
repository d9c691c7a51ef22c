"""One long-lived stream between two peers, as a state machine.

Both sides greet with nonces, prove per context that they know its id, then compare frontiers and
stream what the other lacks, under credits. Nothing is said about a context before its proof, also
not whether it is held: what is unknown and what is refused look alike.
Source: protocols/sync.md.
"""

from __future__ import annotations

from covey.codec import (
    AdmitAnswer,
    AdmitAsk,
    Blob,
    BlobWant,
    CharterTold,
    CharterWant,
    Credit,
    DeltasFrame,
    DigestFrame,
    FrontierFrame,
    Hello,
    Know,
    ListingFrame,
    Member,
    PartsFrame,
    PeersTold,
    PeersWant,
    ShareFrame,
    SyncFrame,
    Want,
    charter_id,
    cid_of,
    decode_frame,
    topic_hash,
)
from covey.crypto import (
    Greeting,
    device_proof_message,
    is_knowledge_proof,
    is_signed,
    knowledge_proof,
)
from covey.errors import ProtocolViolation
from covey.model import Cid, ContextId, DeviceId, PeerId, Signature, limits
from covey.sync.session.allowance import Allowance
from covey.sync.session.channel import Channel, send
from covey.sync.session.events import (
    AdmissionAsked,
    AdmissionTold,
    AnswerAdmission,
    AskAdmission,
    AskBlob,
    AskCharter,
    AskDeltas,
    AskPeers,
    BlobTold,
    CharterAnswered,
    Close,
    Consumed,
    ContextOpened,
    FrameArrived,
    OpenBatch,
    PeersHeard,
    Pump,
    SessionEffect,
    SessionEvent,
    SessionHost,
    Shared,
    TellFrontier,
    Tick,
)
from covey.sync.session.streaming import Stream
from covey.sync.sources import Share

__all__ = ["PROTOCOL_VERSION", "Session"]

PROTOCOL_VERSION = 1


class Session:
    """What this node says to one peer, and what it makes of the answers.

    `now` is Unix time in seconds. nonce: 32 fresh random bytes. requests: what the peer may still
    ask for; a new stream must not bring it more.
    """

    def __init__(
        self,
        host: SessionHost,
        own: PeerId,
        peer: PeerId,
        nonce: bytes,
        requests: Allowance | None = None,
    ) -> None:
        self._host = host
        self._own = own
        self.peer = peer
        self._nonce = nonce
        self._greeting: Greeting | None = None
        self._channels: dict[ContextId, Channel] = {}
        self._by_number: dict[int, Channel] = {}
        self._unmatched: dict[int, bytes] = {}
        self._topics_asked: dict[bytes, None] = {}
        rate = limits.SYNC_REQUESTS_PER_S_MAX
        self._requests = requests or Allowance(rate, rate)

    def start(self) -> list[SessionEffect]:
        """Greet."""
        return [send(Hello(PROTOCOL_VERSION, self._nonce))]

    @property
    def is_greeted(self) -> bool:
        """Whether the peer has greeted; the driver ends a stream on which it does not."""
        return self._greeting is not None

    @property
    def unopened_bytes(self) -> int:
        """Memory of batches that came and wait for their turn."""
        return sum(channel.unopened.size_bytes for channel in self._by_number.values())

    def shared(self) -> tuple[ContextId, ...]:
        """The contexts whose id the peer has proved to know."""
        return tuple(c.context for c in self._channels.values() if c.theirs is not None)

    def has_shown(self, context: ContextId) -> bool:
        """Whether the peer has this node's proof for a context, understood or not."""
        return context in self._channels

    def device(self, context: ContextId) -> DeviceId | None:
        """The device whose key the peer has proved to hold in a context."""
        channel = self._channels.get(context)
        return None if channel is None else channel.device

    def handle(self, event: SessionEvent, now: float) -> list[SessionEffect]:
        """Take one event."""
        try:
            match event:
                case FrameArrived(packed):
                    return self._arrive(decode_frame(packed, self.frame_bytes_max()), now)
                case ContextOpened(context):
                    return self._open(context)
                case Tick():
                    return self._compare_all()
                case AskCharter(topic):
                    if topic in self._topics_asked:
                        return []  # The answer is on its way; a second one would be unasked.
                    self._topics_asked[topic] = None
                    return [send(CharterWant(topic))]
                case _:
                    channel = self._channels.get(event.context)
                    if channel is None or channel.theirs is None:
                        return []
                    return self._ask(channel, event, now)
        except ProtocolViolation as violation:
            return [Close(violation.code)]

    def end(self, now: float) -> list[SessionEffect]:
        """The stream has ended: others may have to send what this peer was asked for."""
        effects: list[SessionEffect] = []
        for channel in self._by_number.values():
            channel.sources.left(self.peer, now)
            effects += channel.ask()
        return effects

    def frame_bytes_max(self) -> int:
        """A stranger's frames are small: to decode a large one takes a second."""
        is_stranger = not self._by_number
        return limits.SYNC_STRANGER_BYTES_MAX if is_stranger else limits.SYNC_FRAME_SIZE_BYTES_MAX

    # -- greeting and proofs ---------------------------------------------------------------------

    def _arrive(self, frame: SyncFrame, now: float) -> list[SessionEffect]:
        if isinstance(frame, Hello):
            return self._greet(frame)
        if self._greeting is None:
            raise ProtocolViolation("wrong-phase", "the peer did not greet first")
        if isinstance(frame, Know):
            return self._match(frame.channel, frame.proof)
        if isinstance(frame, CharterWant):
            is_silent = self._is_flooding(now)
            charter = None if is_silent else self._host.open_charter(frame.topic, self.peer)
            return [send(CharterTold(frame.topic, charter))]
        if isinstance(frame, CharterTold):
            return self._take_charter(frame)
        channel = self._by_number.get(frame.channel)
        if channel is None:
            return []
        return self._talk(channel, frame, now)

    def _greet(self, hello: Hello) -> list[SessionEffect]:
        if self._greeting is not None:
            raise ProtocolViolation("wrong-phase", "the peer greeted twice")
        if hello.version != PROTOCOL_VERSION:
            return [Close("")]
        if hello.nonce == self._nonce:
            raise ProtocolViolation("reflected", "the peer sent our own nonce back")
        self._greeting = Greeting(self._own, self.peer, self._nonce, hello.nonce)
        effects: list[SessionEffect] = []
        for context in self._host.contexts():
            effects += self._open(context)
        return effects

    def _open(self, context: ContextId) -> list[SessionEffect]:
        """Show that this node knows a context; begin at once where the peer has shown it too."""
        if self._greeting is None:
            return []
        channel = self._channels.get(context)
        if channel is not None:
            return [] if channel.theirs is None else self._begin(channel)
        is_full = len(self._channels) >= limits.SYNC_CONTEXTS_MAX
        if is_full or not self._host.shows(context, self.peer):
            return []
        channel = Channel(context, self.peer, self._host.sources(context), len(self._channels) + 1)
        self._channels[context] = channel
        know: list[SessionEffect] = [
            send(Know(channel.ours, knowledge_proof(context, self._greeting)))
        ]
        for number, proof in tuple(self._unmatched.items()):
            if is_knowledge_proof(context, self._greeting.reversed(), proof):
                del self._unmatched[number]
                return [*know, *self._match(number, proof)]
        return know

    def _match(self, number: int, proof: bytes) -> list[SessionEffect]:
        assert self._greeting is not None
        if number in self._by_number or number in self._unmatched:
            raise ProtocolViolation("wrong-phase", "the peer used a channel twice")
        theirs = self._greeting.reversed()
        for channel in self._channels.values():
            if channel.theirs is None and is_knowledge_proof(channel.context, theirs, proof):
                if not self._host.shows(channel.context, self.peer):
                    return [Close("")]  # Shown too early: a new stream begins without it.
                channel.theirs = number
                self._by_number[number] = channel
                return [Shared(channel.context), *self._begin(channel)]
        if len(self._unmatched) >= limits.SYNC_CONTEXTS_MAX:
            raise ProtocolViolation("flood", "the peer opened too many channels")
        self._unmatched[number] = proof
        return []

    def _begin(self, channel: Channel) -> list[SessionEffect]:
        assert self._greeting is not None
        ledger = self._host.ledger(channel.context)
        if ledger is None:
            return []
        if channel.stream is None or not channel.stream.is_of(ledger):
            channel.stream = Stream(ledger)  # Left and joined again, the context has a new ledger.
            channel.sources = self._host.sources(channel.context)
        effects: list[SessionEffect] = []
        message = device_proof_message(channel.context, self._greeting)
        proof = self._host.prove_device(channel.context, message)
        if proof is not None:
            effects.append(send(Member(channel.ours, proof[0], Signature(proof[1]))))
        return [*effects, channel.tell_digest(ledger)]

    # -- one context -----------------------------------------------------------------------------

    def _talk(self, channel: Channel, frame: SyncFrame, now: float) -> list[SessionEffect]:
        ledger = self._host.ledger(channel.context)
        match frame:
            case Member(_, device, signature):
                self._prove(channel, device, signature)
                return []
            case DigestFrame():
                if ledger is None or self._is_flooding(now):
                    return []  # As below: each may have this node tell its frontier.
                return channel.take_digest(ledger, frame, now)
            case FrontierFrame() | PartsFrame() | ListingFrame():
                if ledger is None or self._is_flooding(now):
                    return []  # The next comparison brings another one.
                return channel.compare(ledger, frame, now)
            case ShareFrame(_, index, count):
                channel.share = Share(index, count)
                return []
            case DeltasFrame(_, batch):
                return channel.take_deltas(batch)
            case Credit(_, size_bytes):
                channel.accept_credit(size_bytes)
                return self._pump(channel)
            case Want(_, ids):
                return (
                    []
                    if ledger is None or self._is_flooding(now)
                    else channel.take_want(ledger, ids)
                )
            case BlobWant(_, cid):
                content = None if self._is_flooding(now) else self._host.blob(channel.context, cid)
                return [send(Blob(channel.ours, cid, content))]
            case Blob(_, cid, content):
                return self._take_blob(channel, cid, content)
            case PeersWant():
                return self._tell_peers(channel, now)
            case PeersTold(_, peers):
                if not channel.is_peers_asked:
                    raise ProtocolViolation("unasked", "peers that nobody asked for")
                channel.is_peers_asked = False
                return [PeersHeard(channel.context, peers)]
            case AdmitAsk(_, certificate, join):
                if self._is_flooding(now):
                    return [send(AdmitAnswer(channel.ours, "busy"))]
                return [AdmissionAsked(channel.context, certificate, join)]
            case AdmitAnswer(_, reason):
                if channel.admissions_asked == 0:
                    raise ProtocolViolation("unasked", "an answer to an admission nobody asked for")
                channel.admissions_asked -= 1
                return [AdmissionTold(channel.context, reason)]
        raise AssertionError(f"a frame without a channel came here: {frame!r}")

    def _ask(self, channel: Channel, event: SessionEvent, now: float) -> list[SessionEffect]:
        match event:
            case Consumed():
                return channel.consume(self._host.ledger(channel.context), event, now)
            case OpenBatch():
                return channel.open_next(self._host.ledger(channel.context), now)
            case Pump():
                return self._pump(channel)
            case TellFrontier(_, share):
                ledger = self._host.ledger(channel.context)
                return [] if ledger is None else channel.tell_frontier(ledger, share, now)
            case AskDeltas(_, ids):
                return [channel.want(ids[: limits.ASK_IDS_MAX])]
            case AskBlob(_, cid):
                if cid in channel.blobs_asked:
                    return []  # As with charters.
                channel.blobs_asked[cid] = None
                return [send(BlobWant(channel.ours, cid))]
            case AskAdmission(_, certificate, join):
                channel.admissions_asked += 1
                return [send(AdmitAsk(channel.ours, certificate, join))]
            case AskPeers():
                if channel.is_peers_asked:
                    return []  # One question at a time.
                channel.is_peers_asked = True
                return [send(PeersWant(channel.ours))]
            case AnswerAdmission(_, reason):
                return [send(AdmitAnswer(channel.ours, reason))]
        raise AssertionError(f"an event without a channel came here: {event!r}")

    def _pump(self, channel: Channel) -> list[SessionEffect]:
        ledger = self._host.ledger(channel.context)
        return [] if ledger is None else channel.pump(ledger)

    def _prove(self, channel: Channel, device: DeviceId, signature: bytes) -> None:
        assert self._greeting is not None
        message = device_proof_message(channel.context, self._greeting.reversed())
        if not is_signed(device, message, signature):
            raise ProtocolViolation("bad-signature", "the peer's device proof does not verify")
        channel.device = device

    def _compare_all(self) -> list[SessionEffect]:
        effects: list[SessionEffect] = []
        for channel in self._channels.values():
            ledger = self._host.ledger(channel.context)
            if channel.theirs is None or ledger is None:
                continue
            if not channel.is_streaming:  # A digest says that no more will come.
                effects.append(channel.tell_digest(ledger))
        return effects

    def _tell_peers(self, channel: Channel, now: float) -> list[SessionEffect]:
        is_soon = now - channel.peers_told_s < limits.SYNC_PEERS_AGAIN_S
        if self._is_flooding(now) or is_soon:
            return [send(PeersTold(channel.ours, ()))]
        channel.peers_told_s = now
        peers = self._host.known_peers(channel.context, self.peer)
        return [send(PeersTold(channel.ours, peers))]

    # -- blobs and charters ----------------------------------------------------------------------

    def _take_blob(self, channel: Channel, cid: Cid, content: bytes | None) -> list[SessionEffect]:
        if cid not in channel.blobs_asked:
            raise ProtocolViolation("unasked", "a blob that nobody asked for")
        del channel.blobs_asked[cid]
        if content is not None and cid_of(content) != cid:
            raise ProtocolViolation("wrong-content", "a blob does not have its address")
        return [BlobTold(channel.context, cid, content)]

    def _take_charter(self, told: CharterTold) -> list[SessionEffect]:
        if told.topic not in self._topics_asked:
            raise ProtocolViolation("unasked", "a charter that nobody asked for")
        del self._topics_asked[told.topic]
        if told.charter is not None and topic_hash(charter_id(told.charter)) != told.topic:
            raise ProtocolViolation("wrong-content", "a charter does not have its topic")
        return [CharterAnswered(told.topic, told.charter)]

    def _is_flooding(self, now: float) -> bool:
        """Count a request; whether the peer makes more of them than it may."""
        return not self._requests.spend(1, now)
