"""How far a vote or the approvals of a release are, and who can do what next."""

from __future__ import annotations

from covey.api.schema import ApplicationReply
from covey.cli.results import ApproveResult, VoteResult

__all__ = ["approved", "has_migration", "voted"]


def has_migration(release: ApplicationReply) -> bool:
    """Whether a release has a `migrate`, which an upgrade can call."""
    return any(each.name == "migrate" and each.kind == "call" for each in release.methods)


def voted(result: VoteResult, remove: str) -> str:
    """What a vote came to. remove: the command that removes."""
    lines = [f"done: delta {result.delta}", f"{result.votes} of {result.needed} votes so far"]
    missing = result.needed - result.votes
    if missing <= 0:
        lines.append("nobody is removed yet: an admin of the charter now runs")
    elif missing == 1:
        lines.append("an admin of the charter who has not voted can remove it at once:")
    else:
        lines.append(f"{missing - 1} more must vote; then one who has not voted runs")
    return "\n".join([*lines, f"  $ {remove}"])


def approved(result: ApproveResult, context: str, *, has_notice: bool, migrates: bool) -> str:
    """What an approval came to. context: as a shell takes it. migrates: it has a `migrate`."""
    done, needed = result.approvals, result.needed
    told = f"{done} of {needed} approvals of release {result.release} so far"
    command = f"covey context upgrade {context} {result.release}"
    command += " --migrate '{}'" if migrates else ""
    if done < needed:
        next_ = f"{needed - done} more of its keys must approve it:"
        command = f"covey context approve {context} {result.release}"
    elif has_notice:
        next_ = "it is not in force yet: once its notice has run, an admin runs"
    else:
        next_ = "it is not in force yet: an admin now runs"
    return "\n".join([f"done: delta {result.delta}", told, next_, f"  $ {command}"])
