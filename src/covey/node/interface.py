"""What commands a node: the one interface that the API, the harness and tests know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import trio

from covey.errors import NodeError
from covey.node.governing import RulesRow, Wish
from covey.node.rulebook import NO_RULES, Rulebook
from covey.node.settings import SettingsChange
from covey.node.views import (
    ApplicationRow,
    AuditRow,
    CallResult,
    ContextRow,
    DeltaRow,
    JoinResult,
    LeaveResult,
    NodeStatus,
    PeerRow,
    QueryResult,
    RefusedRow,
    RehearsalRow,
    SettingsRow,
)

__all__ = ["NodeService"]


class NodeService(Protocol):
    """What commands a node; `Node` is the one that runs."""

    @property
    def peer_id(self) -> str:
        """The libp2p peer id."""
        ...

    @property
    def member(self) -> str:
        """The member this node stands for, as did:key."""
        ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """Full multiaddrs it can be dialled at."""
        ...

    def status(self) -> NodeStatus:
        """The honest status."""
        ...

    def peers(self) -> tuple[PeerRow, ...]:
        """Connected peers: who shares most first, then the best score, then the oldest."""
        ...

    async def install(self, bundle: bytes) -> ApplicationRow:
        """Install a bundle; ConfigError where it is damaged, forged or refused."""
        ...

    def applications(self) -> tuple[ApplicationRow, ...]:
        """Installed releases."""
        ...

    def application(self, name: str) -> ApplicationRow:
        """One release by id, package, or unique prefix of either; NotFound."""
        ...

    async def create_context(
        self, application: str, name: str | None, rules: Rulebook = NO_RULES
    ) -> ContextRow:
        """Found a context. Raises ConfigError where the rules make no sense."""
        ...

    def rules(self, context: str) -> RulesRow:
        """What can and what can never happen in a context."""
        ...

    async def rules_of(self, target: str) -> RulesRow:
        """The same by ticket, context id or topic, also of a context that is not joined.

        Of such a one it is what its charter says, asked of peers; answers within 30 s.
        """
        ...

    async def govern(self, context: str, wish: Wish) -> str:
        """Write governance; the delta's id in hex. Raises Refused with the rule's reason.

        Refused too where nobody who stays is an admin then, unless it abandons the context.
        """
        ...

    async def rehearse(self, context: str, release: str, migration: str | None) -> RehearsalRow:
        """Try an upgrade to an installed release on a copy of the state; nothing is written."""
        ...

    def certificate(self) -> str:
        """This installation's device and whose it is, for a charter that names it an admin."""
        ...

    def contexts(self) -> tuple[ContextRow, ...]:
        """The contexts held or being joined."""
        ...

    def context(self, name: str) -> ContextRow:
        """One context by id, local name, or unique prefix of its id; NotFound."""
        ...

    def ticket(self, context: str) -> str:
        """A string that lets others join."""
        ...

    async def join(self, target: str, name: str | None) -> JoinResult:
        """Join by ticket, context id or topic; answers within 30 s.

        What is here already keeps its name; a device that was removed there gives way to another.
        """
        ...

    def waits_for(self, context: str) -> str:
        """What joins and calls of a context wait for now, in a sentence, or empty."""
        ...

    def settings(self, context: str) -> SettingsRow:
        """How this node takes part in a context's network."""
        ...

    async def change_settings(self, context: str, change: SettingsChange) -> SettingsRow:
        """Change that, at once and for good; ConfigError says what is wrong with it."""
        ...

    async def leave(self, context: str, *, abandons: bool = False) -> LeaveResult:
        """Close this device in a context for everybody, then forget it here; within seconds.

        Refused where nobody who stays is an admin, unless it abandons the context.
        """
        ...

    async def forget(self, context: str, *, abandons: bool = False) -> None:
        """Stop a context and forget it here; the others are told nothing. Refused as `leave`."""
        ...

    async def call(self, context: str, method: str, arguments: bytes) -> CallResult:
        """Run a transaction; Refused where it took no effect."""
        ...

    def batch(
        self, context: str, calls: Iterable[tuple[str, bytes]]
    ) -> AsyncIterator[CallResult | NodeError]:
        """Run many transactions; one answer for each, in order."""
        ...

    async def query(self, context: str, method: str, arguments: bytes) -> QueryResult:
        """Ask without writing; cancelled with its task."""
        ...

    def log(self, context: str, after: int, limit: int) -> tuple[tuple[int, DeltaRow], ...]:
        """Applied deltas after an arrival number."""
        ...

    def refused(self, context: str) -> tuple[RefusedRow, ...]:
        """What members' devices signed and nobody may apply."""
        ...

    def proof(self, context: str, delta: str) -> bytes:
        """A refused delta as it was signed; NotFound where it is not kept."""
        ...

    def audit(
        self, context: str
    ) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[AuditRow]]:
        """Verify the whole history from the charter: how far it is, and last how it ended."""
        ...

    def watch(
        self, context: str, after: int | None
    ) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[tuple[int, DeltaRow]]]:
        """Each applied delta from now on, or from after an arrival number on."""
        ...

    def request_stop(self) -> None:
        """End the node."""
        ...
