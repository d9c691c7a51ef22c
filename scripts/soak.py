"""Real nodes under steady calls, some of them killed again and again, for as long as it is told.

    python scripts/soak.py [--seconds 3600] [--nodes 5] [--rate 50] [--seed 1] [--keep DIR] [--json]

Each node is a process; calls go to all of them, `rate` a second together. Every 10 to 30 s one of
them, never the first two, is killed with -9 and started again. At the end all must agree, every
acknowledged call must be on every node, no node may have ended by itself, and the processes that
lived longest must not have grown: private memory by less than 1 MB an hour in the second half (the
least of each minute, by least squares, less twice the standard error, which is told too), open
files not at all. Until then the store's caches fill, which have a fixed size; so of less than half
an hour growth is told but not judged. Pages of files that the system maps do not count: it takes
them back when it wants. Exit code 1 with a sentence for each promise that was broken.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from covey.client import Client
from covey.errors import NodeError
from covey.testkit.cluster import Cluster, NodeProcess, agree

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = ROOT / "apps" / "kv" / "kv.covey"
STEADY = 2  # nodes that are never killed
KILL_EVERY_S = (10.0, 30.0)
DOWN_S = (0.5, 5.0)
SAMPLE_EVERY_S = 5.0
AGREE_S = 120.0
GROWTH_MB_PER_H_MAX = 1.0
WARM_UP_SHARE = 1 / 2
JUDGED_S = 1_800.0  # shorter runs show how caches fill, not how a node grows
PAGE_ROWS = 1_000


@dataclass(slots=True)
class Sample:
    """One look at a process. at_s: since the beginning. private_mb: without mapped files."""

    at_s: float
    private_mb: float
    files: int


@dataclass(slots=True)
class Record:
    """What happened so far. acknowledged: the deltas of calls whose reply arrived.

    ended: by process, what is said of those that nobody killed.
    """

    began_s: float
    acknowledged: set[str] = field(default_factory=set)
    calls: int = 0
    unanswered: int = 0
    kills: int = 0
    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


def main(arguments: list[str]) -> int:
    """Run; returns the exit code."""
    asked = _parser().parse_args(arguments)
    folder = tempfile.mkdtemp(prefix="covey-soak-") if asked.keep is None else asked.keep
    record = Record(time.monotonic())
    with Cluster(Path(folder)) as cluster:
        nodes = [cluster.add(f"node-{number}") for number in range(asked.nodes)]
        cluster.start(nodes[0])
        cluster.start(*nodes[1:], bootstrap=nodes[0])
        context = _found(nodes)
        threads = [
            threading.Thread(target=_call, args=(node, context, asked.rate / asked.nodes, record))
            for node in nodes
        ]
        for thread in threads:
            thread.start()
        try:
            _disturb(nodes, asked.seconds, random.Random(asked.seed), record)  # noqa: S311
        finally:
            record.over.set()
            for thread in threads:
                thread.join()
        broken = _broken_promises(nodes, context, record)
        grown = _grown(record, asked.seconds)
    return _tell(asked.json, record, grown, broken, Path(folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=3_600.0)
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second, of all together")
    parser.add_argument("--seed", type=int, default=1, help="of who is killed when")
    parser.add_argument("--keep", type=Path, help="folder for homes and logs, kept")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    return parser


def _found(nodes: list[NodeProcess]) -> str:
    first, *others = [node.client() for node in nodes]
    application = first.install(BUNDLE.read_bytes())
    context = first.create_context(application.id, "soak").id
    ticket = first.ticket(context)
    for client in others:
        client.join(ticket, "soak")
    agree(context, {n.peer_id: c for n, c in zip(nodes, (first, *others), strict=True)}, AGREE_S)
    for client in (first, *others):
        client.close()
    return context


def _call(node: NodeProcess, context: str, rate: float, record: Record) -> None:
    """Call at a steady rate; while the node is down its calls are not made up for."""
    number = 0
    client = node.client()
    due_s = time.monotonic()
    while not record.over.is_set():
        due_s = max(due_s + 1 / rate, time.monotonic() - 1)
        record.over.wait(max(0.0, due_s - time.monotonic()))
        number += 1
        arguments = {"key": f"{node.name}/{number % 2_000}", "value": f"{number:0100d}"}
        try:
            reply = client.call(context, "set", json.dumps(arguments).encode())
        except NodeError:
            client.close()
            client = node.client()
            with record.lock:
                record.unanswered += 1
            record.over.wait(0.2)
            continue
        with record.lock:
            record.calls += 1
            record.acknowledged.add(reply.delta)
    client.close()


def _disturb(nodes: list[NodeProcess], seconds: float, rng: random.Random, record: Record) -> None:
    """Kill and start again until the time is over, and look at the processes meanwhile."""
    end_s = record.began_s + seconds
    kill_s = time.monotonic() + rng.uniform(*KILL_EVERY_S)
    last_told_s = 0.0
    while time.monotonic() < end_s:
        _look(nodes, record)
        time.sleep(min(SAMPLE_EVERY_S, max(0.0, end_s - time.monotonic())))
        if time.monotonic() >= kill_s and end_s - time.monotonic() > KILL_EVERY_S[1]:
            victim = rng.choice(nodes[STEADY:])
            victim.kill()
            time.sleep(rng.uniform(*DOWN_S))
            victim.start(bootstrap=(nodes[0].address,))
            victim.wait_ready()
            record.kills += 1
            kill_s = time.monotonic() + rng.uniform(*KILL_EVERY_S)
        if time.monotonic() - last_told_s > 60:
            last_told_s = time.monotonic()
            passed_s = last_told_s - record.began_s
            print(f"{passed_s:.0f} s: {record.calls} calls, {record.kills} kills", file=sys.stderr)


def _look(nodes: list[NodeProcess], record: Record) -> None:
    now_s = time.monotonic() - record.began_s
    for node in nodes:
        process = node.process
        assert process is not None
        if not node.is_running:  # Those that are killed are started again before the next look.
            record.ended.setdefault(process.pid, f"{node.name} ended by itself: {node.log_tail()}")
            continue
        files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        sample = Sample(now_s, _private_mb(process.pid), files)
        record.samples.setdefault((node.name, process.pid), []).append(sample)


def _private_mb(pid: int) -> float:
    found = re.search(
        r"^RssAnon:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
    )
    assert found is not None
    return int(found[1]) / 1_024


def _broken_promises(nodes: list[NodeProcess], context: str, record: Record) -> list[str]:
    clients = {node.peer_id: node.client() for node in nodes}
    broken = list(record.ended.values())
    try:
        agree(context, clients, AGREE_S)
    except NodeError as error:
        broken.append(str(error))
    for node, client in zip(nodes, clients.values(), strict=True):
        try:
            missing = record.acknowledged - _held(client, context)
        except NodeError as error:
            broken.append(f"{node.name} does not answer: {error}")
            continue
        if missing:
            broken.append(f"{node.name} lacks {len(missing)} deltas of acknowledged calls")
        client.close()
    return broken


def _held(client: Client, context: str) -> set[str]:
    held: set[str] = set()
    after: int | None = 0
    while after is not None:
        page = client.log(context, after, PAGE_ROWS)
        held.update(row.delta for row in page.rows)
        after = page.next
    return held


@dataclass(frozen=True, slots=True)
class Growth:
    """Of one process after the warm-up. mb_per_h: slope of a line through its memory's floor.

    private_mb: at eleven moments of its whole life.
    """

    node: str
    mb_per_h: float
    error_mb_per_h: float
    private_mb: tuple[float, ...]
    files_before: int
    files_after: int


def _grown(record: Record, seconds: float) -> list[Growth]:
    """Of processes that lived through more than half of the time after the warm-up."""
    grown = []
    for (name, _), samples in record.samples.items():
        later = [s for s in samples if s.at_s >= seconds * WARM_UP_SHARE]
        if len(later) < 4 or later[-1].at_s - later[0].at_s < seconds * (1 - WARM_UP_SHARE) / 2:
            continue
        slope, error = _slope(_floors(later))
        quarter = max(1, len(later) // 4)
        grown.append(
            Growth(
                node=name,
                mb_per_h=slope * 3_600,
                error_mb_per_h=error * 3_600,
                private_mb=_tenths(samples),
                files_before=round(statistics.median(s.files for s in later[:quarter])),
                files_after=round(statistics.median(s.files for s in later[-quarter:])),
            )
        )
    return grown


def _floors(samples: list[Sample]) -> list[tuple[float, float]]:
    """The least memory of each minute: what compactions and collections take is given back."""
    floors: dict[int, float] = {}
    for sample in samples:
        minute = int(sample.at_s // 60)
        floors[minute] = min(sample.private_mb, floors.get(minute, sample.private_mb))
    return [(60.0 * minute, floor) for minute, floor in floors.items()]


def _slope(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Least squares: slope by the second, and its standard error."""
    times, values = zip(*points, strict=True)
    if len(points) < 3:
        return 0.0, math.inf
    line = statistics.linear_regression(times, values)
    spread = sum((t - statistics.fmean(times)) ** 2 for t in times)
    rest = sum((v - line.intercept - line.slope * t) ** 2 for t, v in points)
    return line.slope, math.sqrt(rest / (len(points) - 2) / spread)


def _tenths(samples: list[Sample]) -> tuple[float, ...]:
    """Memory at eleven moments, evenly spread from the first to the last."""
    last = len(samples) - 1
    return tuple(round(samples[last * n // 10].private_mb, 1) for n in range(11))


def _keep_samples(record: Record, folder: Path) -> None:
    """Every look at every process, so that a slope can be looked into."""
    rows = {
        f"{name}/{pid}": [[round(s.at_s), round(s.private_mb, 2)] for s in samples]
        for (name, pid), samples in record.samples.items()
    }
    (folder / "samples.json").write_text(json.dumps(rows))


def _tell(
    as_json: bool, record: Record, grown: list[Growth], broken: list[str], folder: Path
) -> int:
    seconds = time.monotonic() - record.began_s
    is_judged = seconds >= JUDGED_S
    broken = [
        *broken,
        *(
            f"{g.node} grows by {g.mb_per_h:.2f} ± {g.error_mb_per_h:.2f} MB an hour"
            for g in grown
            if is_judged and g.mb_per_h - 2 * g.error_mb_per_h >= GROWTH_MB_PER_H_MAX
        ),
        *(
            f"{g.node} has {g.files_after} open files where it had {g.files_before}"
            for g in grown
            if g.files_after > g.files_before + 4
        ),
    ]
    _keep_samples(record, folder)
    result = {
        "seconds": round(seconds),
        "growth_judged": is_judged,
        "calls": record.calls,
        "unanswered": record.unanswered,
        "deltas": len(record.acknowledged),
        "kills": record.kills,
        "mb_per_h": {g.node: round(g.mb_per_h, 2) for g in grown},
        "error_mb_per_h": {g.node: round(g.error_mb_per_h, 2) for g in grown},
        "private_mb": {g.node: g.private_mb for g in grown},
        "files": {g.node: [g.files_before, g.files_after] for g in grown},
        "broken": broken,
    }
    print(json.dumps(result, indent=None if as_json else 1))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
