"""All sync streams of a node, and what goes from them to its contexts and back.

Of two peers the one with the smaller id opens the stream, so that there is one for each pair.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol, TypeAlias

import trio

from covey.errors import PeerUnavailable
from covey.model import Cid, ContextId, Delta, DeltaId, DeviceId, PeerId, limits
from covey.network import FrameStream, Misdeed, Network
from covey.node.asking import Answers, Asking
from covey.node.context import ContextDriver
from covey.node.costs import CostTable
from covey.node.link import Link
from covey.sync import (
    AdmissionAsked,
    AdmissionTold,
    AnswerAdmission,
    AskBlob,
    AskCharter,
    AskDeltas,
    AskFrontiers,
    AskPeers,
    BlobTold,
    CharterAnswered,
    Close,
    Compared,
    Consumed,
    ContextOpened,
    DeltaDelivered,
    PeerCompared,
    PeerLeft,
    PeersHeard,
    Session,
    SessionEffect,
    SessionEvent,
    SessionHost,
    Shared,
    TellFrontier,
    Use,
)

__all__ = ["Links"]

# Of all peers: as much as the sources of one context may have under way.
_UNOPENED_BYTES_MAX: Final = limits.SYNC_SOURCES_MAX * limits.SYNC_CREDIT_BYTES
_logger = logging.getLogger(__name__)
_RETRY_S_MAX = 60.0
_NEWER = "unknown-version"  # a peer of a later version means no harm


_Key: TypeAlias = "tuple[str, PeerId, *tuple[bytes, ...]]"
"""A question: its kind, whom it is put to, and what it names."""


class _Waiter:
    """Somebody who waits for an answer; none where the stream ended."""

    def __init__(self) -> None:
        self.ended = trio.Event()
        self.answers: list[object] = []


class _Drivers(Protocol):
    def __call__(self, context: ContextId) -> ContextDriver | None: ...


class Links:
    """The streams to all peers; made before the network, told of it by `attach`.

    on_peers: told what a peer says of others.
    """

    def __init__(self, host: SessionHost, driver_of: _Drivers) -> None:
        self.on_peers: Callable[[PeerId, PeersHeard], None] = lambda _, __: None
        self._host = host
        self._driver_of = driver_of
        self._links: dict[PeerId, Link] = {}
        self._network: Network | None = None
        self._nursery: trio.Nursery | None = None
        self._attached = trio.Event()
        self._opening: dict[PeerId, trio.CancelScope] = {}
        self._waiters: dict[_Key, list[_Waiter]] = {}
        self._costs = CostTable(time.monotonic)
        self._rng = random.Random()  # noqa: S311 - jitter and the choice of whom to ask
        self.asking = Asking(self._rng)

    def attach(self, network: Network, nursery: trio.Nursery) -> None:
        """Begin: the network is there; tasks live in the nursery."""
        self._network, self._nursery = network, nursery
        self._attached.set()
        nursery.start_soon(self._watch_sources)
        for peer in network.connected():
            self.on_connected(peer)

    def detach(self) -> None:
        """Begin nothing any more: the nursery is about to close, and peers may still connect."""
        self._nursery = None

    # -- peers ---

    def on_connected(self, peer: PeerId) -> None:
        """A peer is connected: open the stream if that is this side's part."""
        if self._network is None or self._nursery is None or self._network.peer_id > peer:
            return
        if peer not in self._opening:
            self._opening[peer] = trio.CancelScope()
            self._nursery.start_soon(self._keep_open, peer, self._opening[peer])

    def on_disconnected(self, peer: PeerId) -> None:
        """A peer's last connection ended."""
        scope = self._opening.pop(peer, None)
        if scope is not None:
            scope.cancel()
        link = self._links.get(peer)
        if link is not None:
            link.close()

    async def serve(self, peer: PeerId, stream: FrameStream) -> None:
        """Serve a stream that a peer opened, once this node is ready: peers may be quicker."""
        await self._attached.wait()
        assert self._network is not None
        if self._network.peer_id < peer:
            return  # Opening is this side's part: a second stream has no use.
        await self._run(peer, stream)

    async def _keep_open(self, peer: PeerId, scope: trio.CancelScope) -> None:
        assert self._network is not None
        wait_s = limits.LINK_RETRY_S
        with scope:
            while True:
                began_s = trio.current_time()
                try:
                    await self._run(peer, await self._network.open_stream(peer))
                except PeerUnavailable as error:
                    _logger.debug("no sync stream", extra={"peer": peer, "why": str(error)})
                if trio.current_time() - began_s > _RETRY_S_MAX:
                    wait_s = limits.LINK_RETRY_S
                await trio.sleep(wait_s * self._rng.uniform(0.5, 1.0))
                wait_s = min(2 * wait_s, _RETRY_S_MAX)

    async def _run(self, peer: PeerId, stream: FrameStream) -> None:
        assert self._network is not None
        costs = self._costs.of(peer)
        nonce = secrets.token_bytes(32)
        session = Session(self._host, self._network.peer_id, peer, nonce, costs.requests)
        link = Link(session, stream, self._carry_out, self._ask_frontiers, costs, self._is_crowded)
        older = self._links.get(peer)
        if older is not None:
            older.close()
            self._end(older)  # Before the new one begins: what it was asked for is open again.
        self._links[peer] = link
        try:
            await link.run()
        finally:
            if self._links.get(peer) is link:
                del self._links[peer]
                self._leave_unanswered(peer)
                self._end(link)
                for context in session.shared():
                    driver = self._driver_of(context)
                    if driver is not None:
                        driver.deliver_soon(PeerLeft(peer))
                    self.offer(context)

    def _end(self, link: Link) -> None:
        """A stream is over: have others asked for what it was to bring."""
        for effect in link.session.end(time.time()):
            assert isinstance(effect, AskFrontiers)
            self._ask_frontiers(effect)

    def _is_crowded(self) -> bool:
        waiting_bytes = sum(link.session.unopened_bytes for link in self._links.values())
        return waiting_bytes > _UNOPENED_BYTES_MAX

    def misbehaved(self, peer: PeerId, code: str) -> None:
        """A peer sent what it should have known to be wrong; too often, and it is refused."""
        self._blame(peer, code, Misdeed.WRONG_DELTA)

    def _blame(self, peer: PeerId, code: str, misdeed: Misdeed) -> None:
        _logger.info("peer misbehaved", extra={"peer": peer, "code": code})
        if self._network is not None and self._nursery is not None:
            self._network.blame(peer, misdeed)

    # -- contexts ---

    def context_opened(self, context: ContextId) -> None:
        """A context is held now, or its ledger is there: tell every peer's session."""
        for link in tuple(self._links.values()):
            link.tell(ContextOpened(context))

    def offer(self, context: ContextId) -> None:
        """More peers may see a context, or there is a place for one: show it, oldest link first.

        Whoever has proved to know it takes a place at once, so that there is none for the next.
        """
        for link in tuple(self._links.values()):
            if not link.session.has_shown(context):
                link.tell(ContextOpened(context))

    def cut(self, peers: Iterable[PeerId]) -> None:
        """Begin the streams to these peers anew: what they have seen, they may not see any more."""
        for peer in peers:
            link = self._links.get(peer)
            if link is not None:
                link.cut()

    def shown(self, context: ContextId) -> tuple[PeerId, ...]:
        """Peers that have this node's proof for a context, in order of their streams."""
        return tuple(p for p, link in self._links.items() if link.session.has_shown(context))

    def sharing_by_age(self, context: ContextId) -> tuple[PeerId, ...]:
        """As `sharing`, the oldest stream first."""
        return tuple(p for p, link in self._links.items() if context in link.session.shared())

    def sharing(self, context: ContextId) -> tuple[PeerId, ...]:
        """Peers that proved to know a context, in order of their ids."""
        return tuple(sorted(self.sharing_by_age(context)))

    def device(self, peer: PeerId, context: ContextId) -> DeviceId | None:
        """The device that a peer proved to hold in a context."""
        link = self._links.get(peer)
        return None if link is None else link.session.device(context)

    def shared_with(self, peer: PeerId) -> tuple[ContextId, ...]:
        """The contexts that a peer proved to know."""
        link = self._links.get(peer)
        return () if link is None else link.session.shared()

    def linked(self) -> tuple[PeerId, ...]:
        """Peers with a stream."""
        return tuple(sorted(self._links))

    # -- questions to peers ---

    def ask_deltas(self, context: ContextId, peer: PeerId | None, ids: tuple[DeltaId, ...]) -> None:
        """Ask a peer for deltas; any that shares the context where it is not linked."""
        sharing = self.sharing(context)
        if not sharing:
            return
        chosen = peer if peer in sharing else self._rng.choice(sharing)
        assert chosen is not None
        self._links[chosen].tell(AskDeltas(context, ids))

    def ask_peers(self, peer: PeerId, context: ContextId) -> None:
        """Ask a peer for others that share a context."""
        link = self._links.get(peer)
        if link is not None:
            link.tell(AskPeers(context))

    async def fetch_blob(self, context: ContextId, cid: Cid) -> bytes:
        """A blob from any peer that shares the context; asks until one has it."""

        def ask(peer: PeerId) -> Awaitable[Answers]:
            return self._ask_one(
                peer, ("blob", peer, context, cid), AskBlob(context, cid), limits.ASK_S
            )

        return await self.asking.first(lambda: self.sharing(context), ask)

    async def fetch_charter(self, topic: bytes) -> bytes:
        """The charter of an open context by its topic, from any peer; asks until one has it."""

        def ask(peer: PeerId) -> Awaitable[Answers]:
            return self._ask_one(peer, ("charter", peer, topic), AskCharter(topic), limits.ASK_S)

        return await self.asking.first(self.linked, ask)

    async def ask_admission(self, peer: PeerId, event: SessionEvent, context: ContextId) -> str:
        """Ask one member's node to admit this device: why not, or empty."""
        reasons = await self._ask_one(peer, ("admit", peer, context), event, limits.JOIN_ASK_S)
        if not reasons:
            self.asking.note(peer, has_helped=False)
        return str(reasons[0]) if reasons else "no answer"

    async def _ask_one(
        self, peer: PeerId, key: _Key, event: SessionEvent, wait_s: float
    ) -> Answers:
        link = self._links.get(peer)
        if link is None:
            return ()
        waiter = _Waiter()
        self._waiters.setdefault(key, []).append(waiter)
        link.tell(event)
        try:
            with trio.move_on_after(wait_s):
                await waiter.ended.wait()
        finally:
            waiting = self._waiters.get(key, [])
            if waiter in waiting:
                waiting.remove(waiter)
            if not waiting:
                self._waiters.pop(key, None)
        return tuple(waiter.answers)

    def _answer(self, key: _Key, *answers: object) -> None:
        for waiter in self._waiters.pop(key, []):
            waiter.answers += answers
            waiter.ended.set()

    def _leave_unanswered(self, peer: PeerId) -> None:
        """A stream ended: what was asked on it is asked anew, of whomever."""
        for key in [key for key in self._waiters if key[1] == peer]:
            self._answer(key)

    # -- effects of sessions ---

    async def _watch_sources(self) -> None:
        """Have others asked where a peer that was asked is silent."""
        while True:
            await trio.sleep(limits.SYNC_SOURCE_SILENT_S / 2)
            for context in self._host.contexts():
                sources = self._host.sources(context)
                sources.tick(time.time())
                self._ask_frontiers(AskFrontiers(context, sources.due()))

    def _ask_frontiers(self, asked: AskFrontiers) -> None:
        for peer, share in asked.due:
            link = self._links.get(peer)
            if link is not None:
                link.tell(TellFrontier(asked.context, share))

    async def _carry_out(self, link: Link, effect: SessionEffect) -> None:
        match effect:
            case DeltaDelivered(context, delta):
                await self._deliver(link, context, delta)
            case Compared(context, frontier, state, missing):
                driver = self._driver_of(context)
                device = link.session.device(context)
                # Only a member's word counts in the status.
                if driver is not None and device and driver.replica.is_member(device):
                    await driver.deliver(PeerCompared(link.peer, frontier, state, missing, device))
            case BlobTold(context, cid, content):
                self._answer(("blob", link.peer, context, cid), content)
            case CharterAnswered(topic, charter):
                self._answer(("charter", link.peer, topic), charter)
            case AdmissionTold(context, reason):
                self._answer(("admit", link.peer, context), reason)
            case AdmissionAsked(context, certificate, join):
                driver = self._driver_of(context)
                if driver is None:
                    link.tell(AnswerAdmission(context, "not here"))
                    return
                driver.request_admission(
                    certificate, join, lambda why: link.tell(AnswerAdmission(context, why))
                )
            case Close(code):
                if code and code != _NEWER:
                    self._blame(link.peer, code, Misdeed.WRONG_STREAM)
            case PeersHeard():
                self.on_peers(link.peer, effect)
            case Shared(context):
                _logger.debug("context shared", extra={"peer": link.peer})
                self.ask_peers(link.peer, context)

    async def _deliver(self, link: Link, context: ContextId, delta: Delta) -> None:
        def done(use: Use) -> None:
            link.tell(Consumed(context, len(delta.frame), use))

        driver = self._driver_of(context)
        if driver is None:
            done(Use.NONE)
            return
        await driver.deliver_delta(delta, link.peer, done)
