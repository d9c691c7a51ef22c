"""The work every benchmark does, and the line it prints."""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass

from bench.nodes import Node

__all__ = ["Result", "calls", "operations", "wait_equal"]

_LOOK_S = 0.02
_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one benchmark measured.

    cpu_s: of all nodes. rss_mb: of the largest. wire_bytes: None where it cannot be counted;
    a node without peers sends nothing. detail: more figures, by name.
    """

    name: str
    ops: int
    seconds: float
    cpu_s: float
    rss_mb: int
    wire_bytes: int | None
    detail: dict[str, float]

    def print(self) -> None:
        """One JSON line on standard output."""
        line = asdict(self)
        detail = line.pop("detail")
        line["seconds"] = round(self.seconds, 3)
        line["ops_per_s"] = round(self.ops / self.seconds)
        line["cpu_s"] = round(self.cpu_s, 2)
        print(json.dumps(line | detail), flush=True)


def operations(description: str | None) -> int:
    """The number of operations asked for on the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("ops", type=int, nargs="?", default=10_000)
    return int(parser.parse_args().ops)


def calls(ops: int, prefix: str = "k") -> list[bytes]:
    """Lines of a batch: one put of a value of 100 bytes to a key of its own each.

    The values are random hexadecimal text: it cannot be compressed below half.
    """
    rng = random.Random(ops)  # noqa: S311 - values, not keys
    return [
        json.dumps(
            {"method": "set", "args": {"key": f"{prefix}{i}", "value": rng.randbytes(50).hex()}}
        ).encode()
        for i in range(ops)
    ]


def wait_equal(writer: Node, reader: Node) -> None:
    """Wait until digests are equal and the reader's status says so."""
    limit = time.monotonic() + _LIMIT_S
    while True:
        seen = reader.status()
        if writer.peer_id in seen.in_sync_with and seen.digest == writer.status().digest:
            return
        assert not seen.diverged
        assert time.monotonic() < limit, f"no agreement: {seen}"
        time.sleep(_LOOK_S)
