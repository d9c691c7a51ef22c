"""Real networks on loopback for the tests of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest
import trio

from covey.model import PeerId, Verdict
from covey.network import FrameStream, Network, NetworkConfig, open_network
from tests.integration.commanded import Commanded

LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
PATIENCE_S = 20.0


async def _until(fact: Callable[[], object]) -> None:
    """Wait for something that real sockets bring about in their own time."""
    with trio.fail_after(PATIENCE_S):
        while not fact():  # noqa: ASYNC110 -- the fact is another host's doing
            await trio.sleep(0.005)


@pytest.fixture
def until():
    return _until


async def _echo(peer: PeerId, stream: FrameStream) -> None:
    from covey.errors import PeerUnavailable

    with contextlib.suppress(PeerUnavailable):
        while True:
            await stream.send(await stream.receive())


def _open(
    number: int,
    *,
    on_stream=_echo,
    listen=LOOPBACK,
    bootstrap=(),
    peers_path=None,
    is_relay=False,
    **notices,
):
    config = NetworkConfig(
        seed=bytes([number]) * 32,
        listen=listen,
        bootstrap=bootstrap,
        peers_path=peers_path,
        is_relay=is_relay,
    )
    return open_network(config, on_stream=on_stream, **notices)


@pytest.fixture
def open_node():
    """`open_node(number, …)`: a network whose identity is the number."""
    return _open


@pytest.fixture
def open_nodes():
    """`open_nodes(count)`: that many networks, each connected to all others."""

    @contextlib.asynccontextmanager
    async def opened(count: int, *, is_line: bool = False) -> AsyncIterator[list[Network]]:
        async with contextlib.AsyncExitStack() as stack:
            nodes = [await stack.enter_async_context(_open(n + 1)) for n in range(count)]
            for index, node in enumerate(nodes):
                others = nodes[max(0, index - 1) : index] if is_line else nodes[:index]
                for other in others:
                    await node.dial(other.addresses[0])
            yield nodes

    return opened


class Collector:
    """A validator that keeps what it saw, for one node."""

    def __init__(self, verdict: Verdict = Verdict.ACCEPT) -> None:
        self.verdict = verdict
        self.frames: list[bytes] = []
        self.senders: list[PeerId] = []

    def __call__(self, peer: PeerId, frame: bytes) -> Verdict:
        self.frames.append(frame)
        self.senders.append(peer)
        return self.verdict


@pytest.fixture
def collector():
    return Collector


class Program(Commanded):
    """A node in its own process, asked without holding up this one."""

    def __init__(self, number: int, *, listen: str = LOOPBACK[0], peers: str = "") -> None:
        super().__init__("tests.integration.network.program", str(number), listen, peers)

    @property
    def listen(self) -> str:
        return self.address.split("/p2p/")[0]

    async def ask(self, command: str, **arguments: object) -> dict:
        return await trio.to_thread.run_sync(partial(super().ask, command, **arguments))

    async def until(self, command: str, fact: Callable[[dict], bool], **arguments: object) -> None:
        """Ask until the answer says so."""
        with trio.fail_after(PATIENCE_S):
            while not fact(await self.ask(command, **arguments)):  # noqa: ASYNC110 -- as above
                await trio.sleep(0.02)


@pytest.fixture
def start_program() -> Iterator[Callable[..., Program]]:
    """`start_program(number, …)`: a node in another process; killed after the test."""
    started: list[Program] = []

    def start(number: int, **options: str) -> Program:
        started.append(Program(number, **options))
        return started[-1]

    yield start
    for program in started:
        program.close()
