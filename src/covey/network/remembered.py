"""Peers remembered over restarts: a small JSON file, written whole and renamed."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from covey.errors import ConfigError, StoreError
from covey.model import PeerId, limits

__all__ = ["Remembered", "RememberedPeers"]

_logger = logging.getLogger(__name__)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    peer: str
    addresses: tuple[str, ...]
    place: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one peer.

    place: where it was connected from last, as of `hearsay.place`; empty if that is not known.
    is_chosen: the operator named it, with a ticket, an option or a setting.
    """

    addresses: tuple[str, ...] = ()
    place: str = ""
    is_chosen: bool = False


class RememberedPeers:
    """Peer id -> what is kept of it, the most recently met last; beyond the bound the oldest goes.

    A file that does not parse is an error of the operator's, said at start and never overwritten.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._peers: OrderedDict[PeerId, Remembered] = OrderedDict()
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
            addresses = entry.addresses[: limits.DIAL_ADDRESSES_MAX]
            self._peers[PeerId(entry.peer)] = Remembered(addresses, entry.place, entry.chosen)
        self._saved = text

    def note(self, peer: PeerId, addresses: Iterable[str], place: str = "") -> None:
        """A peer was met at these addresses; without any, what is known of it stays."""
        known = self._peers.get(peer, Remembered())
        told = tuple(dict.fromkeys(addresses))[: limits.DIAL_ADDRESSES_MAX]
        self._keep(
            peer, replace(known, addresses=told or known.addresses, place=place or known.place)
        )

    def choose(self, peer: PeerId) -> None:
        """The operator named this peer."""
        self._keep(peer, replace(self._peers.get(peer, Remembered()), is_chosen=True))

    def is_chosen(self, peer: PeerId) -> bool:
        """The operator named this peer once."""
        return self._peers.get(peer, Remembered()).is_chosen

    def forget(self, peer: PeerId) -> None:
        """Drop a peer, for instance one that is this node itself."""
        self._peers.pop(peer, None)

    def peers(self) -> dict[PeerId, Remembered]:
        """All of them, the most recently met last."""
        return dict(self._peers)

    def save(self) -> None:
        """Write the file if it changed; raises StoreError."""
        entries = [
            {
                "peer": peer,
                "addresses": list(kept.addresses),
                "place": kept.place,
                "chosen": kept.is_chosen,
            }
            for peer, kept in self._peers.items()
            if kept.addresses
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

    def _keep(self, peer: PeerId, kept: Remembered) -> None:
        self._peers[peer] = kept
        self._peers.move_to_end(peer)
        while len(self._peers) > limits.PEERS_REMEMBERED_MAX:
            self._peers.popitem(last=False)
