"""Peers remembered over restarts: a small JSON file, written whole and renamed."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from covey.errors import ConfigError, StoreError
from covey.model import PeerId, limits

__all__ = ["RememberedPeers"]

_logger = logging.getLogger(__name__)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    peer: str
    addresses: tuple[str, ...]


class RememberedPeers:
    """Peer id -> addresses, the most recently met last; the oldest is forgotten beyond the bound.

    A file that does not parse is an error of the operator's, said at start and never overwritten.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._peers: OrderedDict[PeerId, tuple[str, ...]] = OrderedDict()
        self._saved: bytes = b""

    def load(self) -> None:
        """Read the file if there is one; raises ConfigError or StoreError."""
        if self._path is None:
            return
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error
        try:
            entries = msgspec.json.decode(text, type=list[_Entry])
        except msgspec.DecodeError as error:
            raise ConfigError(f"{self._path} is no list of peers: {error}") from error
        for entry in entries[-limits.PEERS_REMEMBERED_MAX :]:
            self._peers[PeerId(entry.peer)] = entry.addresses[: limits.DIAL_ADDRESSES_MAX]
        self._saved = text

    def note(self, peer: PeerId, addresses: Iterable[str]) -> None:
        """A peer was met at these addresses; without any, what is known of it stays."""
        known = tuple(dict.fromkeys(addresses))[: limits.DIAL_ADDRESSES_MAX]
        self._peers[peer] = known or self._peers.get(peer, ())
        self._peers.move_to_end(peer)
        while len(self._peers) > limits.PEERS_REMEMBERED_MAX:
            self._peers.popitem(last=False)

    def forget(self, peer: PeerId) -> None:
        """Drop a peer, for instance one that is this node itself."""
        self._peers.pop(peer, None)

    def peers(self) -> dict[PeerId, tuple[str, ...]]:
        """All of them, the most recently met last."""
        return dict(self._peers)

    def save(self) -> None:
        """Write the file if it changed; raises StoreError."""
        entries = [
            {"peer": peer, "addresses": list(addresses)}
            for peer, addresses in self._peers.items()
            if addresses
        ]
        text = json.dumps(entries, indent=1).encode()
        if self._path is None or text == self._saved:
            return
        temporary = self._path.with_suffix(".new")
        try:
            temporary.write_bytes(text)
            temporary.replace(self._path)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from error
        self._saved = text
