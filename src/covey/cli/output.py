"""Results on standard output; progress, hints and errors on standard error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

import msgspec

from covey.errors import StoreError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

__all__ = [
    "emit",
    "emit_json",
    "emit_line",
    "emit_raw",
    "emit_shown",
    "flush_output",
    "plain",
    "say",
    "silence_output",
]

_UNWRAPPED_CHARS = 10_000
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text that a terminal only shows: names and methods come from strangers, commands could too.

    Line feeds and tabs stay.
    """
    return _COMMANDS.sub("\ufffd", text)


def emit(result: msgspec.Struct, *, as_json: bool, show: Callable[[], RenderableType]) -> None:
    """The result of a command, as JSON or for people."""
    if as_json:
        emit_json(result)
    else:
        emit_shown(show())


def emit_json(result: msgspec.Struct) -> None:
    """A result for scripts: one line."""
    emit_raw(msgspec.json.encode(result))


def emit_shown(shown: RenderableType) -> None:
    """A result for people."""
    # Imported here: drawing takes longer to load than JSON to print.
    from rich.console import Console  # noqa: PLC0415
    from rich.segment import Segment  # noqa: PLC0415 - as above

    # Into a file or a pipe nothing is wrapped: what people paste stays whole.
    width = None if sys.stdout.isatty() else _UNWRAPPED_CHARS
    console = Console(highlight=False, emoji=False, markup=False, width=width)
    # Drawn first, so that the console's own colours stay and nobody else's.
    drawn = (
        segment if segment.control else Segment(plain(segment.text), segment.style)
        for segment in console.render(shown)
    )
    with _writing():
        console.print(_Drawn(tuple(drawn)), end="", crop=False)  # the terminal breaks long lines


class _Drawn:
    """Segments as they are, for a console to write."""

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self._segments = segments

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        del console, options
        yield from self._segments


def emit_raw(line: bytes) -> None:
    """A line that is JSON already; it says the same with commands to terminals escaped."""
    # JSON holds them in strings alone, and control characters below 32 not even there.
    if not line.isascii() or b"\x7f" in line:
        text = line.decode("utf-8", "surrogateescape")
        line = _COMMANDS.sub(_escaped, text).encode("utf-8", "surrogateescape")
    with _writing():
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def emit_line(text: str) -> None:
    """A line for people, at once."""
    with _writing():
        print(plain(text), flush=True)  # noqa: T201 - this is where printing happens


def flush_output() -> None:
    """Write what is still to be written. Raises StoreError."""
    with _writing():
        sys.stdout.flush()


def say(text: str) -> None:
    """A sentence beside the result; where nobody can be told, the result is still worth having."""
    try:
        print(f"covey: {plain(text)}", file=sys.stderr, flush=True)  # noqa: T201 - as above
    except OSError:
        _silence(sys.stderr)


@contextmanager
def _writing() -> Iterator[None]:
    """Around what writes results: a reader that left is no error, a full disk is one."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_output()
        raise StoreError(f"standard output cannot be written: {error.strerror}") from error


def silence_output() -> None:
    """Nobody reads the results: let the interpreter end without complaining about it."""
    _silence(sys.stdout)


def _silence(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError):  # Not all that stands for a stream is one.
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
