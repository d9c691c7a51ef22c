"""One question to one peer of the DHT: who provides a key, and who is closer to it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from google.protobuf.message import DecodeError
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.kad_dht.common import MAX_DHT_MESSAGE_SIZE, PROTOCOL_ID
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.utils.varint import encode_uvarint, read_varint_prefixed_bytes_limited
from multiaddr import Multiaddr
from multiaddr.exceptions import Error as MultiaddrError

from covey.model import limits
from covey.network.address import split_peer
from covey.network.hearsay import is_usable
from covey.network.peerstore import BoundedPeerStore

__all__ = ["ask_providers"]

_logger = logging.getLogger(__name__)
_ADDRESS_TTL_S = 3600


async def ask_providers(
    host: BasicHost, peer: ID, key: bytes
) -> tuple[list[PeerInfo], list[PeerInfo]]:
    """Providers of a key and peers closer to it, as a peer knows them; nobody if it fails.

    key: the multihash. py-libp2p's own forgets the addresses of the closer peers, so that a lookup
    ends with the peers whose addresses are known already.
    """
    question = Message(type=Message.MessageType.GET_PROVIDERS, key=key).SerializeToString()
    try:
        stream = await host.new_stream(peer, [PROTOCOL_ID])
        try:
            await stream.write(encode_uvarint(len(question)) + question)
            packed = await read_varint_prefixed_bytes_limited(stream, MAX_DHT_MESSAGE_SIZE)
        finally:
            await stream.close()
        answer = Message.FromString(packed)
    except (BaseLibp2pError, DecodeError) as error:
        _logger.debug("no answer from the DHT", extra={"peer": str(peer), "reason": repr(error)})
        return [], []
    store = host.get_peerstore()
    assert isinstance(store, BoundedPeerStore)
    providers = _infos(answer.providerPeers, limits.PROVIDERS_MAX)
    closer = _infos(answer.closerPeers, limits.PROVIDERS_QUERIES_MAX)
    for info in (*providers, *closer):
        info.addrs = store.usable(info.peer_id, info.addrs, peer)
        near = [each for each in info.addrs if not is_usable(each, ())]
        if near and info.peer_id != host.get_id():
            store.add_heard(info.peer_id, near, _ADDRESS_TTL_S, peer)
    return providers, closer


def _infos(told: Iterable[Message.Peer], count_max: int) -> list[PeerInfo]:
    infos: list[PeerInfo] = []
    for peer in told:
        if len(infos) == count_max:
            break
        try:
            told_of = map(Multiaddr, peer.addrs[: limits.DIAL_ADDRESSES_MAX])
            addresses = [split_peer(address)[0] for address in told_of]
            infos.append(PeerInfo(ID(peer.id), addresses))
        except (ValueError, MultiaddrError):
            continue  # An address of a kind that is unknown here; the others may do.
    return infos
