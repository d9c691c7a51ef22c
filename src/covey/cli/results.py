"""What commands print with `--json`, where it is not a reply of the node as it is."""

from __future__ import annotations

import msgspec

from covey.api.history_schema import RefusedRow
from covey.api.rules_schema import ConstraintForm
from covey.api.schema import AppliedRow

__all__ = [
    "ApproveResult",
    "BuildResult",
    "CallResult",
    "IdResult",
    "InitResult",
    "LeaveResult",
    "LogResult",
    "NewResult",
    "PackResult",
    "QueryResult",
    "ReleaseContext",
    "ReleaseResult",
    "RunResult",
    "VersionResult",
    "VoteResult",
    "WatchLine",
]


class _Result(msgspec.Struct, frozen=True):
    """One JSON object."""


class InitResult(_Result, frozen=True):
    """`covey init`."""

    peer_id: str
    member: str


class RunResult(_Result, frozen=True):
    """`covey run`, when everything listens."""

    peer_id: str
    addresses: tuple[str, ...]
    api: str


class VersionResult(_Result, frozen=True):
    """`covey version`."""

    version: str
    python: str


class IdResult(_Result, frozen=True):
    """`covey app install` and `covey context create`."""

    id: str


class LeaveResult(_Result, frozen=True):
    """`covey context leave`. closed: whether this device was closed there, by `delta`.

    undone: what of leaving was not done, in a sentence, or empty.
    """

    id: str
    left: bool
    closed: bool
    delta: str
    undone: str


class VoteResult(_Result, frozen=True):
    """`covey context vote`. votes: that count now, of `needed`."""

    delta: str
    votes: int
    needed: int


class ApproveResult(_Result, frozen=True):
    """`covey context approve`. approvals: of the release that count now, of `needed`.

    Where there are several quorums it is the one that misses most.
    """

    delta: str
    release: str
    approvals: int
    needed: int


class LogResult(_Result, frozen=True):
    """`covey context log`: what was applied, in order, and what was refused."""

    rows: tuple[AppliedRow, ...]
    next: int | None
    refused: tuple[RefusedRow, ...]


class CallResult(_Result, frozen=True):
    """`covey call`."""

    result: msgspec.Raw
    delta: str
    fuel: int


class QueryResult(_Result, frozen=True):
    """`covey query`."""

    result: msgspec.Raw


class WatchLine(_Result, frozen=True):
    """A line of `covey context watch`. governance: what the delta governs, in words."""

    delta: str
    author: str
    sequence: int
    calls: int
    governance: tuple[str, ...]


class NewResult(_Result, frozen=True):
    """`covey app new`."""

    directory: str
    files: tuple[str, ...]


class BuildResult(_Result, frozen=True):
    """`covey app build`."""

    module: str
    size_bytes: int


class ReleaseContext(_Result, frozen=True):
    """A context of the released application. version, number: what is in force there.

    constraints: its code rule. next: commands, in order. note: what they wait for, or empty.
    """

    id: str
    name: str
    number: int
    version: str
    constraints: tuple[ConstraintForm, ...]
    next: tuple[str, ...]
    note: str


class ReleaseResult(_Result, frozen=True):
    """`covey app release`; id: of the release. version_before: the newest one until now."""

    id: str
    bundle: str
    size_bytes: int
    package: str
    version: str
    version_before: str
    contexts: tuple[ReleaseContext, ...]


class PackResult(_Result, frozen=True):
    """`covey app pack`; id: of the release."""

    bundle: str
    id: str
    size_bytes: int
