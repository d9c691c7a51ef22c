"""Authority from the deltas that it rests on, and nothing else: what a joiner has to be given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.model import Approve, Close, Demote, Payload, Promote, Put, Quorum, Tighten, Upgrade
from covey.testkit.identities import Identity
from covey.testkit.oracle.admissible import refusal
from covey.testkit.oracle.alone import (
    alone,
    authority,
    forks,
    governance,
    needed,
    vouchers,
    witnesses,
)
from covey.testkit.oracle.drawing import draw
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Mask
from covey.testkit.oracle.people import device, manifest, release, start
from covey.testkit.oracle.writing import Writing

ANN, BEN, CARA = (device(name) for name in ("ann", "ben", "cara"))
ONE, TWO = manifest("1.1.0"), manifest("1.2.0")
NOTE = (Put("notes", b"k", b"v"),)
KEY = (CARA.member_id,)

_SAMPLE = range(20)


def is_enough(writing: Writing, s: Mask, part: Mask) -> bool:
    """Whether a part of a set gives its authority; not where it names what is not in it."""
    known, whole = alone(writing.oracle, part), writing.oracle
    try:
        return authority(known, known.judge(part)) == authority(whole, whole.judge(s))
    except KeyError:
        return False


def chains(writing: Writing, known: Known) -> Mask:
    """All that the devices that a delta closes or demotes wrote in its cut."""
    said = known.delta.core.governance
    named = {effect.device for effect in said if isinstance(effect, Close | Demote)}
    cut = writing.history.within(known.past)
    return sum(each.bit for each in cut if each.delta.core.author in named)


def again(writing: Writing, known: Known, part: Mask) -> str:
    """Why a delta is refused by an oracle that has a part of its cut."""
    oracle = alone(writing.oracle, part)
    return refusal(oracle, writing.founding.context, replace(known, past=known.past & part))


@pytest.mark.parametrize("seed", _SAMPLE)
def test_authority_rests_on_a_part(seed: int) -> None:
    """At the end of a history and on the way; an oracle with this part alone says the same."""
    writing = draw(seed)
    held = writing.history.within(writing.admitted)
    for s in (writing.admitted, *(known.past | known.bit for known in held[::7])):
        assert is_enough(writing, s, needed(writing.oracle, s))


@pytest.mark.parametrize("seed", _SAMPLE)
def test_governance_is_admissible_by_a_part(seed: int) -> None:
    """Each one, and what is refused, with the same code; for tips with the chains of who is named.

    What is refused because it follows what is refused is not judged at all.
    """
    writing = draw(seed)
    for known in writing.history.known.values():
        code = writing.code(known)
        if known.delta.core.governance and code != "follows-refused":
            part = needed(writing.oracle, known.past | known.bit) | chains(writing, known)
            assert again(writing, known, part) == code


def test_part_is_no_more_than_it_has_to_be() -> None:
    """Governance is enough where nobody forked; elsewhere not, and not with the forks either."""
    without_forks = without_vouchers = kept = deltas = 0
    for seed in _SAMPLE:
        writing = draw(seed)
        oracle, s = writing.oracle, writing.admitted
        ruled = governance(oracle, s) | witnesses(oracle, s)
        assert oracle.judge(s).forked or is_enough(writing, s, ruled)
        without_forks += not is_enough(writing, s, ruled)
        without_vouchers += not is_enough(writing, s, ruled | forks(oracle, s))
        kept, deltas = kept + needed(oracle, s).bit_count(), deltas + s.bit_count()
    assert without_forks > without_vouchers > 0
    assert kept < 0.7 * deltas


def upgraded(*admins: Identity) -> tuple[Writing, list[Known]]:
    """cara approves two releases, and forks; each of some admins puts one of them in force.

    Before, each saw another note after the approvals: by these notes alone, which are given back,
    the approvals count in the upgrades' cuts. There they are judged again, since ann tightened.
    """
    writing = Writing(start(ANN, BEN, CARA))
    tighten = writing.write(ANN, 0, [Tighten(Quorum(1, KEY, 0))])
    approvals = [Approve(1, release(ONE)), Approve(1, release(TWO))]
    approve = writing.write(CARA, tighten.bit, approvals)
    sibling = writing.write(CARA, tighten.bit, (), NOTE)
    seen = tighten.bit | approve.bit
    notes = [writing.write(who, seen, (), NOTE) for who in admins]
    for who, note, packed in zip(admins, notes, (ONE, TWO), strict=False):
        writing.write(who, seen | sibling.bit | note.bit, [Upgrade(1, packed, ())])
    assert not writing.codes
    assert len(writing.judge(writing.admitted).upgrades) == len(admins)
    return writing, notes


def test_voucher_in_the_whole_set_is_not_enough() -> None:
    """The smallest example: an upgrade vouches for its approvals, but not in its own cut."""
    writing, (note,) = upgraded(ANN)
    oracle, s = writing.oracle, writing.admitted
    part = needed(oracle, s)
    assert s.bit_count() == 5
    assert vouchers(oracle, s, governance(oracle, s)) == 0
    assert part & note.bit
    assert is_enough(writing, s, part)
    assert not is_enough(writing, s, part & ~note.bit)


def test_no_voucher_is_enough_for_every_cut() -> None:
    """Two cuts, and no delta that vouches in both: whichever note is left out is missed."""
    writing, notes = upgraded(ANN, BEN)
    s = writing.admitted
    part = needed(writing.oracle, s)
    assert is_enough(writing, s, part)
    for note in notes:
        assert part & note.bit
        assert not is_enough(writing, s, part & ~note.bit)


def test_witness_of_a_notice_is_needed() -> None:
    """The smallest example: it is a note of somebody without a key, and governs nothing."""
    writing = Writing(start(ANN, CARA))
    tighten = writing.write(ANN, 0, [Tighten(Quorum(1, KEY, 1_000))])
    approve = writing.write(CARA, tighten.bit, [Approve(1, release(ONE))])
    seen = tighten.bit | approve.bit
    witness = writing.write(ANN, seen, (), NOTE)
    upgrade = [Upgrade(1, ONE, (witness.delta.id,))]
    writing.write(ANN, seen | witness.bit, upgrade, at_ms=2_000)
    assert not writing.codes
    part = needed(writing.oracle, writing.admitted)
    assert part & witness.bit
    assert is_enough(writing, writing.admitted, part)
    assert not is_enough(writing, writing.admitted, part & ~witness.bit)


def test_witness_is_needed_with_its_payload() -> None:
    """That says which role it needs: ben had lost it, so that his delta is void, and no witness."""
    writing = Writing(start(ANN, CARA))
    context = writing.founding.context
    first = writing.write(ANN, 0, [BEN.admit(context), Tighten(Quorum(1, KEY, 1_000))])
    second = writing.write(ANN, first.bit, [Promote(BEN.device, "editor")])
    ruled = first.bit | second.bit
    approve = writing.write(CARA, ruled, [Approve(1, release(ONE))])
    witness = writing.write(BEN, ruled | approve.bit, (), (Put("essays", b"k", b"v"),))
    demote = writing.write(ANN, ruled, [writing.demote(ruled, BEN.device, "editor")])
    cut = witness.past | witness.bit | demote.bit
    assert not writing.codes
    named = (witness.delta.id,)
    upgrade = writing.write(ANN, cut, [Upgrade(1, ONE, named)], at_ms=2_000)
    assert writing.code(upgrade) == "notice"
    part = needed(writing.oracle, cut | upgrade.bit)
    assert again(writing, upgrade, part) == "notice"
    header = replace(witness, payload=Payload((), (), ()))
    writing.history.known[witness.delta.id] = header
    assert again(writing, upgrade, part) == ""
