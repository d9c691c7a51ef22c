"""What becomes of peers, told in the node's log: who comes and goes, and who is not there."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from libp2p.peer.id import ID

from covey.model import limits
from covey.network.address import parse_peer_address, peer_id_of
from covey.network.connections import Connections
from covey.network.why import Unreached

__all__ = ["BOOTSTRAP", "Chronicle"]

_logger = logging.getLogger(__name__)

BOOTSTRAP = "bootstrap"  # owner of the addresses a node begins with; no topic is called so


@dataclass(frozen=True, slots=True)
class _Named:
    """An address that somebody gave. kind: "bootstrap" or "static"; transport: without the peer."""

    kind: str
    text: str
    peer: ID
    transport: str


class Chronicle:
    """Logs connections, and addresses that somebody gave and that lead nowhere.

    Such an address is a warning once, until it works or is given anew: a slip in it would else be
    a node that is alone and does not say why. Nothing is logged that names a context.
    """

    def __init__(self, own: ID, connections: Connections) -> None:
        self._own = own
        self._connections = connections
        self._named: dict[str, tuple[_Named, ...]] = {}
        self._warned: set[_Named] = set()
        self._unreached: OrderedDict[ID, str] = OrderedDict()
        connections.watch(self._on_arrived, self._on_departed)

    def name(self, owner: str, addresses: Iterable[str]) -> None:
        """An owner wants these full addresses, instead of those before; raises ConfigError."""
        kind = BOOTSTRAP if owner == BOOTSTRAP else "static"
        named = []
        for text in addresses:
            peer, transport = parse_peer_address(text)
            named.append(_Named(kind, text, peer, str(transport)))
        self._named[owner] = tuple(named)
        if not named:
            del self._named[owner]
        self._warned.intersection_update(self._all())
        for each in named:
            if each.peer == self._own:
                _logger.warning(f"{kind} address is this node's own", extra={"address": each.text})

    def unreached(self, peer: ID, error: Exception) -> None:
        """A peer was dialled and not reached."""
        if not isinstance(error, Unreached):
            return  # It waited for another's dial, which tells.
        why = str(error)
        if self._unreached.get(peer) != why:
            _logger.info("peer not reached", extra={"peer": peer_id_of(peer), "why": why})
            self._unreached[peer] = why
            self._unreached.move_to_end(peer)
            while len(self._unreached) > limits.PEERS_REMEMBERED_MAX:
                self._unreached.popitem(last=False)
        for each in self._all():
            if each.peer == peer and each not in self._warned:
                self._warned.add(each)
                facts = {"address": each.text, "why": error.reasons.get(each.transport, why)}
                _logger.warning(
                    f"{each.kind} address cannot be reached, it is tried again", extra=facts
                )

    def _all(self) -> list[_Named]:
        return [each for named in self._named.values() for each in named]

    def _on_arrived(self, peer: ID) -> None:
        self._unreached.pop(peer, None)
        row = next(r for r in self._connections.table() if r.peer == peer_id_of(peer))
        facts = {"peer": row.peer, "address": row.address, "direction": row.direction}
        _logger.info("peer connected", extra=facts)
        for each in self._all():
            if each.peer == peer and each in self._warned:
                self._warned.remove(each)
                _logger.info(f"{each.kind} peer is connected", extra={"address": each.text})

    @staticmethod
    def _on_departed(peer: ID) -> None:
        _logger.info("peer disconnected", extra={"peer": peer_id_of(peer)})
