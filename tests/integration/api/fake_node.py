"""A node in memory that keeps the contract of `NodeService`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from covey.errors import (
    ConfigError,
    ExecutionError,
    NodeError,
    NotFound,
    PeerUnavailable,
    ProtocolViolation,
    Refused,
    StoreError,
)
from covey.model import PeerId, limits
from covey.node import (
    ApplicationRow,
    CallResult,
    CollectionRow,
    ContextRow,
    ContextSettings,
    ContextStatus,
    DeltaRow,
    InForceRow,
    JoinResult,
    MemberRow,
    MethodRow,
    NodeStatus,
    PeerRow,
    QueryResult,
    Rulebook,
    SettingsChange,
    SettingsRow,
    changed,
)
from tests.integration.api.fake_governing import FakeGoverning
from tests.integration.api.fake_history import FakeHistory
from tests.integration.api.fake_ids import (
    CONTEXT_ID,
    DEVICE,
    FAR_TOPIC,
    MEMBER,
    NEAR_ID,
    PEER_ID,
    RELEASE_ID,
    TOKEN,
)

__all__ = ["CONTEXT_ID", "PEER_ID", "TOKEN", "FakeNode"]

# What the method `fail_with` raises, by its argument.
FAILURES: dict[str, NodeError] = {
    "config": ConfigError("fix this"),
    "not-found": NotFound("no such thing"),
    "refused": Refused("the rules say no"),
    "execution": ExecutionError("the engine failed"),
    "peer": ProtocolViolation("non-canonical", "a peer misbehaved"),
    "unavailable": PeerUnavailable("nobody is there"),
    "store": StoreError("the disk is full"),
}


_NO_RULES = Rulebook()


class FakeNode(FakeGoverning, FakeHistory):
    """Holds one application and one context, `notes`; a key-value application without a guest."""

    peer_id = PEER_ID
    member = MEMBER
    own = PeerId("12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2")
    addresses = ("/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWFake",)

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, object] = {}
        self.rows: list[tuple[int, DeltaRow]] = []
        self.watchers: list[trio.MemorySendChannel[tuple[int, DeltaRow]]] = []
        self.installed: list[bytes] = []
        self.stop_requested = False
        self.watch_queue_max = 100
        self.batches = 0
        self.kept = ContextSettings()
        self.rulebook = _NO_RULES
        self.waiting = 0
        self.waited_for = ""

    def status(self) -> NodeStatus:
        """One context, in sync with one peer."""
        return NodeStatus(
            peer_id=self.peer_id,
            member=self.member,
            addresses=self.addresses,
            version="0.1.0",
            contexts=(
                ContextStatus(
                    id=CONTEXT_ID,
                    name="notes",
                    application="org.example.kv",
                    digest="ab" * 32,
                    deltas=len(self.rows),
                    members=1,
                    in_sync_with=("12D3KooWOther",),
                    diverged=(),
                    behind=0,
                    waiting=0,
                    as_of="2026-01-01T00:00:00.000Z",
                    phase="member",
                    role="full",
                    admission="open",
                    encryption="none",
                    verification="signature",
                    upgrade_needed=False,
                ),
            ),
        )

    def peers(self) -> tuple[PeerRow, ...]:
        """One peer."""
        return (
            PeerRow(
                peer_id="12D3KooWOther",
                address="/ip4/127.0.0.1/tcp/4002",
                direction="outbound",
                transport="tcp, noise, yamux",
                since="2026-01-01T00:00:00.000Z",
                latency_ms=12.345,
                score=-1.5,
                agent="covey/0.1.0",
                protocols=("/covey/sync/1.0.0", "/ipfs/kad/1.0.0"),
                dht_server=True,
                contexts=(CONTEXT_ID,),
            ),
        )

    async def install(self, bundle: bytes) -> ApplicationRow:
        """Keep a bundle that begins right."""
        if not bundle.startswith(b"covey"):
            raise ConfigError("the bundle is damaged or not genuine: it is not a covey bundle")
        self.installed.append(bundle)
        return self.applications()[0]

    def applications(self) -> tuple[ApplicationRow, ...]:
        """One release."""
        return (
            ApplicationRow(
                id=RELEASE_ID,
                application="bafkreiapplication",
                package="org.example.kv",
                version="1.0.0",
                name="Key-value",
                description="keeps values",
                licence="Apache-2.0",
                publisher="did:key:z6MkPublisher",
                module="bafkreimodule",
                module_size_bytes=1234,
                abi="covey/1",
                execution="covey-exec/1",
                collections=(CollectionRow("entries", "register", ()),),
                methods=(
                    MethodRow(name="set", kind="call", arguments='{"type":"object"}', result=""),
                    MethodRow(name="get", kind="query", arguments="", result=""),
                ),
            ),
        )

    def application(self, name: str) -> ApplicationRow:
        """The release, by a prefix of its id or its package."""
        (row,) = self.applications()
        if row.package != name and not row.id.startswith(name):
            raise NotFound(f"no application {name!r} is installed")
        return row

    async def create_context(
        self, application: str, name: str | None, rules: Rulebook = _NO_RULES
    ) -> ContextRow:
        """The context again, under a name."""
        self.application(application)
        self.rulebook = rules
        return self._row(name)

    def contexts(self) -> tuple[ContextRow, ...]:
        """One context."""
        return (self._row(),)

    def context(self, name: str) -> ContextRow:
        """The context, by name or a prefix of its id."""
        if name != "notes" and not CONTEXT_ID.startswith(name):
            raise NotFound(f"there is no context {name!r} here")
        return self._row()

    def _row(self, name: str | None = None) -> ContextRow:
        return ContextRow(
            id=CONTEXT_ID,
            name=name or "notes",
            topic="/covey/1/notes",
            application="bafkreiapplication",
            package="org.example.kv",
            release=RELEASE_ID,
            in_force=InForceRow(2, RELEASE_ID, "1.2.0"),
            phase="member",
            admission="open",
            encryption="none",
            verification="signature",
            execution="covey-exec/1",
            admins=((MEMBER, DEVICE),),
            devices=(MemberRow(MEMBER, DEVICE, ("admin", "editor")),),
            device=DEVICE,
            roles=("admin", "editor"),
        )

    def ticket(self, context: str) -> str:
        """A ticket."""
        self.context(context)
        return "covey-ticket"

    async def join(self, target: str, name: str | None) -> JoinResult:
        """Few lead anywhere; by `slow-ticket` and `FAR_TOPIC` nobody is admitted in time."""
        if target in ("slow-ticket", FAR_TOPIC):
            why = "nobody let this device in; this node keeps trying"
            return JoinResult(id=CONTEXT_ID, admitted=False, why=why)
        if target not in ("covey-ticket", NEAR_ID):
            raise NotFound("nobody answers for that topic")
        return JoinResult(id=CONTEXT_ID, admitted=True)

    def waits_for(self, context: str) -> str:
        """What it was made to say."""
        self.context(context)
        return self.waited_for

    def settings(self, context: str) -> SettingsRow:
        """Those that were set last."""
        row, kept = self.context(context), self.kept
        return SettingsRow(
            id=row.id,
            name=row.name,
            degree=kept.degree,
            degree_low=6,
            degree_high=12,
            max_peers=kept.peers_max,
            peers=1,
            allow=kept.allow,
            deny=kept.deny,
            static=kept.static,
            role=kept.role.value,
            announce=kept.is_announced,
        )

    async def change_settings(self, context: str, change: SettingsChange) -> SettingsRow:
        """Keep them."""
        self.context(context)
        self.kept = changed(self.kept, change, self.own)
        return self.settings(context)

    async def call(self, context: str, method: str, arguments: bytes) -> CallResult:
        """`set` keeps, `fail_with` fails, `echo` answers its arguments."""
        self.context(context)
        return self._call(method, arguments)

    def _call(self, method: str, arguments: bytes) -> CallResult:
        if method == "fail_with":
            raise FAILURES[json.loads(arguments)["kind"]]
        if method == "defect":
            raise KeyError("a defect of the node")
        result, log = "null", ()
        if method == "set":
            given = json.loads(arguments)
            self.entries[given["key"]] = given["value"]
        elif method == "echo":
            result, log = arguments.decode(), ("echoed",)
        else:
            raise NotFound(f"the application has no call {method!r}")
        row = self.apply()
        return CallResult(result=result, delta=row.delta, fuel=7, log=log)

    def apply(self, calls: int = 1, governance: tuple[str, ...] = ()) -> DeltaRow:
        """A delta takes effect, and who watches is told."""
        arrival = len(self.rows) + 1
        row = DeltaRow(
            delta=f"{arrival:064x}",
            author=DEVICE,
            member=MEMBER,
            sequence=arrival,
            time="2026-01-01T00:00:00.000Z",
            calls=calls,
            methods=("set",) * calls,
            effects=1,
            events=(("changed", "{}"),),
            admitted=(),
            governance=governance,
            void=False,
            parents=(),
        )
        self.rows.append((arrival, row))
        for watcher in tuple(self.watchers):
            self._tell(watcher, (arrival, row))
        return row

    def _tell(
        self, watcher: trio.MemorySendChannel[tuple[int, DeltaRow]], notice: tuple[int, DeltaRow]
    ) -> None:
        try:
            watcher.send_nowait(notice)
        except trio.WouldBlock:
            self.watchers.remove(watcher)
            watcher.close()

    async def batch(
        self, context: str, calls: Iterable[tuple[str, bytes]]
    ) -> AsyncIterator[CallResult | NodeError]:
        """Every call in order, in pieces of 256."""
        self.context(context)
        self.batches += 1
        for place, (method, arguments) in enumerate(calls):
            if place % 256 == 0:
                await trio.lowlevel.checkpoint()
            try:
                yield self._call(method, arguments)
            except NodeError as error:
                if method == "fail_with" and isinstance(error, StoreError):
                    raise
                yield error

    async def query(self, context: str, method: str, arguments: bytes) -> QueryResult:
        """`get` reads, `echo` answers its arguments, `wait` never ends."""
        self.context(context)
        if method == "get":
            value = self.entries.get(json.loads(arguments)["key"])
            return QueryResult(result=json.dumps(value), fuel=3, log=())
        if method == "echo":
            return QueryResult(result=arguments.decode(), fuel=3, log=())
        if method == "wait":
            self.waiting += 1
            try:
                await trio.sleep_forever()
            finally:
                self.waiting -= 1
        raise NotFound(f"the application has no query {method!r}")

    def log(self, context: str, after: int, limit: int) -> tuple[tuple[int, DeltaRow], ...]:
        """Rows after an arrival number, a page of them at most."""
        self.context(context)
        return tuple(row for row in self.rows if row[0] > after)[: min(limit, limits.LOG_PAGE_ROWS)]

    @asynccontextmanager
    async def watch(
        self, context: str, after: int | None
    ) -> AsyncIterator[trio.MemoryReceiveChannel[tuple[int, DeltaRow]]]:
        """Rows from now on, or from after an arrival number."""
        self.context(context)
        missed = [] if after is None else [row for row in self.rows if row[0] > after]
        room = self.watch_queue_max + len(missed)
        send, receive = trio.open_memory_channel[tuple[int, DeltaRow]](room)
        for row in missed:
            send.send_nowait(row)
        self.watchers.append(send)
        try:
            yield receive
        finally:
            if send in self.watchers:
                self.watchers.remove(send)

    def request_stop(self) -> None:
        """Remember that it was asked."""
        self.stop_requested = True
