"""What the node says of itself, in words and numbers that cannot flatter."""

from __future__ import annotations

from covey.codec import cid_text, did_text, topic_text
from covey.model import ContextId
from covey.network import PeerRow as Connection
from covey.network import TopicRules
from covey.node.governing import member_rows
from covey.node.held import Held
from covey.node.notices import iso_time
from covey.node.records import Application, Records
from covey.node.views import (
    ApplicationRow,
    CollectionRow,
    ContextRow,
    ContextStatus,
    InForceRow,
    MethodRow,
    PeerRow,
    SettingsRow,
)
from covey.sync import Ledger

__all__ = [
    "application_row",
    "context_row",
    "context_status",
    "peer_row",
    "phase_of",
    "settings_row",
]

_TRANSPORT = "tcp, noise, yamux"  # the only ones spoken here
_DHT = "/ipfs/kad/1.0.0"  # who speaks it answers others


def phase_of(held: Held) -> str:
    """How far this node is in a context: joining, reading or member; "refused" where it cannot.

    "removed": the device was closed.
    """
    if held.problem:
        return "refused"
    if held.driver is None:
        return "joining"
    if held.driver.replica.is_admitted:
        return "member"
    return "removed" if held.driver.replica.is_removed else "reading"


def context_status(held: Held, records: Records, now_s: float) -> ContextStatus:
    """The honest status of one context."""
    charter = held.charter
    driver = held.driver
    if charter is None or driver is None:
        return ContextStatus(
            id=cid_text(held.record.id),
            name=held.record.name,
            application="",
            digest="",
            deltas=0,
            members=0,
            in_sync_with=(),
            diverged=(),
            behind=0,
            waiting=0,
            as_of=None,
            phase=phase_of(held),
            role=held.record.settings.role.value,
            admission="" if charter is None else charter.admission.value,
            encryption="" if charter is None else charter.encryption.value,
            verification="" if charter is None else charter.verification.value,
            upgrade_needed=False,
        )
    replica = driver.replica
    standing = replica.standing(now_s)
    application = records.application(charter.release)
    return ContextStatus(
        id=cid_text(held.record.id),
        name=held.record.name,
        application="" if application is None else application.manifest.package,
        digest=replica.ledger.digest().hex(),
        deltas=replica.ledger.count,
        members=replica.member_count(),
        in_sync_with=standing.in_sync_with,
        diverged=standing.diverged,
        behind=standing.behind,
        waiting=len(replica.intake.pending),
        as_of=iso_time(standing.as_of_s) if standing.in_sync_with else None,
        phase=phase_of(held),
        role=held.record.settings.role.value,
        admission=charter.admission.value,
        encryption=charter.encryption.value,
        verification=charter.verification.value,
        upgrade_needed=replica.is_upgrade_needed,
    )


def context_row(held: Held, records: Records) -> ContextRow:
    """A context as `show` and `list` tell it."""
    charter = held.charter
    application = None if charter is None else records.application(charter.release)
    ledger = None if charter is None or held.driver is None else held.driver.replica.ledger
    known = () if ledger is None else member_rows(ledger)
    own = did_text(held.record.device)
    return ContextRow(
        id=cid_text(held.record.id),
        name=held.record.name,
        topic=topic_text(held.record.id),
        application="" if charter is None else charter.application.hex(),
        package="" if application is None else application.manifest.package,
        release="" if charter is None else cid_text(charter.release),
        in_force=None if ledger is None else _in_force(ledger),
        phase=phase_of(held),
        admission="" if charter is None else charter.admission.value,
        encryption="" if charter is None else charter.encryption.value,
        verification="" if charter is None else charter.verification.value,
        execution="" if charter is None else charter.execution,
        admins=()
        if charter is None
        else tuple((did_text(a.member), did_text(a.device)) for a in charter.admins),
        devices=known,
        device=own,
        roles=next((row.roles for row in known if row.device == own), ()),
    )


def _in_force(ledger: Ledger) -> InForceRow:
    rule = ledger.governor.rule(ledger.authority)
    version = ledger.governor.terms(rule.release).version
    return InForceRow(rule.number, cid_text(rule.release), version)


def settings_row(held: Held, peers: int) -> SettingsRow:
    """The network settings of a context; peers: how many share it."""
    settings = held.record.settings
    rules = TopicRules(degree=settings.degree)
    return SettingsRow(
        id=cid_text(held.record.id),
        name=held.record.name,
        degree=settings.degree,
        degree_low=rules.degree_low,
        degree_high=rules.degree_high,
        max_peers=settings.peers_max,
        peers=peers,
        allow=settings.allow,
        deny=settings.deny,
        static=settings.static,
        role=settings.role.value,
        announce=settings.is_announced,
    )


def application_row(application: Application) -> ApplicationRow:
    """An installed release as `list` and `inspect` tell it."""
    manifest = application.manifest
    return ApplicationRow(
        id=cid_text(application.release),
        application=application.application_id.hex(),
        package=manifest.package,
        version=manifest.version,
        name=manifest.name,
        description=manifest.description,
        licence=manifest.licence,
        publisher=did_text(manifest.publisher),
        module=cid_text(manifest.module),
        module_size_bytes=application.module_size_bytes,
        abi=manifest.abi,
        execution=manifest.execution,
        collections=tuple(
            CollectionRow(c.name, c.rule.value, c.roles) for c in manifest.collections
        ),
        methods=tuple(
            MethodRow(
                name=m.name,
                kind=m.kind.value,
                arguments=m.arguments_schema,
                result=m.result_schema,
            )
            for m in application.interface.methods
        ),
    )


def peer_row(connection: Connection, shared: tuple[ContextId, ...]) -> PeerRow:
    """A connected peer as `peers` tells it."""
    latency_s = connection.latency_s
    return PeerRow(
        peer_id=connection.peer,
        address=connection.address,
        direction=connection.direction,
        transport=_TRANSPORT,
        since=iso_time(connection.since_s),
        latency_ms=None if latency_s is None else round(latency_s * 1000, 3),
        score=round(connection.score, 3),
        agent=connection.agent,
        protocols=connection.protocols,
        dht_server=_DHT in connection.protocols,
        contexts=tuple(cid_text(context) for context in shared),
    )
