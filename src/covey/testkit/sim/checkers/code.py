"""Which code runs: the release in force is what the set of deltas says, and calls run under it.

The oracle's word is asked at every change, the naive reading (`naive_code.py`) at every upgrade
that comes to a node and at the end. What the rules allow is refused to no honest admin or key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from covey.crypto import sha256
from covey.model import (
    Approve,
    Batch,
    Constraint,
    Core,
    Delta,
    DeltaId,
    Governance,
    HybridTime,
    Payload,
    ReleaseId,
    Signature,
    Tighten,
    Upgrade,
    next_time,
)
from covey.sync import GovernanceAnswered, GovernanceRequested
from covey.testkit.oracle import Known, refusal, upgrade_of
from covey.testkit.oracle.naive_code import Code as NaiveCode
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Code"]

_InForce = tuple[int, ReleaseId, frozenset[Constraint]]

_NO_RULES: Final = ("overloaded", "too-large", "over-budget", "migration")
"""Why a wish may be refused that the rules allow."""
_TICK_MS: Final = 2  # an attempt has its time before its answer is seen
_LOOKS_MAX: Final = 60  # of the naive reading, whose work grows with the cube of the deltas


class Code(Checker):
    """What is in force by the set of deltas, over all nodes and all time."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._in_force: dict[int, _InForce] = {}
        self._wishes: dict[str, dict[int, GovernanceRequested]] = {}
        self._migrates_ms: dict[str, HybridTime] = {}
        self._upgrades: dict[int, int] = {}
        self._looks = 0

    def settled(self, node: Node) -> None:
        """Equal sets, one release, and it is the one that the oracle gives."""
        mask = self.checks.mask(node)
        ledger = node.replica.ledger
        rule = ledger.governor.rule(ledger.authority)
        found = (rule.number, rule.release, frozenset(rule.constraints))
        known = self._in_force.get(mask)
        if known is None:
            j = self.checks.oracle.judge(mask)
            known = self._in_force[mask] = (j.number, j.release, j.constraints)
            self._look(mask)
        told = "another release in force than the oracle"
        assert found[:2] == known[:2], f"{node.name} has {told}: {self._named(rule.release)}"
        assert found == known, f"{node.name} has another code rule than the oracle"

    def _look(self, mask: int) -> None:
        """The naive reading, of sets in which an upgrade is new."""
        upgrades = sum(
            known.bit for known in self.checks.history.within(mask) if upgrade_of(known) is not None
        )
        if upgrades in self._upgrades or self._looks >= _LOOKS_MAX:
            return
        self._upgrades[upgrades] = mask
        self._looks += 1
        self._compare_naive(mask)

    def _compare_naive(self, mask: int) -> None:
        deltas = [known.delta for known in self.checks.history.within(mask)]
        charter, library = self.checks.world.founding.charter, self.checks.world.library
        reserved = (c.name for c in self.checks.world.founding.collections if c.roles)
        naive = NaiveCode(charter, deltas, library.first.manifest, frozenset(reserved))
        in_force = naive.in_force(frozenset(delta.id for delta in deltas))
        found = self._in_force[mask][:2]
        assert in_force == found, f"the naive reading has {self._named(in_force[1])} in force"

    def _named(self, release: ReleaseId) -> str:
        known = self.checks.world.library.by_id.get(release)
        return release.hex() if known is None else known.name

    # -- what runs -----------------------------------------------------------------------------

    def executes(self, node: Node, batch: Batch) -> None:
        """Under the release in force, or as its own migration; never code that is not there."""
        named = f"{node.name} runs {self._named(batch.release)}"
        assert node.shelf.is_ready(batch.release), f"{named}, which it has not"
        if [call.method for call in batch.calls] == ["migrate"]:
            self._migrates_ms[node.name] = batch.time
            return
        j = self.checks.oracle.judge(self.checks.mask(node))
        assert batch.release == j.release, f"{named}, while {self._named(j.release)} is in force"

    # -- what is wished for --------------------------------------------------------------------

    def started(self, node: Node) -> None:
        """Nothing is wished for in a new process."""
        self._wishes[node.name] = {}

    def wished(self, node: Node, event: GovernanceRequested) -> None:
        """An upgrade, an approval, a tighten, or something else."""
        self._wishes[node.name][event.request] = event

    def governed(self, node: Node, answer: GovernanceAnswered) -> None:
        """What is refused breaks a rule at the very set that the node holds."""
        event = self._wishes[node.name].pop(answer.request)
        if answer.denied is None or answer.denied.code in _NO_RULES:
            return
        if not all(isinstance(effect, Upgrade | Approve | Tighten) for effect in event.effects):
            return
        what = " and ".join(type(effect).__name__.lower() for effect in event.effects)
        named = f"{node.name} is refused its {what} ({answer.denied.code})"
        if answer.denied.code == "not-ready":
            ready = [node.shelf.is_ready(self._wanted(effect)) for effect in event.effects]
            assert ready == [False], f"{named}, whose release is there"
            return
        code = refusal(
            self.checks.oracle, self.checks.world.founding.context, self._attempt(node, event)
        )
        assert code, f"{named}, which the rules allow"

    def _wanted(self, effect: Governance) -> ReleaseId:
        assert isinstance(effect, Upgrade)
        library = self.checks.world.library
        return next(r.id for r in library.by_id.values() if r.manifest == effect.manifest)

    def _attempt(self, node: Node, event: GovernanceRequested) -> Known:
        """The delta that was not written, with whatever could be a witness."""
        mask = self.checks.mask(node)
        j = self.checks.oracle.judge(mask)
        held = self.checks.history.within(mask)
        time = next_time(int(node.handled_s * 1000) - _TICK_MS, node.replica.ledger.clock)
        if event.migration is not None:
            time = self._migrates_ms.get(node.name, time)
        effects: list[Governance] = []
        for effect in event.effects:
            match effect:
                case Upgrade(_, manifest):
                    witnesses = tuple(known.delta.id for known in held)
                    effects.append(Upgrade(j.number + 1, manifest, witnesses))
                case Approve(_, release):
                    effects.append(Approve(j.number + 1, release))
                case _:
                    effects.append(effect)
        core = Core(
            author=node.identity.device,
            sequence=1,
            previous=None,
            parents=(),
            gov_parents=(),
            time=time,
            release=j.release,
            epochs=(),
            fuel=(),
            governance=tuple(effects),
        )
        name = f"{node.name} {event.request} {len(held)}"
        delta = Delta(
            id=DeltaId(sha256(name.encode())),
            core=core,
            header=b"",
            signature=Signature(bytes(64)),
            sealed=b"",
            frame=b"",
        )
        calls = () if event.migration is None else (event.migration,)
        return Known(delta, Payload(calls, ((),) * len(calls), ((),) * len(calls)), 0, mask)

    def ended(self) -> None:
        """The naive reading agrees about everything that was written."""
        for mask in dict.fromkeys(self.checks.mask(node) for node in self.checks.world.honest):
            if mask in self._in_force:
                self._compare_naive(mask)
