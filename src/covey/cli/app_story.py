"""A counterexample as a story: who called what, what reached whom, and what was wrong then."""

from __future__ import annotations

import json

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from covey.workbench.conformance import CallStep, Counterexample, Finding
from covey.workbench.people import NAMES
from covey.workbench.text import one_line

__all__ = ["story"]


def story(found: Counterexample, finding: Finding) -> RenderableType:
    """The steps up to the finding, and the finding."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim")
    for _ in range(2):
        table.add_column()
    results = iter(found.results)
    for number, step in enumerate(found.plan.steps, start=1):
        name = NAMES[step.replica]
        if isinstance(step, CallStep):
            arguments = one_line(json.dumps(step.args, ensure_ascii=False))
            result = one_line(next(results, ""))
            told = Text(f"calls {step.method} {arguments}").append(f"  -> {result}", "dim")
        else:
            told = Text(f"receives what call {step.number} changed")
        table.add_row(str(number), name, told)
        if number == finding.step:
            break
    else:
        table.add_row("", "all", Text("receive everything that is still on its way"))
    clocks = [
        f"{NAMES[replica]}'s clock is {skew:+} ms off"
        for replica, skew in enumerate(found.plan.skews_ms)
        if skew
    ]
    return Group(
        Text(f"a counterexample, found in run {found.run + 1}", style="bold"),
        *(Text(clock, style="dim") for clock in clocks),
        table,
        Text(f"{finding.replica}: {finding.message}", style="bold red"),
        *(Text(f"  {line}") for line in finding.lines),
    )
