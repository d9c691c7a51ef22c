"""What peers say of themselves: a host that asks each one once, within bounds, and remembers it."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import INetworkService
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.identity.identify import identify
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.identity.update import update_peerstore_from_identify
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError
from libp2p.utils.varint import read_varint_prefixed_bytes_limited
from multiaddr import Multiaddr

from covey import __version__
from covey.model import limits

__all__ = ["PeerHost"]

_logger = logging.getLogger(__name__)

# py-libp2p names itself, and has no other place to say whose node it is.
setattr(identify, "AGENT_VERSION", f"covey/{__version__}")  # noqa: B010


class PeerHost(BasicHost):
    """py-libp2p's host, whose identify forgets what program a peer runs and reads without bound.

    places: where this node can be dialled through relays. They are announced, too; py-libp2p itself
    takes the relay's id in such an address for a stale one of its own.
    """

    def __init__(
        self, network: INetworkService, addrs_factory: Callable[..., list[Multiaddr]]
    ) -> None:
        self.places: Callable[[], list[Multiaddr]] = list
        super().__init__(
            network, addrs_factory=addrs_factory, disable_identify_address_discovery=True
        )
        self._agents: OrderedDict[ID, str] = OrderedDict()

    def get_addrs(self) -> list[Multiaddr]:
        """Full addresses that this node can be dialled at."""
        own = self.get_id().to_base58()
        return [*super().get_addrs(), *(Multiaddr(f"{place}/p2p/{own}") for place in self.places())]

    def agent(self, peer: ID) -> str:
        """The program that a peer says it runs; empty while it has not said."""
        return self._agents.get(peer, "")

    def protocols(self, peer: ID) -> tuple[str, ...]:
        """What a peer says it speaks, sorted; empty while it has not said."""
        try:
            return tuple(sorted(map(str, self.get_peerstore().get_protocols(peer))))
        except PeerStoreError:
            return ()

    async def _identify_peer(self, peer_id: ID, *, reason: str) -> None:
        del reason
        try:
            with trio.fail_after(limits.STREAM_OPEN_TIMEOUT_S):
                stream = await self.new_stream(peer_id, [identify.ID])
                try:
                    packed = await read_varint_prefixed_bytes_limited(
                        stream, limits.IDENTIFY_BYTES_MAX
                    )
                finally:
                    await stream.reset()
            told = Identify.FromString(packed)
        except (BaseLibp2pError, DecodeError, trio.TooSlowError) as error:
            _logger.debug("peer not identified", extra={"peer": str(peer_id), "why": repr(error)})
            return
        await update_peerstore_from_identify(self.get_peerstore(), peer_id, told)
        self._identified_peers[peer_id] = ""
        self._agents[peer_id] = _shown(told.agent_version)
        while len(self._agents) > limits.PEERS_REMEMBERED_MAX:
            self._agents.popitem(last=False)


def _shown(text: object) -> str:
    """A stranger's text; protobuf hands over as bytes what is none."""
    if not isinstance(text, str):
        return ""
    return "".join(c for c in text if c.isprintable())[: limits.AGENT_CHARS_MAX]
