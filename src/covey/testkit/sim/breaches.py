"""What a doctored node does about releases: upgrades it may not make, approvals that are none.

Whether a delta must be refused everywhere is for the oracle to say, at the delta's own cut: what
one context forbids, a downgrade say, another one may allow.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from covey.crypto import Tag, signing_message
from covey.governance.code_rule import CodeRule
from covey.model import (
    ADMIN_ROLE,
    Approve,
    Call,
    Delta,
    DeltaId,
    DeviceId,
    HybridTime,
    Put,
    Quorum,
    Signature,
    Upgrade,
    limits,
)
from covey.testkit.sim.forging import Forger
from covey.testkit.sim.releases import LATER, Release

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.world import World

__all__ = ["Breaches"]

_SPOILS_S: Final = 5.0
_MIGRATE: Final = Call("migrate", b'{"most": 4}')
_OF_RELEASE: Final = {
    "downgrade": "old",
    "other-publisher": "foreign",
    "altered-manifest": "altered",
}


class Breaches:
    """publish, refuse: send a delta, of which the second must be applied nowhere."""

    def __init__(
        self,
        world: World,
        node: Node,
        forger: Forger,
        publish: Callable[[Delta], None],
        refuse: Callable[[Delta], None],
    ) -> None:
        self._world = world
        self._node = node
        self._forger = forger
        self._publish = publish
        self._refuse = refuse
        seed = f"{world.plan.seed}/breaches"
        self._rng = random.Random(seed)  # noqa: S311 - as everywhere here

    def commit(self, deed: str) -> bool:
        """Do it, if there is anything to do."""
        if deed == "wrong-module":
            self._spoil()
            return True
        if deed == "forked-upgrade":
            for branch in [self._upgrade(self._some_release()) for _ in range(2)]:
                self._send(branch)
            return True
        delta = self._forged(deed)
        if delta is None:
            return False
        is_verified = self._world.plan.is_verified
        if deed == "forged-approval" or (deed == "forged-migration" and is_verified):
            self._refuse(delta)
        else:
            self._send(delta)
        return True

    def _send(self, delta: Delta) -> None:
        must_not = self._world.checks.refusal(delta)
        (self._refuse if must_not else self._publish)(delta)

    def _forged(self, deed: str) -> Delta | None:
        library, rule = self._world.library, self._rule()
        if deed in _OF_RELEASE:
            return self._upgrade(library.by_name[_OF_RELEASE[deed]], self._latest())
        match deed:
            case "unapproved":
                return self._upgrade(self._some_release())
            case "early":
                quorums = [c for c in rule.constraints if isinstance(c, Quorum) and c.notice_ms]
                return self._upgrade(self._some_release(), self._latest()) if quorums else None
            case "tiny-time":
                return self._upgrade(self._some_release(), self._latest(), time=self._tiny_time())
            case "forged-approval":
                return self._approval_of_another()
            case "keyless-approval":
                return self._govern(Approve(rule.number + 1, self._some_release().id))
            case "replayed-approval":
                number = self._rng.choice([n for n in range(1, 4) if n != rule.number + 1])
                return self._govern(Approve(number, self._some_release().id))
            case "forged-migration":
                return self._forged_migration(self._some_release())
            case "usurp":
                is_admin = ADMIN_ROLE in self._node.replica.ledger.authority.roles(self._device)
                return self._upgrade(self._some_release(), self._latest(), ahead=int(is_admin))
            case "old-code" | "new-code":
                return self._call_under_another(deed)
        return None

    # -- deltas --------------------------------------------------------------------------------

    def _upgrade(
        self,
        release: Release,
        witnesses: tuple[DeltaId, ...] = (),
        *,
        ahead: int = 0,
        **changes: object,
    ) -> Delta:
        """An upgrade as it should be, but for what is given; ahead: how far its number is off."""
        upgrade = Upgrade(self._rule().number + 1 + ahead, release.manifest, witnesses)
        return self._govern(upgrade, **changes)

    def _govern(self, effect: Upgrade | Approve, **changes: object) -> Delta:
        return self._forger.sign(self._forger.core(governance=(effect,), **changes), ())

    def _forged_migration(self, release: Release) -> Delta | None:
        """An upgrade whose migration is said to have done more than it does."""
        upgrade = Upgrade(self._rule().number + 1, release.manifest, self._latest())
        core = self._forger.core(governance=(upgrade,))
        outcome = self._forger.migrate(core, release, _MIGRATE)
        if outcome is None:
            return None
        effects = [e for e in outcome.effects if (e.collection, e.key) != ("notes", b"k0")]
        effects.append(Put("notes", b"k0", b"migrated"))
        forged = tuple(sorted(effects, key=lambda e: (e.collection.encode(), e.key)))
        return self._forger.sign(core, ((_MIGRATE, replace(outcome, effects=forged)),))

    def _call_under_another(self, deed: str) -> Delta | None:
        """A call under the first release after another one came, or under one that did not."""
        first, current = self._world.library.first.id, self._rule().release
        release = first if deed == "old-code" else self._some_release().id
        if release == current:
            return None
        done = self._forger.run(self._forger.core(), b"elsewhere")
        return None if done is None else self._forger.sign(self._forger.core(release=release),
                                                           (done,))  # fmt: skip

    def _approval_of_another(self) -> Delta:
        """In the name of somebody who may have a key, signed with this node's own."""
        others = [node for node in self._world.nodes.values() if node is not self._node]
        victim = self._rng.choice(others).identity
        approve = Approve(self._rule().number + 1, self._some_release().id)
        core = replace(self._forger.core(governance=(approve,)), author=victim.device)
        delta = self._forger.sign_as(victim.signer, core)
        message = signing_message(Tag.DELTA, self._world.founding.context, delta.header)
        forged = Signature(self._node.identity.signer.sign(message))
        frame = delta.frame.replace(delta.signature, forged)
        return replace(delta, signature=forged, frame=frame)

    # -- what they are made of -------------------------------------------------------------------

    @property
    def _device(self) -> DeviceId:
        return self._node.identity.device

    def _rule(self) -> CodeRule:
        ledger = self._node.replica.ledger
        return ledger.governor.rule(ledger.authority)

    def _some_release(self) -> Release:
        """One that is newer than that in force, where there is any."""
        library = self._world.library
        current = library.by_id[self._rule().release]
        releases = [library.by_name[name] for name in LATER]
        newer = [release for release in releases if release.is_newer_than(current)]
        return self._rng.choice(newer or releases)

    def _latest(self) -> tuple[DeltaId, ...]:
        """The last deltas of everybody, as if they were witnesses."""
        tips = [tip.id for tips in self._node.replica.ledger.frontier.values() for tip in tips]
        return tuple(sorted(tips)[: limits.DELTA_WITNESSES_MAX])

    def _tiny_time(self) -> HybridTime:
        """The least that may follow what an upgrade follows here."""
        core, ledger = self._forger.core(), self._node.replica.ledger
        own = () if core.previous is None else (core.previous,)
        summaries = [ledger.summary(parent) for parent in (*own, *core.parents)]
        times = [summary.time for summary in summaries if summary is not None]
        return HybridTime(max(times, default=0) + 1)

    def _spoil(self) -> None:
        shelf = self._node.shelf
        shelf.spoils = True

        def stop() -> None:
            shelf.spoils = False

        self._world.clock.after(_SPOILS_S, stop)
