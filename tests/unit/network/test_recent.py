"""Remembered ids and messages, bounded in time and in number."""

from __future__ import annotations

from covey.model import limits
from covey.network.recent import RecentMessages, SeenIds


def test_seen_ids_are_forgotten_after_their_time(clock):
    """Two minutes, as other implementations."""
    seen = SeenIds(clock)
    seen.add(b"a")
    assert seen.has(b"a")
    assert not seen.has(b"b")
    clock.now += limits.GOSSIP_SEEN_S + 1
    assert not seen.has(b"a")


def test_seen_ids_are_bounded(clock, monkeypatch):
    """A flood forgets the oldest, it does not grow memory."""
    monkeypatch.setattr(limits, "GOSSIP_SEEN_MAX", 3)
    seen = SeenIds(clock)
    for identifier in (b"a", b"b", b"c", b"d"):
        seen.add(identifier)
    assert [seen.has(x) for x in (b"a", b"b", b"c", b"d")] == [False, True, True, True]


def test_messages_are_offered_for_three_heartbeats_and_kept_for_five():
    """What was offered is still there when it is asked for."""
    recent = RecentMessages()
    recent.put(b"a", "t", b"packed")
    offered, kept = [], []
    for _ in range(6):
        offered.append(recent.offered("t") == [b"a"])
        kept.append(recent.get(b"a") == b"packed")
        recent.shift()
    assert offered == [True, True, True, False, False, False]
    assert kept == [True, True, True, True, True, False]


def test_offers_are_of_one_topic_newest_first_and_bounded(monkeypatch):
    """Of too many, the newest matter."""
    monkeypatch.setattr(limits, "GOSSIP_IDS_MAX", 2)
    recent = RecentMessages()
    for identifier, topic in ((b"a", "t"), (b"b", "t"), (b"c", "u")):
        recent.put(identifier, topic, b"packed")
    recent.shift()
    recent.put(b"d", "t", b"packed")
    assert recent.offered("t") == [b"d", b"b"]


def test_messages_are_bounded_by_bytes_and_by_number(monkeypatch):
    """What does not fit is not kept: who misses it gets it by sync."""
    monkeypatch.setattr(limits, "GOSSIP_CACHE_BYTES_MAX", 10)
    monkeypatch.setattr(limits, "GOSSIP_CACHE_MESSAGES_MAX", 2)
    recent = RecentMessages()
    for identifier, size in ((b"a", 8), (b"b", 4), (b"c", 1), (b"d", 1)):
        recent.put(identifier, "t", bytes(size))
    kept = [recent.get(each) is not None for each in (b"a", b"b", b"c", b"d")]
    assert kept == [True, False, True, False]
    for _ in range(5):
        recent.shift()
    recent.put(b"e", "t", bytes(10))
    assert recent.get(b"e") is not None


def test_message_put_twice_is_kept_once():
    """It would be forgotten too early, and its bytes counted twice."""
    recent = RecentMessages()
    recent.put(b"a", "t", b"first")
    recent.shift()
    recent.put(b"a", "t", b"second")
    for _ in range(4):
        recent.shift()
    assert recent.get(b"a") is None
