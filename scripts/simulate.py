"""Run the replica under seeded faults: `simulate.py 1..1000`, or `--seeds 1..1000`.

Prints progress, the slowest healing and one digest over all traces; a failing seed with its trace
and the command that repeats it. Exit code 1 if any seed failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the simulator lives among the tests

from covey.testkit.sim import Result, plan_of, simulate

__all__ = ["main"]

_FAILURES_SHOWN_MAX = 10


def run_seed(seed: int) -> Result | str:
    """What a seed came to, or how it failed."""
    try:
        return simulate(plan_of(seed))
    except AssertionError as failure:
        return str(failure)


def outcomes(seeds: Iterable[int], jobs: int) -> Iterator[Result | str]:
    """The outcome of each seed, in order."""
    if jobs <= 1:
        yield from map(run_seed, seeds)
        return
    with Pool(jobs) as pool:
        yield from pool.imap(run_seed, seeds, chunksize=4)


def main() -> int:
    """Run the seeds that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("range", nargs="?", help="A..B, both included")
    parser.add_argument("--seeds", help="as the range")
    parser.add_argument("--jobs", type=int, default=1, help="processes to use")
    parser.add_argument("--json", action="store_true", help="one JSON line for each seed")
    asked = parser.parse_args()
    try:
        first, last = (asked.seeds or asked.range or "1..200").split("..")
        seeds = range(int(first), int(last) + 1)
    except ValueError:
        parser.error("the seeds are a range like 1..1000")
    return _report(seeds, asked.jobs, as_json=asked.json)


def _report(seeds: range, jobs: int, *, as_json: bool) -> int:
    began = time.monotonic()
    whole = hashlib.sha256()
    failed = deltas = 0
    slowest = 0.0
    for seed, outcome in zip(seeds, outcomes(seeds, jobs), strict=True):
        if isinstance(outcome, str):
            failed += 1
            if as_json:
                print(json.dumps({"seed": seed, "failure": outcome}), flush=True)
            elif failed <= _FAILURES_SHOWN_MAX:
                print(f"\n{outcome}", flush=True)
            continue
        whole.update(outcome.trace.encode())
        deltas += outcome.deltas
        slowest = max(slowest, outcome.healed_s)
        if as_json:
            print(json.dumps(asdict(outcome)), flush=True)
        elif sys.stderr.isatty() or seed % 100 == 0:
            print(f"\rseed {seed}", end="", file=sys.stderr, flush=True)
    if not as_json:
        took_s = time.monotonic() - began
        print(
            f"\n{len(seeds)} seeds, {failed} failed, {deltas} deltas, slowest healing "
            f"{slowest:.0f} s of virtual time, traces {whole.hexdigest()[:16]}, {took_s:.0f} s"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
