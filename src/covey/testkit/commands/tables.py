"""What `covey simulate` shows to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from covey.cli.layout import facts, new_table
from covey.testkit.sim.faults import Rollout, kind_of
from covey.testkit.sim.regression import Regression
from covey.testkit.sim.run import Result
from covey.testkit.sim.runner import Summary
from covey.testkit.sim.shrink import Shrunk

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["counted", "finding_shown", "replay_shown", "summary_shown"]

_CALLS_SHOWN = 4
_SEEDS_SHOWN = 20
_LAST_LINES = 12


def summary_shown(summary: Summary, application: str) -> RenderableType:
    """Counts, and whether anything was found. application: unless it is covey's own."""
    share = 100 * summary.took_effect / max(summary.calls, 1)
    head = facts(
        [
            ("scenario", summary.scenario),
            *([("application", application)] if application else []),
            ("seeds", f"{summary.seeds}, {summary.calls_least} calls or more in each"),
            ("calls", f"{summary.calls} in {summary.deltas} deltas and {summary.steps} steps"),
            ("took effect", f"{summary.took_effect} of them ({share:.0f} %)"),
            ("slowest healing", _healing(summary)),
            ("forked chains", str(summary.forks)),
            ("trace", summary.trace),
        ]
    )
    effects = new_table("merge rule", "effects", "concurrent on one entry")
    for rule, count in summary.effects.items():
        share = 100 * count.concurrent / count.total if count.total else 0.0
        effects.add_row(rule, str(count.total), f"{count.concurrent} ({share:.0f} %)")
    faults = new_table("fault", "seeds", "times")
    for kind, (in_seeds, times) in summary.faults.items():
        faults.add_row(kind, f"{in_seeds} ({100 * in_seeds / summary.seeds:.0f} %)", str(times))
    last = Text("no promise was broken", "bold green")
    if summary.findings:
        some = ", ".join(map(str, summary.findings[:_SEEDS_SHOWN]))
        last = Text(f"{counted(len(summary.findings), 'seed')} broke a promise: {some}", "bold red")
    return Group(head, effects, faults, last)


def _healing(summary: Summary) -> str:
    """The slowest, where any healed, and how many did not."""
    parts = [] if summary.healed_s is None else [f"{summary.healed_s:.0f} s of virtual time"]
    if summary.not_healed:
        parts.append(f"not healed: {summary.not_healed} of {summary.seeds}")
    return "; ".join(parts) or "-"


def counted(count: int, one: str) -> str:
    """A number with its noun."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def finding_shown(seed: int, shrunk: Shrunk) -> RenderableType:
    """The smallest schedule that breaks the promise."""
    return Group(
        Text(f"seed {seed}, made smaller in {shrunk.runs} runs", "bold"),
        _schedule(Regression(shrunk.finding, shrunk.plan)),
        *(f"  {line}" for line in shrunk.finding.last[-_LAST_LINES:]),
        Text(f"{shrunk.finding.message} ({shrunk.finding.where})", "bold red"),
    )


def replay_shown(regression: Regression, result: Result) -> RenderableType:
    """A kept schedule, and whether it still breaks anything."""
    finding = result.finding
    if finding is None:
        last = Text("it breaks no promise now", "bold green")
        return Group(_schedule(regression), last)
    lines = (f"  {line}" for line in finding.last[-_LAST_LINES:])
    last = Text(f"{finding.message} ({finding.where})", "bold red")
    return Group(_schedule(regression), *lines, last)


def _schedule(regression: Regression) -> RenderableType:
    plan = regression.plan
    rows: list[tuple[float, str, str]] = []
    for node in plan.nodes:
        role = "founder" if node.is_founder else "asks to be admitted"
        device = "" if node.owner == node.name else f", a device of {node.owner}'s member"
        doctored = ", doctored" if node.is_doctored else ""
        rows.append((node.starts_s, node.name, f"starts: {role}{device}{doctored}"))
    if plan.code is not None:
        rows.append((0.0, "all", f"the charter asks of releases: {plan.code.told}"))
    for fault in plan.faults:
        until = f" until {fault.ends_s():.1f} s" if fault.ends_s() > fault.at_s else ""
        what = f"{kind_of(fault)}: {fault.told}" if isinstance(fault, Rollout) else kind_of(fault)
        rows.append((fault.at_s, ", ".join(fault.hits()) or "all", f"{what}{until}"))
    for submission in plan.submissions:
        calls = [f"{call.method} {call.arguments}" for call in submission.calls]
        if len(calls) > _CALLS_SHOWN:
            calls[_CALLS_SHOWN:] = [f"and {len(calls) - _CALLS_SHOWN} more"]
        rows.append((submission.at_s, submission.node, "; ".join(calls)))
    table = new_table("at", "node", "what")
    for at_s, who, what in sorted(rows):
        table.add_row(f"{at_s:.3f}", who, what)
    return table
