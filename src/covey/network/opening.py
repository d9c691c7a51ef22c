"""Puts a network together, runs it, and takes it apart in the right order."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
from libp2p.exceptions import BaseLibp2pError
from libp2p.network.connection import swarm_connection
from libp2p.peer.id import ID
from multiaddr import Multiaddr
from trio_typing import TaskStatus

from covey.errors import ConfigError, NodeError
from covey.model import PeerId
from covey.network.address import (
    host_and_port,
    parse_listen_address,
    parse_pinned_address,
    peer_id_of,
)
from covey.network.chronicle import BOOTSTRAP
from covey.network.config import NetworkConfig
from covey.network.connections import Connections
from covey.network.gossip import Gossip
from covey.network.lan import Lan
from covey.network.network import Network, OnStream
from covey.network.providers import Providers
from covey.network.punch import Puncher
from covey.network.relay_client import RelayClient
from covey.network.relay_server import RelayServer
from covey.network.remembered import RememberedPeers
from covey.network.swarm import build_host
from covey.network.transport import TcpTransport

if sys.version_info >= (3, 11):
    from builtins import BaseExceptionGroup
else:
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found,unused-ignore]

__all__ = ["OnPeer", "open_network"]

OnPeer = Callable[[PeerId], None]

_logger = logging.getLogger(__name__)
_SHUTDOWN_ERRORS = (BaseLibp2pError, trio.BrokenResourceError, trio.ClosedResourceError)


@asynccontextmanager
async def open_network(
    config: NetworkConfig,
    *,
    on_stream: OnStream,
    on_connected: OnPeer | None = None,
    on_disconnected: OnPeer | None = None,
) -> AsyncIterator[Network]:
    """A running network; leaving the block closes it.

    on_stream: serves one stream that a peer opened, which is closed when it returns.
    on_connected, on_disconnected: a peer's first connection, the end of its last; a peer that came
    back over a new connection is both. Raises ConfigError for bad addresses or a port in use, and
    whatever a callback raised (after the block has been cancelled).
    """
    listen = [parse_listen_address(text) for text in config.listen]
    for text in config.bootstrap:
        parse_pinned_address(text)
    remembered = RememberedPeers(config.peers_path)
    remembered.load()
    _quieten()
    network: Network | None = None
    try:
        async with trio.open_nursery() as nursery:
            services: trio.Nursery = await nursery.start(_host_services)

            def crash(error: Exception) -> None:
                services.start_soon(_raise, error)

            host, transport = build_host(config.seed, services)
            connections = Connections(services)
            host.get_network().register_notifee(connections)
            gossip = Gossip(host, config.seed, connections, crash)
            providers = Providers(host, connections)
            relays = RelayClient(host, connections, remembered, transport.door)
            puncher = Puncher(host, connections, transport.door)
            if config.is_relay:
                RelayServer(host, connections)
            network = Network(
                host, connections, gossip, providers, remembered, services, on_stream, crash
            )
            connections.watch(_told(on_connected, crash), _told(on_disconnected, crash))
            # Handlers are in place before anybody can connect.
            begins = (gossip.run, providers.run, relays.run, puncher.run, network.discovery.run)
            for service in begins:
                await services.start(service)
            network.pin(BOOTSTRAP, config.bootstrap)
            async with host.run(listen):
                try:
                    _require_listening(transport, listen)
                    await services.start(network.redial.run)
                    if config.is_on_lan:
                        await services.start(Lan(network).run)
                    yield network
                finally:
                    await network.close()
    except BaseExceptionGroup as group:
        _raise_what_matters(group, is_closed=network is not None and network.is_closed)


def _raise_what_matters(group: BaseExceptionGroup[BaseException], *, is_closed: bool) -> None:
    """Unwrap a single error (the caller's own, a callback's); drop those of stopping under traffic.

    py-libp2p raises what its tasks were doing when the connections closed below them.
    """
    leaves = _leaves(group)
    ours = [error for error in leaves if not isinstance(error, _SHUTDOWN_ERRORS)]
    for error in leaves:
        _logger.debug("network stopped", extra={"reason": repr(error)})
    if not ours and not is_closed:
        raise NodeError(f"the network stopped: {leaves[0]!r}") from leaves[0]
    if len(ours) > 1:
        raise group
    if ours:
        raise ours[0] from ours[0].__cause__


async def _host_services(*, task_status: TaskStatus[trio.Nursery]) -> None:
    async with trio.open_nursery() as services:
        task_status.started(services)
        await trio.sleep_forever()


async def _raise(error: Exception) -> None:
    raise error


def _told(
    callback: OnPeer | None, crash: Callable[[Exception], None]
) -> Callable[[ID], None] | None:
    """The callback, with its exceptions brought to the network's block instead of a log."""
    if callback is None:
        return None

    def tell(peer: ID) -> None:
        try:
            callback(peer_id_of(peer))
        except Exception as error:  # noqa: BLE001
            # py-libp2p would swallow it.
            crash(error)

    return tell


def _require_listening(transport: TcpTransport, listen: list[Multiaddr]) -> None:
    for address in listen:
        error = transport.listen_failures.get(str(address))
        if error is None:
            continue
        host, port = host_and_port(address)
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} on {host} is in use by another program") from error
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror}") from error


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found


def _quieten() -> None:
    """Keep py-libp2p's log to itself.

    `import libp2p` clears the handlers of its logger and leaves the last resort, standard error.
    One of its modules logs to the root logger, which installs a handler there unasked.
    """
    logger = logging.getLogger("libp2p")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)
    setattr(swarm_connection, "logging", logger.getChild("network.connection"))  # noqa: B010
