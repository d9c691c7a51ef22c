"""Members tell each other peers of a context: asked for, bounded, after both proofs."""

from __future__ import annotations

import pytest

from covey.codec import KnownPeer, PeersTold, PeersWant, decode_frame, encode_frame, peer_id_text
from covey.model import limits
from covey.sync import AskPeers, Close, FrameArrived, PeersHeard
from tests.unit.sync.session.conversation import Side, sides, talk

EVE = KnownPeer(peer_id_text(b"e" * 32), ("/ip4/192.0.2.7/tcp/4001",))


@pytest.fixture
def pair() -> tuple[Side, Side]:
    one, two = sides()
    talk(one, two)
    one.peers = (EVE,)
    return one, two


def _ask(one: Side, two: Side) -> list[object]:
    two.said.clear()
    two.tell(AskPeers(two.founding.context))
    talk(one, two)
    return [effect.peers for effect in two.heard(PeersHeard)]


def test_peers_are_told_to_whom_shares_the_context(pair):
    one, two = pair
    assert _ask(one, two) == [(EVE,)]
    assert _ask(two, one) == [()]


def test_peers_are_told_once_in_a_while(pair):
    """Sooner there is an answer all the same: who asked may ask again."""
    one, two = pair
    assert [_ask(one, two) for _ in range(2)] == [[(EVE,)], [()]]
    one.now += limits.SYNC_PEERS_AGAIN_S
    assert _ask(one, two) == [(EVE,)]


def test_one_question_at_a_time(pair):
    _, two = pair
    for _ in range(3):
        two.tell(AskPeers(two.founding.context))
    assert [type(decode_frame(frame)) for frame in two.out] == [PeersWant]


def test_peers_that_nobody_asked_for_end_the_stream(pair):
    """Else a peer could have this node dial at its word."""
    _, two = pair
    two.tell(FrameArrived(encode_frame(PeersTold(1, (EVE,)))))
    assert two.heard(Close) == [Close("unasked")]
    assert two.heard(PeersHeard) == []


def test_nothing_is_asked_or_told_before_both_proofs():
    """Whoever does not know the context learns of nobody in it."""
    one, two = sides(stranger=True)
    one.peers = (EVE,)
    talk(one, two)
    one.tell(AskPeers(one.founding.context))
    assert not one.out
    two.out.append(encode_frame(PeersWant(1)))
    talk(one, two)
    assert two.heard(PeersHeard) == []
    assert two.heard(Close) == []
