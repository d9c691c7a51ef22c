"""Streams of JSON lines from a node: replies of a batch, rows of a watch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from covey.api.schema import AppliedRow, ErrorReply
from covey.client.connection import error_of
from covey.errors import NodeError, PeerUnavailable

__all__ = ["ERROR_START", "Watch", "batch_bodies", "first_error", "lines_of"]

ERROR_START = b'{"error"'

_decode_row = msgspec.json.Decoder(AppliedRow).decode
_decode_error = msgspec.json.Decoder(ErrorReply).decode


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a reply as they come, without line feeds; empty ones are heartbeats."""
    tail = b""
    for piece in pieces:
        *whole, tail = (tail + piece).split(b"\n") if tail else piece.split(b"\n")
        yield from whole
    if tail:
        yield tail


def first_error(line: bytes) -> NodeError | None:
    """The error that a reply line of a batch is, if it is one."""
    if not line.startswith(ERROR_START):
        return None
    return error_of(_decode_error(line).error)


class Watch(Iterator[AppliedRow]):
    """Rows of applied deltas as they come; the stream's error ends it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._lines = lines_of(pieces)

    def __next__(self) -> AppliedRow:
        for line in self._lines:
            error = first_error(line)
            if error is not None:
                raise error
            if line:
                return _decode_row(line)
        raise PeerUnavailable("the node ended the watch")


def batch_bodies(lines: Iterable[bytes], size_bytes_max: int) -> Iterator[tuple[bytes, int]]:
    """Lines gathered into bodies of about one size, each with its count of lines.

    Lines are without line feeds and not empty.
    """
    gathered: list[bytes] = []
    size_bytes = 0
    for line in lines:
        gathered.append(line)
        size_bytes += len(line) + 1
        if size_bytes >= size_bytes_max:
            yield b"\n".join(gathered), len(gathered)
            gathered, size_bytes = [], 0
    if gathered:
        yield b"\n".join(gathered), len(gathered)
