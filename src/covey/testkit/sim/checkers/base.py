"""What a checker is told; it overrides what it cares about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from covey.codec import Announcement
from covey.model import Batch, Delta, PeerId, ReleaseId, Verdict
from covey.sync import CallsSubmitted, GovernanceAnswered, GovernanceRequested, Reply

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Checker", "listed"]

_NAMED_MAX: Final = 8  # in a message: a crowd has hundreds


class Checker:
    """One promise. Each method raises AssertionError where it is broken."""

    def __init__(self, checks: Checks) -> None:
        self.checks = checks

    def started(self, node: Node) -> None:
        """A node came up with what its disk held."""

    def stopped(self, node: Node, why: str) -> None:
        """A node went down."""

    def did(self, node: Node, deed: str) -> None:
        """A doctored node commits a misdeed."""

    def submitted(self, node: Node, event: CallsSubmitted) -> None:
        """Local callers asked for something."""

    def replied(self, node: Node, reply: Reply) -> None:
        """A local caller got an answer."""

    def executes(self, node: Node, batch: Batch) -> None:
        """A node begins to run calls of its own."""

    def needs(self, node: Node, release: ReleaseId) -> None:
        """A node lacks the code of a release."""

    def has(self, node: Node, release: ReleaseId) -> None:
        """A node can run a release from now on."""

    def wished(self, node: Node, event: GovernanceRequested) -> None:
        """The owner of a node wishes to govern."""

    def governed(self, node: Node, answer: GovernanceAnswered) -> None:
        """What came of such a wish."""

    def applied(self, node: Node, delta: Delta) -> None:
        """A delta was applied and committed."""

    def published(self, node: Node, envelope: bytes, told: Delta | Announcement) -> None:
        """A replica gave a frame to the topic; told: what is in it."""

    def released(self, node: Node, delta: Delta) -> None:
        """A delta left a node, by gossip or stream."""

    def announced(self, node: Node, frontier: bytes, state: bytes) -> None:
        """A node said what it holds."""

    def judged(self, node: Node, source: str, verdict: Verdict) -> None:
        """A node gave its word on a frame of the topic that another had passed on."""

    def accused(self, node: Node, peer: PeerId, code: str) -> None:
        """A node blames another."""

    def settled(self, node: Node) -> None:
        """All effects of an event are carried out."""

    def ended(self) -> None:
        """The faults are over, and all had time to heal."""


def listed(names: Sequence[object]) -> str:
    """Names or numbers as a sentence has them."""
    shown = [str(name) for name in names[:_NAMED_MAX]]
    if len(names) > _NAMED_MAX:
        shown.append(f"{len(names) - _NAMED_MAX} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
