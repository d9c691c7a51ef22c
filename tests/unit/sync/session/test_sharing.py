"""One node that lacks much, and several that have it: each sends its part, and nothing twice."""

from __future__ import annotations

from collections import Counter

import pytest

from covey.codec import DeltasFrame, encode_frame, pack_batch
from covey.model import ContextId, DeltaId, PeerId, Put, limits
from covey.sync import (
    AskFrontiers,
    FrameArrived,
    More,
    Pump,
    SessionEffect,
    SessionEvent,
    Share,
    Sources,
    TellFrontier,
    Tick,
)
from covey.sync.session.streaming import Stream
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage
from tests.unit.sync.session.conversation import ALICE, BOB, Side, delivered, talk, write

__all__: list[str] = []

_MANY = 4 * limits.SYNC_SHARE_AFTER_DELTAS


class _Joiner:
    """A node with nothing, one session for each peer, and one choice of sources for all."""

    def __init__(self, peers: list[_Peer]) -> None:
        founding = peers[0].founding
        self.stage = Stage(founding, BOB)
        self.sources = Sources()
        self.ends: dict[PeerId, Side] = {}
        self.peers = {peer.name: peer for peer in peers}
        for peer in peers:
            end = _End(peer.peer, peer.name, founding, BOB, self.stage, all_sources=self.sources)
            end.joiner = self
            self.ends[peer.name] = end
        for peer in peers:
            self.ends[peer.name].take(self.ends[peer.name].session.start())
            peer.take(peer.session.start())

    def news(self) -> Counter[DeltaId]:
        """How often each delta was delivered."""
        return Counter(delta.id for end in self.ends.values() for delta in delivered(end))

    def step(self) -> bool:
        """One frame each way on every stream; whether there was any."""
        was_busy = False
        for name, end in self.ends.items():
            peer = self.peers[name]
            if end.out:
                peer.tell(FrameArrived(end.out.popleft()))
                was_busy = True
            peer.pump()
            if peer.out:
                end.tell(FrameArrived(peer.out.popleft()))
                was_busy = True
        return was_busy

    def run(self) -> None:
        for _ in range(100_000):
            if not self.step():
                return
        raise AssertionError("they never fall silent")

    def later(self, seconds: float) -> None:
        for side in (*self.ends.values(), *self.peers.values()):
            side.now += seconds
        self.sources.tick(next(iter(self.ends.values())).now)
        self.ask(self.stage.founding.context)
        for side in (*self.ends.values(), *self.peers.values()):
            side.tell(Tick())

    def ask(self, context: ContextId) -> None:
        for peer, share in self.sources.due():
            self.ends[peer].tell(TellFrontier(context, share))


class _Peer(Side):
    """Goes on streaming when all before is written, as the driver of a real stream does."""

    more: ContextId | None = None
    is_deaf = False

    def take(self, effects: list[SessionEffect]) -> None:
        for effect in effects:
            if isinstance(effect, More):
                self.more = effect.context
            else:
                super().take([effect])

    def falls_silent(self) -> None:
        """From now on it takes no notice of what it is sent, and says nothing."""
        self.is_deaf = True

    def tell(self, event: SessionEvent) -> None:
        if not self.is_deaf:
            super().tell(event)

    def pump(self) -> None:
        if self.more is not None and not self.out:
            context, self.more = self.more, None
            self.tell(Pump(context))


class _End(Side):
    joiner: _Joiner

    def take(self, effects: list[SessionEffect]) -> None:
        for effect in effects:
            if isinstance(effect, AskFrontiers):
                for peer, share in effect.due:
                    self.joiner.ends[peer].tell(TellFrontier(effect.context, share))
            else:
                super().take([effect])


def _peers(count: int, deltas: int) -> list[_Peer]:
    founding = found(ALICE)
    peers = []
    for number in range(count):
        name = PeerId(f"12D3KooWp{number}")
        end = PeerId(f"12D3KooWj{chr(97 + number)}")
        peers.append(_Peer(name, end, founding, ALICE, Stage(founding, ALICE)))
    write(peers[0], deltas)
    assert peers[0].stage is not None
    for peer in peers[1:]:
        peer.stage = Stage(founding, identity(f"reader {peer.name}"))
        talker = Side(PeerId("a"), PeerId("b"), founding, ALICE, peers[0].stage)
        listener = Side(PeerId("b"), PeerId("a"), founding, BOB, peer.stage)
        talker.take(talker.session.start())
        listener.take(listener.session.start())
        talk(talker, listener)
    return peers


def test_three_peers_send_a_part_each_and_little_twice() -> None:
    """Each would send it all: it is shared, and what is doubled is what was on the way."""
    peers = _peers(3, _MANY)
    joiner = _Joiner(peers)

    joiner.run()
    joiner.later(5.0)
    joiner.run()

    assert peers[0].stage is not None
    assert joiner.stage.replica.ledger.digest() == peers[0].stage.replica.ledger.digest()
    parts = [len(delivered(end)) for end in joiner.ends.values()]
    assert min(parts) > _MANY // 8, parts
    assert sum(parts) < 1.25 * _MANY, parts


def test_little_is_sent_by_one() -> None:
    """A few deltas are not worth sharing, and nobody else sends them too."""
    peers = _peers(3, 30)
    joiner = _Joiner(peers)

    joiner.run()

    assert sorted(joiner.news().values()) == [1] * 30


def test_one_that_promises_and_never_sends_is_passed_over() -> None:
    """A peer that withholds what it claims to have holds up nobody."""
    peers = _peers(2, 50)
    joiner = _Joiner(peers)
    liar = peers[0]
    while not all(end.session.shared() for end in joiner.ends.values()):
        assert joiner.step()
    liar.falls_silent()

    joiner.run()
    for _ in range(3):
        joiner.later(limits.SYNC_SOURCE_SILENT_S)
        joiner.run()

    assert peers[1].stage is not None
    assert joiner.stage.replica.ledger.digest() == peers[1].stage.replica.ledger.digest()


@pytest.mark.parametrize("is_member", [False, True])
def test_one_that_trickles_what_nobody_can_apply_is_passed_over(is_member: bool) -> None:
    """Good signatures under deltas whose parents are nowhere are worth nothing, whoever's."""
    peers = _peers(2, 50)
    joiner = _Joiner(peers)
    while not joiner.sources._chosen:
        assert joiner.step()
    (chosen,) = joiner.sources._chosen
    liar = joiner.peers[chosen]
    (honest,) = (peer for peer in peers if peer is not liar)
    liar.falls_silent()
    joiner.run()
    assert not delivered(joiner.ends[liar.name])
    history = History(liar.founding)
    author = ALICE if is_member else identity("nobody")

    for number in range(int(limits.SYNC_FRUITLESS_S) + 2):
        lost = history.write(author, (), [Put("notes", b"k", bytes([number]))])
        orphan = history.write(author, (lost.id,), [Put("notes", b"k", b"x")])
        frame = DeltasFrame(1, pack_batch((orphan.frame,)))
        joiner.ends[liar.name].tell(FrameArrived(encode_frame(frame)))
        joiner.later(1.0)
        joiner.run()

    assert honest.stage is not None
    assert joiner.stage.replica.ledger.digest() == honest.stage.replica.ledger.digest()


def test_the_part_of_one_that_leaves_comes_from_another() -> None:
    """Half-way through a peer goes: what was its share is sent by the other."""
    peers = _peers(2, _MANY)
    joiner = _Joiner(peers)
    while len(joiner.news()) < 2 * limits.SYNC_SHARE_AFTER_DELTAS:
        assert joiner.step()
    gone = peers[0].name

    end = joiner.ends.pop(gone)
    end.take(end.session.end(end.now))
    joiner.run()
    joiner.later(5.0)
    joiner.run()

    assert peers[1].stage is not None
    assert joiner.stage.replica.ledger.digest() == peers[1].stage.replica.ledger.digest()


def test_a_share_is_kept_by_the_sender() -> None:
    """What belongs to others is left out, from a stream read page by page."""
    peers = _peers(1, 40)
    assert peers[0].stage is not None
    ledger = peers[0].stage.replica.ledger
    frames: list[bytes] = []
    for index in range(3):
        stream = Stream(ledger)
        stream.restart({})
        while not stream.is_idle:
            frames += stream.page(Share(index, 3))

    assert len(frames) == len(set(frames)) == ledger.count
