"""The code that one simulated node has: what it fetched, what its engine can run, what it seeks.

As the node does it: for a release that is in force it asks for as long as it takes, for another one
for a while; a module comes over the streams of the real sessions, from whoever has it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from covey.codec import decode_manifest
from covey.model import Cid, Collection, ReleaseId, limits
from covey.sync import NeedRelease, ReleaseMissing, ReleaseReady
from covey.sync.session import AskBlob
from covey.testkit.sim.releases import Release

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node

__all__ = ["Shelf"]

_ASK_AGAIN_S: Final = 1.0
_COMPILE_S: Final = (0.0, 0.05, 0.5)


@dataclass(frozen=True, slots=True)
class _Sought:
    """A release that the replica needs. until_s: by the clock of the simulation."""

    release: ReleaseId
    module: Cid
    until_s: float


class Shelf:
    """Modules stay when the process ends; what is ready and what is sought is forgotten.

    spoils: asked for a module, this node gives something else.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._modules: dict[Cid, bytes] = {}
        self.spoils = False
        seed = f"{node.world.plan.seed}/{node.name}/shelf"
        self._rng = random.Random(seed)  # noqa: S311 - as everywhere here
        self.forget()

    def forget(self) -> None:
        """A process ended."""
        self._ready: dict[ReleaseId, None] = {self._node.world.founding.charter.release: None}
        self._sought: list[_Sought] = []
        self._is_asking = False
        self._next_to_ask = 0

    def is_ready(self, release: ReleaseId) -> bool:
        """Whether this process can run a release."""
        return release in self._ready

    def has(self, release: Release) -> bool:
        """Whether its module is here."""
        return release.cid in self._modules

    def blob(self, cid: Cid) -> bytes | None:
        """What a peer is given that asks for a module."""
        content = self._modules.get(cid)
        return b"spoilt" if content is not None and self.spoils else content

    def collections(self, release: ReleaseId) -> tuple[Collection, ...]:
        """Those of a release, each with where its rows are."""
        assert self.is_ready(release), f"{self._node.name} runs a release that it cannot"
        founding, governor = self._node.world.founding, self._node.replica.ledger.governor
        if release == founding.charter.release:
            return founding.collections
        manifest = decode_manifest(self._node.world.library.by_id[release].manifest)
        return tuple(governor.placed(manifest.terms).values())

    def install(self, release: Release) -> None:
        """Its owner brings a release."""
        self._modules[release.cid] = release.module
        if not self.is_ready(release.id):
            self._compile(release.id)

    def need(self, need: NeedRelease) -> None:
        """The replica needs a release."""
        manifest = decode_manifest(need.manifest)
        wait_s = math.inf if need.is_in_force else limits.RELEASE_SOUGHT_S
        self._node.world.checks.needs(self._node, need.release)
        self._node.world.note(self._node, f"needs {_short(need.release)} {need.is_in_force}")
        sought = _Sought(need.release, manifest.module, self._node.world.clock.now + wait_s)
        self._sought.append(sought)
        if not self._is_asking:
            self._ask()

    def told(self, cid: Cid, content: bytes | None) -> None:
        """A peer's answer; what is there has the address that was asked for."""
        self._node.world.note(self._node, f"module {_short(cid)} {content is not None}")
        if content is not None:
            self._node.world.met("module")
            self._modules[cid] = content
            self._ask()

    def _ask(self) -> None:
        """Compile what has come, give up what took too long, ask for the rest, one peer a turn."""
        now, left = self._node.world.clock.now, []
        for sought in self._sought:
            if sought.module in self._modules:
                self._compile(sought.release)
            elif now >= sought.until_s:
                self._node.take(ReleaseMissing(sought.release))
            else:
                left.append(sought)
        self._sought = left
        peers = sorted(self._node.peers.streams)
        if left and peers:
            stream = self._node.peers.streams[peers[self._next_to_ask % len(peers)]]
            self._next_to_ask += 1
            for cid in dict.fromkeys(sought.module for sought in left):
                stream.tell(self._node, AskBlob(self._node.world.founding.context, cid))
        if left and not self._is_asking:
            self._is_asking = True
            self._node.later(_ASK_AGAIN_S, self._ask_again)

    def _ask_again(self) -> None:
        self._is_asking = False
        self._ask()

    def _compile(self, release: ReleaseId) -> None:
        def ready() -> None:
            self._ready[release] = None
            self._node.world.checks.has(self._node, release)
            self._node.world.note(self._node, f"ready {_short(release)}")
            self._node.take(ReleaseReady(release))

        self._node.later(self._rng.choice(_COMPILE_S), ready)


def _short(cid: bytes) -> str:
    return cid[-4:].hex()
