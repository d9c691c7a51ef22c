"""What a node can be told to do: the one front for the API, the harness and tests.

Every answer is a value of `covey.node.views`; every refusal is one of `covey.errors`.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import trio

from covey.codec import (
    Ticket,
    certificate_text,
    cid_text,
    did_text,
    encode_ticket,
    open_bundle,
)
from covey.errors import NodeError, NotFound, Refused
from covey.merge import StateReader
from covey.model import (
    Call,
    Failed,
    HybridTime,
    MethodKind,
    PeerId,
    Query,
    Upgrade,
    limits,
    time_at,
)
from covey.network import Network
from covey.node.auditor import Auditor
from covey.node.calls import BatchRun, failure_of, result_of
from covey.node.context import ContextDriver
from covey.node.contexts import Contexts
from covey.node.engines import EngineChoice
from covey.node.entering import enter
from covey.node.foresight import in_force_already, notice_told
from covey.node.governing import (
    RulesRow,
    Wish,
    charter_rules,
    effects_of,
    ledger_rules,
    migration_of,
)
from covey.node.held import Held
from covey.node.history import History
from covey.node.joining import check_module
from covey.node.leaving import forget, leave
from covey.node.local_names import application_named, held_named, release_named
from covey.node.records import Application, Records
from covey.node.rehearsal import rehearse
from covey.node.rulebook import NO_RULES, Rulebook
from covey.node.settings import Role, SettingsChange
from covey.node.targets import Targets
from covey.node.tell import (
    application_row,
    context_row,
    context_status,
    peer_row,
    settings_row,
)
from covey.node.views import (
    ApplicationRow,
    CallResult,
    ContextRow,
    JoinResult,
    LeaveResult,
    NodeStatus,
    PeerRow,
    QueryResult,
    RehearsalRow,
    SettingsRow,
)
from covey.node.waiting import Wait, wait_of
from covey.node.wishes import fulfil
from covey.runtime import Executor
from covey.store import Store

__all__ = ["Node"]


class Node(History):
    """A running node; made by `covey.node.open_node`."""

    def __init__(
        self,
        *,
        member: bytes,
        version: str,
        store: Store,
        records: Records,
        executor: Executor,
        engines: EngineChoice,
        contexts: Contexts,
        network: Network,
        auditor: Auditor,
    ) -> None:
        super().__init__(auditor)
        self.member = did_text(member)
        self._version = version
        self._store = store
        self._records = records
        self._executor = executor
        self._engines = engines
        self._contexts = contexts
        self._network = network
        self._targets = Targets(contexts, network)
        self.stopping = trio.Event()

    # -- the node ---

    @property
    def peer_id(self) -> str:
        """As `NodeService.peer_id`."""
        return self._network.peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        """As `NodeService.addresses`."""
        return self._network.addresses

    def status(self) -> NodeStatus:
        """As `NodeService.status`."""
        now = time.time()
        return NodeStatus(
            peer_id=self.peer_id,
            member=self.member,
            addresses=self.addresses,
            version=self._version,
            contexts=tuple(
                context_status(held, self._records, now) for held in self._contexts.all()
            ),
        )

    def peers(self) -> tuple[PeerRow, ...]:
        """As `NodeService.peers`."""
        links = self._contexts.links
        rows = [peer_row(row, links.shared_with(row.peer)) for row in self._network.peer_table()]
        return tuple(sorted(rows, key=lambda r: (-len(r.contexts), -r.score, r.since, r.peer_id)))

    def request_stop(self) -> None:
        """As `NodeService.request_stop`."""
        self.stopping.set()

    # -- applications ---

    async def install(self, bundle: bytes) -> ApplicationRow:
        """As `NodeService.install`."""
        opened = open_bundle(bundle)
        check_module(opened)
        engine = self._engines.engine_for(opened.release, opened.manifest)
        await self._executor.install(opened.release, opened.module, engine)
        application = await trio.to_thread.run_sync(self._records.add_release, opened)
        return application_row(application)

    def applications(self) -> tuple[ApplicationRow, ...]:
        """As `NodeService.applications`."""
        return tuple(application_row(a) for a in self._records.applications())

    def application(self, name: str) -> ApplicationRow:
        """As `NodeService.application`."""
        return application_row(self._application(name))

    def _application(self, name: str) -> Application:
        return application_named(self._records, name)

    # -- contexts ---

    async def create_context(
        self, application: str, name: str | None, rules: Rulebook = NO_RULES
    ) -> ContextRow:
        """As `NodeService.create_context`."""
        installed = self._application(application)
        held = await self._contexts.create(installed, name, rules)
        return context_row(held, self._records)

    def contexts(self) -> tuple[ContextRow, ...]:
        """As `NodeService.contexts`."""
        return tuple(context_row(held, self._records) for held in self._contexts.all())

    def context(self, name: str) -> ContextRow:
        """As `NodeService.context`."""
        return context_row(self._held(name), self._records)

    def rules(self, context: str) -> RulesRow:
        """As `NodeService.rules`."""
        held = self._held(context)
        if held.driver is not None:
            return ledger_rules(held.driver.replica.ledger, self._records.application)
        if held.charter is None:
            raise Refused("its charter is not here yet: this node is still joining")
        return charter_rules(cid_text(held.record.id), held.charter, self._records.application)

    async def rules_of(self, target: str) -> RulesRow:
        """As `NodeService.rules_of`."""
        context, charter = await self._targets.charter_of(target)
        name = cid_text(context)
        if charter is None:
            return self.rules(name)
        return charter_rules(name, charter, self._records.application)

    async def govern(self, context: str, wish: Wish) -> str:
        """As `NodeService.govern`."""
        held = self._held(context)
        driver = await self._admitted(held)
        if wish.release:
            wish = replace(wish, release=release_named(self._records, wish))
        return (await fulfil(self._contexts, self._records, held, driver, wish)).hex()

    async def rehearse(self, context: str, release: str, migration: str | None) -> RehearsalRow:
        """As `NodeService.rehearse`."""
        held = self._held(context)
        replica = (await self._served(held)).replica
        application = self._application(release)
        wish = Wish(action="upgrade", release=cid_text(application.release), migration=migration)
        effects = effects_of(replica.ledger, replica.device, wish, self._records)
        upgrade = next(effect for effect in effects if isinstance(effect, Upgrade))
        module = self._records.module(application.release)
        engine = self._engines.engine_for(application.release, application.manifest)
        await self._executor.install(application.release, module, engine)
        with self._store.snapshot(replica.context) as reader:
            row = await rehearse(
                *(self._contexts, held, reader, application, upgrade, migration_of(wish)),
                run=self._executor.run_batch,
            )
        denied = in_force_already(replica.ledger, application.release)
        if denied is None and row.code == "notice":
            denied = notice_told(replica.ledger, application.release)
        if denied is None:
            return row
        return replace(row, allowed=False, code=denied.code, reason=denied.reason)

    def certificate(self) -> str:
        """As `NodeService.certificate`."""
        return certificate_text(self._contexts.certificate())

    def ticket(self, context: str) -> str:
        """As `NodeService.ticket`."""
        held = self._held(context)
        ticket = Ticket(held.record.id, self.addresses, PeerId(self.peer_id))
        return encode_ticket(ticket)

    async def join(self, target: str, name: str | None) -> JoinResult:
        """As `NodeService.join`."""
        return await enter(self._contexts, self._targets, self._wait_of, target, name)

    def waits_for(self, context: str) -> str:
        """As `NodeService.waits_for`."""
        wait = self._wait_of(self._held(context))
        return "" if wait is None else wait.what

    def _wait_of(self, held: Held) -> Wait | None:
        return wait_of(held, self._contexts.links, self._network.connected())

    async def leave(self, context: str, *, abandons: bool = False) -> LeaveResult:
        """As `NodeService.leave`."""
        return await leave(self._contexts, self._held(context), abandons=abandons)

    async def forget(self, context: str, *, abandons: bool = False) -> None:
        """As `NodeService.forget`."""
        await forget(self._contexts, self._held(context), abandons=abandons)

    def settings(self, context: str) -> SettingsRow:
        """As `NodeService.settings`."""
        held = self._held(context)
        return settings_row(held, self._contexts.reach.peers(held.record.id))

    async def change_settings(self, context: str, change: SettingsChange) -> SettingsRow:
        """As `NodeService.change_settings`."""
        held = self._held(context)
        await self._contexts.change_settings(held, change)
        return self.settings(cid_text(held.record.id))

    def _held(self, name: str) -> Held:
        return held_named(self._contexts.all(), name)

    # -- calls and queries ---

    async def call(self, context: str, method: str, arguments: bytes) -> CallResult:
        """As `NodeService.call`."""
        async for answer in self.batch(context, [(method, arguments)]):
            if isinstance(answer, NodeError):
                raise answer
            return answer
        raise AssertionError("a batch of one has one answer")

    async def batch(
        self, context: str, calls: Iterable[tuple[str, bytes]]
    ) -> AsyncIterator[CallResult | NodeError]:
        """As `NodeService.batch`."""
        held = self._held(context)
        if held.record.settings.role is Role.CARRIER:
            raise Refused(
                "this node only carries the context: `covey context settings "
                f"{shlex.quote(held.record.name)} --role full` lets it call"
            )
        driver = await self._admitted(held)
        async for answer in BatchRun(driver, calls).answers():
            yield answer

    async def _admitted(self, held: Held) -> ContextDriver:
        with trio.move_on_after(limits.ADMISSION_WAIT_S):
            await held.ready.wait()
            if held.problem:
                raise Refused(held.problem)
            if held.driver is not None and not held.driver.replica.is_removed:
                await held.driver.standing.admitted.wait()
        driver = held.driver
        if driver is not None and driver.replica.is_removed:
            raise Refused(
                "this device was removed from the context: it may not write there; "
                "to join again (covey join) takes another device, without its roles"
            )
        if driver is None or not driver.replica.is_admitted:
            raise Refused("not admitted yet: a member's node must be reachable; try again")
        return driver

    async def query(self, context: str, method: str, arguments: bytes) -> QueryResult:
        """As `NodeService.query`."""
        held = self._held(context)
        driver = await self._served(held)
        declared = driver.code.interface.method(method)
        if declared is None:
            raise NotFound(f"the application has no method {method[:64]!r}")
        if declared.kind is not MethodKind.QUERY:
            raise NotFound(f"{method!r} may write: it is a call, not a query")
        replica = driver.replica
        query = Query(
            context=replica.context,
            release=driver.code.release,
            member=replica.certificate.member,
            device=replica.device,
            time=HybridTime(time_at(int(time.time() * 1000))),
            call=Call(method, arguments),
        )
        with self._store.snapshot(replica.context) as reader:
            state = StateReader(reader, driver.code.collections(query.release))
            outcome = await self._executor.query(query, state)
        if isinstance(outcome, Failed):
            raise failure_of(outcome)
        return QueryResult(result=result_of(outcome), fuel=outcome.fuel, log=outcome.log)

    async def _served(self, held: Held) -> ContextDriver:
        with trio.move_on_after(limits.ADMISSION_WAIT_S):
            await held.ready.wait()
        if held.problem:
            raise Refused(held.problem)
        if held.driver is None:
            raise Refused("not joined yet: a member's node must be reachable; try again")
        return held.driver
