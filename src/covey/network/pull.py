"""What peers beyond the mesh offer and ask for: IHAVE and IWANT within bounds, promises held."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from libp2p.peer.id import ID

from covey.model import limits
from covey.network.quota import Quota
from covey.network.recent import RecentMessages, SeenIds
from covey.network.scores import Misdeed, Scores
from covey.network.wire import MESSAGE_ID_BYTES

__all__ = ["Pull"]


class Pull:
    """Asks for what was offered, answers what was asked, and notes who does not deliver.

    Pure: time is an argument. One id of each request, taken at random so that a peer cannot know
    which, must arrive from anybody in time, or the peer that offered it has broken its promise.
    A message goes to one peer only so often, and answers to a peer are bounded for each heartbeat.
    """

    def __init__(
        self, recent: RecentMessages, seen: SeenIds, scores: Scores[ID], rng: random.Random
    ) -> None:
        self._recent = recent
        self._seen = seen
        self._scores = scores
        self._rng = rng
        self._promises: dict[bytes, dict[ID, float]] = {}
        self._answered: dict[bytes, dict[ID, int]] = {}

    def on_offered(
        self, peer: ID, identifiers: Iterable[bytes], quota: Quota, now_s: float
    ) -> list[bytes]:
        """The ids to ask the peer for, of those it offers in topics of this node."""
        if not self._scores.is_meshable(peer):
            return []  # It would not keep its promise, or not be read.
        # Other ids are of origins with keys that are not spoken here: their messages are ignored.
        known_form = (each for each in identifiers if len(each) == MESSAGE_ID_BYTES)
        unknown = dict.fromkeys(each for each in known_form if not self._seen.has(each))
        wanted = list(unknown)[: quota.wantable_ids()]
        if wanted:
            quota.wanted_ids += len(wanted)
            promised = self._rng.choice(wanted)
            due_s = now_s + limits.GOSSIP_PROMISE_S
            self._promises.setdefault(promised, {}).setdefault(peer, due_s)
        return wanted

    def on_wanted(
        self,
        peer: ID,
        identifiers: Iterable[bytes],
        quota: Quota,
        is_sent: Callable[[str], bool] = lambda _: True,
    ) -> list[bytes]:
        """The packed messages to answer with; is_sent: whether those of a topic go to the peer."""
        answers: list[bytes] = []
        is_repeated = False
        for identifier in identifiers:
            packed = self._recent.get(identifier)
            if packed is None or not is_sent(self._recent.topic(identifier)):
                continue
            if self._times_sent(identifier, peer) >= limits.GOSSIP_RETRANSMISSIONS_MAX:
                is_repeated = True
            elif quota.takes_answer(len(packed)):
                answers.append(self._sent(identifier, peer, packed))
            else:
                break
        if is_repeated:
            self._scores.add(peer, Misdeed.REPEATED_WANT)
        return answers

    def history(self, peer: ID, topic: str, quota: Quota) -> list[bytes]:
        """The packed messages of the last seconds for a new subscriber, oldest first."""
        chosen: list[bytes] = []
        for identifier in self._recent.offered(topic):
            packed = self._recent.get(identifier)
            if packed is None or self._times_sent(identifier, peer):
                continue
            if not quota.takes_answer(len(packed)):
                break
            chosen.append(self._sent(identifier, peer, packed))
        return chosen[::-1]

    def on_delivered(self, identifier: bytes) -> None:
        """A message arrived from anybody, whatever the verdict: nobody owes it any more."""
        if self._promises:
            self._promises.pop(identifier, None)

    def heartbeat(self, now_s: float) -> None:
        """Hold broken promises against those who made them; forget what is gone."""
        for identifier, promises in tuple(self._promises.items()):
            for peer, due_s in tuple(promises.items()):
                if due_s <= now_s:
                    del promises[peer]
                    self._scores.add(peer, Misdeed.BROKEN_PROMISE)
            if not promises:
                del self._promises[identifier]
        for identifier in tuple(self._answered):
            if self._recent.get(identifier) is None:
                del self._answered[identifier]

    def forgive(self) -> None:
        """Nobody owes anything: a topic was left, so what was promised would not be looked at."""
        self._promises.clear()

    def remove_peer(self, peer: ID) -> None:
        """A peer that is gone owes nothing."""
        for identifier, promises in tuple(self._promises.items()):
            promises.pop(peer, None)
            if not promises:
                del self._promises[identifier]

    def _times_sent(self, identifier: bytes, peer: ID) -> int:
        return self._answered.get(identifier, {}).get(peer, 0)

    def _sent(self, identifier: bytes, peer: ID, packed: bytes) -> bytes:
        times = self._answered.setdefault(identifier, {})
        times[peer] = times.get(peer, 0) + 1
        return packed
