"""covey's side of the conversations: a real network on loopback, and what it heard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import trio

from covey.errors import PeerUnavailable
from covey.model import PeerId, Verdict
from covey.network import FrameStream, Network, NetworkConfig, open_network

__all__ = ["Inbox", "open_covey", "until"]

PATIENCE_S = 60.0


class Inbox:
    """A validator that accepts and keeps what it saw."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def __call__(self, peer: PeerId, frame: bytes) -> Verdict:
        del peer
        self.frames.append(frame)
        return Verdict.ACCEPT


def open_covey(
    number: int, *, bootstrap: tuple[str, ...] = ()
) -> AbstractAsyncContextManager[Network]:
    """A network whose identity is the number; it echoes what comes on streams."""
    config = NetworkConfig(
        seed=bytes([number]) * 32, listen=("/ip4/127.0.0.1/tcp/0",), bootstrap=bootstrap
    )
    return open_network(config, on_stream=_echo)


async def until(fact: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait for something that real sockets bring about in their own time."""
    with trio.fail_after(patience_s):
        while not fact():  # noqa: ASYNC110 -- the fact is another process's doing
            await trio.sleep(0.005)


async def _echo(peer: PeerId, stream: FrameStream) -> None:
    del peer
    with contextlib.suppress(PeerUnavailable):
        while True:
            await stream.send(await stream.receive())
