"""Puts a node together from its adapters, runs it, and takes it apart in the right order."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import trio
from trio_typing import TaskStatus

from covey import __version__
from covey.errors import ConfigError, PeerUnavailable, ProtocolViolation
from covey.model import PeerId, ReleaseId
from covey.network import FrameStream, Network, NetworkConfig, open_network
from covey.node.auditor import Auditor
from covey.node.contexts import Contexts
from covey.node.engines import DEFAULT_CHOICE, EngineChoice
from covey.node.home import Home, Ports
from covey.node.interface import NodeService
from covey.node.records import Records
from covey.node.service import Node
from covey.runtime import InstalledModule, ModuleCache, open_executor
from covey.store import open_level

__all__ = ["Serve", "open_node", "parse_api_address", "run"]

_logger = logging.getLogger(__name__)
_LISTEN_ANY = ("/ip4/0.0.0.0/tcp/0",)
_API_ANY = "127.0.0.1:0"
_STOP_S = 8.0


class Serve(Protocol):
    """Serves a node's API: calls `task_status.started((host, port))` when it listens."""

    def __call__(
        self,
        service: NodeService,
        *,
        host: str,
        port: int,
        token: str,
        task_status: TaskStatus[tuple[str, int]],
    ) -> Awaitable[None]: ...


@asynccontextmanager
async def open_node(
    home: Home,
    *,
    listen: Sequence[str] = (),
    bootstrap: Sequence[str] = (),
    engines: EngineChoice = DEFAULT_CHOICE,
    is_relay: bool = False,
    is_on_lan: bool = False,
) -> AsyncIterator[Node]:
    """A running node without an API; leaving the block stops it.

    The caller holds the home's lock. listen: multiaddrs; the last ones, or any port at the first
    start, if none is given. engines: which code runs on which engine. is_relay, is_on_lan: as of
    `NetworkConfig`.
    Raises ConfigError, also for an engine that this Python does not have, and StoreError.
    """
    engines.require_available()
    ports = home.ports()
    addresses = tuple(listen) or _kept(ports) or _LISTEN_ANY
    store = open_level(home.path / "store")
    try:
        records = Records(store)
        cache = ModuleCache(home.path / "cache" / "modules", home.cache_key())
        load = partial(_load, records, engines)
        async with open_executor(load, cache=cache) as executor:
            contexts = Contexts(home, store, records, executor, engines)
            beside = partial(open_executor, load, cache=cache)
            auditor = Auditor(store, beside, home.path / "cache")
            config = NetworkConfig(
                seed=home.peer_seed(),
                listen=addresses,
                bootstrap=tuple(bootstrap),
                peers_path=home.path / "peers.json",
                is_relay=is_relay,
                is_on_lan=is_on_lan,
            )
            async with _network_of(contexts, config) as network:
                home.keep_ports(Ports(_chosen(addresses, network.addresses), ports.api))
                async with trio.open_nursery() as nursery:
                    await contexts.attach(network, nursery)
                    try:
                        yield Node(
                            member=home.member().public,
                            version=__version__,
                            store=store,
                            records=records,
                            executor=executor,
                            engines=engines,
                            contexts=contexts,
                            network=network,
                            auditor=auditor,
                        )
                    finally:
                        contexts.links.detach()
                        nursery.cancel_scope.cancel()
    finally:
        store.close()


def _network_of(contexts: Contexts, config: NetworkConfig) -> AbstractAsyncContextManager[Network]:
    return open_network(
        config,
        on_stream=partial(_serve_stream, contexts),
        on_connected=contexts.links.on_connected,
        on_disconnected=contexts.links.on_disconnected,
    )


async def run(
    path: Path,
    *,
    listen: Sequence[str],
    bootstrap: Sequence[str],
    api: str | None,
    engines: EngineChoice = DEFAULT_CHOICE,
    is_relay: bool = False,
    is_on_lan: bool = False,
    serve: Serve,
    on_ready: Callable[[NodeService, str], None],
) -> None:
    """Run a node with its API until it is told to stop. api: HOST:PORT on this machine.

    on_ready: told the service and the API's address when everything listens.
    Raises HomeBusy, ConfigError, StoreError.
    """
    home = Home.open(path)
    host, port = parse_api_address(api or home.ports().api or _API_ANY)
    with home.lock():
        async with (
            open_node(
                home,
                listen=listen,
                bootstrap=bootstrap,
                engines=engines,
                is_relay=is_relay,
                is_on_lan=is_on_lan,
            ) as node,
            trio.open_nursery() as nursery,
        ):
            start = partial(serve, node, host=host, port=port, token=home.token())
            bound_host, bound_port = await nursery.start(start)
            address = f"http://{bound_host}:{bound_port}"
            home.keep_ports(Ports(home.ports().listen, f"{bound_host}:{bound_port}"))
            with home.announced_api(address):
                on_ready(node, address)
                await node.stopping.wait()
            nursery.cancel_scope.cancel()


def parse_api_address(text: str) -> tuple[str, int]:
    """Where the API listens, as HOST:PORT on this machine; raises ConfigError."""
    host, _, port = text.rpartition(":")
    if host not in ("127.0.0.1", "localhost") or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{text!r} is not an API address such as 127.0.0.1:4040 on this machine")
    return "127.0.0.1", int(port)


async def _serve_stream(contexts: Contexts, peer: PeerId, stream: FrameStream) -> None:
    try:
        await contexts.links.serve(peer, stream)
    except (PeerUnavailable, ProtocolViolation) as error:
        _logger.debug("sync stream ended", extra={"peer": peer, "why": str(error)})


def _load(records: Records, engines: EngineChoice, release: ReleaseId) -> InstalledModule | None:
    application = records.application(release)
    if application is None:
        return None
    engine = engines.engine_for(release, application.manifest)
    return InstalledModule(records.module(release), engine)


def _kept(ports: Ports) -> tuple[str, ...]:
    """The listen addresses of the last start; an older version kept a peer id with them."""
    return tuple(address.partition("/p2p/")[0] for address in ports.listen)


def _chosen(wanted: tuple[str, ...], bound: tuple[str, ...]) -> tuple[str, ...]:
    """The listen addresses with the ports that were found for them."""
    ports = [address.split("/tcp/")[1].split("/")[0] for address in bound if "/tcp/" in address]
    chosen = []
    for place, address in enumerate(wanted):
        is_open = address.endswith("/tcp/0") and ports
        port = ports[min(place, len(ports) - 1)] if is_open else ""
        chosen.append(address.removesuffix("0") + port if is_open else address)
    return tuple(chosen)
