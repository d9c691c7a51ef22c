"""Chain and clock of a delta, judged by its own cut alone.

Source: protocols/delta.md; a delta that breaks one of these is refused by every node for ever.
"""

from __future__ import annotations

from covey.model import Core, Denied, HybridTime, Tip

__all__ = ["check_chain", "check_clock", "check_release"]


def check_chain(core: Core, own_tips: tuple[Tip, ...]) -> Denied | None:
    """Whether a delta continues its author's one chain.

    own_tips: the author's tips in the delta's cut.
    """
    if core.previous is None:
        if own_tips:
            return Denied("wrong-chain", "a first delta follows one of its own author")
        return None
    if len(own_tips) != 1:
        return Denied("own-fork", "the cut holds a fork of its own author")
    if own_tips[0].id != core.previous:
        return Denied("wrong-chain", "the cut holds a later delta of its own author")
    if own_tips[0].sequence != core.sequence - 1:
        return Denied("wrong-chain", "the sequence does not follow the previous one")
    return None


def check_clock(core: Core, seen: tuple[HybridTime, ...]) -> Denied | None:
    """Whether the time exceeds that of `previous` and of every parent."""
    if any(core.time <= time for time in seen):
        return Denied("wrong-time", "the time does not exceed that of a parent")
    return None


def check_release(core: Core, in_force: bytes) -> Denied | None:
    """Whether the delta ran under the release in force at its cut."""
    if core.release != in_force:
        return Denied("wrong-release", "the delta names another release than the one in force")
    return None
