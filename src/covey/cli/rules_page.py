"""How the rules of a context are shown to people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from covey.api.rules_schema import ApprovalCount, ConstraintForm, RulesReply
from covey.api.schema import ApplicationReply

__all__ = ["constraint_text", "rules_page"]

_CHARTER_ALONE = (
    "Only the charter is known here: none of this can have been loosened. Constraints on releases "
    "that were added since, the release in force, who is a member or an admin now, and what the "
    "application stores are known once the context is joined."
)


def rules_page(reply: RulesReply, installed: ApplicationReply | None) -> RenderableType:
    """The sentences first, then who holds which role and the facts behind it all.

    installed: the release that the reply names, where it is here.
    """
    parts: list[RenderableType] = [
        *_section("Never", "red", reply.never),
        *_section("Possible", "green", reply.can),
        *_section("Not promised", "yellow", reply.unpromised),
    ]
    facts = Table.grid(padding=(0, 2))
    facts.add_row("context", reply.id)
    name = "its release is not installed here"
    if installed is not None:
        name = f"{installed.package} {installed.version}"
    facts.add_row("application", name)
    facts.add_row(
        "code rule", ", ".join(constraint_text(each) for each in reply.constraints) or "none"
    )
    release = f"number {reply.number}  {reply.version}  {reply.release}"
    facts.add_row("release", release if reply.is_current else f"founded with {reply.release}")
    facts.add_row(
        "terms", f"{reply.admission}, {reply.verification}, encryption {reply.encryption}"
    )
    budget = f"{reply.fuel_budget:,} for each device and minute" if reply.fuel_budget else "none"
    facts.add_row("fuel budget", budget)
    for vote in reply.votes:
        facts.add_row("votes", f"{vote.votes} of {vote.needed} to remove {vote.member}")
    is_locked = any(each.constraint == "never" for each in reply.constraints)
    for each in reply.approvals:
        for title, text in _approvals(each, is_locked=is_locked):
            facts.add_row(title, text)
    parts.append(facts)
    holders = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("member", "roles"):
        holders.add_column(name, overflow="fold")
    for holder in reply.members:
        holders.add_row(holder.member, ", ".join(holder.roles))
    parts += [Text(""), holders]
    if not reply.is_current:
        parts += [Text(""), Text(_CHARTER_ALONE)]
    return Group(*parts)


def _section(title: str, style: str, lines: tuple[str, ...]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(title, style=f"bold {style}"), *(Text(f"  {line}") for line in lines), Text("")]


def _approvals(each: ApprovalCount, *, is_locked: bool) -> list[tuple[str, str]]:
    """How far a release is with one quorum, and when it can come into force at the earliest."""
    told = f"{each.approvals} of {each.needed} of release {each.release}"
    if each.package:
        told += f", {each.package} {each.version}"
    lines = [("approvals", told)]
    if is_locked or not each.notice_s or each.approvals < each.needed:
        return lines
    if each.since is None or each.until is None:
        waits = "it begins when a member without any of the keys, who has seen these, writes"
        return [*lines, ("notice", f"{each.notice_s} s, has not begun: {waits}")]
    return [
        *lines,
        ("notice", f"{each.notice_s} s since {each.since}"),
        ("in force", f"not before {each.until}, as far as this node knows"),
    ]


def constraint_text(form: ConstraintForm) -> str:
    """A constraint in a few words."""
    if form.constraint != "quorum":
        return form.constraint
    return f"quorum {form.k} of {len(form.keys)}, notice {form.notice_s} s"
