"""A partition: the cable is cut, both sides write, the cable is mended; ends when all agree.

The seconds are from the moment at which the two see each other again, and `from_mending_s` from
when the cable was mended, which includes how long it takes to dial again.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable

from bench.nodes import open_pair
from bench.workload import Result, calls, wait_equal

__all__ = ["measure"]

_LOOK_S = 0.02
_LIMIT_S = 180.0


def measure(ops: int, apart_s: float) -> Result:
    """`ops` calls on each side while the two are apart, for `apart_s` seconds at least."""
    with open_pair() as pair:
        if pair.cable is None:
            raise SystemExit("a partition needs network namespaces, which are not permitted here")
        writer, reader = pair.writer, pair.start_reader()
        reader.join(writer.ticket())
        wait_equal(writer, reader)
        pair.cable.cut()
        begun = time.perf_counter()
        _together(lambda: writer.write(calls(ops, "w")), lambda: reader.write(calls(ops, "r")))
        _wait(lambda: not writer.sees(reader) and not reader.sees(writer))
        time.sleep(max(0.0, begun + apart_s - time.perf_counter()))
        apart = time.perf_counter() - begun
        cpu_before = writer.cpu_s() + reader.cpu_s()
        pair.cable.mend()
        mended = time.perf_counter()
        sent = pair.wire_bytes()
        _wait(lambda: writer.sees(reader) or reader.sees(writer))
        met = time.perf_counter()
        wait_equal(writer, reader)
        done = time.perf_counter()
        wire = pair.wire_bytes()
        return Result(
            name="covey-partition",
            ops=2 * ops,
            seconds=done - met,
            cpu_s=writer.cpu_s() + reader.cpu_s() - cpu_before,
            rss_mb=max(writer.rss_mb(), reader.rss_mb()),
            wire_bytes=None if wire is None or sent is None else wire - sent,
            detail={"apart_s": round(apart, 1), "from_mending_s": round(done - mended, 3)},
        )


def _together(*actions: Callable[[], None]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _wait(is_so: Callable[[], bool]) -> None:
    limit = time.perf_counter() + _LIMIT_S
    while not is_so():
        assert time.perf_counter() < limit, "it did not come to pass"
        time.sleep(_LOOK_S)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ops", type=int, nargs="?", default=10_000)
    parser.add_argument("--apart", type=float, default=15.0, help="seconds (7200: two hours)")
    asked = parser.parse_args()
    measure(asked.ops, asked.apart).print()
