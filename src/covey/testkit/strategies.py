"""What hypothesis draws: histories of several devices, and orders in which they may arrive."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from covey.crypto import sha256
from covey.model import Add, Delete, Delta, DeltaId, Effect, Put, Rule
from covey.testkit.history import History
from covey.testkit.identities import Identity, found, identity

__all__ = ["DEVICES", "causal_order", "histories"]

ANN, BEN = identity("ann"), identity("ben")
DEVICES = (ANN, BEN, identity("cara"), identity("ann", "phone"))
"""Two founders, one who must be admitted, and a founder's second device."""

_STEPS_MAX = 60
_AMOUNTS = (1, -1, 5, 2**63 - 1, -(2**63))


@st.composite
def histories(draw: st.DrawFn, *, is_forking: bool = True) -> History:
    """Admissible deltas of four devices that meet now and then, on few keys of all rules.

    is_forking: whether devices sometimes forget what they wrote, and write another branch.
    """
    # A seed gives richer histories than draws one by one, which tend to be small and equal.
    rng = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311  # as told by hypothesis
    steps = draw(st.integers(_STEPS_MAX // 2, _STEPS_MAX))
    history = History(found(ANN, BEN))
    known: dict[str, frozenset[DeltaId]] = {d.device.hex(): frozenset() for d in DEVICES}
    for _ in range(steps):
        device, other = rng.choice(DEVICES), rng.choice(DEVICES)
        mine = known[device.device.hex()]
        action = rng.random()
        if action < 0.3:
            mine |= known[other.device.hex()]
        elif action < 0.38 and is_forking and mine:
            mine = history.past((rng.choice(sorted(mine)),))
        elif action < 0.52:
            mine = _admitted(history, device, other, mine)
        else:
            mine = _written(rng, history, device, mine)
        known[device.device.hex()] = mine
    return history


def causal_order(rng: random.Random, history: History) -> list[Delta]:
    """All deltas in a random order in which each comes after what it follows."""
    waiting = dict(history.deltas)
    done: set[DeltaId] = set()
    order = []
    while waiting:
        ready = sorted(i for i, written in waiting.items() if written.cut <= done)
        chosen = rng.choice(ready)
        order.append(waiting.pop(chosen).delta)
        done.add(chosen)
    return order


def _may_write(history: History, device: Identity, cut: frozenset[DeltaId]) -> bool:
    if device.device not in history.members(cut):
        return False
    return len(history.frontier(cut).get(device.device, ())) <= 1


def _admitted(
    history: History, device: Identity, other: Identity, cut: frozenset[DeltaId]
) -> frozenset[DeltaId]:
    if not _may_write(history, device, cut) or other.device in history.members(cut):
        return cut
    admit = other.admit(history.founding.context)
    delta = history.write(device, cut, governance=(admit,))
    return cut | {delta.id}


def _written(
    rng: random.Random, history: History, device: Identity, cut: frozenset[DeltaId]
) -> frozenset[DeltaId]:
    if not _may_write(history, device, cut):
        return cut
    frozen = {place for place in history.entries(cut) if place[0] == "posts"}
    calls = []
    for _ in range(rng.randint(1, 3)):
        drawn: dict[tuple[str, bytes], Effect] = {}
        for _ in range(rng.randint(1, 3)):
            effect = _effect(rng, history, device)
            place = (effect.collection, effect.key)
            if place not in frozen:
                drawn[place] = effect
        frozen |= {place for place in drawn if place[0] == "posts"}
        calls.append([drawn[place] for place in sorted(drawn)])
    delta = history.write(device, cut, *calls)
    return cut | {delta.id}


def _effect(rng: random.Random, history: History, device: Identity) -> Effect:
    owner = bytes(device.member_id)
    collection = rng.choice(history.founding.collections[:4])
    value = bytes((rng.randrange(4),))
    match collection.rule:
        case Rule.COUNTER:
            return Add(collection.name, rng.choice((b"x", b"y")), rng.choice(_AMOUNTS))
        case Rule.FROZEN:
            key = rng.choice((owner, owner + b"\x00", sha256(value)))
            return Put(collection.name, key, value)
        case Rule.OWNED:
            key = rng.choice((owner, owner + b"1"))
        case Rule.REGISTER:
            key = rng.choice((b"\x00", b"a", b"\xff"))
    if rng.random() < 0.3:
        return Delete(collection.name, key)
    return Put(collection.name, key, value)
