"""Misdeeds with calls: what the code would not have written, and deltas out of their place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from covey.crypto import sha256
from covey.model import (
    Add,
    AppEvent,
    Completed,
    Core,
    Delta,
    DeltaId,
    DeviceId,
    HybridTime,
    MemberId,
    Put,
    limits,
)
from tests.e2e.doctored.hand import Deed, Hand, Words, play, put

__all__ = ["CALL_DEEDS"]

Alter = Callable[[Completed], Completed]


def misreport(alter: Alter) -> Deed:
    """A call that was run, and another word on what it did."""

    async def deed(hand: Hand, words: Words) -> list[Delta]:
        core, call = hand.core(), play(put("stolen"), ["add", "counts", "stolen", 1])
        outcomes = await hand.run(core, call)
        delta = hand.sign(core, (call,), tuple(alter(outcome) for outcome in outcomes))
        await hand.publish(delta)
        return [delta]

    return deed


def misplace(place: Callable[[Hand, Words, Core], Core]) -> Deed:
    """A call as it would be, in a delta that stands where it must not."""

    async def deed(hand: Hand, words: Words) -> list[Delta]:
        core, call = hand.core(), play(put("stolen"))
        outcomes = await hand.run(core, call)
        delta = hand.sign(place(hand, words, core), (call,), outcomes)
        await hand.publish(delta)
        return [delta]

    return deed


def simply(write: Callable[[Hand, Words], Delta]) -> Deed:
    """One delta, published."""

    async def deed(hand: Hand, words: Words) -> list[Delta]:
        delta = write(hand, words)
        await hand.publish(delta)
        return [delta]

    return deed


def other_values(outcome: Completed) -> Completed:
    return replace(
        outcome,
        effects=tuple(
            replace(e, value=b"forged") if isinstance(e, Put) else e for e in outcome.effects
        ),
    )


def more_effects(outcome: Completed) -> Completed:
    return replace(outcome, effects=(*outcome.effects, Put("notes", b"stolen too", b"forged")))


def other_sums(outcome: Completed) -> Completed:
    return replace(
        outcome,
        effects=tuple(
            replace(e, amount=1_000_000) if isinstance(e, Add) else e for e in outcome.effects
        ),
    )


def fuel(amount: int) -> Alter:
    return lambda outcome: replace(outcome, fuel=outcome.fuel + amount)


def events(*others: AppEvent) -> Alter:
    return lambda outcome: replace(outcome, events=others)


# -- out of place --------------------------------------------------------------------------------


def skipped(hand: Hand, words: Words, core: Core) -> Core:
    return replace(core, sequence=core.sequence + 1)


def others_previous(hand: Hand, words: Words, core: Core) -> Core:
    """It goes on where another device's chain ends."""
    other = core.parents[0] if core.parents else _others_last(hand)
    rest = tuple(p for p in core.parents if p != other)
    tip = hand.summary(other).tip
    return replace(core, previous=other, sequence=tip.sequence + 1, parents=rest)


def two_previous(hand: Hand, words: Words, core: Core) -> Core:
    """Its own last delta is a parent as well."""
    assert core.previous is not None
    return replace(core, parents=tuple(sorted({*core.parents, core.previous})))


def begins_anew(hand: Hand, words: Words, core: Core) -> Core:
    """A second chain of the device, in a cut that holds the first."""
    return replace(core, sequence=1, previous=None, parents=tuple(sorted(hand.ledger.heads)))


def before_its_parents(hand: Hand, words: Words, core: Core) -> Core:
    return replace(core, time=HybridTime(1))


def _others_last(hand: Hand) -> DeltaId:
    frontier = hand.ledger.frontier
    return next(tips[0].id for device, tips in frontier.items() if device != hand.device)


# -- by their form -------------------------------------------------------------------------------


def never_run(hand: Hand, words: Words) -> Delta:
    return hand.forge(hand.core(), Put("notes", b"stolen", b"forged"))


def steals_owned(hand: Hand, words: Words) -> Delta:
    """In another member's name."""
    victim = MemberId(bytes.fromhex(words["member"]))
    return hand.forge(hand.core(), Put("cards", victim + b"stolen", b"forged"))


def steals_frozen(hand: Hand, words: Words) -> Delta:
    victim = MemberId(bytes.fromhex(words["member"]))
    return hand.forge(hand.core(), Put("stamps", victim + b"stolen", b"forged"))


def without_role(hand: Hand, words: Words) -> Delta:
    return hand.forge(hand.core(), Put("rulings", b"stolen", b"forged"))


def unknown_collection(hand: Hand, words: Words) -> Delta:
    return hand.forge(hand.core(), Put("treasury", b"stolen", b"forged"))


def overdrawn(hand: Hand, words: Words) -> Delta:
    delta_fuel = limits.CALL_FUEL_MAX + 1
    done = Completed((Put("notes", b"stolen", b"forged"),), (), b"", delta_fuel, ())
    return hand.sign(hand.core(), (play(put("stolen")),), (done,))


def in_anothers_name(hand: Hand, words: Words) -> Delta:
    """Another device's next delta, signed with this one's key."""
    victim = DeviceId(bytes.fromhex(words["device"]))
    return hand.forge(hand.core_of(victim), Put("notes", b"stolen", b"forged"))


def from_another_context(hand: Hand, words: Words) -> Delta:
    """A delta of one context, signed for it, in the streams of another."""
    other = Hand(hand.node, words["other"])
    return other.forge(other.core(), Put("notes", b"stolen", b"forged"))


def unknown_parent(hand: Hand, words: Words) -> Delta:
    core = hand.core()
    return hand.forge(
        replace(core, sequence=core.sequence + 1, previous=DeltaId(sha256(b"nobody wrote this"))),
        Put("notes", b"stolen", b"forged"),
    )


async def future(hand: Hand, words: Words) -> list[Delta]:
    """A call in a delta so many milliseconds ahead of the clocks, by itself as it should be."""
    core = hand.core(time=hand.ahead(words["ahead_ms"]))
    delta = await hand.wrote(core, play(put(words["key"], "from the future")))
    await hand.publish(delta)
    return [delta]


async def honest(hand: Hand, words: Words) -> list[Delta]:
    """A call as everybody makes it."""
    delta = await hand.wrote(hand.core(), play(put(words["key"], "honest")))
    await hand.publish(delta)
    await hand.keep(delta)
    return [delta]


async def linked(hand: Hand, words: Words) -> list[Delta]:
    """Nothing; answers when so many peers share the context."""
    await hand.linked(words["count"])
    return []


async def anew(hand: Hand, words: Words) -> list[Delta]:
    """The streams and connections to all peers end."""
    for peer in hand.peers():
        await hand.node._network.disconnect(peer)
    return []


CALL_DEEDS: dict[str, Callable[[Hand, Words], Awaitable[list[Delta]]]] = {
    "other values": misreport(other_values),
    "more effects": misreport(more_effects),
    "other sums": misreport(other_sums),
    "no effects": misreport(lambda outcome: replace(outcome, effects=())),
    "more fuel": misreport(fuel(1)),
    "less fuel": misreport(fuel(-1)),
    "no fuel": misreport(lambda outcome: replace(outcome, fuel=0)),
    "other events": misreport(events(AppEvent("paid", b"all of it"))),
    "no events": misreport(events()),
    "never run": simply(never_run),
    "skipped": misplace(skipped),
    "another's previous": misplace(others_previous),
    "two previous": misplace(two_previous),
    "begins anew": misplace(begins_anew),
    "before its parents": misplace(before_its_parents),
    "steals owned": simply(steals_owned),
    "steals frozen": simply(steals_frozen),
    "without role": simply(without_role),
    "unknown collection": simply(unknown_collection),
    "overdrawn": simply(overdrawn),
    "in another's name": simply(in_anothers_name),
    "from another context": simply(from_another_context),
    "unknown parent": simply(unknown_parent),
    "future": future,
    "honest": honest,
    "linked": linked,
    "anew": anew,
}
