"""Every benchmark in turn, each beside its peer where that is installed, and a table of them all.

COVEY_BENCH_IROH names a Python with iroh in it (see bench/peers/README.md). Runs alternate, so that
what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

__all__ = ["main"]

_ROOT = Path(__file__).parents[1]
_PEER = Path(__file__).parent / "peers" / "iroh_docs.py"
_PAIRS = (("local_writes", "put"), ("live", "live"), ("late_join", "late"))
_LOOPBACK_ALONE = ("unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")


class Line(msgspec.Struct, frozen=True):
    """What every benchmark prints."""

    name: str
    ops: int
    seconds: float
    ops_per_s: int
    cpu_s: float
    rss_mb: int
    wire_bytes: int | None


def main() -> None:
    """Measure, write a table to standard output and the lines to a file."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--ops", type=int, default=10_000, help="operations of each benchmark")
    parser.add_argument("--runs", type=int, default=3, help="how often each of them runs")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    wanted = parser.parse_args()
    iroh = os.environ.get("COVEY_BENCH_IROH")
    lines: list[bytes] = []
    for ours, theirs in _PAIRS:
        for _ in range(wanted.runs):
            lines.append(_measured([sys.executable, "-m", f"bench.{ours}", str(wanted.ops)]))
            if iroh:
                peer = [iroh, str(_PEER), theirs, str(wanted.ops)]
                lines.append(_measured([*_alone(), *peer]))
    machine = {"machine": platform.machine(), "cpus": os.cpu_count(), "system": platform.platform()}
    when = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    runs = [json.loads(line) for line in lines]
    report = machine | {"at": when, "python": platform.python_version(), "runs": runs}
    wanted.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(_table([msgspec.json.decode(line, type=Line) for line in lines]))
    print(f"\n{when}, {machine['system']}, {machine['cpus']} processors; lines in {wanted.out}")
    if not iroh:
        print("no peer beside it: COVEY_BENCH_IROH names none (bench/peers/README.md)")


def _measured(command: Sequence[str]) -> bytes:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=_ROOT)
    line = done.stdout.strip().splitlines()[-1]
    print(line.decode(), file=sys.stderr, flush=True)
    return line


def _alone() -> tuple[str, ...]:
    """How to start something in a network of its own, so that it alone is counted."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return ()
    permitted = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True)
    return () if permitted.returncode else _LOOPBACK_ALONE


def _table(lines: list[Line]) -> str:
    """The run with the median time of each benchmark, as Markdown."""
    names = tuple(dict.fromkeys(line.name for line in lines))
    rows = [
        "| benchmark | runs | seconds (all) | ops/s | CPU s | memory MB | wire bytes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        same = sorted((line for line in lines if line.name == name), key=lambda line: line.seconds)
        middle = same[statistics.median_low(range(len(same)))]
        every = ", ".join(f"{line.seconds:.2f}" for line in same)
        wire = "not counted" if middle.wire_bytes is None else f"{middle.wire_bytes:,}"
        rows.append(
            f"| {name} | {len(same)} | {middle.seconds:.2f} ({every}) | {middle.ops_per_s:,}"
            f" | {middle.cpu_s:.2f} | {max(line.rss_mb for line in same)} | {wire} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
