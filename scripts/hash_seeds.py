"""Run seeds of the simulator twice, under two seeds of Python's hashes, and compare every line.

    python scripts/hash_seeds.py [A..B] [--scenario FILE]

The order of a set never reaches an effect, a frame or a hash: so the traces are equal. Exit code 1
if one is not, or if a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["main"]

_COVEY = Path(sys.executable).parent / "covey"


def main() -> int:
    """Compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("seeds", nargs="?", default="1..1000", help="A..B, both included")
    parser.add_argument("--scenario", default="everything")
    asked = parser.parse_args()
    runs = [_run(asked.seeds, asked.scenario, hash_seed) for hash_seed in ("1", "2")]
    different, last = 0, ""
    for first, second in zip(*runs, strict=True):
        if first != second:
            different += 1
            print(f"different: {first[:120]}\n           {second[:120]}", file=sys.stderr)
        last = first
    totals = json.loads(last)
    print(json.dumps({**totals, "different_lines": different}))
    return 1 if different or totals["findings"] else 0


def _run(seeds: str, scenario: str, hash_seed: str) -> Iterator[str]:
    """The lines of one run, which goes on beside the other."""
    process = subprocess.Popen(
        [str(_COVEY), "simulate", "--seeds", seeds, "--scenario", scenario, "--json"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return iter(process.stdout)


if __name__ == "__main__":
    sys.exit(main())
