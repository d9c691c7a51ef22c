"""Who is grafted, and who is not any more."""

from __future__ import annotations

import random

import pytest

from covey.model import limits
from covey.network.mesh import Mesh
from covey.network.recent import RecentMessages
from covey.network.rules import TopicRules
from covey.network.scores import Misdeed, Scores

TOPIC = "t"


class _Node:
    """A mesh with what it looks at, and what it told its peers."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.scores: Scores[str] = Scores(clock)
        self.recent = RecentMessages()
        self.mesh = Mesh(self.scores, self.recent, random.Random(1))
        self.mesh.join(TOPIC, clock())

    def arrive(self, *peers: str) -> None:
        for peer in peers:
            self.mesh.add_peer(peer)
            self.mesh.subscribe(peer, TOPIC)

    def spoil(self, peer: str) -> None:
        for _ in range(int(limits.GOSSIP_PRUNED_DEMERITS) + 1):
            self.scores.add(peer, Misdeed.REJECTED_FRAME)

    def beat(self, seconds: float = 1.0) -> dict:
        self.clock.now += seconds
        return dict(self.mesh.heartbeat(self.clock()))

    def graft(self, peer: str) -> dict:
        return dict(self.mesh.on_grafted(peer, TOPIC, self.clock()))

    def shape(self, **rules) -> dict:
        return dict(self.mesh.shape(TOPIC, TopicRules(**rules), self.clock()))

    def grafted(self) -> set[str]:
        return set(self.mesh.meshed(TOPIC))


@pytest.fixture
def node(clock):
    return _Node(clock)


def _names(count: int) -> list[str]:
    return [f"p{number}" for number in range(count)]


def test_heartbeat_grafts_up_to_the_degree(node):
    """Eight of twenty, each told so."""
    node.arrive(*_names(20))
    told = node.beat()
    assert len(node.grafted()) == 8
    assert {peer for peer, control in told.items() if control.graft == [TOPIC]} == node.grafted()
    assert node.beat() == {}


def test_newcomer_is_grafted_at_once_while_the_mesh_is_thin(node):
    """A new pair of nodes need not wait for a heartbeat."""
    for index, peer in enumerate(_names(10)):
        node.arrive(peer)
        told = dict(node.mesh.welcome(peer, TOPIC, node.clock()))
        assert bool(told) is (index < 6)
    assert len(node.grafted()) == 6


def test_others_may_graft_themselves_until_the_mesh_is_full(node):
    """The thirteenth is told to wait, which is not held against it."""
    node.arrive(*_names(20))
    for peer in _names(12):
        assert node.graft(peer) == {}
    assert node.graft("p12")["p12"].prune == [(TOPIC, 60)]
    assert len(node.grafted()) == 12
    assert node.scores.score("p12") == 0
    assert node.beat() == {}


def test_peer_with_a_low_score_loses_its_place_and_gets_none(node):
    """Whoever sends what is wrong is not relied upon to bring what is right."""
    node.arrive("bob", "eve")
    node.beat()
    assert node.grafted() == {"bob", "eve"}
    node.spoil("eve")
    assert node.beat()["eve"].prune == [(TOPIC, 60)]
    assert node.grafted() == {"bob"}
    assert node.graft("eve")["eve"].prune == [(TOPIC, 60)]
    assert node.grafted() == {"bob"}
    assert node.beat() == {}


def test_graft_in_spite_of_a_prune_is_refused_waits_anew_and_costs(node):
    """A flood of grafts must not cost this node more than the peer."""
    node.arrive("eve")
    node.beat()
    node.spoil("eve")
    node.beat()
    before = node.scores.score("eve")
    node.clock.now += 59
    for _ in range(3):
        assert node.graft("eve")["eve"].prune == [(TOPIC, 60)]
    assert node.scores.score("eve") < before / 2 - 3 * Misdeed.GRAFT_TOO_SOON.weight + 0.5
    node.clock.now += 59
    assert node.graft("eve")["eve"].prune == [(TOPIC, 60)]


def test_graft_flood_ends_in_a_ban(node):
    """By itself, without any message."""
    node.arrive("eve")
    node.spoil("eve")
    floods = 0
    while not node.scores.is_banned("eve"):
        node.graft("eve")
        floods += 1
        assert floods < 100


def test_peer_that_pruned_us_is_left_alone_for_as_long_as_it_said(node):
    """But not for ever: the wish is a stranger's."""
    node.arrive("bob")
    node.beat()
    node.mesh.on_pruned("bob", TOPIC, 30, node.clock())
    assert node.grafted() == set()
    assert node.beat(29) == {}
    assert node.beat(2)["bob"].graft == [TOPIC]
    node.mesh.on_pruned("bob", TOPIC, 2**63, node.clock())
    assert node.beat(limits.GOSSIP_BACKOFF_S_MAX - 1) == {}
    assert node.beat(2)["bob"].graft == [TOPIC]
    node.mesh.on_pruned("bob", TOPIC, 0, node.clock())  # Says nothing: a minute.
    assert node.beat(59) == {}
    assert node.beat(2)["bob"].graft == [TOPIC]


def test_leaving_tells_the_mesh_and_forgets_it(node):
    """With a short wait, as one who comes back soon may be grafted again."""
    node.arrive("bob", "carol")
    node.beat()
    told = dict(node.mesh.leave(TOPIC, node.clock()))
    assert told.keys() == {"bob", "carol"}
    assert all(control.prune == [(TOPIC, 10)] for control in told.values())
    assert not node.mesh.is_joined(TOPIC)
    assert dict(node.mesh.join(TOPIC, node.clock())) == {}
    assert node.beat(11).keys() == {"bob", "carol"}


def test_unknown_topics_leave_no_trace(node):
    """Grafts, prunes and leaves of what this node takes no part in."""
    node.arrive("eve")
    assert dict(node.mesh.on_grafted("eve", "other", node.clock())) == {}
    node.mesh.on_pruned("eve", "other", 60, node.clock())
    assert dict(node.mesh.leave("other", node.clock())) == {}
    assert not node.mesh.is_joined("other")
    assert node.mesh._backoff_until_s == {}


def test_peers_that_cannot_be_written_to_are_not_in_the_mesh(node):
    """Nobody would tell them so."""
    node.mesh.subscribe("bob", TOPIC)
    assert node.beat() == {}
    assert node.graft("bob") == {}
    assert node.mesh.subscribers(TOPIC) == ()
    node.mesh.add_peer("bob")
    assert node.beat().keys() == {"bob"}
    node.mesh.remove_peer("bob")
    assert node.grafted() == set()


def test_some_beyond_the_mesh_are_told_of_ids(node):
    """At least six, or a quarter; never those in the mesh, who get the messages themselves."""
    node.recent.put(b"id", TOPIC, b"packed")
    node.arrive(*_names(50))
    told = node.beat()
    offered = {peer for peer, control in told.items() if control.ihave}
    assert len(offered) == 10
    assert not offered & node.grafted()
    assert all(told[peer].ihave == [(TOPIC, [b"id"])] for peer in offered)


def test_topics_of_a_peer_are_bounded(node, monkeypatch):
    """A name costs its sender nothing; this node's own topics are always taken."""
    monkeypatch.setattr(limits, "GOSSIP_TOPICS_MAX", 3)
    assert [node.mesh.subscribe("eve", name) for name in "abcd"] == [True, True, True, False]
    assert node.mesh.subscribe("eve", TOPIC)
    assert not node.mesh.subscribe("eve", TOPIC)
    assert not node.mesh.subscribe("bob", "x" * (limits.GOSSIP_TOPIC_BYTES_MAX + 1))
    node.mesh.unsubscribe_all("eve")
    assert node.mesh.topics("eve") == ()
    assert node.mesh._subscribers == {}
    assert node.mesh._topics == {}


def test_topics_of_all_peers_are_bounded(node, monkeypatch):
    """Many peers with many names each."""
    monkeypatch.setattr(limits, "GOSSIP_TOPICS_KNOWN_MAX", 3)
    taken = [node.mesh.subscribe(f"p{number}", f"topic {number}") for number in range(5)]
    assert taken == [True, True, True, False, False]
    assert node.mesh.subscribe("p5", "topic 0")
    assert node.mesh.subscribe("p5", TOPIC)


def test_waits_are_bounded_and_end(node, monkeypatch):
    """Peers that prune and leave must not fill a table."""
    monkeypatch.setattr(limits, "PEERS_REMEMBERED_MAX", 3)
    for peer in _names(10):
        node.mesh.on_pruned(peer, TOPIC, 60, node.clock())
    assert len(node.mesh._backoff_until_s[TOPIC]) == 3
    node.beat(61)
    assert node.mesh._backoff_until_s == {}


@pytest.mark.parametrize(
    ("degree", "low", "high"), [(8, 6, 12), (1, 1, 2), (3, 3, 4), (64, 48, 96)]
)
def test_bounds_of_the_mesh_follow_its_degree(degree, low, high):
    """At eight they are those of GossipSub; there is room for one more at any degree."""
    rules = TopicRules(degree=degree)
    assert (rules.degree_low, rules.degree_high) == (low, high)


def test_other_degree_holds_at_once(node):
    """Down: who is too many is pruned by random; up: the mesh is filled."""
    node.arrive(*_names(20))
    node.beat()
    told = node.shape(degree=2)
    assert len(node.grafted()) == 2
    assert sum(control.prune == [(TOPIC, 60)] for control in told.values()) == 6
    told = node.shape(degree=10)
    assert len(node.grafted()) == 10
    assert sum(bool(control.graft) for control in told.values()) >= 7


def test_mesh_above_its_bound_is_cut_down_to_the_degree(node):
    """Others graft themselves until it is full; a smaller degree makes that too many."""
    node.arrive(*_names(12))
    for peer in _names(12):
        node.graft(peer)
    node.shape(degree=6)
    assert len(node.grafted()) == 6


def test_denied_peer_takes_no_part(node):
    """It is pruned, never grafted, told of nothing and sent nothing."""
    node.arrive("bob", "eve")
    node.beat()
    assert node.shape(denied=frozenset({"eve"}))["eve"].prune == [(TOPIC, 60)]
    assert node.grafted() == {"bob"}
    assert node.mesh.subscribers(TOPIC) == ("bob",)
    node.recent.put(b"id", TOPIC, b"packed")
    assert node.beat(61) == {}
    assert node.graft("eve")["eve"].prune == [(TOPIC, 60)]
    assert node.scores.score("eve") == 0
    assert node.grafted() == {"bob"}


def test_only_those_on_the_list_take_part(node):
    """An empty list is no list."""
    node.arrive("bob", "carol", "eve")
    node.shape(allowed=frozenset({"carol"}))
    assert node.grafted() == {"carol"}
    node.shape()
    assert node.mesh.subscribers(TOPIC) == ("bob", "carol", "eve")


def test_rules_hold_before_the_topic_is_joined_and_end_with_it(node):
    """A denied peer must not slip in between; a topic that is left leaves nothing behind."""
    node.mesh.leave(TOPIC, node.clock())
    node.arrive("bob", "eve")
    assert node.shape(denied=frozenset({"eve"})) == {}
    assert dict(node.mesh.join(TOPIC, node.clock())).keys() == {"bob"}
    node.mesh.leave(TOPIC, node.clock())
    assert node.mesh.rules(TOPIC) == TopicRules()
    assert node.mesh._rules == {}
