"""What devices that did not fork vouch for, counted on from the cut that was asked for last."""

from __future__ import annotations

from collections import Counter

from covey.governance.past import Past
from covey.governance.rows import EvidenceRow, evidence
from covey.model import DeviceId, Frontier, Tip
from covey.rules import Cut, ancestor_at, first_doubled

__all__ = ["Vouched"]


class Vouched:
    """The last deltas of each forked device that others vouch for, in one cut after the other.

    A cut differs from the last one by a few chains, so that only what those vouch for is looked
    at. before_forks: the last delta of each forked device before its fork. counted: the last ones
    that follow from all that; None: they have to be worked out. grown: devices of whom others
    vouch for more than what counted follows from.
    """

    def __init__(self, past: Past) -> None:
        self.past = past
        self.counted: dict[DeviceId, tuple[Tip, ...]] | None = None
        self.grown: dict[DeviceId, None] = {}
        self.before_forks: dict[DeviceId, tuple[Tip, ...]] = {}
        self._forked: Frontier = {}
        self._chains: dict[DeviceId, Tip] = {}
        self._tallies: dict[DeviceId, Counter[Tip]] = {}
        self._proofs: dict[DeviceId, list[EvidenceRow]] = {}

    def move(self, cut: Cut, forked: Frontier) -> None:
        """Go to another cut. forked: the part of its frontier of devices that forked there."""
        self._proofs = {device: [] for device in forked}
        for row in evidence(self.past.reader):
            if row.guilty in self._proofs:
                self._proofs[row.guilty].append(row)
        chains = {d: tips[0] for d, tips in cut.frontier.items() if d not in forked}
        last = self._chains
        ended = [(d, tip) for d, tip in last.items() if chains.get(d) != tip]
        begun = [(d, tip) for d, tip in chains.items() if last.get(d) != tip]
        self._find_forks(forked)
        if len(ended) + len(begun) > len(chains):
            self.counted, self._tallies = None, {}
        tallies = {}
        for guilty in forked:
            tally = self._tallies.get(guilty)
            if tally is None:
                tallies[guilty] = self._tally(guilty, Counter(), [], list(chains.items()))
            else:
                tallies[guilty] = self._tally(guilty, tally, ended, begun)
        self._forked, self._chains, self._tallies = forked, chains, tallies

    def of(self, guilty: DeviceId) -> list[Tip]:
        """What of a forked device devices vouch for that did not fork."""
        return list(self._tallies[guilty])

    def seen(self, device: DeviceId, tip: Tip, guilty: DeviceId) -> tuple[Tip, ...]:
        """What of a forked device a chain vouches for that ends with tip.

        All evidence is shown: what lies not in the chain's own past has no bearing on it.
        """
        return self.past.seen(device, tip, guilty, self._proofs[guilty])

    def _find_forks(self, forked: Frontier) -> None:
        found = {
            device: self.before_forks[device]
            if self._forked.get(device) == tips
            else _before_the_fork(self.past, device, tips)
            for device, tips in forked.items()
        }
        if found != self.before_forks:
            self.before_forks, self.counted = found, None

    def _tally(
        self,
        guilty: DeviceId,
        tally: Counter[Tip],
        ended: list[tuple[DeviceId, Tip]],
        begun: list[tuple[DeviceId, Tip]],
    ) -> Counter[Tip]:
        """How many chains vouch for each delta, once some give way to others."""
        change: Counter[Tip] = Counter()
        for device, tip in begun:
            change.update(self.seen(device, tip, guilty))
        for device, tip in ended:
            change.subtract(self.seen(device, tip, guilty))
        lost = []
        for tip, count in change.items():
            before, after = tally[tip], tally[tip] + count
            assert after >= 0, "a chain takes back what it vouched for"
            if after and not before:
                self.grown[guilty] = None
            if before and not after:
                lost.append(tip)
            tally[tip] = after
            if not after:
                del tally[tip]
        if lost:
            left = Cut(self.past.reader, {guilty: tuple(tally)})
            if not all(left.holds(guilty, tip) for tip in lost):
                self.counted = None
        return tally


def _before_the_fork(past: Past, device: DeviceId, tips: tuple[Tip, ...]) -> tuple[Tip, ...]:
    doubled = first_doubled(past.reader, device, tips)
    assert doubled is not None, "two tips of one device are a fork"
    if doubled == 1:
        return ()
    return (ancestor_at(past.reader, device, tips[0], doubled - 1),)
