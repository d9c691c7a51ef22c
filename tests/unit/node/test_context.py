"""What one context's driver takes in, and what it lets go."""

from __future__ import annotations

import pytest

from covey.model import ContextId, PeerId, Verdict, limits
from covey.node.context import ContextDriver
from covey.sync import Heard
from covey.testkit.identities import found, identity

pytestmark = pytest.mark.trio
PEER = PeerId("12D3KooWBen")


class _Busy:
    """A replica that takes every frame for news, and whose driver never gets to it."""

    context = ContextId(bytes(36))
    charter = found(identity("ann")).charter

    def verdict(self, envelope, now):
        """Everything is worth forwarding."""
        return Verdict.ACCEPT, Heard(Verdict.ACCEPT, delta=object())


async def test_frames_that_wait_are_bounded_in_bytes(monkeypatch):
    """A thousand frames of half a megabyte must not wait in memory for a slow disk."""
    monkeypatch.setattr(limits, "CONTEXT_HEARD_BYTES_MAX", 1_000)
    driver = ContextDriver(_Busy(), None, None, None, None)
    verdicts = [driver.validate(PEER, bytes(300)) for _ in range(5)]
    assert verdicts == [Verdict.ACCEPT] * 3 + [Verdict.IGNORE] * 2
    assert driver.validate(PEER, bytes(100)) is Verdict.ACCEPT
    item = await driver._inbox.receive()
    item.done()
    assert driver.validate(PEER, bytes(300)) is Verdict.ACCEPT
    assert driver.validate(PEER, bytes(1)) is Verdict.IGNORE
