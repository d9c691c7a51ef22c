"""Two nodes behind routers that translate addresses, and a public relay; all real, in namespaces.

For each kind of router: how long a relayed connection takes, whether and when it is made direct by
hole punching. And what a relay carries. Needs network namespaces: elsewhere it says so and ends
with 3. Each attempt uses fresh nodes, since the ports of an ended connection rest for a minute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypedDict

from tests.integration.nat.lab import Lab, open_lab
from tests.integration.nat.private import Program, meet

__all__: list[str] = []


class _Options(TypedDict, total=False):
    is_symmetric: bool
    stranger: str


_ROUTERS: dict[str, _Options] = {
    "keep ports, drop strangers": {},
    "keep ports, reset strangers": {"stranger": "reject with tcp reset"},
    "a random port for each connection": {"is_symmetric": True},
}
_PUNCHED_S = 15.0
_LOOK_S = 0.02
_CARRIED_BYTES = 16 * 1024 * 1024
_MB = 1_000_000


def _main(runs: int) -> int:
    lab = open_lab()
    if isinstance(lab, str):
        print(f"bench.reaching: {lab}", file=sys.stderr)
        return 3
    try:
        for routers, options in _ROUTERS.items():
            lab.translate(**options)
            _tell_connections(lab, routers, runs)
        lab.translate(is_symmetric=True)
        _tell_carried(lab, runs)
    finally:
        lab.close()
    return 0


def _tell_connections(lab: Lab, routers: str, runs: int) -> None:
    relayed_ms: list[float] = []
    direct_s: list[float] = []
    for run in range(runs):
        with _three(lab, run) as (_, one, other):
            relayed_ms.append(_dial(one, other) * 1_000)
            began_s = time.monotonic()
            while time.monotonic() - began_s < _PUNCHED_S:
                way = one.way_to(other)
                if way and "/p2p-circuit" not in way:
                    direct_s.append(time.monotonic() - began_s)
                    break
                time.sleep(_LOOK_S)
    _say(
        "covey-reaching",
        routers=routers,
        runs=runs,
        relayed_ms=[round(each) for each in sorted(relayed_ms)],
        direct=len(direct_s),
        direct_median_s=round(statistics.median(direct_s), 2) if direct_s else None,
    )


def _tell_carried(lab: Lab, runs: int) -> None:
    """Both ways; the routers give each connection a port of its own, so the relay stays in use."""
    with _three(lab, runs) as (_, one, other):
        _dial(one, other)
        mb_per_s = []
        for _ in range(runs):
            for sender, receiver in ((one, other), (other, one)):
                answer = sender.ask("send", peer=receiver.peer, bytes=_CARRIED_BYTES)
                assert one.way_to(other).endswith("/p2p-circuit")
                mb_per_s.append(_CARRIED_BYTES / _MB / answer["s"])
        _say(
            "covey-relay",
            bytes=_CARRIED_BYTES,
            mb_per_s=[round(each, 1) for each in sorted(mb_per_s)],
        )


@contextmanager
def _three(lab: Lab, run: int) -> Iterator[tuple[Program, Program, Program]]:
    """The relay and a node behind each router, with a place at the relay."""
    with ExitStack() as stack:

        def start(at: str, number: int, bootstrap: str = "") -> Program:
            program = Program(lab, at, number, bootstrap, is_relay=at == "r")
            stack.callback(program.close)
            return program

        public = start("r", 1)
        one, other = meet(public, start, (2 + 2 * run, 3 + 2 * run))
        for node in (one, other):
            node.until("addresses", _has_place)
        yield public, one, other


def _has_place(told: dict[str, list[str]]) -> bool:
    return any("/p2p-circuit/" in address for address in told["addresses"])


def _dial(one: Program, other: Program) -> float:
    answer = one.ask("dial_peer", peer=other.peer)
    assert "error" not in answer, answer
    took_s: float = answer["s"]
    return took_s


def _say(name: str, **found: object) -> None:
    print(json.dumps({"name": name, **found}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=6, help="for each kind of router")
    sys.exit(_main(parser.parse_args().runs))
