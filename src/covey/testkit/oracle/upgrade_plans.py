"""The paths by which somebody may try to bring a release into force: what is wrong with each.

All that a plan does not spoil is as it should be, so that nothing but this stands in its way.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FORGED", "HONEST", "LOCKED", "PLANS", "SUCCESSOR", "Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One path. needs: what the code rule must have for it to make sense.

    approvals, witness, release, author, tighten, time: what is special about each. number: how
    far off. is_rival: two such upgrades, neither knowing of the other. weight: how often.
    """

    name: str
    needs: str = ""
    approvals: str = "good"
    witness: str = "good"
    release: str = "good"
    author: str = "honest"
    number: int = 0
    tighten: str = ""
    time: str = ""
    is_rival: bool = False
    is_honest: bool = False
    weight: int = 2


HONEST = Plan(name="honest", is_honest=True)
SUCCESSOR = Plan(name="honest, on top of one that others make fall", is_honest=True, weight=0)
LOCKED = "never: locked"
"""What becomes of whatever is as it should be, where code never changes."""

FORGED = ("forged approval", "forged upgrade")
"""Deltas with the signature of another: they never reach a node's rules."""

_HONEST = [
    HONEST,
    SUCCESSOR,
    Plan(name="honest, when the notice has just run", needs="notice", witness="exact",
         is_honest=True, weight=4),
    Plan(name="honest, version greater by number alone", release="longer", is_honest=True),
    Plan(name="honest, rivals of tiny and huge times", is_rival=True, is_honest=True, weight=6),
    Plan(name="honest, spared by a later tighten", tighten="after", is_honest=True),
    Plan(name="honest, beside a void tighten", tighten="void", is_honest=True, weight=4),
    Plan(name="honest, its author removed later", author="removed later", is_honest=True),
    Plan(name="honest, an approver removed meanwhile", needs="quorum", approvals="removed later",
         is_honest=True),
]  # fmt: skip
_APPROVALS = [
    Plan(name="admin against the keys", needs="quorum", approvals="none"),
    Plan(name="too few keys", needs="quorum", approvals="few", weight=4),
    Plan(name="one member's two devices", needs="two", approvals="twice", weight=6),
    Plan(name="approvals of the number before", needs="quorum", approvals="replayed", weight=4),
    Plan(name="approvals of another number", needs="quorum", number=1),
    Plan(name="approvals of another release", needs="quorum", approvals="other release"),
    Plan(name="approvals given ahead", needs="quorum", approvals="ahead"),
    Plan(name="approvals without a key", needs="quorum", approvals="no key"),
    Plan(name="approvals that are not in the cut", needs="quorum", approvals="unseen"),
    Plan(name="approval withdrawn with its device", needs="quorum", approvals="withdrawn",
         weight=4),
    Plan(name="keys collude with an admin", needs="quorum", author="corrupt"),
    Plan(name="stolen key approves", needs="quorum", approvals="stolen"),
]  # fmt: skip
_NOTICES = [
    *[
        Plan(name=f"notice: {name}", needs="notice", witness=witness, weight=4)
        for name, witness in (
            ("early", "early"),
            ("a moment short", "short"),
            ("run from the approvals, not the witness", "late"),
            ("no witness", "none"),
            ("witness with a key", "by a key"),
            ("witness from before the approvals", "before"),
            ("witness of some approvals", "partial"),
            ("void witness", "void"),
            ("witness not in the cut", "aside"),
            ("dated back by key holders", "dated by keys"),
            ("dated back with an accomplice", "accomplice"),
        )
    ],
    Plan(name="notice: upgrade dated back", needs="notice", time="tiny", weight=4),
]
_RELEASES = [
    Plan(name=f"release: {kind}", release=kind, weight=3)
    for kind in ("downgrade", "same version", "candidate", "other-publisher", "other-package",
                 "altered", "other-execution", "other-abi", "loosened", "fewer", "other-rule",
                 "dropped")
]  # fmt: skip
_AUTHORS = [
    Plan(name=f"author: {author}", author=author, weight=3)
    for author in ("ordinary", "outsider", "removed", "removed meanwhile", "demoted",
                   "demoted meanwhile", "promoted by who is removed meanwhile",
                   "promoted by who was removed", "thief of an admin's key")
]  # fmt: skip
_OTHERS = [
    Plan(name="number: one too small", number=-1),
    Plan(name="number: one too great", number=1),
    Plan(name="time: tiny", time="tiny"),
    Plan(name="time: huge", time="huge"),
    Plan(name="tighten: one's own key for the quorum", needs="quorum", approvals="own",
         tighten="own", author="corrupt", weight=6),
    Plan(name="tighten: a weaker quorum", needs="two", approvals="few", tighten="weaker",
         author="corrupt", weight=4),
    Plan(name="tighten: in the upgrade's own delta", tighten="together", author="corrupt"),
    Plan(name=LOCKED, needs="never", weight=60),
    Plan(name="tighten: missed by the upgrade", tighten="missed", weight=6),
    Plan(name="tighten: a new one in the cut", tighten="before", weight=4),
]  # fmt: skip

PLANS = (*_HONEST, *_APPROVALS, *_NOTICES, *_RELEASES, *_AUTHORS, *_OTHERS)
"""All of them."""
