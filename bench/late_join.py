"""Late join: an empty node joins after all writes; ends when it has, and says, everything."""

from __future__ import annotations

import time

from bench.nodes import open_pair
from bench.workload import Result, calls, operations, wait_equal
from covey.api.rules_schema import RulesForm

__all__ = ["measure"]


def measure(ops: int, verification: str = "replay", together: int | None = None) -> Result:
    """From the command to join until digests are equal and the reader's status says so.

    together: calls that are asked for at once, and so share a delta; None: all that fit one.
    """
    lines = calls(ops)
    at_once = ops if together is None else together
    with open_pair(RulesForm(verification=verification)) as pair:
        writer = pair.writer
        for first in range(0, ops, at_once):
            writer.write(lines[first : first + at_once])
        reader = pair.start_reader()
        ticket = writer.ticket()
        sent, cpu_before = pair.wire_bytes(), (writer.cpu_s(), reader.cpu_s())
        begun = time.perf_counter()
        reader.join(ticket)
        joined = time.perf_counter() - begun
        wait_equal(writer, reader)
        seconds = time.perf_counter() - begun
        wire = pair.wire_bytes()
        cpu = writer.cpu_s() - cpu_before[0], reader.cpu_s() - cpu_before[1]
        return Result(
            name="covey-late-join",
            ops=ops,
            seconds=seconds,
            cpu_s=sum(cpu),
            rss_mb=max(writer.rss_mb(), reader.rss_mb()),
            wire_bytes=None if wire is None or sent is None else wire - sent,
            detail={
                "joined_s": round(joined, 3),
                "writer_cpu_s": round(cpu[0], 2),
                "reader_cpu_s": round(cpu[1], 2),
                "writer_rss_mb": writer.rss_mb(),
                "reader_rss_mb": reader.rss_mb(),
            },
        )


if __name__ == "__main__":
    measure(operations(__doc__)).print()
