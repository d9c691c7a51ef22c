"""What must hold of releases: which code a set of deltas runs, and whose calls fell with theirs."""

from __future__ import annotations

from collections.abc import Iterator

from covey.codec import decode_manifest
from covey.model import (
    Approve,
    Constraint,
    Never,
    Publisher,
    Quorum,
    ReleaseId,
    Tighten,
    Upgrade,
    milliseconds,
)
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Mask
from covey.testkit.oracle.people import manifest, release
from covey.testkit.oracle.writing import Writing

__all__ = ["code_faults", "satisfies"]


def code_faults(writing: Writing, mask: Mask) -> Iterator[str]:
    """Which properties of the code the word on a set breaks."""
    j, charter = writing.judge(mask), writing.founding.charter
    deltas = writing.history.within(mask)
    tightens = [
        (known, effect.constraint)
        for known in deltas
        if known.bit & j.alive
        for effect in known.delta.core.governance
        if isinstance(effect, Tighten)
    ]
    if j.constraints != {*charter.constraints, *(constraint for _, constraint in tightens)}:
        yield "R6 the code rule"
    if Never() in charter.constraints and (j.upgrades or j.release != charter.release):
        yield "R6 locked code changed"
    if (j.number, j.release) != max(j.upgrades.values(), default=(0, charter.release)):
        yield "R6 release"
    named: dict[tuple[int, ReleaseId], Mask] = {}
    for known in deltas:
        upgrade = _upgrade(known)
        if upgrade is None:
            continue
        put = (upgrade.number, release(upgrade.manifest))
        stands = known.delta.id in j.upgrades
        if stands:
            named[put] = named.get(put, 0) | known.bit
            if j.upgrades[known.delta.id] != put or not known.bit & j.alive:
                yield "R6 release"
        broken = [each for each in tightens if not satisfies(writing, known, upgrade, each[1])]
        yield from _upgrade_faults(writing, mask, known, upgrade, stands, broken)
    for known in deltas:
        if known.bit & j.alive and _upgrade(known) is None:
            core = known.delta.core
            is_mute = core.release != charter.release and not any(
                put[1] == core.release and known.past & bits for put, bits in named.items()
            )
            if is_mute != bool(known.bit & j.mute):
                yield "R6 calls under a fallen release" if is_mute else "R6 muted without a cause"


def _upgrade_faults(
    writing: Writing,
    mask: Mask,
    known: Known,
    upgrade: Upgrade,
    stands: bool,
    broken: list[tuple[Known, Constraint]],
) -> Iterator[str]:
    """broken: the living tightens, whatever they spare, that it does not satisfy."""
    j, charter = writing.judge(mask), writing.founding.charter
    if not all(satisfies(writing, known, upgrade, c) for c in charter.constraints):
        yield "R6 charter's constraint bypassed"
    doubled = set(j.forked)
    if stands and any(
        not tighten.past & known.bit and tighten.delta.core.author not in doubled
        for tighten, _ in broken
    ):
        yield "R6 forbidden upgrade stands"
    if (
        known.bit & j.alive
        and not stands
        and not any(not tighten.past & known.bit for tighten, _ in broken)
    ):
        yield "R6 upgrade void without a cause"
    if known.bit & j.alive and bool(known.bit & j.mute) == stands:
        yield "R6 a migration does not fall with its upgrade"


def satisfies(writing: Writing, known: Known, upgrade: Upgrade, constraint: Constraint) -> bool:
    """Whether an upgrade keeps a constraint, as it is seen from its cut."""
    match constraint:
        case Publisher():
            now = _version_of(writing, known)
            return _rank(decode_manifest(upgrade.manifest).version) > _rank(now)
        case Quorum():
            return _is_approved(writing, known, upgrade, constraint)
    return False


def _is_approved(writing: Writing, known: Known, upgrade: Upgrade, quorum: Quorum) -> bool:
    there = writing.judge(known.past)
    wanted = Approve(upgrade.number, release(upgrade.manifest))
    by_key: dict[bytes, Mask] = {}
    for each in writing.history.within(known.past & there.alive):
        member = writing.judge(each.past).members.get(each.delta.core.author)
        if member in quorum.keys and wanted in each.delta.core.governance:
            by_key[member] = by_key.get(member, 0) | each.bit
    if len(by_key) < quorum.k:
        return False
    for name in upgrade.witnesses if quorum.notice_ms else ():
        witness = writing.history.known[name]
        times = [each.delta.core.time for each in (witness, known)]
        member = writing.judge(witness.past).members.get(witness.delta.core.author)
        enough = sum(bool(witness.past & bits) for bits in by_key.values()) >= quorum.k
        waited = milliseconds(times[1]) - milliseconds(times[0]) >= quorum.notice_ms
        lives = witness.bit & known.past & there.alive
        if lives and enough and waited and member not in quorum.keys:
            return True
    return quorum.notice_ms == 0


def _version_of(writing: Writing, known: Known) -> str:
    """The version that a delta says it ran under."""
    wanted = known.delta.core.release
    if wanted == writing.founding.charter.release:
        return decode_manifest(manifest("1.0.0")).version
    return next(
        decode_manifest(upgrade.manifest).version
        for each in writing.history.within(known.past)
        for upgrade in (_upgrade(each),)
        if upgrade is not None and release(upgrade.manifest) == wanted
    )


def _rank(version: str) -> tuple[list[int], bool, str]:
    """Enough of semver's order for the versions that histories use."""
    numbers, _, rest = version.partition("-")
    return [int(part) for part in numbers.split(".")], not rest, rest


def _upgrade(known: Known) -> Upgrade | None:
    for effect in known.delta.core.governance:
        if isinstance(effect, Upgrade):
            return effect
    return None
