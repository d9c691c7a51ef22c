"""What of a set of deltas its authority rests on, and an oracle that has nothing else.

Source: protocols/governance.md, "What a joiner needs".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from covey.model import DeltaId, Evidence, Payload
from covey.testkit.oracle.history import History, Known
from covey.testkit.oracle.judgement import Judgement, Mask
from covey.testkit.oracle.oracle import Oracle, upgrade_of

__all__ = ["alone", "authority", "forks", "governance", "needed", "vouchers", "witnesses"]

_NO_PAYLOAD = Payload((), (), ())


def needed(oracle: Oracle, s: Mask) -> Mask:
    """Governance, what upgrades name as witnesses, forks, and a voucher for each in each cut.

    Nothing more can matter: what a voucher follows is counted with it, so that by the last of them
    the same deltas of forked devices are counted in each cut that is asked about.
    """
    kept = governance(oracle, s) | witnesses(oracle, s) | forks(oracle, s)
    asked = oracle.history.within(governance(oracle, s) | witnesses(oracle, s))
    for cut in dict.fromkeys((s, *(known.past for known in asked))):
        kept |= vouchers(oracle, cut, kept)
    return kept


def governance(oracle: Oracle, s: Mask) -> Mask:
    """The deltas of a set that govern."""
    return _bits(known for known in oracle.history.within(s) if known.delta.core.governance)


def witnesses(oracle: Oracle, s: Mask) -> Mask:
    """What the upgrades of a set name; it may well be data."""
    return _bits(oracle.history.known[i] for i in _witness_ids(oracle.history.within(s)))


def forks(oracle: Oracle, s: Mask) -> Mask:
    """The deltas of forked devices, from the smallest doubled sequence on."""
    forked = oracle.judge(s).forked
    return _bits(
        known
        for known in oracle.history.within(s)
        if known.delta.core.sequence >= forked.get(known.delta.core.author, 1 << 63)
    )


def vouchers(oracle: Oracle, cut: Mask, kept: Mask) -> Mask:
    """For each counted delta of a fork in a cut one that vouches there, unless one is kept."""
    counted = oracle.history.within(oracle.judge(cut).counted)
    found = 0
    for lost in reversed(oracle.history.within(forks(oracle, cut) & oracle.judge(cut).counted)):
        author = lost.delta.core.author
        vouching = [
            known
            for known in counted
            if known.delta.core.author != author
            and known.past & lost.bit
            and not _is_warned(oracle, known, lost)
        ]
        if not any(known.bit & (kept | found) for known in vouching):
            found |= vouching[0].bit
    return found


def alone(oracle: Oracle, part: Mask) -> Oracle:
    """An oracle that knows some deltas only, and which of these each of them follows.

    Of what neither governs nor is a witness it has no payload.
    """
    history, some = History(), oracle.history.within(part)
    witnessed = set(_witness_ids(some))
    for known in some:
        is_read = known.delta.core.governance or known.delta.id in witnessed
        payload = known.payload if is_read else _NO_PAYLOAD
        history.known[known.delta.id] = replace(known, payload=payload, past=known.past & part)
    return Oracle(oracle.charter, oracle.first, history)


def authority(oracle: Oracle, j: Judgement) -> tuple[object, ...]:
    """What a word says of who may do what: people, roles, code, and which governance is alive."""
    alive = governance(oracle, j.alive)
    return (j.members, j.roles, j.closed, j.number, j.release, j.constraints, j.upgrades, alive)


def _is_warned(oracle: Oracle, known: Known, lost: Known) -> bool:
    """Whether a delta's cut holds evidence against another's author."""
    return any(
        isinstance(effect, Evidence)
        and oracle.history.known[effect.one].delta.core.author == lost.delta.core.author
        for each in oracle.history.within(known.past)
        for effect in each.delta.core.governance
    )


def _witness_ids(some: Iterable[Known]) -> list[DeltaId]:
    upgrades = [upgrade for known in some if (upgrade := upgrade_of(known)) is not None]
    return [witness for upgrade in upgrades for witness in upgrade.witnesses]


def _bits(some: Iterable[Known]) -> Mask:
    mask = 0
    for known in some:
        mask |= known.bit
    return mask
