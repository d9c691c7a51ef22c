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

__all__ = ["ask_providers"]

_logger = logging.getLogger(__name__)


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
    providers = _infos(answer.providerPeers, limits.PROVIDERS_MAX)
    return providers, _infos(answer.closerPeers, limits.PROVIDERS_QUERIES_MAX)


def _infos(told: Iterable[Message.Peer], count_max: int) -> list[PeerInfo]:
    infos: list[PeerInfo] = []
    for peer in told:
        if len(infos) == count_max:
            break
        try:
            addresses = [Multiaddr(packed) for packed in peer.addrs[: limits.DIAL_ADDRESSES_MAX]]
            infos.append(PeerInfo(ID(peer.id), addresses))
        except (ValueError, MultiaddrError):
            continue  # An address of a kind that is unknown here; the others may do.
    return infos
