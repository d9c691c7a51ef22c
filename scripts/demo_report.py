"""What the demo shows: progress while it runs, a table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

__all__ = ["Bar", "Checked", "Lines", "Outcome", "Row", "half_and_tail_ms", "show"]

_RATE_S = 2.0  # a bar is drawn several times a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one node has at the end. cpu_s: since its start."""

    node: str
    role: str
    deltas: int
    calls: int
    digest: str
    text_sha256: str
    rss_mb: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of running every call again on another engine: effects, events and fuel agreed."""

    written_on: str
    replayed_on: str
    calls: int
    deltas: int
    digest: str
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the demo ends with; times in seconds. checked: None where nothing was run again."""

    nodes: int
    calls: int
    characters: int
    document_sha256: str
    digest: str
    replay_s: float
    settle_s: float
    total_s: float
    hand_overs: int
    hand_over_ms: tuple[float, float]
    batch_ms: tuple[float, float]
    rows: tuple[Row, ...]
    checked: Checked | None = None

    @property
    def line(self) -> str:
        """The last line of the demo."""
        return (
            f"demo: {self.nodes} nodes agree on {self.calls} calls, "
            f"document sha256 {self.document_sha256}, digest {self.digest}"
        )


class _Rate:
    """Calls a second since it was last asked, but for less than `least_s` what it was then."""

    def __init__(self, least_s: float) -> None:
        self._least_s, self._at_s = least_s, time.monotonic()
        self._done, self._rate = 0, 0.0

    def at(self, done: int) -> float:
        """The rate up to these calls."""
        took_s = time.monotonic() - self._at_s
        if took_s >= self._least_s or not self._rate:
            self._rate = (done - self._done) / max(took_s, 0.001)
        if took_s >= self._least_s:
            self._at_s, self._done = time.monotonic(), done
        return self._rate


class Bar:
    """Progress for a person who watches."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (
            TextColumn("replaying"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("calls, {task.fields[rate]:.0f}/s"),
            TimeElapsedColumn(),
        )
        self._rate = _Rate(_RATE_S)
        self._progress = Progress(*columns, console=console)
        self._task = self._progress.add_task("", total=total, rate=0.0)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _show(self, done: int) -> None:
        self._progress.update(self._task, completed=done, rate=self._rate.at(done))


class Lines:
    """Progress for a log: a line for each tenth, with the rate since the one before."""

    def __init__(self, say: Callable[[str], None], total: int) -> None:
        self._say, self._total = say, total
        self._rate, self._tenth = _Rate(0.0), 0

    def __call__(self, done: int) -> None:
        tenth = done * 10 // self._total
        if tenth > self._tenth:
            self._tenth = tenth
            self._say(f"{done} of {self._total} calls, {self._rate.at(done):.0f}/s")


def show(outcome: Outcome, console: Console) -> None:
    """The table and what took how long."""
    table = Table("node", "role", "deltas", "calls", "digest", "text", "MB", "CPU s")
    for row in outcome.rows:
        table.add_row(
            row.node,
            row.role,
            str(row.deltas),
            str(row.calls),
            f"{row.digest[:8]}…",
            f"{row.text_sha256[:8]}…",
            f"{row.rss_mb:.0f}",
            f"{row.cpu_s:.1f}",
        )
    console.print(table)
    (half, tail), (batch_half, batch_tail) = outcome.hand_over_ms, outcome.batch_ms
    rate = outcome.calls / max(outcome.replay_s, 0.1)
    console.print(
        f"{outcome.calls} calls in {outcome.replay_s} s ({rate:.0f}/s), "
        f"agreement {outcome.settle_s} s later, {outcome.total_s} s in all\n"
        f"{outcome.hand_overs} hand-overs between the writers: half of the batches took up to "
        f"{batch_half} ms, 99 % up to {batch_tail} ms;\n"
        f"half of the hand-overs reached the other node within {half} ms, 99 % within {tail} ms"
    )
    if outcome.checked is not None:
        checked = outcome.checked
        console.print(
            f"written on {checked.written_on}, run again on {checked.replayed_on}: "
            f"{checked.calls} calls of {checked.deltas} deltas agree in effects, events and fuel, "
            f"digest {checked.digest[:8]}… ({checked.took_s} s)"
        )


def half_and_tail_ms(times_s: Sequence[float]) -> tuple[float, float]:
    """What half of them and 99 % of them stay below, in milliseconds."""
    if len(times_s) < 2:
        return (round(1_000 * sum(times_s), 1),) * 2
    cuts = quantiles(times_s, n=100)
    return round(1_000 * cuts[49], 1), round(1_000 * cuts[98], 1)
