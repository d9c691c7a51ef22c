"""A process that does random cases on one engine, and the end of its parent.

Lines of JSON: a list of cases (kind, seed, module in hex or "") goes in; for each case comes what
it came to, then the resident memory.
"""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from covey.runtime import new_engine
from covey.testkit.modules import Reference, Subject

__all__ = ["Worker", "WorkerLost", "applications", "rss_mb"]

ROOT = Path(__file__).resolve().parent.parent
_CASE_S_MAX = 60.0
_HAS_REFERENCE = "wasmtime"


class WorkerLost(Exception):
    """It ended, or took too long, after some answers."""

    def __init__(self, what: str, answers: list[dict[str, Any]]) -> None:
        super().__init__(what)
        self.answers = answers
        self.done = len(answers)


class Worker:
    """The parent's end."""

    def __init__(
        self,
        engine: str,
        python: Path,
        environment: dict[str, str] | None = None,
        runs: int = 2,
    ) -> None:
        self._runs = runs
        self.engine = engine
        self.rss_mb = 0.0
        self._python = python
        self._environment = {**os.environ, **(environment or {})}
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [self._python, __file__, self.engine, str(self._runs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        answers: queue.Queue[str | None] = queue.Queue()
        assert process.stdout is not None
        threading.Thread(target=_forward, args=(process.stdout, answers), daemon=True).start()
        self._answers = answers
        return process

    def send(self, cases: list[tuple[str, int, str]]) -> None:
        """Ask for some cases."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(cases) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # said when its answers are missed

    def receive(self, count: int) -> list[dict[str, Any]]:
        """The answers, in order. Raises WorkerLost."""
        answers: list[dict[str, Any]] = []
        while len(answers) <= count:
            try:
                line = self._answers.get(timeout=_CASE_S_MAX)
            except queue.Empty:
                raise WorkerLost(f"no answer in {_CASE_S_MAX} s", answers[:count]) from None
            if line is None:
                code = self._process.wait()
                raise WorkerLost(f"the process ended with {code}", answers[:count])
            answers.append(json.loads(line))
        self.rss_mb = answers.pop()["rss_mb"]
        return answers

    def restart(self) -> None:
        """After it was lost."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def _forward(lines: Iterable[str], answers: queue.Queue[str | None]) -> None:
    for line in lines:
        answers.put(line)
    answers.put(None)


def applications() -> dict[str, bytes]:
    """The example applications, by name."""
    return {file.stem: file.read_bytes() for file in sorted(ROOT.glob("apps/*/*.wasm"))}


def rss_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _serve(engine: str, runs: int) -> None:
    faulthandler.enable()
    reference = Reference() if engine == _HAS_REFERENCE else None
    subject = Subject(new_engine(engine), applications(), reference, runs)
    for line in sys.stdin:
        for kind, seed, content in json.loads(line):
            given = bytes.fromhex(content) if content else None
            # A foreign module is one beside its original, like a generated one.
            came = subject.try_("generated" if given else kind, seed, given)
            print(json.dumps(asdict(came)), flush=True)
        print(json.dumps({"rss_mb": rss_mb()}), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2)
