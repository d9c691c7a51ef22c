"""Whoever costs much comes after the others, and nobody waits for ever."""

from __future__ import annotations

import pytest

from covey.model import Delta, Put, limits
from covey.sync import DeltaReceived
from covey.sync.held_back import Burdens, HeldBack
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER

ANN, BEN = identity("ann"), identity("ben")
FOUNDING = found(ANN, BEN)


def delta(fuel: int = 1) -> Delta:
    return History(FOUNDING).write(BEN, (), [Put("notes", b"k", b"v")], fuel=(fuel,))


def events(count: int) -> list[DeltaReceived]:
    return [DeltaReceived(delta(number), PEER, receipt=number) for number in range(count)]


def test_device_is_heavy_until_what_it_cost_is_forgotten():
    burdens, dear = Burdens(), delta(limits.CALL_FUEL_MAX)
    count = limits.BURDEN_FUEL_MAX // limits.CALL_FUEL_MAX
    for _ in range(count):
        burdens.add(dear.core, 0.0)
    assert not burdens.is_heavy(BEN.device, 0.0)
    burdens.add(dear.core, 0.0)
    assert burdens.is_heavy(BEN.device, 0.0)
    assert not burdens.is_heavy(ANN.device, 0.0)
    assert not burdens.is_heavy(BEN.device, dear.core.fuel[0] / limits.BURDEN_FUEL_PER_S)


def test_one_lie_makes_a_device_heavy():
    burdens = Burdens()
    burdens.blame(BEN.device, 0.0)
    assert burdens.is_heavy(BEN.device, 0.0)
    assert not burdens.is_heavy(BEN.device, limits.BURDEN_BLAME_FUEL / limits.BURDEN_FUEL_PER_S)


def test_devices_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "BURDENS_REMEMBERED_MAX", 1)
    burdens = Burdens()
    burdens.blame(BEN.device, 0.0)
    burdens.blame(ANN.device, 0.0)
    assert [burdens.is_heavy(who.device, 0.0) for who in (BEN, ANN)] == [False, True]


def test_heavy_ones_come_now_and_then_and_when_nothing_else_waits():
    held, every = HeldBack(), limits.HEAVY_EVERY
    plain, heavy = events(2 * every), events(3)
    for event in heavy:
        held.append(event, is_heavy=True)
    for event in plain:
        held.append(event, is_heavy=False)
    assert held.size_bytes == sum(len(e.delta.frame) for e in (*plain, *heavy))
    taken = [held.take() for _ in range(len(held))]
    assert taken == [
        *plain[:every], heavy[0], *plain[every:], *heavy[1:],
    ]  # fmt: skip
    assert held.size_bytes == 0


def test_what_is_put_back_is_the_next():
    held, (first, second) = HeldBack(), events(2)
    held.append(second, is_heavy=False)
    held.put_back(first)
    assert [held.take(), held.take()] == [first, second]
