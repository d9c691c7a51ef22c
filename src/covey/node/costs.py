"""What one peer may cost this node on its sync streams, however often it opens another one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from covey.model import PeerId, limits
from covey.sync import Allowance

__all__ = ["Costs", "CostTable"]


class Costs:
    """The budgets of one peer: requests, and time that brought no news. clock: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        rate = limits.SYNC_REQUESTS_PER_S_MAX
        self.requests = Allowance(rate, rate)
        self._clock = clock
        self._left_s = limits.LINK_FRUITLESS_S_MAX
        self._at_s = clock()

    def spend(self, taken_s: float) -> float:
        """Take time off; returns for how long the peer is not read.

        A frame of a hundred bytes may take milliseconds, and one that says nothing new as long as
        one that does: a peer whose frames bring no deltas gets a share of the time and no more.
        """
        now_s = self._clock()
        earned_s = (now_s - self._at_s) * limits.LINK_FRUITLESS_SHARE
        self._left_s = min(limits.LINK_FRUITLESS_S_MAX, self._left_s + earned_s) - taken_s
        self._at_s = now_s
        return max(0.0, -self._left_s / limits.LINK_FRUITLESS_SHARE)


class CostTable:
    """The costs of each peer; those seen longest ago are forgotten."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._costs: OrderedDict[PeerId, Costs] = OrderedDict()

    def of(self, peer: PeerId) -> Costs:
        """The budgets of a peer."""
        costs = self._costs.pop(peer, None) or Costs(self._clock)
        self._costs[peer] = costs
        while len(self._costs) > limits.PEERS_REMEMBERED_MAX:
            self._costs.popitem(last=False)
        return costs
