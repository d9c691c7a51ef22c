"""Arguments of calls, checked before anything is asked of a node."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import typer

from covey.api.schema import CallRequest
from covey.errors import ConfigError, StoreError
from covey.model import limits
from covey.workbench import reading

__all__ = ["read_arguments", "read_batch", "read_bundle", "read_file"]


_MODULE_MAGIC = b"\0asm"

_decode_call = msgspec.json.Decoder(CallRequest).decode


def read_arguments(text: str) -> bytes:
    """The JSON of one call; - is standard input. BadParameter if it is no JSON."""
    content = text.encode(errors="surrogateescape")
    if text == "-":
        content = sys.stdin.buffer.read(limits.CALL_ARGUMENTS_BYTES_MAX + 1)
    if len(content) > limits.CALL_ARGUMENTS_BYTES_MAX:
        raise typer.BadParameter("the arguments are larger than 1 MiB")
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise typer.BadParameter(
            f'the arguments are no JSON such as \'{{"key":"value"}}\': {error}'
        ) from error
    return content


def read_batch(source: str) -> Iterator[bytes]:
    """The calls of a file or, for -, of standard input: one JSON line each, checked.

    A file is checked whole before its first call is sent, standard input line by line.
    """
    if source == "-":
        yield from _lines(sys.stdin.buffer)
        return
    for _ in _opened_lines(Path(source)):
        pass
    yield from _opened_lines(Path(source))


def _opened_lines(path: Path) -> Iterator[bytes]:
    with reading.open_regular(path) as file:
        try:
            yield from _lines(file)
        except OSError as error:
            raise StoreError(f"{reading.shown(path)} cannot be read: {error.strerror}") from error


def _lines(file: BinaryIO) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        line = file.readline(limits.API_BATCH_LINE_BYTES_MAX + 1)
        if not line:
            return
        if len(line) > limits.API_BATCH_LINE_BYTES_MAX:
            raise typer.BadParameter(f"line {number} is larger than 1 MiB")
        line = line.strip()
        if not line:
            continue
        try:
            _decode_call(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise typer.BadParameter(
                f'line {number} is no call {{"method", "args"}}: {error}'
            ) from error
        yield line


def read_file(path: Path, size_bytes_max: int) -> bytes:
    """As `covey.workbench.reading`, but BadParameter where it is too large."""
    try:
        return reading.read_file(path, size_bytes_max)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def read_bundle(path: Path) -> bytes:
    """A bundle, not yet checked. Raises as `read_file`, and BadParameter for a bare module."""
    content = read_file(path, limits.BUNDLE_SIZE_BYTES_MAX)
    if content.startswith(_MODULE_MAGIC):
        raise typer.BadParameter(
            f"{path} is a module, not a bundle: `covey app check` shows it, "
            "`covey app pack` makes a bundle of its directory"
        )
    return content
