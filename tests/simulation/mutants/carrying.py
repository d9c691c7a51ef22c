"""Bugs on the way between nodes: what waits, is asked for, streamed and held back."""

from __future__ import annotations

from typing import Any

import pytest

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
    _only_once(patch, "restart")
    _only_once(patch, "narrow")


def _only_once(patch: pytest.MonkeyPatch, name: str) -> None:
    original = getattr(Stream, name)
    compared: dict[Stream, None] = {}

    def once(self: Stream, *args: Any) -> None:
        if self not in compared:
            compared[self] = None
            original(self, *args)

    patch.setattr(Stream, name, once)


def never_grant_again(patch: pytest.MonkeyPatch) -> None:
    """The credit that a peer has used up is not given back."""
    patch.setattr(Channel, "grant", lambda *_: [])


def leave_gaps_in_streams(patch: pytest.MonkeyPatch) -> None:
    """Some deltas are never sent on a stream, neither by themselves nor when they are asked for."""
    original = Channel._batch

    def batch(self: Channel, frames: list[bytes]) -> Any:
        return original(self, [frame for frame in frames if sum(frame) % 2])

    patch.setattr(Channel, "_batch", batch)


def never_stream(patch: pytest.MonkeyPatch) -> None:
    """What a peer lacks is compared, and not sent."""
    patch.setattr(Stream, "restart", lambda *_: None)
    patch.setattr(Stream, "narrow", lambda *_: None)
