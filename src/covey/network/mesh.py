"""GossipSub's mesh: who is grafted in which topic, and whom to tell of what. Pure."""

from __future__ import annotations

import random

from libp2p.peer.id import ID

from covey.model import limits
from covey.network.control import Controls
from covey.network.recent import RecentMessages
from covey.network.rules import TopicRules
from covey.network.scores import Misdeed, Scores

__all__ = ["Mesh"]

_USUAL = TopicRules()
_LAZY_DEGREE, _LAZY_SHARE = 6, 0.25  # peers beyond the mesh that are told of ids in a heartbeat
_PRUNED_S = 60
_LEFT_S = 10  # a node that leaves a topic may well come back


class Mesh:
    """The mesh of every topic of this node: as many peers as its rules say, if there are so many.

    A peer that the rules do not admit has no place in it, and is for the topic as if it took no
    part: nothing is sent or offered to it.
    Time is an argument; methods return what to tell whom. Peers are those that can be written to,
    in order of arrival. A peer whose score is low is pruned and not grafted; one that grafts itself
    while it was told to wait is pruned again, waits anew and has it held against it.
    """

    def __init__(self, scores: Scores[ID], recent: RecentMessages, rng: random.Random) -> None:
        self._scores = scores
        self._recent = recent
        self._rng = rng
        self._peers: dict[ID, None] = {}
        self._subscribers: dict[str, dict[ID, None]] = {}
        self._topics: dict[ID, dict[str, None]] = {}
        self._mesh: dict[str, dict[ID, None]] = {}
        self._rules: dict[str, TopicRules] = {}
        self._backoff_until_s: dict[str, dict[ID, float]] = {}

    def is_joined(self, topic: str) -> bool:
        """This node takes part in it."""
        return topic in self._mesh

    def meshed(self, topic: str) -> tuple[ID, ...]:
        """Peers that messages of a topic are forwarded to, in order of grafting."""
        return tuple(self._mesh.get(topic, ()))

    def subscribers(self, topic: str) -> tuple[ID, ...]:
        """Peers that can be written to and may take part in a topic, in order of arrival."""
        subscribed = self._subscribers.get(topic, {})
        rules = self.rules(topic)
        return tuple(peer for peer in self._peers if peer in subscribed and rules.admits(peer))

    def rules(self, topic: str) -> TopicRules:
        """How this node takes part in a topic."""
        return self._rules.get(topic, _USUAL)

    def shape(self, topic: str, rules: TopicRules, now_s: float) -> Controls:
        """Change how this node takes part, at once; before it joins too. Forgotten when it leaves.

        A peer that is not admitted any more is told to wait as long as anybody: it learns nothing
        of why.
        """
        told = Controls()
        self._rules[topic] = rules
        if self.is_joined(topic):
            self._trim(topic, told, now_s)
            self._fill(topic, told, now_s)
        return told

    def topics(self, peer: ID) -> tuple[str, ...]:
        """What a peer takes part in, as it says."""
        return tuple(self._topics.get(peer, ()))

    def join(self, topic: str, now_s: float) -> Controls:
        """Take part in a topic: graft those who are there."""
        told = Controls()
        self._mesh.setdefault(topic, {})
        self._fill(topic, told, now_s)
        return told

    def leave(self, topic: str, now_s: float) -> Controls:
        """Take no more part; those in the mesh are told."""
        told = Controls()
        self._rules.pop(topic, None)
        for peer in self._mesh.pop(topic, {}):
            told.to(peer).prune.append((topic, _LEFT_S))
            self._back_off(peer, topic, now_s + _LEFT_S)
        return told

    def add_peer(self, peer: ID) -> None:
        """A peer can be written to."""
        self._peers[peer] = None

    def remove_peer(self, peer: ID) -> None:
        """A peer cannot be written to any more; what it takes part in stays known."""
        self._peers.pop(peer, None)
        for grafted in self._mesh.values():
            grafted.pop(peer, None)

    def subscribe(self, peer: ID, topic: str) -> bool:
        """A peer says that it takes part; False if it did already or says so too often."""
        theirs = self._topics.get(peer, {})
        is_excessive = len(theirs) >= limits.GOSSIP_TOPICS_MAX and not self.is_joined(topic)
        if topic in theirs or is_excessive or len(topic) > limits.GOSSIP_TOPIC_BYTES_MAX:
            return False
        is_new = topic not in self._subscribers and not self.is_joined(topic)
        if is_new and len(self._subscribers) >= limits.GOSSIP_TOPICS_KNOWN_MAX:
            return False
        self._topics.setdefault(peer, {})[topic] = None
        self._subscribers.setdefault(topic, {})[peer] = None
        return True

    def unsubscribe(self, peer: ID, topic: str) -> None:
        """A peer takes no more part."""
        self._topics.get(peer, {}).pop(topic, None)
        self._mesh.get(topic, {}).pop(peer, None)
        peers = self._subscribers.get(topic, {})
        peers.pop(peer, None)
        if not peers:
            self._subscribers.pop(topic, None)

    def unsubscribe_all(self, peer: ID) -> None:
        """A peer's own stream is gone, and with it what it said."""
        for topic in self.topics(peer):
            self.unsubscribe(peer, topic)
        self._topics.pop(peer, None)

    def welcome(self, peer: ID, topic: str, now_s: float) -> Controls:
        """Graft a peer that came into a topic, if there is room in the mesh."""
        told = Controls()
        grafted = self._mesh.get(topic)
        if grafted is None or peer in grafted or len(grafted) >= self.rules(topic).degree_low:
            return told
        if self._is_graftable(peer, topic, now_s):
            self._graft(peer, topic, told)
        return told

    def on_grafted(self, peer: ID, topic: str, now_s: float) -> Controls:
        """A peer put this node into its mesh; it is pruned again if it may not be in ours."""
        told = Controls()
        grafted = self._mesh.get(topic)
        if grafted is None or peer in grafted or peer not in self._peers:
            return told
        is_too_soon = self._is_backed_off(peer, topic, now_s)
        if is_too_soon:
            self._scores.add(peer, Misdeed.GRAFT_TOO_SOON)
        is_full = len(grafted) >= self.rules(topic).degree_high
        if is_too_soon or is_full or not self._may_stay(peer, topic):
            self._prune(peer, topic, told, now_s)
        else:
            grafted[peer] = None
        return told

    def on_pruned(self, peer: ID, topic: str, wait_s: float, now_s: float) -> None:
        """A peer took this node out of its mesh, and says how long not to graft it."""
        if topic in self._mesh:
            self._mesh[topic].pop(peer, None)
            wait_s = min(wait_s or _PRUNED_S, limits.GOSSIP_BACKOFF_S_MAX)
            self._back_off(peer, topic, now_s + wait_s)

    def heartbeat(self, now_s: float) -> Controls:
        """Once a second: prune, fill up, and offer ids to some beyond the mesh."""
        told = Controls()
        for topic, grafted in self._mesh.items():
            self._trim(topic, told, now_s)
            if len(grafted) < self.rules(topic).degree_low:
                self._fill(topic, told, now_s)
            self._offer(topic, told)
        self._forget_backoffs(now_s)
        return told

    def _trim(self, topic: str, told: Controls, now_s: float) -> None:
        """Prune who may not stay, and chosen at random who is too many."""
        grafted, rules = self._mesh[topic], self.rules(topic)
        for peer in tuple(grafted):
            if not self._may_stay(peer, topic):
                self._prune(peer, topic, told, now_s)
        if len(grafted) > rules.degree_high:
            for peer in self._sample(list(grafted), len(grafted) - rules.degree):
                self._prune(peer, topic, told, now_s)

    def _fill(self, topic: str, told: Controls, now_s: float) -> None:
        grafted = self._mesh[topic]
        candidates = [
            peer
            for peer in self.subscribers(topic)
            if peer not in grafted and self._is_graftable(peer, topic, now_s)
        ]
        for peer in self._sample(candidates, self.rules(topic).degree - len(grafted)):
            self._graft(peer, topic, told)

    def _offer(self, topic: str, told: Controls) -> None:
        grafted = self._mesh[topic]
        others = [
            peer
            for peer in self.subscribers(topic)
            if peer not in grafted and self._scores.is_meshable(peer)
        ]
        identifiers = self._recent.offered(topic) if others else []
        if not identifiers:
            return
        for peer in self._sample(others, max(_LAZY_DEGREE, int(_LAZY_SHARE * len(others)))):
            told.to(peer).ihave.append((topic, identifiers))

    def _sample(self, peers: list[ID], count: int) -> list[ID]:
        return self._rng.sample(peers, max(0, min(count, len(peers))))

    def _graft(self, peer: ID, topic: str, told: Controls) -> None:
        self._mesh[topic][peer] = None
        told.to(peer).graft.append(topic)

    def _prune(self, peer: ID, topic: str, told: Controls, now_s: float) -> None:
        self._mesh[topic].pop(peer, None)
        self._back_off(peer, topic, now_s + _PRUNED_S)
        told.to(peer).prune.append((topic, _PRUNED_S))

    def _is_graftable(self, peer: ID, topic: str, now_s: float) -> bool:
        return not self._is_backed_off(peer, topic, now_s) and self._may_stay(peer, topic)

    def _may_stay(self, peer: ID, topic: str) -> bool:
        return self._scores.is_meshable(peer) and self.rules(topic).admits(peer)

    def _is_backed_off(self, peer: ID, topic: str, now_s: float) -> bool:
        return self._backoff_until_s.get(topic, {}).get(peer, 0.0) > now_s

    def _back_off(self, peer: ID, topic: str, until_s: float) -> None:
        waits = self._backoff_until_s.setdefault(topic, {})
        waits[peer] = max(until_s, waits.pop(peer, 0.0))
        if len(waits) > limits.PEERS_REMEMBERED_MAX:
            del waits[next(iter(waits))]

    def _forget_backoffs(self, now_s: float) -> None:
        for topic, waits in tuple(self._backoff_until_s.items()):
            for peer, until_s in tuple(waits.items()):
                if until_s <= now_s:
                    del waits[peer]
            if not waits:
                del self._backoff_until_s[topic]
