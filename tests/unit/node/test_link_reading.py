"""When a link reads on: batches that wait are memory, of all peers together."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from covey.model import ContextId, PeerId, limits
from covey.node.link import Link
from covey.node.links import Links
from covey.sync import BatchDue, OpenBatch, Tick

pytestmark = pytest.mark.trio


class _Session:
    """One with a batch that waits, until it is opened."""

    peer = PeerId("12D3KooWBen")
    is_greeted = True
    unopened_bytes = 1

    def start(self):
        """Nothing is said."""
        return []

    def frame_bytes_max(self):
        """Any."""
        return limits.SYNC_FRAME_SIZE_BYTES_MAX

    def handle(self, event, now):
        """A tick finds that there is room for the batch."""
        if isinstance(event, OpenBatch):
            self.unopened_bytes = 0
        return [BatchDue(ContextId(bytes(36)))] if isinstance(event, Tick) else []


class _Stream:
    """Nothing comes; how often somebody began to read is counted."""

    def __init__(self) -> None:
        self.reads = 0

    async def receive(self, size_bytes_max):
        """Never."""
        self.reads += 1
        await trio.sleep_forever()

    async def close(self) -> None:
        """Closed."""


@pytest.mark.parametrize("is_crowded", [True, False])
async def test_nothing_more_is_read_of_who_has_something_in_a_crowd(is_crowded):
    """Each further frame may be of 5 MiB; what waits is still opened, and then it reads on."""
    stream = _Stream()
    link = Link(_Session(), stream, None, None, _Free(), lambda: is_crowded)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        await trio.testing.wait_all_tasks_blocked()
        assert stream.reads == (0 if is_crowded else 1)
        link.tell(Tick())
        await trio.testing.wait_all_tasks_blocked()
        assert stream.reads == 1
        nursery.cancel_scope.cancel()


class _Free:
    """A peer that costs nothing."""

    def spend(self, cpu_s):
        """No wait."""
        return 0.0


class _Holding:
    """A link with so much that waits."""

    def __init__(self, unopened_bytes: int) -> None:
        self.session = self
        self.unopened_bytes = unopened_bytes


async def test_crowd_is_counted_over_all_peers():
    """Eight that send as much as their credit lets them are none; a byte more is."""
    links = Links(host=None, driver_of=lambda context: None)
    for number in range(8):
        links._links[PeerId(str(number))] = _Holding(limits.SYNC_CREDIT_BYTES)
    assert not links._is_crowded()
    links._links[PeerId("more")] = _Holding(1)
    assert links._is_crowded()
