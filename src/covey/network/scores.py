"""What is held against each peer for what no honest peer does, and what that costs it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from covey.model import limits

__all__ = ["Misdeed", "Scores"]

_Peer = TypeVar("_Peer", bound=Hashable)


class Misdeed(Enum):
    """What a peer did, and how much it weighs.

    Nothing here can happen to an honest peer often: where one may look guilty once (a graft that
    crosses a prune on the way, a message dropped from a full queue) the weight is small. Passing on
    a message that is only inadmissible among the members is none of these.
    """

    REJECTED_FRAME = ("rejected frame", 1.0)  # anybody who knows the topic could see it was wrong
    FORGED_SIGNATURE = ("forged signature", 2.0)  # GossipSub checks before it forwards
    MALFORMED_RPC = ("malformed RPC", 4.0)  # too large, no protobuf, another's address record
    GRAFT_TOO_SOON = ("graft too soon", 0.5)  # in spite of the prune that told it to wait
    BROKEN_PROMISE = ("broken promise", 1.0)  # offered a message, and when asked did not send it
    REPEATED_WANT = ("repeated want", 1.0)  # asked for the same message more often than it is sent
    CONTROL_FLOOD = ("control flood", 1.0)  # an RPC beyond what control may come in a heartbeat
    WRONG_STREAM = ("wrong stream", 4.0)  # what ended a sync stream with a code
    WRONG_DELTA = ("wrong delta", 1.0)  # streamed, though nobody honest could have applied it
    UNREAD = ("unread", 0.25)  # goes on sending though it is not read any more

    def __init__(self, label: str, weight: float) -> None:
        self.label = label
        self.weight = weight


@dataclass(slots=True)
class _Record:
    demerits: float
    at_s: float
    banned_until_s: float = 0.0


class Scores(Generic[_Peer]):
    """The sum of each peer's misdeeds, which halves every minute, so that peers are forgiven.

    With it a peer loses, in this order: its places in the mesh, being read, its connection. A peer
    cannot earn credit: what it could save up with good messages it could spend on bad ones. Scores
    outlive connections; peers beyond the bound are forgotten, oldest first. clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._records: OrderedDict[_Peer, _Record] = OrderedDict()

    def add(self, peer: _Peer, misdeed: Misdeed) -> None:
        """Hold one more misdeed against a peer."""
        now_s = self._clock()
        record = self._records.pop(peer, None) or _Record(0.0, now_s)
        record.demerits = self._left(record, now_s) + misdeed.weight
        record.at_s = now_s
        if record.demerits > limits.GOSSIP_BANNED_DEMERITS:
            record.banned_until_s = now_s + limits.GOSSIP_BANNED_S
        self._records[peer] = record
        while len(self._records) > limits.PEERS_REMEMBERED_MAX:
            self._records.popitem(last=False)

    def score(self, peer: _Peer) -> float:
        """Zero for a peer that nothing is held against, below it for others."""
        record = self._records.get(peer)
        return -self._left(record, self._clock()) if record is not None else 0.0

    def is_meshable(self, peer: _Peer) -> bool:
        """May have a place in the mesh, and be asked for what it offers."""
        return self.score(peer) >= -limits.GOSSIP_PRUNED_DEMERITS

    def is_read(self, peer: _Peer) -> bool:
        """What it sends is looked at, and what is published is sent to it."""
        return self.score(peer) >= -limits.GOSSIP_REJECTS_MAX

    def is_banned(self, peer: _Peer) -> bool:
        """Its connections are closed, also new ones, for a while."""
        record = self._records.get(peer)
        return record is not None and record.banned_until_s > self._clock()

    @staticmethod
    def _left(record: _Record, now_s: float) -> float:
        return float(
            record.demerits * 0.5 ** ((now_s - record.at_s) / limits.GOSSIP_REJECTS_HALVED_S)
        )
