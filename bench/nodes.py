"""Nodes as a user runs them: the command, a process and a home each."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import psutil

from bench.wire import Cable, plug_in
from covey.api.rules_schema import RulesForm
from covey.api.schema import ContextStatusReply
from covey.client import Client

__all__ = ["Node", "Pair", "open_pair", "open_writer"]

_COVEY = Path(sys.executable).parent / "covey"
_KV = Path(__file__).parents[1] / "apps" / "kv" / "kv.covey"
_CONTEXT = "bench"
_STOP_S = 30.0
_NO_RULES = RulesForm()
_LINES_AT_ONCE = 20_000  # of one request


class Node:
    """A running node with at most one context, which is called `bench`."""

    def __init__(self, home: Path, process: subprocess.Popen[str], at: Cable | None) -> None:
        self.home = home
        self.client = Client(home)
        self._process = process
        self._measured = psutil.Process(process.pid)
        self._at = at
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the node on {home} did not start"
        self.addresses: list[str] = json.loads(line)["addresses"]
        self.peer_id: str = json.loads(line)["peer_id"]

    def found(self, rules: RulesForm) -> None:
        """Install the application and found the context."""
        application = self.client.install(_KV.read_bytes())
        self.client.create_context(application.id, _CONTEXT, rules)

    def ticket(self) -> str:
        """What another node joins by."""
        return self.client.ticket(_CONTEXT)

    def join(self, ticket: str) -> None:
        """Join the context."""
        with self._network():
            self.client.join(ticket, _CONTEXT)

    def status(self) -> ContextStatusReply:
        """The honest status of the context."""
        with self._network():
            return self.client.status().contexts[0]

    def write(self, lines: list[bytes]) -> None:
        """Make calls, and see to it that every one took effect."""
        replies = 0
        with self._network():
            for start in range(0, len(lines), _LINES_AT_ONCE):
                told = self.client.batch_lines(_CONTEXT, lines[start : start + _LINES_AT_ONCE])
                replies += sum(1 for line in told if b'"delta"' in line)
        assert replies == len(lines), f"only {replies} of {len(lines)} calls took effect"

    def sees(self, other: Node) -> bool:
        """Whether the other node is connected."""
        with self._network():
            return any(peer.peer_id == other.peer_id for peer in self.client.peers().peers)

    def cpu_s(self) -> float:
        """Processor time of the node's process so far."""
        times = self._measured.cpu_times()
        return times.user + times.system

    def rss_mb(self) -> int:
        """Memory of the node's process now."""
        return round(self._measured.memory_info().rss / 1_048_576)

    def stop(self) -> None:
        """End the process."""
        self.client.close()
        self._process.terminate()
        self._process.communicate(timeout=_STOP_S)

    def _network(self) -> AbstractContextManager[None]:
        return nullcontext() if self._at is None else self._at.at_reader()


class Pair:
    """A writer and a reader. cable: between them, where it can be had."""

    def __init__(
        self, folder: Path, cable: Cable | None, stack: ExitStack, rules: RulesForm
    ) -> None:
        self.cable = cable
        self._folder = folder
        self._stack = stack
        self.writer = self._start("writer", None)
        self.writer.found(rules)

    def start_reader(self) -> Node:
        """Start the second node, which knows the first one's address."""
        return self._start("reader", self.cable, "--bootstrap", self.writer.addresses[0])

    def wire_bytes(self) -> int | None:
        """What the nodes sent each other so far, or None where it cannot be seen."""
        return None if self.cable is None else self.cable.sent_bytes()

    def _start(self, name: str, at: Cable | None, *more: str) -> Node:
        home = self._folder / name
        subprocess.run([_COVEY, "init", "--home", home], check=True, capture_output=True)
        address = "127.0.0.1"
        if self.cable is not None:
            address = self.cable.writer_address if at is None else self.cable.reader_address
        listen = f"/ip4/{address}/tcp/0"
        with nullcontext() if at is None else at.at_reader():
            process = subprocess.Popen(
                [_COVEY, "run", "--home", home, "--json", "--listen", listen, *more],
                stdout=subprocess.PIPE,
                text=True,
            )
        node = Node(home, process, at)
        self._stack.callback(node.stop)
        return node


@contextmanager
def open_pair(rules: RulesForm = _NO_RULES) -> Iterator[Pair]:
    """A writer with a context, and room for a reader; both end with the block."""
    cable = plug_in()
    with tempfile.TemporaryDirectory(prefix="covey-bench-") as folder, ExitStack() as stack:
        yield Pair(Path(folder), cable, stack, rules)


@contextmanager
def open_writer() -> Iterator[Node]:
    """One node with a context."""
    with tempfile.TemporaryDirectory(prefix="covey-bench-") as folder, ExitStack() as stack:
        yield Pair(Path(folder), None, stack, _NO_RULES).writer
