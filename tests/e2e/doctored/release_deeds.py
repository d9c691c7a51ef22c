"""Misdeeds with releases: code that the rules of a context do not let in."""

from __future__ import annotations

from dataclasses import replace

from covey.codec import decode_delta
from covey.model import (
    Approve,
    Call,
    Completed,
    Core,
    Delta,
    DeltaId,
    Effect,
    HybridTime,
    MemberId,
    Put,
    ReleaseId,
    Upgrade,
)
from tests.e2e.doctored.hand import Deed, Hand, Words, device_of, play, put

__all__ = ["RELEASE_DEEDS"]


def _place(hand: Hand, words: Words) -> Core:
    """Where it writes. stale: the place it remembered. earliest, ahead_ms: at that time."""
    core: Core = hand.driver.remembered if words.get("stale") else hand.core()
    if words.get("earliest"):
        followed = filter(None, (core.previous, *core.parents))
        return replace(core, time=HybridTime(max(hand.summary(d).time for d in followed) + 1))
    if "ahead_ms" in words:
        return replace(core, time=hand.ahead(words["ahead_ms"]))
    return core


def _upgrade(hand: Hand, words: Words, manifest: bytes | None = None) -> Upgrade:
    rule = hand.ledger.governor.rule(hand.ledger.authority)
    witnesses = tuple(sorted(DeltaId(bytes.fromhex(w)) for w in words.get("witnesses", ())))
    packed = bytes.fromhex(words["manifest"]) if manifest is None else manifest
    return Upgrade(words.get("number", rule.number + 1), packed, witnesses)


async def _sent(hand: Hand, words: Words, delta: Delta) -> list[Delta]:
    """Published, and applied here too where others are to. kept: whether that is so.

    is_streamed: over the streams alone. Of a delta that waits for its code the first way it came
    by is remembered, and nobody is blamed for gossip.
    """
    if not words.get("is_streamed"):
        await hand.gossip(delta)
    await hand.stream(delta)
    if words.get("kept"):
        await hand.keep(delta)
    return [delta]


async def upgrades(hand: Hand, words: Words) -> list[Delta]:
    """A release of this manifest, as the next one or with another number."""
    core = replace(_place(hand, words), governance=(_upgrade(hand, words),))
    return await _sent(hand, words, hand.sign(core))


async def approves(hand: Hand, words: Words) -> list[Delta]:
    """In its own name."""
    approve = Approve(words["number"], ReleaseId(bytes.fromhex(words["release"])))
    core = replace(_place(hand, words), governance=(approve,))
    return await _sent(hand, words, hand.sign(core))


async def approves_for(hand: Hand, words: Words) -> list[Delta]:
    """In another's name, with its own key."""
    approve = Approve(words["number"], ReleaseId(bytes.fromhex(words["release"])))
    core = replace(hand.core_of(device_of(words)), governance=(approve,))
    return await _sent(hand, words, hand.sign(core))


async def approves_again(hand: Hand, words: Words) -> list[Delta]:
    """Somebody's approval, as it was signed, once more."""
    frame = hand.ledger.frame(DeltaId(bytes.fromhex(words["delta"])))
    assert frame is not None
    delta = decode_delta(hand.context, frame)
    await hand.publish(delta)
    return []


async def runs_early(hand: Hand, words: Words) -> list[Delta]:
    """A call under a release that is not in force."""
    core = hand.core()
    outcomes = await hand.run(core, play(put("stolen")))
    release = ReleaseId(bytes.fromhex(words["release"]))
    delta = hand.sign(replace(core, release=release), (play(put("stolen")),), outcomes)
    return await _sent(hand, words, delta)


async def runs_late(hand: Hand, words: Words) -> list[Delta]:
    """A call at the place that it remembered, under what was in force there."""
    core = hand.driver.remembered
    return await _sent(hand, words, await hand.wrote(core, play(put("stolen"))))


async def migrates(hand: Hand, words: Words) -> list[Delta]:
    """An upgrade whose migration says that it wrote this. what: owned, frozen, others or none."""
    victim = MemberId(bytes.fromhex(words["member"]))
    forged: dict[str, Effect] = {
        "owned": Put("cards", victim + b"card", b"migrated"),
        "frozen": Put("stamps", victim + b"stamp", b"migrated"),
        "own frozen again": Put("stamps", hand.member + b"stamp", b"migrated"),
        "others": Put("notes", b"stolen", b"migrated"),
    }
    done = Completed((forged[words["what"]],), (), b"", 1_000_000, ())
    core = hand.core(_upgrade(hand, words))
    return await _sent(hand, words, hand.sign(core, (Call("migrate", b"{}"),), (done,)))


async def calls_beside(hand: Hand, words: Words) -> list[Delta]:
    """An upgrade with a call that is no migration."""
    core = hand.core(_upgrade(hand, words))
    outcomes = await hand.run(hand.core(), play(put("stolen")))
    return await _sent(hand, words, hand.sign(core, (play(put("stolen")),), outcomes))


async def modules_of_nobody(hand: Hand, words: Words) -> list[Delta]:
    """Many upgrades side by side, each with a migration by code that nobody has."""
    done = Completed((Put("notes", b"stolen", b"migrated"),), (), b"", 100, ())
    core = hand.core()
    deltas = []
    for packed in words["manifests"]:
        upgrade = _upgrade(hand, words, bytes.fromhex(packed))
        named = replace(core, governance=(upgrade,))
        deltas.append(hand.sign(named, (Call("migrate", b"{}"),), (done,)))
    await hand.gossip(*deltas)
    return deltas


RELEASE_DEEDS: dict[str, Deed] = {
    "upgrades": upgrades,
    "approves": approves,
    "approves for": approves_for,
    "approves again": approves_again,
    "runs early": runs_early,
    "runs late": runs_late,
    "migrates": migrates,
    "calls beside": calls_beside,
    "modules of nobody": modules_of_nobody,
}
