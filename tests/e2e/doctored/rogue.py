"""The process of a doctored node, and what it is told."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from covey.errors import NodeError
from covey.node import init_home
from covey.testkit.cluster import NodeProcess, guarded

__all__ = ["Rogue"]

_ROOT = Path(__file__).resolve().parents[3]
_PROGRAM = "tests.e2e.doctored.program"
_DEED_S = 130.0


class Rogue(NodeProcess):
    """A node of `program.py`: an honest one that commits deeds when told."""

    def start(
        self,
        *,
        bootstrap: Sequence[str] = (),
        listen: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        """Start it without waiting."""
        assert not self.is_running
        self._ready = None
        self._unread = b""
        self._bootstrap = tuple(bootstrap)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                guarded([sys.executable, "-m", _PROGRAM, str(self.home), *bootstrap]),
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def commit(self, deed: str, context: str, **words: object) -> list[str]:
        """Have it do something; the ids of the deltas that it published."""
        assert self.process is not None
        assert self.process.stdin is not None
        line = json.dumps({"deed": deed, "context": context, **words}) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        answer = json.loads(self._line())
        if "error" in answer:
            raise NodeError(f"the rogue could not: {answer['error']}")
        return answer["deltas"]

    def new_face(self) -> None:
        """Go on as another peer with the same device: what was held against it is forgotten."""
        self.stop()
        (self.home / "keys" / "peer.key").unlink()
        self.peer_id, _ = init_home(self.home)
        self.start(bootstrap=self._bootstrap)
        self.wait_ready()

    def interrupt(self) -> None:
        """Ask it to stop: its input ends."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def _line(self) -> bytes:
        assert self.process is not None
        assert self.process.stdout is not None
        deadline_s = time.monotonic() + _DEED_S
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(deadline_s - time.monotonic(), 0)):
                    raise NodeError("the rogue does not answer")
                content = os.read(self.process.stdout.fileno(), 65_536)
                if not content:
                    raise NodeError(f"the rogue ended: {self.log_tail()}")
                self._unread += content
        line, self._unread = self._unread.split(b"\n", 1)
        return line
