"""Repeat a sample of every claim in docs/evidence.md, in about ten minutes, and print a table.

    python scripts/evidence_quick.py [--json]

Each line is one command that a person can run by itself. Exit code 1 if any of them fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

__all__ = ["main"]

_FIGURE_CHARS = 160  # of a line for people; JSON has it whole


@dataclass(frozen=True, slots=True)
class Sample:
    """One claim, and the command that repeats a part of it; its last line is the figure."""

    claim: str
    command: tuple[str, ...]


def main() -> int:
    """Run all samples; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON line for each sample")
    asked = parser.parse_args()
    failed = 0
    for sample in samples():
        began_s = time.monotonic()
        ran = subprocess.run(
            sample.command,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        figure = _last_line(ran.stdout if ran.returncode == 0 else ran.stderr or ran.stdout)
        failed += ran.returncode != 0
        _report(sample, figure, time.monotonic() - began_s, ran.returncode, as_json=asked.json)
    return 1 if failed else 0


def samples() -> tuple[Sample, ...]:
    """Every claim, the simulator's first."""
    covey, python, pytest = str(BIN / "covey"), sys.executable, ("-m", "pytest", "-q", "-x")
    simulate = (covey, "simulate", "--json", "--jobs", "2")
    store, crash = "tests/unit/store/test_level_crash.py", "tests/e2e/test_crash.py"
    planted = "tests/simulation/test_planted_bugs.py"
    doctored = "tests/e2e/doctored/test_calls.py"
    hostile = "tests/contract/runtime/hostile/test_hostile.py"
    return (
        Sample("equal traces under two hash seeds", (python, "scripts/hash_seeds.py", "1..40")),
        Sample("no promise broken under faults", (*simulate, "--seeds", "20001..20300")),
        Sample("nor in a crowd", (*simulate, "--scenario", "crowd")),
        Sample(
            "nor where releases come", (*simulate, "--scenario", "upgrades", "--seeds", "1..40")
        ),
        Sample("histories in four orders", (python, "-m", "covey.testkit.oracle.nodes", "0", "40")),
        Sample(
            "upgrades with attackers", (python, "-m", "covey.testkit.oracle.upgrades", "0", "20")
        ),
        Sample("doctored nodes are refused", (python, *pytest, doctored)),
        Sample("planted bugs are found", (python, *pytest, planted)),
        Sample(
            "the same bytes and fuel in every process",
            (python, "scripts/evidence_executor.py", "--inputs", "400"),
        ),
        Sample("random modules", (python, "scripts/fuzz.py", "--seconds", "45")),
        Sample("hostile modules do no harm", (python, *pytest, hostile)),
        Sample("kill -9 loses nothing", (python, *pytest, store, crash)),
        Sample(
            "four nodes agree on the text",
            (python, "scripts/demo.py", "--transactions", "2000"),
        ),
        Sample("local writes", (python, "-m", "bench.local_writes", "5000")),
        Sample("live replication", (python, "-m", "bench.live", "5000")),
        Sample("late join", (python, "-m", "bench.late_join", "5000")),
        Sample("what replay costs", (python, "-m", "bench.replay", "--runs", "1")),
        Sample("speed of the executor", (python, "-m", "bench.executor", "4000")),
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _report(sample: Sample, figure: str, took_s: float, code: int, *, as_json: bool) -> None:
    command = " ".join(sample.command).replace(str(BIN), ".venv/bin")
    if as_json:
        row = {"claim": sample.claim, "command": command, "exit": code, "figure": figure}
        print(json.dumps({**row, "seconds": round(took_s, 1)}), flush=True)
        return
    verdict = "holds" if code == 0 else "FAILS"
    if len(figure) > _FIGURE_CHARS:
        figure = f"{figure[:_FIGURE_CHARS]} …"
    print(
        f"{verdict}  {took_s:6.1f} s  {sample.claim}\n       {command}\n       {figure}", flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
