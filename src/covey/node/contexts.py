"""The contexts of a node: those it holds and those it is joining, each with its tasks.

It is also what sessions may look at (`SessionHost`): they see contexts, ledgers and blobs, and
nothing else of the node.
"""

from __future__ import annotations

import logging
import random
import secrets
from dataclasses import replace
from functools import partial

import trio
from trio_typing import TaskStatus

from covey.codec import KnownPeer, Ticket, charter_id, cid_text, encode_charter, topic_hash
from covey.crypto import Signer
from covey.errors import (
    ConfigError,
    NodeError,
    NotFound,
    PeerUnavailable,
    ProtocolViolation,
    Refused,
    StoreError,
)
from covey.model import Admission, Certificate, Charter, Cid, ContextId, DeviceId, PeerId, Reader
from covey.network import Network
from covey.node.context import ContextDriver
from covey.node.devices import Devices
from covey.node.engines import DEFAULT_CHOICE, EngineChoice
from covey.node.held import Held
from covey.node.home import Home
from covey.node.joining import Fetcher, seek_admission
from covey.node.links import Links
from covey.node.local_names import free_name
from covey.node.outlets import Outlets
from covey.node.reach import Reach
from covey.node.records import Application, ContextRecord, Records
from covey.node.rulebook import Rulebook, founded, require_members
from covey.node.settings import ContextSettings, SettingsChange, changed, peer_of
from covey.runtime import Executor
from covey.store import Store
from covey.sync import Ledger, Replica, Sources

__all__ = ["Contexts"]

_logger = logging.getLogger(__name__)


class Contexts:
    """All contexts of one node; `attach` begins their work."""

    def __init__(
        self,
        home: Home,
        store: Store,
        records: Records,
        executor: Executor,
        engines: EngineChoice = DEFAULT_CHOICE,
    ) -> None:
        self._home = home
        self._store = store
        self._records = records
        self._executor = executor
        self._engines = engines
        self.devices = Devices(home, store)
        self._held: dict[ContextId, Held] = {}
        self._network: Network | None = None
        self._nursery: trio.Nursery | None = None
        self._changes = trio.Lock()
        self.links = Links(self, self.driver)
        self.reach = Reach(self.links, self.contexts, self._settings_of)
        self.links.on_peers = self.reach.on_peers

    async def attach(self, network: Network, nursery: trio.Nursery) -> None:
        """Begin: the network is there. Contexts with everything at hand are served on return."""
        self._network, self._nursery = network, nursery
        self.reach.attach(network, nursery)
        self.links.attach(network, nursery)
        for record in self._records.contexts():
            await nursery.start(self._serve, self._hold(record))

    # -- what sessions may see

    def contexts(self) -> tuple[ContextId, ...]:
        """As `SessionHost.contexts`."""
        return tuple(self._held)

    def ledger(self, context: ContextId) -> Ledger | None:
        """As `SessionHost.ledger`."""
        driver = self.driver(context)
        return None if driver is None else driver.replica.ledger

    def sources(self, context: ContextId) -> Sources:
        """As `SessionHost.sources`."""
        return self._held[context].sources

    def blob(self, context: ContextId, cid: Cid) -> bytes | None:
        """As `SessionHost.blob`: served only inside a context that references it."""
        held, ledger = self._held.get(context), self.ledger(context)
        if held is None or held.charter is None:
            return None
        named = (held.charter.release,) if ledger is None else ledger.governor.releases()
        return self._records.blob(cid) if self._records.references(context, cid, named) else None

    def shows(self, context: ContextId, peer: PeerId) -> bool:
        """As `SessionHost.shows`."""
        return self.reach.shows(context, peer)

    def known_peers(self, context: ContextId, asker: PeerId) -> tuple[KnownPeer, ...]:
        """As `SessionHost.known_peers`."""
        return self.reach.known_peers(context, asker)

    def open_charter(self, topic: bytes, peer: PeerId) -> bytes | None:
        """As `SessionHost.open_charter`."""
        for context, held in self._held.items():
            if topic_hash(context) == topic and held.charter is not None:
                is_open = held.charter.admission is Admission.OPEN
                is_told = is_open and self.shows(context, peer)
                return self._records.blob(context) if is_told else None
        return None

    def prove_device(self, context: ContextId, message: bytes) -> tuple[DeviceId, bytes] | None:
        """As `SessionHost.prove_device`."""
        held = self._held.get(context)
        if held is None:
            return None
        signer = self._home.device_of(held.record.device)
        return held.record.device, signer.sign(message)

    # -- what the node may ask

    def all(self) -> tuple[Held, ...]:
        """Every context, oldest first."""
        return tuple(self._held.values())

    def get(self, context: ContextId) -> Held | None:
        """One context."""
        return self._held.get(context)

    def driver(self, context: ContextId) -> ContextDriver | None:
        """The driver of a context that is served."""
        held = self._held.get(context)
        return None if held is None else held.driver

    # -- creating, joining, leaving
    async def create(self, application: Application, name: str | None, rules: Rulebook) -> Held:
        """Found a context: its charter names this member as the first admin.

        name: None for one like the application's. Raises as `free_name`, and WrongRule.
        """
        founder, nonce = self.certificate(), secrets.token_bytes(32)
        charter = founded(application.application_id, application.release, founder, nonce, rules)
        owners = self.devices.owners()
        for row in rules.code:
            require_members(row, owners)
        packed, device = encode_charter(charter), founder.device
        context, default = charter_id(packed), application.manifest.package.rpartition(".")[2]
        async with self._changes:  # A name that is free stays so until it is taken.
            free = free_name(self.all(), name, default)
            await trio.to_thread.run_sync(self._records.add_charter, packed)
            record = ContextRecord(id=context, name=free, device=device, inviter=None, addresses=())
            return await self._begin(record)

    async def join(self, ticket: Ticket, name: str | None) -> Held:
        """Begin to join a context; the node keeps trying until it is served and admitted.

        name: None for one like its id. Raises as `free_name`.
        """
        async with self._changes:
            known = self._held.get(ticket.context)
            if known is not None:  # Somebody else was quicker.
                return known
            free = free_name(self.all(), name, f"context-{cid_text(ticket.context)[-6:]}")
            _logger.info("joining a context", extra={"called": free})
            device = await trio.to_thread.run_sync(self.devices.for_joining, ticket.context)
            return await self._begin(ContextRecord.of_ticket(ticket, free, device))

    async def rejoin(self, held: Held) -> Held:
        """Take part in a context with another device: this one can never write there again.

        What is here of the context stays.
        """
        async with self._changes:
            now = self._held.get(held.record.id)
            if now is not held:  # Somebody else was quicker.
                return held if now is None else now
            _logger.info("joining again", extra={"called": held.record.name})
            with trio.CancelScope(shield=True):  # Else it would be stopped and not begun again.
                await _stop(held)
                await trio.to_thread.run_sync(self.devices.spend, held.record)
                device = await trio.to_thread.run_sync(self.devices.for_joining, held.record.id)
                return await self._begin(replace(held.record, device=device))

    async def leave(self, held: Held) -> None:
        """Stop a context and forget it here; this device is never used there again."""
        async with self._changes:
            context = held.record.id
            held = self._held.get(context, held)  # It may have been joined again meanwhile.
            await _stop(held)
            _logger.info("context left", extra={"called": held.record.name})
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self.devices.spend, held.record)
                self._held.pop(context, None)
                await trio.to_thread.run_sync(self._records.forget_context, context)

    async def change_settings(self, held: Held, change: SettingsChange) -> None:
        """Change how this node takes part in a context; it holds at once and over restarts.

        Raises ConfigError, and StoreError, after which nothing is changed.
        """
        assert self._network is not None
        async with self._changes:
            context, before = held.record.id, held.record.settings
            if self._held.get(context) is not held:
                raise NotFound("the context was left meanwhile")
            after = changed(before, change, self._network.peer_id)
            held.record = replace(held.record, settings=after)
            try:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(self._records.keep_context, held.record)
            except StoreError:
                held.record = replace(held.record, settings=before)
                raise
            self.reach.changed(context)

    def _settings_of(self, context: ContextId) -> ContextSettings | None:
        held = self._held.get(context)
        return None if held is None else held.record.settings

    def certificate(self) -> Certificate:
        """This installation's device for contexts that begin now, and whose it is."""
        return self._home.certificate(DeviceId(self._home.device().public))

    async def _begin(self, record: ContextRecord) -> Held:
        assert self._nursery is not None
        await trio.to_thread.run_sync(self._records.keep_context, record)
        held = self._hold(record)
        await self._nursery.start(self._serve, held)
        return held

    def _hold(self, record: ContextRecord) -> Held:
        held = self._held[record.id] = Held(record)
        self.links.context_opened(record.id)
        return held

    # -- the tasks of one context

    async def _serve(
        self, held: Held, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Everything about one context until it is left; `started` when it is on its way."""
        assert self._network is not None
        context = held.record.id
        try:
            with held.scope:
                self.reach.begin(context)
                held.charter = self._records.charter(context)
                if held.charter is None or not self._is_installed(held.charter):
                    task_status.started()
                    task_status = trio.TASK_STATUS_IGNORED
                    if not await self._fetch(held):
                        await trio.sleep_forever()
                await self._drive(held, task_status)
        finally:
            self.reach.end(context)
            held.driver = None
            held.ended.set()

    def _is_installed(self, charter: Charter) -> bool:
        return self._records.application(charter.release) is not None

    async def _fetch(self, held: Held) -> bool:
        for address in held.record.addresses:
            assert self._nursery is not None
            if held.record.settings.admits(peer_of(address)):
                self._nursery.start_soon(self._dial, address)
        try:
            held.charter, _ = await Fetcher(self.links, self._records).fetch(held.record.id)
        except (ProtocolViolation, ConfigError, Refused) as error:
            self._give_up(held, error)
            return False
        return True

    def _give_up(self, held: Held, error: NodeError) -> None:
        held.problem = str(error)
        held.ready.set()
        facts = {"called": held.record.name, "why": held.problem}
        _logger.warning("context cannot be joined", extra=facts)

    async def _dial(self, address: str) -> None:
        assert self._network is not None
        try:
            await self._network.dial(address)
        except (PeerUnavailable, ConfigError) as error:
            _logger.info("ticket address unreachable", extra={"why": str(error)})

    async def _drive(self, held: Held, task_status: TaskStatus[None]) -> None:
        assert self._network is not None
        assert held.charter is not None
        application = self._records.application(held.charter.release)
        assert application is not None
        module = self._records.module(application.release)
        engine = self._engines.engine_for(application.release, application.manifest)
        try:
            await self._executor.install(application.release, module, engine)
        except ConfigError as error:
            # A founder may name a module that no engine takes: its context fails, not the node.
            self._give_up(held, error)
            task_status.started()
            await trio.sleep_forever()
        signer = await trio.to_thread.run_sync(self.devices.for_serving, held.record, held.charter)
        if signer.public != held.record.device:
            held.record = replace(held.record, device=DeviceId(signer.public))
            await trio.to_thread.run_sync(self._records.keep_context, held.record)
        replica = self._replica(held, signer, held.charter, self._store.reader(held.record.id))
        driver = ContextDriver(
            replica, application.interface, self._store, self._executor, self._outlets(held)
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run)
            held.driver = driver
            held.ready.set()
            _logger.info("context is here", extra={"called": held.record.name})
            self.reach.shape(held.record.id)
            await self._network.subscribe(driver.topic, driver.validate)
            try:
                self.links.context_opened(held.record.id)
                task_status.started()
                await self._stay_admitted(held, driver, signer)
            finally:
                held.driver = None
                with trio.CancelScope(shield=True), trio.move_on_after(1):
                    await self._network.unsubscribe(driver.topic)

    async def _stay_admitted(self, held: Held, driver: ContextDriver, signer: Signer) -> None:
        """Ask for admission, and again where it fell with that of who gave it."""
        replica = driver.replica
        while True:
            inviter = held.record.inviter
            await seek_admission(driver, self.links, signer, replica.certificate, inviter)
            turned = driver.standing.turned
            if replica.is_admitted:
                _logger.info("member of a context", extra={"called": held.record.name})
            if replica.is_admitted or replica.is_removed:
                await turned.wait()

    def replica_on(self, held: Held, reader: Reader) -> Replica:
        """Another replica of a context, on a copy of its rows; what it wants must go nowhere."""
        assert held.charter is not None
        return self._replica(held, self._home.device_of(held.record.device), held.charter, reader)

    def _replica(self, held: Held, signer: Signer, charter: Charter, reader: Reader) -> Replica:
        application = self._records.application(charter.release)
        assert self._network is not None
        assert application is not None
        return Replica(
            context=held.record.id,
            charter=charter,
            first=application.manifest.terms,
            reader=reader,
            device=signer,
            certificate=self._home.certificate(DeviceId(signer.public)),
            peer=self._network.peer_id,
            rng=random.Random(secrets.randbits(64)),  # noqa: S311 - nonces are 192 bits of this
        )

    def _outlets(self, held: Held) -> Outlets:
        assert self._network is not None
        context = held.record.id
        return Outlets(
            publish=self._network.publish,
            ask=partial(self.links.ask_deltas, context),
            record_sequence=lambda sequence: self._home.record_sequence(
                held.record.device, cid_text(context), sequence
            ),
            misbehaved=self.links.misbehaved,
            provide=partial(
                Fetcher(self.links, self._records).provide, self._executor, self._engines, context
            ),
        )


async def _stop(held: Held) -> None:
    """End everything that works for a context."""
    held.scope.cancel()
    await held.ended.wait()
