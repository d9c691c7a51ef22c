"""Peers that peers tell of: whom to tell, and which of those told to dial.

Source: protocols/session.md, section 6. What is told is hearsay: it is dialled within bounds.
"""

from __future__ import annotations

import logging
import random
from collections import OrderedDict
from collections.abc import Callable

import trio

from covey.codec import KnownPeer, ip_of
from covey.errors import NodeError
from covey.model import ContextId, PeerId, limits
from covey.network import Network, Wishes, is_dialable

__all__ = ["Exchange", "tellable"]

_logger = logging.getLogger(__name__)


def tellable(network: Network, peers: tuple[PeerId, ...]) -> tuple[KnownPeer, ...]:
    """What can be told of some peers, those connected last first."""
    known = []
    for peer in reversed(peers):
        usable = [each for each in network.addresses_of(peer) if ip_of(each) is not None]
        if usable:
            known.append(KnownPeer(peer, tuple(usable[: limits.SYNC_PEER_ADDRESSES_MAX])))
    return tuple(known[: limits.SYNC_PEERS_MAX])


class Exchange:
    """Dials peers that others told of, as far as a context wants more of them.

    wishes: of a context, now. Few are dialled at once, over all contexts; who did not answer is
    not dialled at others' word for a while. `run` is its task.
    """

    def __init__(
        self,
        network: Network,
        wishes: Callable[[ContextId], Wishes],
        ask: Callable[[], None],
        rng: random.Random,
    ) -> None:
        self._network = network
        self._wishes = wishes
        self._ask = ask
        self._rng = rng
        self._failed: OrderedDict[PeerId, float] = OrderedDict()
        self._dialling: dict[PeerId, None] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Ask for more peers now and then, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                while True:
                    await trio.sleep(limits.EXCHANGE_INTERVAL_S * self._rng.uniform(0.75, 1.25))
                    self._ask()
            finally:
                self._nursery = None  # Streams end after this task, and may still tell of peers.

    def heard(self, teller: PeerId, context: ContextId, peers: tuple[KnownPeer, ...]) -> None:
        """A peer told of others; those of use are dialled, the others forgotten."""
        wishes = self._wishes(context)
        places = [row.address for row in self._network.peer_table() if row.peer == teller]
        room = min(wishes.room, limits.EXCHANGE_DIALS_MAX - len(self._dialling))
        for known in peers:
            addresses = [
                each for each in known.addresses if any(is_dialable(each, p) for p in places)
            ]
            if room <= 0 or self._nursery is None:
                return
            if addresses and wishes.admits(known.peer) and self._is_news(known.peer):
                room -= 1
                self._dialling[known.peer] = None
                self._nursery.start_soon(self._dial, known.peer, addresses)

    def _is_news(self, peer: PeerId) -> bool:
        is_known = peer == self._network.peer_id or self._network.is_connected(peer)
        failed_s = self._failed.get(peer, -limits.EXCHANGE_FAILED_S)
        is_tired = trio.current_time() - failed_s < limits.EXCHANGE_FAILED_S
        return not (is_known or is_tired or peer in self._dialling)

    async def _dial(self, peer: PeerId, addresses: list[str]) -> None:
        try:
            await self._network.dial_at(peer, addresses)
        except NodeError as error:
            _logger.debug("peer told of not reached", extra={"peer": peer, "why": str(error)})
            self._failed[peer] = trio.current_time()
            self._failed.move_to_end(peer)
            while len(self._failed) > limits.PEERS_REMEMBERED_MAX:
                self._failed.popitem(last=False)
        finally:
            del self._dialling[peer]
