"""What is known of peers, with bounds for each of them and for all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from libp2p.peer.envelope import Envelope
from libp2p.peer.id import ID
from libp2p.peer.peerdata import PeerData
from libp2p.peer.peerstore import PeerStore
from multiaddr import Multiaddr

from covey.model import limits
from covey.network.hearsay import is_usable

__all__ = ["BoundedPeerStore"]


class _Rows(dict[ID, PeerData]):
    """Rows by peer; where there is no more room, `evict` makes some."""

    def __init__(self, evict: Callable[[], None]) -> None:
        super().__init__()
        self._evict = evict

    def setdefault(self, peer: ID, row: PeerData | None = None) -> PeerData:
        if peer not in self:
            self._evict()
        assert row is not None
        return super().setdefault(peer, row)


class BoundedPeerStore(PeerStore):
    """py-libp2p's store with its bounds replaced.

    Its own forgets first who has no address, so the node's own keys; it counts peers only where
    addresses are added; and what one peer says of itself has no bound. Here the oldest peer goes
    that is neither this node (own) nor connected, and the addresses told last come first. What it
    is told it keeps only where the teller may say so; py-libp2p takes any address from anybody.
    places: where a peer is connected from, as of `hearsay.place`; none if it is not.
    """

    def __init__(self, own: ID) -> None:
        super().__init__(max_peers=limits.PEERS_KNOWN_MAX)
        self.is_connected: Callable[[ID], bool] = lambda _: False
        self.places: Callable[[ID], Collection[str]] = lambda _: ()
        self._own = own
        self.peer_data_map = _Rows(self._make_room)

    def add_addrs(self, peer_id: ID, addrs: Sequence[Multiaddr], ttl: int = 0) -> None:
        """Note addresses that a peer tells of itself, or somebody of it; py-libp2p calls this."""
        self._note(peer_id, self.usable(peer_id, addrs, peer_id), ttl)

    def add_heard(self, peer_id: ID, addrs: Sequence[Multiaddr], ttl: int, teller: ID) -> None:
        """Note addresses of a peer at the word of another."""
        self._note(peer_id, self.usable(peer_id, addrs, teller), ttl)

    def add_vouched(self, peer_id: ID, addrs: Sequence[Multiaddr], ttl: int) -> None:
        """Note addresses that the operator named, or that were judged before."""
        self._note(peer_id, addrs, ttl)

    def usable(self, peer_id: ID, addrs: Sequence[Multiaddr], teller: ID) -> list[Multiaddr]:
        """Those of a peer's addresses that count at a teller's word, or are known already."""
        row = self.peer_data_map.get(peer_id)
        known = () if row is None else row.addrs
        places = self.places(teller)
        is_own = peer_id == self._own
        return [each for each in addrs if is_own or each in known or is_usable(each, places)]

    def _note(self, peer_id: ID, addrs: Sequence[Multiaddr], ttl: int) -> None:
        super().add_addrs(peer_id, (), ttl)
        row = self.peer_data_map[peer_id]
        short = [each for each in addrs if len(each.to_bytes()) <= limits.PEER_ADDRESS_BYTES_MAX]
        row.addrs = list(dict.fromkeys((*short, *row.addrs)))[: limits.PEER_ADDRESSES_MAX]

    def add_protocols(self, peer_id: ID, protocols: Sequence[str]) -> None:
        """Note protocols that a peer speaks."""
        self.set_protocols(
            peer_id, (*self.peer_data_map.setdefault(peer_id, PeerData()).protocols, *protocols)
        )

    def set_protocols(self, peer_id: ID, protocols: Sequence[str]) -> None:
        """Note all protocols that a peer speaks."""
        short = [each for each in protocols if len(each) <= limits.PEER_PROTOCOL_BYTES_MAX]
        super().set_protocols(peer_id, list(dict.fromkeys(short))[: limits.PEER_PROTOCOLS_MAX])

    def consume_peer_record(self, envelope: Envelope, ttl: int) -> bool:
        """Take a record that a peer signed; False if it is not the peer's, old or too large."""
        if len(envelope.raw_payload) > limits.PEER_RECORD_BYTES_MAX:
            return False
        return super().consume_peer_record(envelope, ttl)

    def _enforce_peer_limit(self) -> None:
        """The rows see to it themselves."""

    def _make_room(self) -> None:
        if len(self.peer_data_map) < self.max_peers:
            return
        for peer in self.peer_data_map:
            if peer != self._own and not self.is_connected(peer):
                del self.peer_data_map[peer]
                self.peer_record_map.pop(peer, None)
                return
