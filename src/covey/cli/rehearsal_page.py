"""How an upgrade that was only tried is shown to people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from covey.api.rules_schema import ChangeReply, RehearsalReply
from covey.cli.layout import facts, new_table

__all__ = ["rehearsal_page"]

_NOTHING = "(none)"
_VALUE_CHARS = 60


def rehearsal_page(reply: RehearsalReply, *, wanted: bool, most: int) -> RenderableType:
    """The verdict first. wanted: whether a migration was asked for. most: entries shown."""
    parts: list[RenderableType] = [_verdict(reply)]
    pairs = [
        ("in force", f"number {reply.number - 1}  {reply.version_before}  {reply.before}"),
        ("tried", f"number {reply.number}  {reply.version}  {reply.release}"),
        ("collections added", ", ".join(_collection(reply)) or "none"),
    ]
    if wanted:
        end = "came to its end" if reply.migrated else "did not come to its end"
        pairs.append(("migration", end))
        pairs.append(("fuel", f"{reply.fuel:,} used, {reply.fuel_left:,} left"))
    parts.append(facts(pairs))
    parts += [Text(f"it said: {line}") for line in reply.log]
    if reply.counts:
        counts = new_table("collection", "put", "delete", "add")
        for row in reply.counts:
            counts.add_row(row.collection, str(row.put), str(row.delete), str(row.add))
        parts += [counts, *_changes(reply, most)]
    parts.append(Text("Nothing was written, and nothing was sent."))
    return Group(*parts)


def _verdict(reply: RehearsalReply) -> Text:
    if reply.allowed:
        return Text("It would come into force now.", style="bold green")
    return Text(f"It would be refused: {reply.code}: {reply.reason}", style="bold red")


def _collection(reply: RehearsalReply) -> list[str]:
    return [
        f"{c.name} ({c.rule}{', written by ' + ' or '.join(c.roles) if c.roles else ''})"
        for c in reply.collections_added
    ]


def _changes(reply: RehearsalReply, most: int) -> list[RenderableType]:
    table = new_table("", "collection", "key", "before", "after")
    for change in reply.changes[:most]:
        table.add_row(change.op, change.collection, change.key, *_values(change))
    all_ = sum(row.put + row.delete + row.add for row in reply.counts)
    left = all_ - min(most, len(reply.changes))
    return [table, *([Text(f"and {left} more: --json, or --show COUNT")] if left else [])]


def _values(change: ChangeReply) -> tuple[str, str]:
    before, after = (
        _NOTHING if each is None else _short(each) for each in (change.before, change.after)
    )
    return before, after


def _short(text: str) -> str:
    return text if len(text) <= _VALUE_CHARS else text[: _VALUE_CHARS - 1] + "…"
