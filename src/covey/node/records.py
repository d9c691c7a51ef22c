"""What the node keeps of itself in its store: contexts, releases and blobs.

Source: none; these rows are local to a node and carry a version of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.codec import (
    Bundle,
    Packed,
    Ticket,
    application_id,
    charter_id,
    decode_charter,
    decode_manifest,
    pack,
    shape,
    unpack,
    version_rank,
)
from covey.errors import StoreError
from covey.model import (
    ApplicationId,
    Charter,
    Cid,
    ContextId,
    DeviceId,
    Interface,
    Manifest,
    PeerId,
    ReleaseId,
    ScopedWrites,
    Table,
    Write,
    limits,
)
from covey.node.settings import ContextSettings, Role
from covey.runtime import read_interface
from covey.store import Store

__all__ = ["Application", "ContextRecord", "Records"]

_VERSION = 1
_CONTEXT_VERSION = 2  # 1 had no settings
_ROW_BYTES_MAX = 64 * 1024
_ADDRESSES_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRecord:
    """A context this node holds or is joining.

    device: this node's device in it. inviter, addresses: of the ticket it was joined by. settings:
    how this node takes part in its network.
    """

    id: ContextId
    name: str
    device: DeviceId
    inviter: PeerId | None
    addresses: tuple[str, ...]
    settings: ContextSettings = field(default_factory=ContextSettings)

    @classmethod
    def of_ticket(cls, ticket: Ticket, name: str, device: DeviceId) -> ContextRecord:
        """A context that is to be joined."""
        inviter = ticket.inviter or None
        return cls(
            id=ticket.context,
            name=name,
            device=device,
            inviter=inviter,
            addresses=ticket.addresses,
        )


@dataclass(frozen=True, slots=True)
class Application:
    """An installed release."""

    release: ReleaseId
    manifest: Manifest
    interface: Interface
    module_size_bytes: int

    @property
    def application_id(self) -> ApplicationId:
        """What stays the same over all releases."""
        return application_id(self.manifest.publisher, self.manifest.package)


class Records:
    """Contexts, releases and blobs; writes are durable and blocking."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reader = store.reader(None)
        self._applications: dict[ReleaseId, Application] = {}
        for key, _ in self._reader.scan(Table.RELEASE):
            assert isinstance(key[0], bytes)
            release = ReleaseId(key[0])
            self._applications[release] = self._load(release)

    # -- blobs ---

    def blob(self, cid: Cid | ContextId | ReleaseId) -> bytes | None:
        """A blob by its address."""
        return self._reader.get(Table.BLOB, (cid,))

    def module(self, release: ReleaseId) -> bytes:
        """The module of an installed release."""
        module = self.blob(self._applications[release].manifest.module)
        if module is None:
            raise StoreError("the store lost the module of an installed application")
        return module

    def manifest(self, release: ReleaseId) -> bytes:
        """The signed manifest of an installed release."""
        packed = self.blob(release)
        if packed is None:
            raise StoreError("the store lost the manifest of an installed application")
        return packed

    def charter(self, context: ContextId) -> Charter | None:
        """The charter of a context, once it is here."""
        packed = self.blob(context)
        return None if packed is None else decode_charter(packed)

    def references(self, context: ContextId, cid: Cid, releases: tuple[ReleaseId, ...]) -> bool:
        """Whether a blob belongs to a context: its charter, its releases or their blobs."""
        return bytes(cid) == context or any(self._belongs(release, cid) for release in releases)

    def _belongs(self, release: ReleaseId, cid: Cid) -> bool:
        application = self._applications.get(release)
        return bytes(cid) == release or (
            application is not None
            and (
                cid == application.manifest.module
                or any(cid == blob for _, blob in application.manifest.blobs)
            )
        )

    # -- releases ---

    def applications(self) -> tuple[Application, ...]:
        """Every installed release, by package and version."""
        return tuple(
            sorted(
                self._applications.values(),
                key=lambda a: (a.manifest.package, version_rank(a.manifest.version), a.release),
            )
        )

    def application(self, release: ReleaseId) -> Application | None:
        """An installed release."""
        return self._applications.get(release)

    def add_release(self, bundle: Bundle) -> Application:
        """Install a checked release; installing it again changes nothing."""
        writes = [Write(Table.BLOB, (cid,), content) for cid, content in bundle.blobs]
        writes.append(Write(Table.BLOB, (bundle.release,), bundle.manifest_bytes))
        writes.append(Write(Table.RELEASE, (bundle.release,), pack((_VERSION,))))
        self._write(writes)
        self._applications[bundle.release] = self._load(bundle.release)
        return self._applications[bundle.release]

    def _load(self, release: ReleaseId) -> Application:
        packed = self.blob(release)
        manifest = None if packed is None else decode_manifest(packed)
        module = None if manifest is None else self.blob(manifest.module)
        if manifest is None or module is None:
            raise StoreError("the store lost part of an installed application: install it again")
        return Application(release, manifest, read_interface(module), len(module))

    # -- contexts ---

    def contexts(self) -> tuple[ContextRecord, ...]:
        """Every context that is held or being joined."""
        return tuple(_record(key[0], row) for key, row in self._reader.scan(Table.CONTEXT))

    def add_charter(self, packed: bytes) -> None:
        """Keep a charter that was checked."""
        self._write([Write(Table.BLOB, (charter_id(packed),), packed)])

    def keep_context(self, record: ContextRecord) -> None:
        """Remember a context, or what changed of it."""
        settings = record.settings
        row = pack(
            (
                *(_CONTEXT_VERSION, record.name, record.device, record.inviter, record.addresses),
                (
                    *(settings.degree, settings.peers_max),
                    *(settings.allow, settings.deny, settings.static),
                    *(settings.role.value, int(settings.is_announced)),
                ),
            )
        )
        self._write([Write(Table.CONTEXT, (record.id,), row)])

    def forget_context(self, context: ContextId) -> None:
        """Forget a context and everything in it."""
        self._write([Write(Table.CONTEXT, (context,), None), Write(Table.BLOB, (context,), None)])
        self._store.drop(context)

    def _write(self, writes: list[Write]) -> None:
        self._store.write([ScopedWrites(None, tuple(writes))], durable=True)


def _record(key: bytes | int, row: bytes) -> ContextRecord:
    parts = unpack(row, _ROW_BYTES_MAX)
    if parts and parts[0] == 1:
        parts = (*parts, None)
    else:
        shape.version(parts[0] if parts else None, _CONTEXT_VERSION, "context row")
    _, name, device, inviter, addresses, settings = shape.fields(parts, 6, "context row")
    return ContextRecord(
        id=ContextId(shape.exactly(key, 36, "context")),
        name=shape.text(name, 256, "name"),
        device=DeviceId(shape.exactly(device, 32, "device")),
        inviter=None if inviter is None else PeerId(shape.text(inviter, 128, "inviter")),
        addresses=tuple(
            shape.text(a, 256, "address")
            for a in shape.array(addresses, _ADDRESSES_MAX, "addresses")
        ),
        settings=ContextSettings() if settings is None else _settings(settings),
    )


def _settings(row: Packed) -> ContextSettings:
    parts = shape.fields(row, 7, "settings")
    degree, peers_max, allow, deny, static, role, is_announced = parts
    return ContextSettings(
        degree=shape.integer(degree, 1, limits.GOSSIP_DEGREE_MAX, "degree"),
        peers_max=shape.integer(peers_max, 1, limits.CONTEXT_PEERS_MAX, "peers"),
        allow=_peers(allow, "allow"),
        deny=_peers(deny, "deny"),
        static=tuple(
            shape.text(each, 256, "address")
            for each in shape.array(static, limits.CONTEXT_STATIC_MAX, "static")
        ),
        role=Role(shape.text(role, 16, "role")),
        is_announced=shape.integer(is_announced, 0, 1, "announced") == 1,
    )


def _peers(row: Packed, name: str) -> tuple[PeerId, ...]:
    several = shape.array(row, limits.CONTEXT_LIST_PEERS_MAX, name)
    return tuple(PeerId(shape.text(each, 128, name)) for each in several)
