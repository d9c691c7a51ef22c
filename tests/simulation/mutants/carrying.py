"""Bugs on the way between nodes: what waits, is asked for, streamed and held back."""

from __future__ import annotations

from typing import Any

import pytest

from covey.model import Frontier, limits
from covey.sync.pending import Pending
from covey.sync.session.channel import Channel
from covey.sync.session.streaming import Stream


def never_shed(patch: pytest.MonkeyPatch) -> None:
    """The buffer of deltas that wait has no bounds."""
    patch.setattr(Pending, "_shed", lambda *_: None)


def never_count_down(patch: pytest.MonkeyPatch) -> None:
    """What has left the buffer still counts against its device and peer."""
    patch.setattr(Pending, "_count_down", staticmethod(lambda *_: None))


def never_compare_again(patch: pytest.MonkeyPatch) -> None:
    """A session learns what its peer lacks when it begins, and never again."""
    original = Stream.restart
    compared: dict[Stream, None] = {}

    def restart(self: Stream, theirs: Frontier) -> None:
        if self not in compared:
            compared[self] = None
            original(self, theirs)

    patch.setattr(Stream, "restart", restart)


def never_grant_again(patch: pytest.MonkeyPatch) -> None:
    """The credit that a peer has used up is not given back."""
    _lend_little(patch)
    patch.setattr(Channel, "grant", lambda *_: [])


def _lend_little(patch: pytest.MonkeyPatch) -> None:
    # What a seed streams would never use up the credit of a real node. With this alone all heal.
    original = Channel.__init__

    def init(self: Channel, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.credit_bytes = limits.SYNC_CREDIT_BYTES

    patch.setattr(limits, "SYNC_CREDIT_BYTES", 16 * limits.KIB)
    patch.setattr(Channel, "__init__", init)


def leave_gaps_in_streams(patch: pytest.MonkeyPatch) -> None:
    """A stream leaves out the first delta of each page."""
    original = Stream.page

    def page(self: Stream) -> Any:
        return iter(list(original(self))[1:])

    patch.setattr(Stream, "page", page)


def never_stream(patch: pytest.MonkeyPatch) -> None:
    """What a peer lacks is compared, and not sent."""
    patch.setattr(Stream, "restart", lambda *_: None)
