"""The honest nodes agree, know it, and have nothing left to do: a function for each part of it.

A finding is named after the function, so that a schedule that is made smaller keeps what it breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from covey.testkit.sim.checkers.base import listed

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["NotHealed", "require_healed"]


class NotHealed(AssertionError):
    """What keeps the honest nodes from agreement."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no healing in bounded time: {reason}")


def require_healed(checks: Checks) -> None:
    """Raises NotHealed."""
    honest = checks.world.honest
    all_are_up(honest)
    all_are_idle(honest)
    all_hold_the_same(checks, honest)
    all_can_run(honest)
    all_are_admitted(honest)
    all_know_it(honest)


def all_are_up(honest: Sequence[Node]) -> None:
    """No process is down."""
    down = [node.name for node in honest if not node.is_up]
    if down:
        raise NotHealed(_told(down, "down"))


def all_are_idle(honest: Sequence[Node]) -> None:
    """Nobody has anything left to do."""
    busy = [node.name for node in honest if not node.is_idle or node.replica.has_waiting]
    if busy:
        raise NotHealed(_told(busy, "busy"))


def all_hold_the_same(checks: Checks, honest: Sequence[Node]) -> None:
    """They have applied the same deltas."""
    if len({checks.mask(node) for node in honest}) > 1:
        raise NotHealed("they hold different deltas")


def all_can_run(honest: Sequence[Node]) -> None:
    """They have the code that is in force."""
    lacking = [n.name for n in honest if not n.shelf.is_ready(n.replica.ledger.release)]
    if lacking:
        raise NotHealed(_told(lacking, "without the release in force"))


def all_are_admitted(honest: Sequence[Node]) -> None:
    """Nobody still asks to be let in, but who was removed."""
    strangers = [
        node.name for node in honest if not node.replica.is_admitted and not node.replica.is_removed
    ]
    if strangers:
        raise NotHealed(_told(strangers, "not admitted"))


def all_know_it(honest: Sequence[Node]) -> None:
    """Each would tell its user that it is in sync with all others that are members."""
    names = {node.peer for node in honest if node.replica.is_admitted}
    for node in honest:
        standing = node.replica.standing(node.now())
        unsure = sorted(names - {node.peer} - set(standing.in_sync_with))
        if unsure:
            raise NotHealed(f"{node.name} does not know that it is in sync with {listed(unsure)}")


def _told(names: Sequence[str], what: str) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}"
