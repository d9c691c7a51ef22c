"""How much of one peer's gossip is acted on."""

from __future__ import annotations

from covey.model import limits
from covey.network.quota import Pace, Quota


def test_peer_within_its_rate_does_not_wait_and_beyond_it_does(clock):
    """Reading waits, so that a flood fills the sender's buffers and not ours."""
    pace = Pace(clock)
    assert pace.spend(limits.GOSSIP_MESSAGES_PER_S_MAX) == 0
    assert pace.spend(limits.GOSSIP_MESSAGES_PER_S_MAX // 2) == 0.5
    clock.now += 10
    assert pace.spend(10) == 0


def test_controls_and_offers_are_counted(monkeypatch):
    """Each heartbeat begins anew, with a new quota."""
    monkeypatch.setattr(limits, "GOSSIP_CONTROLS_MAX", 3)
    monkeypatch.setattr(limits, "GOSSIP_OFFERS_MAX", 2)
    monkeypatch.setattr(limits, "GOSSIP_RECORDS_MAX", 1)
    quota = Quota()
    assert [quota.takes_controls(count) for count in (1, 2, 1)] == [True, True, False]
    assert [quota.takes_offer() for _ in range(3)] == [True, True, False]
    assert [quota.takes_record() for _ in range(2)] == [True, False]


def test_answers_are_bounded_by_number_and_by_bytes(monkeypatch):
    """Sixty bytes of asking would bring half a megabyte each time."""
    monkeypatch.setattr(limits, "GOSSIP_ANSWERS_MAX", 3)
    monkeypatch.setattr(limits, "GOSSIP_ANSWERS_BYTES_MAX", 100)
    quota = Quota()
    taken = [quota.takes_answer(size) for size in (60, 60, 20, 20, 1)]
    assert taken == [True, False, True, True, False]
