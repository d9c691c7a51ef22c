"""What commands print with `--json`, where it is not a reply of the node as it is."""

from __future__ import annotations

import msgspec

__all__ = [
    "BuildResult",
    "CallResult",
    "IdResult",
    "InitResult",
    "LeaveResult",
    "NewResult",
    "PackResult",
    "QueryResult",
    "RunResult",
    "VersionResult",
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


class CallResult(_Result, frozen=True):
    """`covey call`."""

    result: msgspec.Raw
    delta: str
    fuel: int


class QueryResult(_Result, frozen=True):
    """`covey query`."""

    result: msgspec.Raw


class WatchLine(_Result, frozen=True):
    """A line of `covey context watch`."""

    delta: str
    author: str
    sequence: int
    calls: int


class NewResult(_Result, frozen=True):
    """`covey app new`."""

    directory: str
    files: tuple[str, ...]


class BuildResult(_Result, frozen=True):
    """`covey app build`."""

    module: str
    size_bytes: int


class PackResult(_Result, frozen=True):
    """`covey app pack`; id: of the release."""

    bundle: str
    id: str
    size_bytes: int
