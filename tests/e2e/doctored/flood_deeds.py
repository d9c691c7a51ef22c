"""Too much of what is allowed, and of what is not."""

from __future__ import annotations

from dataclasses import replace

from covey.model import Call, Completed, Core, Delta, HybridTime, Put
from tests.e2e.doctored.application import ADD, BURN
from tests.e2e.doctored.hand import Deed, Hand, Words

__all__ = ["FLOOD_DEEDS"]


def _after(core: Core, delta: Delta) -> Core:
    return replace(
        core,
        sequence=delta.core.sequence + 1,
        previous=delta.id,
        parents=(),
        time=HybridTime(delta.core.time + 1),
    )


async def chain(hand: Hand, words: Words) -> list[Delta]:
    """Many deltas in a row, each with the same call, all as they should be.

    The call reads nothing that they write, so that one run says what each of them does.
    """
    call = Call(words["method"], b"{}")
    core = hand.core()
    outcomes = await hand.run(core, call)
    deltas = [hand.sign(core, (call,), outcomes)]
    for _ in range(words["count"] - 1):
        deltas.append(hand.sign(_after(core, deltas[-1]), (call,), outcomes))
    await hand.gossip(*deltas)
    await hand.keep(*deltas)
    return deltas


async def lies(hand: Hand, words: Words) -> list[Delta]:
    """As many deltas side by side, each of which must be run to the end to be found out."""
    call = Call(BURN, b"{}")
    core = hand.core()
    (outcome,) = await hand.run(core, call)
    deltas = []
    for number in range(words["count"]):
        forged: Completed = replace(outcome, effects=(Put("notes", b"stolen", b"%d" % number),))
        deltas.append(hand.sign(core, (call,), (forged,)))
    await hand.gossip(*deltas)
    return deltas


async def honest_add(hand: Hand, words: Words) -> list[Delta]:
    """A call as everybody makes it."""
    delta = await hand.wrote(hand.core(), Call(ADD, b"{}"))
    await hand.publish(delta)
    await hand.keep(delta)
    return [delta]


async def lay_fuse(hand: Hand, words: Words) -> list[Delta]:
    """A heavy delta that is as it should be, kept for later: its cut grows old."""
    hand.driver.fuse = await hand.wrote(hand.core(), Call(BURN, b"{}"))
    return [hand.driver.fuse]


async def light_fuse(hand: Hand, words: Words) -> list[Delta]:
    """Publish it."""
    await hand.publish(hand.driver.fuse)
    return [hand.driver.fuse]


FLOOD_DEEDS: dict[str, Deed] = {
    "chain": chain,
    "lies": lies,
    "honest add": honest_add,
    "lay fuse": lay_fuse,
    "light fuse": light_fuse,
}
