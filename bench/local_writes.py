"""Calls a second on one node: from the first call at its HTTP API to the last durable reply."""

from __future__ import annotations

import time

from bench.nodes import open_writer
from bench.workload import Result, calls, operations

__all__ = ["measure"]


def measure(ops: int) -> Result:
    """10,000 separate calls, each a signed, durable transaction of the application."""
    lines = calls(ops)
    with open_writer() as node:
        cpu_before, begun = node.cpu_s(), time.perf_counter()
        node.write(lines)
        seconds = time.perf_counter() - begun
        return Result(
            name="covey-local-writes",
            ops=ops,
            seconds=seconds,
            cpu_s=node.cpu_s() - cpu_before,
            rss_mb=node.rss_mb(),
            wire_bytes=0,
            detail={"deltas": node.status().deltas},
        )


if __name__ == "__main__":
    measure(operations(__doc__)).print()
