"""Streams of JSON lines from a node: replies of a batch, rows of a watch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from covey.api.history_schema import AuditLine
from covey.api.schema import AppliedRow, ErrorReply
from covey.client.connection import error_of
from covey.errors import NodeError, PeerUnavailable

__all__ = ["ERROR_START", "AuditCourse", "Watch", "batch_bodies", "first_error", "lines_of"]

ERROR_START = b'{"error"'

_decode_row = msgspec.json.Decoder(AppliedRow).decode
_decode_audit = msgspec.json.Decoder(AuditLine).decode
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
        return _decode_row(_next_line(self._lines, "watch"))


class AuditCourse(Iterator[AuditLine]):
    """How far an audit is; ends after the line that says how it ended."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._lines = lines_of(pieces)
        self._is_done = False

    def __next__(self) -> AuditLine:
        if self._is_done:
            raise StopIteration
        line = _decode_audit(_next_line(self._lines, "audit"))
        self._is_done = line.is_done
        return line


def _next_line(lines: Iterator[bytes], what: str) -> bytes:
    """The next line that is no heartbeat. Raises the error that it is."""
    for line in lines:
        error = first_error(line)
        if error is not None:
            raise error
        if line:
            return line
    raise PeerUnavailable(f"the node ended the {what}")


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
