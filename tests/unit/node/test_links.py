"""The streams to all peers, at the edges of a node's life."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from covey.errors import PeerUnavailable
from covey.model import PeerId, limits
from covey.node.links import Links

pytestmark = pytest.mark.trio


class _Alone:
    """A network with nobody on it yet."""

    peer_id = PeerId("12D3KooWAda")

    def connected(self):
        """Nobody."""
        return ()


async def test_a_peer_that_connects_while_the_node_stops_is_left_alone():
    """The network outlives the links' nursery by a moment; a task begun then stopped the node."""
    links = Links(host=None, driver_of=lambda context: None)
    async with trio.open_nursery() as nursery:
        links.attach(_Alone(), nursery)
        links.detach()
        nursery.cancel_scope.cancel()
    links.on_connected(PeerId("12D3KooWBen"))
    for _ in range(100):
        links.misbehaved(PeerId("12D3KooWBen"), "flood")


async def test_a_stream_that_a_peer_opens_before_the_node_is_ready_waits():
    """Peers redial within half a second: a node that came back stopped at such a stream."""
    links = Links(host=None, driver_of=lambda context: None)
    served = trio.Event()

    async def serve() -> None:
        await links.serve(PeerId("12D3KooWZoe"), None)  # opening it is this side's part: it ends
        served.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        await trio.testing.wait_all_tasks_blocked()
        assert not served.is_set()
        links.attach(_Alone(), nursery)
        with trio.fail_after(5):
            await served.wait()
        nursery.cancel_scope.cancel()


class _Silent:
    """A link on which nothing is answered."""

    def tell(self, event) -> None:
        """Told in vain."""


async def test_question_ends_with_the_stream_that_it_was_put_on(autojump_clock):
    """A peer that came back was not asked again until all patience with it was at an end."""
    links = Links(host=None, driver_of=lambda context: None)
    ben = PeerId("12D3KooWBen")
    links._links[ben] = _Silent()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(links.fetch_charter, bytes(32))
        await trio.testing.wait_all_tasks_blocked()
        (key,) = links._waiters
        links._leave_unanswered(ben)
        assert not links._waiters
        await trio.sleep(limits.ASK_REST_S + limits.ASK_NEXT_S)
        assert list(links._waiters) == [key], "asked anew"
        nursery.cancel_scope.cancel()
    assert not links._waiters


class _Ending:
    """A link whose stream somebody replaces by another one."""

    def __init__(self) -> None:
        self.session = self
        self.ended: list[str] = []

    def end(self, now) -> list[object]:
        """What the session says at its end."""
        self.ended.append("session")
        return []

    def close(self) -> None:
        """Its stream ends soon."""
        self.ended.append("stream")


class _Broken:
    """A stream on which nothing comes."""

    async def receive(self, size_bytes_max):
        """The peer is gone."""
        raise PeerUnavailable("gone")

    async def send(self, frame) -> None:
        """Into nothing."""

    async def close(self) -> None:
        """Closed."""


async def test_what_a_replaced_stream_was_asked_for_is_open_again():
    """A peer that opened a second stream kept a context from being asked of anybody else."""
    links = Links(host=_NoContexts(), driver_of=lambda context: None)
    zoe, older = PeerId("12D3KooWAaa"), _Ending()
    async with trio.open_nursery() as nursery:
        links.attach(_Alone(), nursery)
        links._links[zoe] = older
        await links.serve(zoe, _Broken())
        nursery.cancel_scope.cancel()
    assert sorted(older.ended) == ["session", "stream"]


class _NoContexts:
    """A node that holds nothing."""

    def contexts(self):
        """None."""
        return ()
