"""R3 of protocols/governance.md, "Forks": which deltas of forked devices are counted at a cut."""

from __future__ import annotations

from collections.abc import Iterable

from covey.governance.past import Past
from covey.governance.rows import EvidenceRow, evidence
from covey.model import DeviceId, Tip
from covey.rules import Cut, ancestor_at, first_doubled, maximal_tips

__all__ = ["counted_at"]


def counted_at(past: Past, cut: Cut, known_forked: Iterable[DeviceId]) -> dict[DeviceId, Cut]:
    """For each device that forked in a cut, which of its deltas there are counted.

    known_forked: devices that forked in everything that is applied. Of all other devices every
    delta is counted. What a device vouches for grows with its chain, so that its last counted
    deltas say it all: the least fixed point of a few frontiers.
    """
    forked = {d: cut.frontier[d] for d in known_forked if len(cut.frontier.get(d, ())) > 1}
    if not forked:
        return {}
    proofs: dict[DeviceId, list[EvidenceRow]] = {device: [] for device in forked}
    for row in evidence(past.reader):
        if row.guilty in forked and cut.holds(row.at.author, row.at.tip):
            proofs[row.guilty].append(row)
    counted = {device: _before_the_fork(past, device, tips) for device, tips in forked.items()}
    steady = {
        guilty: _vouched(
            past,
            guilty,
            ((d, tips[0]) for d, tips in cut.frontier.items() if d not in forked),
            proofs[guilty],
        )
        for guilty in forked
    }
    is_growing = True
    while is_growing:
        is_growing = False
        for guilty in forked:
            others = ((d, tip) for d, tips in counted.items() if d != guilty for tip in tips)
            some = {*counted[guilty], *steady[guilty]}
            some |= _vouched(past, guilty, others, proofs[guilty])
            tips = maximal_tips(past.reader, guilty, tuple(sorted(some))) if some else ()
            if tips != counted[guilty]:
                counted[guilty], is_growing = tips, True
    return {device: Cut(past.reader, {device: tips}) for device, tips in counted.items()}


def _before_the_fork(past: Past, device: DeviceId, tips: tuple[Tip, ...]) -> tuple[Tip, ...]:
    doubled = first_doubled(past.reader, device, tips)
    assert doubled is not None, "two tips of one device are a fork"
    if doubled == 1:
        return ()
    return (ancestor_at(past.reader, device, tips[0], doubled - 1),)


def _vouched(
    past: Past,
    guilty: DeviceId,
    vouchers: Iterable[tuple[DeviceId, Tip]],
    proofs: list[EvidenceRow],
) -> set[Tip]:
    seen: set[Tip] = set()
    for device, tip in vouchers:
        seen.update(past.seen(device, tip, guilty, proofs))
    return seen
