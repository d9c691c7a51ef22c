"""What is said over HTTP about what was refused and audited; part of `covey.api.schema`."""

from __future__ import annotations

import msgspec

__all__ = ["AuditLine", "ProofReply", "RefusedReply", "RefusedRow"]


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a member's device signed and nobody may apply. code, reason: why.

    size_bytes: of the signed delta, which is the proof; 0 where it is not kept.
    """

    delta: str
    author: str
    code: str
    reason: str
    size_bytes: int


class RefusedReply(msgspec.Struct, frozen=True):
    """What was refused, by device; of each the first ones are kept."""

    rows: tuple[RefusedRow, ...]


class ProofReply(msgspec.Struct, frozen=True):
    """A refused delta as it was signed, in hex."""

    frame: str


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """How far an audit is. deltas: that hold so far; of: all. calls: run again.

    is_done: nothing comes after this line; holds: then, whether everything does, and digest is
    that of the state. delta, author, arrival, code, reason: the first that does not hold.
    """

    deltas: int
    of: int
    calls: int
    is_done: bool
    holds: bool
    digest: str
    delta: str
    author: str
    arrival: int
    code: str
    reason: str
