"""How much of one peer's gossip is acted on."""

from __future__ import annotations

import pytest

from covey.model import limits
from covey.network.quota import Pace, Quota, Work, WorkTable


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


def test_turn_ends_by_time_not_by_number(clock):
    """Sixty-four messages that took 75 ms each went by between two checkpoints."""
    work = Work(clock)
    quick = limits.GOSSIP_TURN_S / 1000
    assert not any(work.is_turn_over(quick) for _ in range(900))
    assert work.is_turn_over(limits.GOSSIP_TURN_S)
    assert not work.is_turn_over(limits.GOSSIP_TURN_S / 2)


def test_work_in_vain_is_a_share_of_the_time_in_the_end(clock):
    """Some of it is nobody's fault, and costs nothing at first."""
    work = Work(clock)
    assert work.spend(limits.GOSSIP_FRUITLESS_S_MAX) == 0
    wait_s = work.spend(0.1)
    assert wait_s == pytest.approx(0.1 / limits.GOSSIP_FRUITLESS_SHARE)
    clock.now += wait_s
    assert work.spend(0.01) == pytest.approx(0.01 / limits.GOSSIP_FRUITLESS_SHARE)
    clock.now += 1_000
    assert work.spend(limits.GOSSIP_FRUITLESS_S_MAX) == 0


def test_work_of_a_peer_outlives_its_streams_and_is_bounded(clock, monkeypatch):
    """Coming again does not give it time."""
    monkeypatch.setattr(limits, "PEERS_REMEMBERED_MAX", 2)
    table: WorkTable[str] = WorkTable(clock)
    table.of("eve").spend(limits.GOSSIP_FRUITLESS_S_MAX)
    assert table.of("eve").spend(0.1) > 0
    table.of("bob")
    table.of("carol")
    assert table.of("eve").spend(0.1) == 0
