"""What a gossiped message costs and how long it takes, beside js-libp2p's GossipSub in turns.

`python -m bench.gossip`: one JSON line for each figure, then a table. Every node is a process of
its own, every message is signed and checked; processor time is what the system counted for the
process between the command to publish and the last message's arrival. Both warm up first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

import psutil

from bench.peers import js_libp2p

__all__ = ["Figure", "main"]

_ROOT = Path(__file__).parents[1]
_OURS = [sys.executable, "-W", "ignore", "-m", "bench.peers.covey_gossip"]
_TOPIC = "/covey/1/" + "b" * 64
_SIZES = {256: 6_000, 4_096: 4_000, 65_536: 1_000}  # bytes of a message, and how many at scale 1
_WARM_UP_MESSAGES = 1_000
_CROWD = 5
_CROWD_MESSAGES = 2_000
_CROWD_RATE = 50
_CROWD_PACED = 1_500
_PATIENCE_S = 60
_STOP_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measurement of one system.

    nodes: in processes of their own, all connected; with two the first publishes, with more each
    publishes its share. delivered: of all that should have arrived, once, everywhere.
    sent_cpu_ms, received_cpu_ms: processor time of publisher and receiver for each message, with
    more than two nodes both the mean of a node. rate: messages a second, None as fast as possible.
    """

    name: str
    system: str
    nodes: int
    size_bytes: int
    messages: int
    rate: int | None
    delivered: float
    seconds: float
    sent_cpu_ms: float
    received_cpu_ms: float
    p50_ms: float
    p99_ms: float


class Answer(TypedDict, total=False):
    """What a peer says: its address at first, what it received later."""

    address: str
    distinct: int
    heard: int
    ms: list[float]


class Peer:
    """A node in its own process, commanded by lines of JSON."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
        )
        self._measured = psutil.Process(self._process.pid)
        self.address = self.answer()["address"]

    def tell(self, do: str, **arguments: object) -> None:
        """Give a command; `answer` waits for its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        """The end of the command given last."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "a peer stopped"
        found: Answer = json.loads(line)
        return found

    def ask(self, do: str, **arguments: object) -> Answer:
        """Give a command and wait for its end."""
        self.tell(do, **arguments)
        return self.answer()

    def cpu_s(self) -> float:
        """Processor time of the process so far."""
        times = self._measured.cpu_times()
        return times.user + times.system

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate(timeout=_STOP_S)


@contextlib.contextmanager
def _met(commands: list[list[str]]) -> Iterator[list[Peer]]:
    """Peers in a topic, each connected to all others."""
    with contextlib.ExitStack() as stack:
        peers: list[Peer] = []
        for command in commands:
            peer = Peer(command)
            stack.callback(peer.stop)
            peer.ask("subscribe", topic=_TOPIC)
            for other in peers:
                peer.ask("dial", address=other.address)
            peers.append(peer)
        for peer in peers:
            peer.ask("meet", topic=_TOPIC, peers=len(peers) - 1)
        time.sleep(1.5)  # A heartbeat, so that meshes are whole.
        yield peers


def _run(name: str, peers: list[Peer], size: int, messages: int, rate: int | None) -> Figure:
    """All messages published; with two peers by the first, else by each its share."""
    publishers = peers[:1] if len(peers) == 2 else peers
    share = messages // len(publishers)
    expected = [share * (len(publishers) - (peer in publishers)) for peer in peers]
    cpu = [peer.cpu_s() for peer in peers]
    begun = time.monotonic()
    for peer in publishers:
        each = rate / len(publishers) if rate else None
        peer.tell("publish", topic=_TOPIC, count=share, size=size, rate=each)
        if rate:
            time.sleep(1 / rate)  # So that they take turns.
    for peer, count in zip(peers, expected, strict=True):
        if count and peer not in publishers:
            peer.tell("received", count=count, patience_s=_PATIENCE_S)
    for peer in publishers:
        peer.answer()
    for peer, count in zip(peers, expected, strict=True):
        if count and peer in publishers:
            peer.tell("received", count=count, patience_s=_PATIENCE_S)
    heard = [peer.answer() for peer, count in zip(peers, expected, strict=True) if count]
    seconds = time.monotonic() - begun
    after = [peer.cpu_s() for peer in peers]
    spent = [1000 * (end - start) / messages for start, end in zip(cpu, after, strict=True)]
    latencies = sorted(ms for each in heard for ms in each["ms"])
    mean = statistics.mean(spent)
    assert all(each["heard"] == each["distinct"] for each in heard), "a message came twice"
    return Figure(
        name=f"{name} {len(peers)} nodes {size} B" + (f" {rate}/s" if rate else ""),
        system=name,
        nodes=len(peers),
        size_bytes=size,
        messages=messages,
        rate=rate,
        delivered=sum(each["distinct"] for each in heard) / sum(expected),
        seconds=round(seconds, 3),
        sent_cpu_ms=round(spent[0] if len(peers) == 2 else mean, 4),
        received_cpu_ms=round(spent[1] if len(peers) == 2 else mean, 4),
        p50_ms=round(statistics.median(latencies), 2),
        p99_ms=round(latencies[int(len(latencies) * 0.99)], 2),
    )


def _pair(name: str, commands: list[list[str]], sizes: list[int], scale: float) -> list[Figure]:
    """Two nodes: messages of each size, as fast as they are taken."""
    with _met(commands) as peers:
        _run(name, peers, 256, _WARM_UP_MESSAGES, None)
        return [_run(name, peers, size, round(_SIZES[size] * scale), None) for size in sizes]


def _crowd(name: str, command: list[str], scale: float) -> list[Figure]:
    """Five nodes: a burst from all of them, then a steady trickle."""
    with _met([command] * _CROWD) as peers:
        _run(name, peers, 256, _WARM_UP_MESSAGES, None)
        burst = _run(name, peers, 256, round(_CROWD_MESSAGES * scale), None)
        return [burst, _run(name, peers, 256, round(_CROWD_PACED * scale), _CROWD_RATE)]


def main() -> None:
    """Measure both in turns; print the lines, then the medians as a table."""
    parser = argparse.ArgumentParser(prog="bench.gossip", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each of them runs")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of all message counts")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(_SIZES), choices=list(_SIZES))
    parser.add_argument("--no-crowd", action="store_true", help="two nodes only")
    parser.add_argument("--mixed", action="store_true", help="covey and js-libp2p in one pair too")
    wanted = parser.parse_args()
    systems = {"covey": _OURS}
    missing = js_libp2p.why_not()
    if missing is None:
        systems["js-libp2p"] = js_libp2p.command()
    pairs = {name: [command, command] for name, command in systems.items()}
    if wanted.mixed and missing is None:
        pairs["covey to js"] = [systems["covey"], systems["js-libp2p"]]
        pairs["js to covey"] = [systems["js-libp2p"], systems["covey"]]
    figures: list[Figure] = []
    for _ in range(wanted.runs):
        for name, commands in pairs.items():
            figures += _told(_pair(name, commands, wanted.sizes, wanted.scale))
        for name, command in systems.items():
            figures += [] if wanted.no_crowd else _told(_crowd(name, command, wanted.scale))
    print(_table(figures))
    if missing is not None:
        print(f"\n{missing}")


def _told(figures: list[Figure]) -> list[Figure]:
    for figure in figures:
        print(json.dumps(asdict(figure)), flush=True)
    return figures


def _table(figures: list[Figure]) -> str:
    """The median of each figure over its runs, as Markdown."""
    rows = [
        "| gossip | runs | delivered | publisher CPU ms | receiver CPU ms | per s | p50, p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(figure.name for figure in figures):
        same = [figure for figure in figures if figure.name == name]

        def middle(field: str, same: list[Figure] = same) -> float:
            return float(statistics.median(getattr(figure, field) for figure in same))

        # As fast as they are taken, a latency is only the length of the queue.
        latency = f"{middle('p50_ms'):.2f}, {middle('p99_ms'):.2f}" if same[0].rate else ""
        rate = same[0].messages / middle("seconds")
        rows.append(
            f"| {name} | {len(same)} | {min(figure.delivered for figure in same):.1%}"
            f" | {middle('sent_cpu_ms'):.3f} | {middle('received_cpu_ms'):.3f} | {rate:,.0f}"
            f" | {latency} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
