"""What running calls again costs the node that joins late: beside a context without it, in turns.

    python -m bench.replay [--runs 3] [--ops 4000]

Once with each call in a delta of its own, once with 256 calls in one. One JSON line each, with the
median and every run of the processor time of the node that joins.
"""

from __future__ import annotations

import argparse
import json
import statistics

from bench.late_join import measure

__all__: list[str] = []

_TOGETHER = {"one call in a delta": 1, "256 calls in a delta": 256}
_CHOICES = ("signature", "replay")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ops", type=int, default=4_000)
    chosen = parser.parse_args()
    for name, together in _TOGETHER.items():
        runs: dict[str, list[float]] = {choice: [] for choice in _CHOICES}
        for _ in range(chosen.runs):
            for choice in _CHOICES:
                result = measure(chosen.ops, choice, together)
                runs[choice].append(result.detail["reader_cpu_s"])
        medians = {choice: statistics.median(times) for choice, times in runs.items()}
        more = medians["replay"] / medians["signature"] - 1
        line = {"name": "covey-replay", "deltas": name, "ops": chosen.ops, "reader_cpu_s": runs}
        print(json.dumps(line | {"median_s": medians, "more": round(more, 3)}), flush=True)


if __name__ == "__main__":
    main()
