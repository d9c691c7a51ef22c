"""How a release that was made ready is shown to people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from covey.cli.layout import facts
from covey.cli.results import ReleaseResult
from covey.cli.rules_page import constraint_text

__all__ = ["release_page"]


def release_page(result: ReleaseResult) -> RenderableType:
    """The release, then each context with its rule and the commands that come next."""
    parts: list[RenderableType] = [
        Text(f"{result.package} {result.version}, after {result.version_before}", style="bold"),
        facts([("bundle", result.bundle), ("id", result.id)]),
    ]
    if not result.contexts:
        parts.append(Text("No context of this node runs it."))
    for context in result.contexts:
        rule = ", ".join(map(constraint_text, context.constraints)) or "none"
        parts += [Text(""), Text(context.name, style="bold")]
        pairs = [("in force", f"number {context.number}  {context.version}"), ("code rule", rule)]
        if context.note:
            pairs.append(("note", context.note))
        parts.append(facts(pairs))
        parts += [Text(f"  $ {command}") for command in context.next]
    return Group(*parts)
