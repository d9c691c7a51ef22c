"""How results are laid out: facts, tables, and records that are either, by the room there is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

__all__ = ["Records", "facts", "new_table"]

_ANY_WIDTH = 10_000


def new_table(*heads: str) -> Table:
    """An empty table with these columns."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def facts(pairs: Sequence[tuple[str, str]]) -> RenderableType:
    """Named facts, one below the other."""
    width = max(len(name) for name, _ in pairs)
    return Group(*(_fact(name.ljust(width), fact) for name, fact in pairs))


def _fact(name: str, fact: str) -> RenderableType:
    """A line; ids and addresses are never broken, so that what people copy stays whole."""
    if " " not in fact:
        line = Text(no_wrap=True, overflow="ignore")
        return line.append(name, style="dim").append(f"  {fact}")
    row = Table.grid(padding=(0, 2))
    row.add_column(style="dim", no_wrap=True)
    row.add_column()
    row.add_row(name, Text(fact))
    return row


class Records:
    """Rows with ids: a table, or where it is too wide the facts of one row below the other's.

    heads: the names of the columns. A row has a text for each; those that are empty are no facts.
    """

    def __init__(self, *heads: str) -> None:
        self._heads = heads
        self._rows: list[tuple[str, ...]] = []

    def add_row(self, *texts: str) -> None:
        """Add a row at the end."""
        self._rows.append(texts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = new_table(*self._heads)
        for row in self._rows:
            table.add_row(*map(Text, row))
        wanted = Measurement.get(console, options.update(max_width=_ANY_WIDTH), table).maximum
        if wanted <= options.max_width:
            yield table
            return
        for row in self._rows:
            yield Text("")
            yield facts([pair for pair in zip(self._heads, row, strict=True) if pair[1]])
