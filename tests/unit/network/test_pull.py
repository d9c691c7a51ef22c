"""Offers, wants, and promises that are kept or broken."""

from __future__ import annotations

import random

import pytest

from covey.model import limits
from covey.network.pull import Pull
from covey.network.quota import Quota
from covey.network.recent import RecentMessages, SeenIds
from covey.network.scores import Misdeed, Scores
from covey.network.wire import MESSAGE_ID_BYTES


def _id(number: int) -> bytes:
    return number.to_bytes(MESSAGE_ID_BYTES, "big")


class _Node:
    """The parts that pull looks at."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.recent = RecentMessages()
        self.seen = SeenIds(clock)
        self.scores: Scores[str] = Scores(clock)
        self.pull = Pull(self.recent, self.seen, self.scores, random.Random(1))

    def offered(self, peer: str, *numbers: int, quota: Quota | None = None) -> list[bytes]:
        ids = [_id(number) for number in numbers]
        return self.pull.on_offered(peer, ids, quota or Quota(), self.clock())

    def wait(self) -> None:
        self.clock.now += limits.GOSSIP_PROMISE_S
        self.pull.heartbeat(self.clock())


@pytest.fixture
def node(clock):
    return _Node(clock)


def test_only_what_is_unknown_is_asked_for_once(node):
    """An offer names messages of three seconds, most of which came already."""
    node.seen.add(_id(1))
    assert node.offered("bob", 1, 2, 3, 2) == [_id(2), _id(3)]
    assert node.offered("bob", 1) == []


def test_ids_of_another_form_are_not_asked_for(node):
    """Their messages would be ignored here, and the peer that sent them not to blame."""
    assert node.pull.on_offered("bob", [b"", b"short", bytes(1000)], Quota(), 0.0) == []
    node.wait()
    assert node.scores.score("bob") == 0


def test_offer_without_delivery_costs_the_peer(node):
    """Or a peer could keep this node busy with asking, and hope that it asks nobody else."""
    assert len(node.offered("eve", *range(100))) == 100
    node.clock.now += limits.GOSSIP_PROMISE_S - 1
    node.pull.heartbeat(node.clock())
    assert node.scores.score("eve") == 0
    node.clock.now += 1
    node.pull.heartbeat(node.clock())
    assert node.scores.score("eve") == -Misdeed.BROKEN_PROMISE.weight
    node.wait()
    assert node.scores.score("eve") > -1  # It is counted once, and fades.


def test_delivery_by_anybody_keeps_the_promise(node):
    """The peer was honest: it need not send what this node has by now."""
    for peer in ("bob", "carol"):
        node.offered(peer, 7)
    node.pull.on_delivered(_id(7))
    node.wait()
    assert node.scores.score("bob") == node.scores.score("carol") == 0


def test_peers_that_left_and_topics_that_were_left_owe_nothing(node):
    """Nobody is blamed for what was not looked at."""
    node.offered("bob", 1)
    node.pull.remove_peer("bob")
    node.offered("carol", 2)
    node.pull.forgive()
    node.wait()
    assert node.scores.score("bob") == node.scores.score("carol") == 0


def test_peer_with_a_low_score_is_not_asked(node):
    """It would be given another promise to break."""
    for _ in range(int(limits.GOSSIP_PRUNED_DEMERITS) + 1):
        node.scores.add("eve", Misdeed.REJECTED_FRAME)
    assert node.offered("eve", 1) == []


def test_ids_asked_for_in_a_heartbeat_are_bounded(node, monkeypatch):
    """An offer of a million ids must not become a request for a million."""
    monkeypatch.setattr(limits, "GOSSIP_IDS_MAX", 5)
    quota = Quota()
    assert len(node.offered("eve", *range(3), quota=quota)) == 3
    assert len(node.offered("eve", *range(10, 20), quota=quota)) == 2
    assert node.offered("eve", *range(30, 40), quota=quota) == []
    assert len(node.offered("eve", *range(30, 40), quota=Quota())) == 5


def test_wanted_messages_are_sent_and_unknown_ones_are_not(node):
    """The answer is one packed RPC for each: all in one may be more than a peer accepts."""
    for number in range(3):
        node.recent.put(_id(number), "t", b"packed %d" % number)
    answers = node.pull.on_wanted("bob", [_id(2), _id(9), _id(0)], Quota())
    assert answers == [b"packed 2", b"packed 0"]


def test_flood_of_wants_does_not_amplify(node, monkeypatch):
    """Bytes out in a heartbeat are bounded, whatever comes in."""
    monkeypatch.setattr(limits, "GOSSIP_ANSWERS_BYTES_MAX", 50_000)
    for number in range(1000):
        node.recent.put(_id(number), "t", bytes(1000))
    quota = Quota()
    sent = sum(
        len(packed)
        for _ in range(100)
        for packed in node.pull.on_wanted("eve", map(_id, range(1000)), quota)
    )
    assert sent <= 50_000


def test_same_message_is_sent_three_times_and_asking_on_costs_the_peer(node):
    """Thrice is what offers in three heartbeats bring about; more is a peer that wastes bytes."""
    node.recent.put(_id(1), "t", b"packed")
    sent = [len(node.pull.on_wanted("eve", [_id(1)], Quota())) for _ in range(4)]
    assert sent == [1, 1, 1, 0]
    assert node.scores.score("eve") == -Misdeed.REPEATED_WANT.weight
    assert node.pull.on_wanted("bob", [_id(1)], Quota()) == [b"packed"]
    assert node.scores.score("bob") == 0


def test_count_of_answers_is_forgotten_with_the_message(node):
    """Memory follows the bounded cache."""
    node.recent.put(_id(1), "t", b"packed")
    node.pull.on_wanted("bob", [_id(1)], Quota())
    for _ in range(5):
        node.recent.shift()
    node.pull.heartbeat(node.clock())
    assert node.pull._answered == {}


def test_history_comes_in_order_once_and_within_the_quota(node, monkeypatch):
    """A peer that subscribes again and again gets the last seconds once."""
    monkeypatch.setattr(limits, "GOSSIP_ANSWERS_MAX", 2)
    for number in range(3):
        node.recent.put(_id(number), "t", b"%d" % number)
    assert node.pull.history("bob", "t", Quota()) == [b"1", b"2"]
    assert node.pull.history("bob", "t", Quota()) == [b"0"]
    assert node.pull.history("bob", "t", Quota()) == []
