"""Nodes behind routers, in private network namespaces; skipped where those cannot be had."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.nat.lab import PUBLIC_A, PUBLIC_B, Lab, open_lab

PATIENCE_S = 30.0
PORT = 4001


@pytest.fixture(scope="session")
def networks() -> Iterator[Lab]:
    lab = open_lab()
    if isinstance(lab, str):
        pytest.skip(lab)
    yield lab
    lab.close()


@pytest.fixture
def lab(networks: Lab) -> Lab:
    """The lab, with routers that keep ports and drop what nobody asked for."""
    networks.translate()
    return networks


class Program:
    """A node in its own process and network, commanded by lines of JSON."""

    def __init__(self, lab: Lab, at: str, number: int, bootstrap: str, *, is_relay: bool) -> None:
        listen = f"/ip4/0.0.0.0/tcp/{PORT}"
        words = [str(number), listen, bootstrap, "relay" if is_relay else ""]
        with lab.at(at):
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-W",
                    "ignore",
                    str(Path(__file__).with_name("program.py")),
                    *words,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self.peer: str = self._read()["address"].rsplit("/", 1)[1]

    def ask(self, command: str, **arguments: object) -> dict:
        print(json.dumps({"command": command, **arguments}), file=self.process.stdin, flush=True)
        return self._read()

    def until(self, command: str, fact: Callable[[dict], object]) -> float:
        """Ask until the answer says so; how many seconds that took."""
        started_s = time.monotonic()
        while not fact(answer := self.ask(command)):
            assert time.monotonic() - started_s < PATIENCE_S, answer
            time.sleep(0.02)
        return time.monotonic() - started_s

    def way_to(self, other: Program) -> str:
        """The address that the table has for the other; empty if it is not connected."""
        return self.ask("table")["table"].get(other.peer, "")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def _read(self) -> dict:
        line = self.process.stdout.readline()
        assert line, f"the process ended with {self.process.wait()}"
        return json.loads(line)


@pytest.fixture
def start(lab: Lab) -> Iterator[Callable[..., Program]]:
    """`start(at, number, bootstrap)`: a node in that network; killed after the test."""
    started: list[Program] = []

    def begin(at: str, number: int, bootstrap: str = "", *, is_relay: bool = False) -> Program:
        started.append(Program(lab, at, number, bootstrap, is_relay=is_relay))
        return started[-1]

    yield begin
    for program in started:
        program.close()


@pytest.fixture
def three(start: Callable[..., Program]) -> Callable[..., tuple[Program, Program, Program]]:
    """`three(is_relay=…)`: R, A and B; both are connected to R."""

    def begin(*, is_relay: bool) -> tuple[Program, Program, Program]:
        public = start("r", 1, is_relay=is_relay)
        one, other = (
            start(at, number, f"/ip4/{address}/tcp/{PORT}/p2p/{public.peer}")
            for at, number, address in (("a", 2, PUBLIC_A), ("b", 3, PUBLIC_B))
        )
        for node in (one, other):
            node.until("table", lambda answer: public.peer in answer["table"])
        return public, one, other

    return begin
