"""Fuzz the validator, the instrumenter and the host interface: `fuzz.py --seconds 3600`.

Every case is done on each engine of this machine, in a process of its own: wasmtime, and wasmer
where .venv-3.10 has it. What may be seen from outside has to be equal, and the same as that of the
original module. Whatever is not, and whatever crashes, hangs or grows, is a finding: it is printed
and kept in build/fuzz/findings. Stopped, it goes on where it was; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from covey.errors import ConfigError
from fuzz_foreign import foreign_module, is_available
from fuzz_worker import Worker, WorkerLost

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
PYTHON_310 = ROOT / ".venv-3.10" / "bin" / "python"
_WEIGHTS = {"generated": 25, "mutated": 55, "caller": 20, "application": 10, "foreign": 3}
_BATCH = 25
_PROGRESS_S = 30.0
_FINDINGS_MAX = 200
_WARM_CASES = 3_000  # memory is measured from here on: caches have filled by then


@dataclass
class Totals:
    """What was done so far; kept between runs."""

    next_seed: int = 1
    seconds: float = 0.0
    cases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    accepted_mutants: int = 0
    findings: int = 0
    slowest_prepare: tuple[float, str] = (0.0, "")
    slowest_compile: dict[str, tuple[float, str]] = field(default_factory=dict)
    rss_warm_mb: dict[str, float] = field(default_factory=dict)
    rss_mb: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> str:
        """One line."""
        return json.dumps({**self.__dict__, "seconds": round(self.seconds)}, sort_keys=True)


class Fuzz:
    """One run: draws cases, has them done, compares, counts."""

    def __init__(self, out: Path, workers: list[Worker], totals: Totals) -> None:
        self.out = out
        self.workers = workers
        self.totals = totals
        self.has_foreign = is_available()
        (out / "findings").mkdir(parents=True, exist_ok=True)

    def run(self, seconds: float) -> None:
        """Until the time is over, or there are too many findings."""
        started = told = time.monotonic()
        before = self.totals.seconds
        while time.monotonic() - started < seconds and self.totals.findings < _FINDINGS_MAX:
            self.batch()
            now = time.monotonic()
            self.totals.seconds = before + now - started
            if now - told > _PROGRESS_S:
                told = now
                self.save()
                done = sum(self.totals.cases.values())
                memory = ", ".join(f"{n} {m:.0f} MB" for n, m in self.totals.rss_mb.items())
                print(
                    f"fuzz: {self.totals.seconds:.0f} s, {done} cases,"
                    f" {self.totals.findings} findings, {memory}",
                    flush=True,
                )
        self.save()

    def save(self) -> None:
        """So that the next run goes on from here."""
        (self.out / "totals.json").write_text(self.totals.as_json() + "\n")

    def batch(self) -> None:
        """Draw some cases and have them done by everyone."""
        cases = [self.draw() for _ in range(_BATCH)]
        # One after the other: a fuzzer leaves the second processor to whoever needs it.
        answers = [self.ask(worker, cases) for worker in self.workers]
        for place, case in enumerate(cases):
            given = [a[place] for a in answers if place < len(a)]
            self.judge(case, given)
        for worker in self.workers:
            self.totals.rss_mb[worker.engine] = worker.rss_mb
            if sum(self.totals.cases.values()) >= _WARM_CASES:
                self.totals.rss_warm_mb.setdefault(worker.engine, worker.rss_mb)

    def ask(self, worker: Worker, cases: list[tuple[str, int, str]]) -> list[dict[str, Any]]:
        """What a worker says of some cases; of fewer if it is lost."""
        worker.send(cases)
        try:
            return worker.receive(len(cases))
        except WorkerLost as lost:
            if lost.done < len(cases):
                self.find(cases[lost.done], f"{worker.engine}: {lost}")
            worker.restart()
            return lost.answers

    def draw(self) -> tuple[str, int, str]:
        """Kind, seed, and the module where it comes from elsewhere, in hex."""
        seed = self.totals.next_seed
        self.totals.next_seed += 1
        rng = random.Random(f"case {seed}")  # noqa: S311  # a run repeats itself
        kind = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if kind != "foreign":
            return kind, seed, ""
        if not self.has_foreign:
            return "generated", seed, ""
        try:
            return kind, seed, foreign_module(seed).hex()
        except (ConfigError, subprocess.CalledProcessError):
            return "generated", seed, ""

    def judge(self, case: tuple[str, int, str], answers: list[dict[str, Any]]) -> None:
        """Count what a case came to, and see that everyone says the same."""
        totals, (kind, seed, _) = self.totals, case
        totals.cases[kind] += 1
        for number, answer in enumerate(answers):
            engine = self.workers[number].engine
            for finding in answer["findings"]:
                self.find(case, f"{engine}: {finding}")
            if answer["compile_s"] > totals.slowest_compile.get(engine, (0.0, ""))[0]:
                totals.slowest_compile[engine] = (answer["compile_s"], f"{kind} {seed}")
            if answer["prepare_s"] > totals.slowest_prepare[0]:
                totals.slowest_prepare = (answer["prepare_s"], f"{kind} {seed}")
        if not answers:
            return
        ended: list[str] = answers[0]["ended"]
        if ended and ended[0].startswith("refused: "):
            totals.refused[ended[0].removeprefix("refused: ")] += 1
        else:
            totals.ended.update(ended)
            totals.accepted_mutants += kind == "mutated"
        if any(a["digest"] != answers[0]["digest"] for a in answers):
            self.find(case, f"engines differ: {[(a['ended'], a['fuel']) for a in answers]}")

    def find(self, case: tuple[str, int, str], what: str) -> None:
        """Keep and print a finding."""
        kind, seed, content = case
        self.totals.findings += 1
        kept = self.out / "findings" / f"{kind}-{seed}.json"
        kept.write_text(json.dumps({"case": [kind, seed, content], "finding": what}) + "\n")
        print(f"FINDING {kind} {seed}: {what[:500]}", flush=True)


def main() -> int:
    """Exit code 1 if there are findings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--fresh", action="store_true", help="begin anew")
    asked = parser.parse_args()
    workers = [Worker("wasmtime", Path(sys.executable))]
    if PYTHON_310.exists():
        workers.append(Worker("wasmer", PYTHON_310))
    else:
        print("fuzz: without wasmer: there is no .venv-3.10 (python scripts/python310.py)")
    fuzz = Fuzz(asked.out, workers, Totals() if asked.fresh else _kept(asked.out))
    try:
        fuzz.run(asked.seconds)
    finally:
        for worker in workers:
            worker.stop()
    print(fuzz.totals.as_json())
    return 1 if fuzz.totals.findings else 0


def _kept(out: Path) -> Totals:
    file = out / "totals.json"
    if not file.exists():
        return Totals()
    kept = json.loads(file.read_text())
    for counted in ("cases", "refused", "ended"):
        kept[counted] = Counter(kept[counted])
    # Memory is that of processes, which are new.
    return Totals(**{**kept, "rss_warm_mb": {}, "rss_mb": {}})


if __name__ == "__main__":
    sys.exit(main())
