"""What a network is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["NetworkConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """What a network is made of.

    seed: 32 bytes of the node's Ed25519 identity. listen, bootstrap: multiaddrs, the latter with
    `/p2p/`. peers_path: where peers are remembered over restarts, nowhere if None. is_relay: it
    carries the traffic of peers that cannot dial each other. is_on_lan: it is announced on the
    local network, and dials who else is.
    """

    seed: bytes
    listen: tuple[str, ...] = ("/ip4/0.0.0.0/tcp/0",)
    bootstrap: tuple[str, ...] = ()
    peers_path: Path | None = None
    is_relay: bool = False
    is_on_lan: bool = False
