"""Programs that are commanded by lines of JSON: a node of the network layer in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from covey.errors import NodeError
from covey.model import PeerId
from covey.network import Network

__all__ = ["Commanded", "obey"]

_ROOT = Path(__file__).resolve().parents[2]

Answer = dict[str, Any]
"""A line; what is in it depends on the command."""


class Commanded:
    """The side that commands; made in a network namespace, the program lives there.

    module: of this project, which calls `obey`.
    """

    def __init__(self, module: str, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module, *words],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address: str = self._read()["address"]

    @property
    def peer(self) -> PeerId:
        """Who it is."""
        return PeerId(self.address.rsplit("/", 1)[1])

    def ask(self, command: str, **arguments: object) -> Answer:
        """Have it do something; its answer."""
        print(json.dumps({"command": command, **arguments}), file=self.process.stdin, flush=True)
        return self._read()

    def until(self, command: str, fact: Callable[[Answer], object], patience_s: float) -> float:
        """Ask until the answer says so; how many seconds that took."""
        started_s = time.monotonic()
        while not fact(answer := self.ask(command)):
            assert time.monotonic() - started_s < patience_s, answer
            time.sleep(0.02)
        return time.monotonic() - started_s

    def kill(self) -> None:
        """End it without a goodbye."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Kill it and let go of its pipes."""
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> Answer:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the process ended with {self.process.wait()}"
        answer: Answer = json.loads(line)
        return answer


async def obey(network: Network, act: Callable[[Network, Answer], Awaitable[Answer]]) -> None:
    """The side that is commanded: tell the address, then answer until the input ends."""
    _say({"address": network.addresses[0]})
    async for line in trio.wrap_file(sys.stdin):
        try:
            answer = await act(network, json.loads(line))
        except NodeError as error:
            answer = {"error": str(error)}
        _say(answer)


def _say(answer: Answer) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
