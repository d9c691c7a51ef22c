"""JavaScript processes as the tests see them: a peer that is commanded, lines that are read."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from covey.model import PeerId
from tests.interop.install import program

__all__ = ["JsPeer", "Lines", "message_of", "open_js", "open_lines"]

ANSWER_S = 60.0
_READ_BYTES = 65_536


def message_of(number: int, size: int) -> bytes:
    """Message n of a size: n in four bytes, then the SHA-256 of these four over and over."""
    head = number.to_bytes(4, "big")
    filling = hashlib.sha256(head).digest()
    return head + (filling * (size // len(filling) + 1))[: size - len(head)]


class Lines:
    """The lines of JSON that a process prints, in order."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._buffer = bytearray()

    async def next(self) -> dict[str, Any]:
        """The next line."""
        stdout = self._process.stdout
        assert stdout is not None
        while b"\n" not in self._buffer:
            received = await stdout.receive_some(_READ_BYTES)
            assert received, f"the process ended with {await self._process.wait()}"
            self._buffer += received
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        found: dict[str, Any] = json.loads(line)
        return found

    async def write(self, request: dict[str, Any]) -> None:
        """One line of JSON to the process."""
        stdin = self._process.stdin
        assert stdin is not None
        await stdin.send_all(json.dumps(request).encode() + b"\n")


class JsPeer:
    """A js-libp2p peer in its own process, see js/peer.mjs."""

    def __init__(self, lines: Lines, address: str) -> None:
        self.address = address
        self._lines = lines

    @property
    def peer(self) -> PeerId:
        """Its peer id."""
        return PeerId(self.address.rsplit("/", 1)[1])

    async def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Command it and wait for the answer; one task at a time."""
        with trio.fail_after(ANSWER_S):
            await self._lines.write({"do": command, **arguments})
            answer = await self._lines.next()
        assert "error" not in answer, answer["error"]
        return answer


@asynccontextmanager
async def open_lines(name: str, *arguments: str) -> AsyncIterator[Lines]:
    """One of the programs, gone when the block ends."""
    process = await trio.lowlevel.open_process(
        program(name, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Lines(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(5):
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()


@asynccontextmanager
async def open_js() -> AsyncIterator[JsPeer]:
    """A JavaScript peer, listening on loopback."""
    async with open_lines("peer.mjs") as lines:
        with trio.fail_after(ANSWER_S):
            address = (await lines.next())["address"]
        yield JsPeer(lines, address)
