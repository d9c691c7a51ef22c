"""Keeps trying to reach wanted peers: pinned ones for ever, met ones for a while."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import trio
from libp2p.host.basic_host import BasicHost
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError
from multiaddr import Multiaddr
from trio_typing import TaskStatus

from covey.errors import ConfigError, PeerUnavailable, StoreError
from covey.model import limits
from covey.network.address import (
    parse_peer_address,
    parse_peer_id,
    peer_id_of,
    relay_of,
    with_peer,
)
from covey.network.connections import Connections
from covey.network.hearsay import is_usable
from covey.network.peerstore import BoundedPeerStore
from covey.network.remembered import RememberedPeers

__all__ = ["Redial"]

_logger = logging.getLogger(__name__)
_WANTED_TTL_S = 10 * 365 * 86_400  # py-libp2p forgets addresses by age; these are wanted for ever
_GIVE_UP_FAILURES = 12  # of a remembered peer in a row, among many; it stays in the file


@dataclass(slots=True)
class _Wanted:
    addresses: tuple[Multiaddr, ...] = ()
    failures: int = 0
    due_s: float = 0.0
    is_dialling: bool = False


class Redial:
    """Dials wanted peers that are not connected, with exponential backoff and jitter.

    Pinned peers are wanted for ever: those to begin with, those of a topic's settings. A peer that
    was met is wanted while few enough others are connected; where many are wanted, until it failed
    to answer a dozen times in a row, and the next start tries it again. A first connection after a
    while alone has all tried again soon. What the operator named is dialled wherever it leads,
    what others told as far as `hearsay` admits.
    dial: connects to a peer by the addresses in the peerstore, or raises PeerUnavailable.
    """

    def __init__(
        self,
        host: BasicHost,
        connections: Connections,
        remembered: RememberedPeers,
        dial: Callable[[ID], Awaitable[None]],
        rng: random.Random,
    ) -> None:
        self._host = host
        self._connections = connections
        self._remembered = remembered
        self._dial = dial
        self._rng = rng
        self._wanted: dict[ID, _Wanted] = {}
        self._pinned: dict[str, tuple[ID, ...]] = {}
        self._changed = trio.lowlevel.ParkingLot()

    def pin(self, owner: str, peers: Iterable[tuple[ID, Multiaddr]]) -> None:
        """Keep connections to these peers for an owner, instead of those it named before.

        They are dialled at once. One that nobody names any more is like any peer that was met.
        """
        named = [(peer, address) for peer, address in peers if peer != self._host.get_id()]
        self._pinned[owner] = tuple(dict.fromkeys(peer for peer, _ in named))
        if not named:
            del self._pinned[owner]
        for peer, address in named:
            self.choose(peer, address)
            self.want(peer, [address])
            self._wanted[peer].due_s = 0.0

    def choose(self, peer: ID, address: Multiaddr) -> None:
        """The operator named this peer, and the relay in its address if there is one."""
        circuit = relay_of(address)
        for each in (peer,) if circuit is None else (peer, circuit[0]):
            self._remembered.choose(peer_id_of(each))

    def is_chosen(self, peer: ID) -> bool:
        """The operator named this peer, now or before: a stranger cannot become one of these."""
        return self._remembered.is_chosen(peer_id_of(peer))

    def is_pinned(self, peer: ID) -> bool:
        """Somebody wants this peer for ever."""
        return any(peer in peers for peers in self._pinned.values())

    def want(self, peer: ID, addresses: Iterable[Multiaddr]) -> None:
        """Keep a connection to this peer from now on; this node itself is ignored."""
        if peer == self._host.get_id():
            return
        entry = self._wanted.setdefault(peer, _Wanted())
        entry.addresses = tuple(dict.fromkeys((*entry.addresses, *addresses)))[
            -limits.DIAL_ADDRESSES_MAX :
        ]
        self._changed.unpark_all()

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; writes the remembered peers as they change, and at the end."""
        self._want_remembered()
        self._connections.watch(self._on_arrived, self._on_departed)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._remember)
                task_status.started()
                while True:
                    next_due_s = self._start_due(nursery)
                    with trio.move_on_at(next_due_s):
                        await self._changed.park()
        finally:
            self._note_and_save()

    def _want_remembered(self) -> None:
        for text, kept in self._remembered.peers().items():
            try:
                peer = parse_peer_id(text)
                transports = [parse_peer_address(address)[1] for address in kept.addresses]
            except ConfigError as error:
                # The file is the operator's to edit; one bad line does not cost the others.
                _logger.warning("remembered peer ignored", extra={"reason": str(error)})
                self._remembered.forget(text)
                continue
            # The file may be of a version that took any address from anybody.
            self.want(peer, [each for each in transports if is_usable(each, (kept.place,))])

    def _start_due(self, nursery: trio.Nursery) -> float:
        """Start what is due; returns when to look again."""
        now_s = trio.current_time()
        next_due_s = now_s + limits.REDIAL_SLOWEST_S
        dialling = sum(entry.is_dialling for entry in self._wanted.values())
        is_full = len(self._connections.peers()) >= limits.PEERS_WANTED_MAX
        for peer, entry in self._wanted.items():
            if entry.is_dialling or self._connections.is_connected(peer):
                continue
            if is_full and not self.is_pinned(peer):
                continue
            if entry.due_s > now_s:
                next_due_s = min(next_due_s, entry.due_s)
            elif dialling < limits.DIALS_AT_ONCE_MAX:
                dialling += 1
                entry.is_dialling = True
                nursery.start_soon(self._attempt, peer, entry)
        return next_due_s

    async def _attempt(self, peer: ID, entry: _Wanted) -> None:
        try:
            if entry.addresses:
                self._store.add_vouched(peer, entry.addresses, _WANTED_TTL_S)
            await self._dial(peer)
            entry.failures = 0
        except PeerUnavailable:
            entry.failures += 1
            is_crowded = len(self._wanted) > limits.PEERS_WANTED_MAX
            is_tired = is_crowded and entry.failures >= _GIVE_UP_FAILURES
            if is_tired and not self.is_pinned(peer):
                self._wanted.pop(peer, None)
        finally:
            entry.is_dialling = False
            slowest_s = (
                limits.REDIAL_FOR_EVER_SLOWEST_S
                if self.is_pinned(peer)
                else limits.REDIAL_SLOWEST_S
            )
            # Bounded: after a thousand failures the power would be too large for a float.
            wait_s = min(limits.REDIAL_FIRST_S * 2 ** min(entry.failures, 16), slowest_s)
            entry.due_s = trio.current_time() + wait_s * self._rng.uniform(0.5, 1.0)
            self._changed.unpark_all()

    def _on_arrived(self, peer: ID) -> None:
        self._remembered.note(peer_id_of(peer), (), self._place(peer))
        if len(self._connections.peers()) == 1:
            # The first after a while alone: most likely the network is back, and so are others.
            for entry in self._wanted.values():
                entry.failures = 0
                entry.due_s = trio.current_time() + self._rng.uniform(0, limits.REDIAL_FIRST_S)
            self._changed.unpark_all()
        if peer not in self._wanted and len(self._wanted) < limits.PEERS_REMEMBERED_MAX:
            self.want(peer, ())

    def _on_departed(self, peer: ID) -> None:
        self._note(peer)
        entry = self._wanted.get(peer)
        if entry is not None:
            entry.failures = 0
            entry.due_s = trio.current_time() + self._rng.uniform(0, limits.REDIAL_FIRST_S)
            self._changed.unpark_all()

    async def _remember(self) -> None:
        while True:
            await trio.sleep(limits.REMEMBER_INTERVAL_S)
            self._note_and_save()

    def _note_and_save(self) -> None:
        for peer in self._connections.peers():
            self._note(peer)
        try:
            self._remembered.save()
        except StoreError as error:
            # Forgetting peers costs one discovery at the next start, not the node.
            _logger.warning("peers not remembered", extra={"reason": str(error)})

    def _note(self, peer: ID) -> None:
        try:
            known = self._store.addrs(peer)
        except PeerStoreError:
            return  # It has not told its addresses yet.
        entry = self._wanted.get(peer)
        if entry is not None and not entry.addresses:
            entry.addresses = tuple(known)[: limits.DIAL_ADDRESSES_MAX]  # The store may forget it.
        told = [with_peer(each, peer) for each in known]
        self._remembered.note(peer_id_of(peer), told, self._place(peer))

    def _place(self, peer: ID) -> str:
        return next(iter(self._store.places(peer)), "")

    @property
    def _store(self) -> BoundedPeerStore:
        store = self._host.get_peerstore()
        assert isinstance(store, BoundedPeerStore)
        return store
