"""One node as a process of its own: started, commanded over HTTP, stopped, killed or frozen."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from covey.client import Client
from covey.errors import NodeError
from covey.node import init_home

__all__ = ["NodeProcess", "Ready", "Usage", "covey_command", "guarded"]

READY_S = 60.0
STOP_S = 10.0
_LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
_READ_BYTES = 65_536
_LOG_TAIL_BYTES = 2_000

# A node must not outlive whoever started it, not even if that one is killed: the kernel sees to it.
# The second look is for a parent that died before the first line ran.
_GUARD = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("whoever started this is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Ready(msgspec.Struct, frozen=True):
    """What `covey run` prints when it listens."""

    peer_id: str
    addresses: tuple[str, ...]
    api: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far. rss_bytes: resident now."""

    rss_bytes: int
    cpu_s: float


def covey_command() -> str:
    """The path of the `covey` command of this environment."""
    path = Path(sys.executable).with_name("covey")
    if not path.is_file():
        raise NodeError(f"{path} is missing: run `make setup`")
    return str(path)


def guarded(command: Sequence[str]) -> list[str]:
    """The same command, killed by the kernel when the thread that starts it ends."""
    return [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid()), *command]


class NodeProcess:
    """A node with a home of its own; made by `Cluster.add`, which also stops it.

    Start it from a thread that lives as long as the node should. Its standard error goes to `log`.
    options: of `covey run`, at every start.
    """

    def __init__(self, name: str, home: Path, options: Sequence[str] = ()) -> None:
        self.name = name
        self.options = tuple(options)
        self.home = home
        self.log = home.with_suffix(".log")
        self.peer_id, self.member = init_home(home)
        self.process: subprocess.Popen[bytes] | None = None
        self._ready: Ready | None = None

    # -- starting ---

    def start(
        self,
        *,
        bootstrap: Sequence[str] = (),
        listen: Sequence[str] = _LOOPBACK,
        options: Sequence[str] = (),
    ) -> None:
        """Start it without waiting. listen: empty for the addresses of the last start."""
        assert not self.is_running
        command = [covey_command(), "run", "--home", str(self.home), "--json"]
        command += [*self.options, *options]
        for address in listen:
            command += ["--listen", address]
        for address in bootstrap:
            command += ["--bootstrap", address]
        self._ready = None
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C is for the driver, which then stops its nodes in order.
            self.process = subprocess.Popen(  # noqa: S603
                guarded(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def wait_ready(self, timeout_s: float = READY_S) -> Ready:
        """What it says once it listens. Raises NodeError if it ends or is silent instead."""
        if self._ready is None:
            line = self._first_line(timeout_s)
            try:
                self._ready = msgspec.json.decode(line, type=Ready)
            except msgspec.DecodeError as error:
                raise NodeError(f"node {self.name} did not start: {self.log_tail()}") from error
        return self._ready

    @property
    def address(self) -> str:
        """The first address it can be dialled at, once it is ready."""
        return self.wait_ready().addresses[0]

    def client(self) -> Client:
        """A new client, for one thread; the caller closes it."""
        return Client(self.home)

    def _first_line(self, timeout_s: float) -> bytes:
        assert self.process is not None
        assert self.process.stdout is not None
        deadline_s = time.monotonic() + timeout_s
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(deadline_s - time.monotonic(), 0)):
                    raise NodeError(f"node {self.name} was not ready after {timeout_s:.0f} s")
                content = os.read(self.process.stdout.fileno(), _READ_BYTES)
                if not content:
                    break
                line += content
        return line

    # -- looking ---

    @property
    def is_running(self) -> bool:
        """Whether the process is there; a frozen one is."""
        return self.process is not None and self.process.poll() is None

    def usage(self) -> Usage:
        """Memory and processor time of the running process (Linux; zeros elsewhere)."""
        assert self.process is not None
        folder = Path("/proc") / str(self.process.pid)
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            pages = int((folder / "statm").read_text().split()[1])
        except OSError:
            return Usage(0, 0.0)
        ticks = int(fields[11]) + int(fields[12])  # utime and stime, behind pid, name and state
        return Usage(pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))

    def log_tail(self) -> str:
        """The end of what it wrote to standard error."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()

    # -- ending ---

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def freeze(self) -> None:
        """Take the processor away: to the others it is as if its cable were pulled."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Give the processor back."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.signal(signal.SIGKILL)
        self.wait(STOP_S)

    def interrupt(self) -> None:
        """Ask it to stop, as Ctrl-C does."""
        self.signal(signal.SIGINT)

    def stop(self) -> int:
        """Stop it and return its exit code; it is killed if it does not stop in time."""
        self.thaw()
        self.interrupt()
        try:
            return self.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NodeError(f"node {self.name} did not stop within {STOP_S:.0f} s") from None

    def wait(self, timeout_s: float) -> int:
        """Its exit code when it ends. Raises subprocess.TimeoutExpired."""
        if self.process is None:
            return 0
        code = self.process.wait(timeout_s)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
