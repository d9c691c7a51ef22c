"""What is said over HTTP about what a command waits for; part of `covey.api.schema`."""

from __future__ import annotations

import msgspec

__all__ = ["WaitsReply"]


class WaitsReply(msgspec.Struct, frozen=True):
    """What joins and calls of a context wait for now, in a sentence, or empty."""

    waits_for: str
