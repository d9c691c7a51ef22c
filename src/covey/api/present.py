"""From the node's values to the words of the interface."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from covey.api.context_schema import ContextReply, InForce, MemberDevice
from covey.api.rules_schema import RoleHolder
from covey.api.schema import (
    ApplicationReply,
    AppliedRow,
    BatchReply,
    CallReply,
    CollectionReply,
    EventReply,
    MethodReply,
    QueryReply,
)
from covey.node.views import (
    ApplicationRow,
    CallResult,
    ContextRow,
    DeltaRow,
    MethodRow,
    QueryResult,
)

__all__ = [
    "application_reply",
    "applied_row",
    "batch_reply",
    "call_reply",
    "context_reply",
    "mirrored",
    "query_reply",
]

_Word = TypeVar("_Word", bound=msgspec.Struct)


def mirrored(row: object, word: type[_Word]) -> _Word:
    """A value whose fields the interface shows as they are."""
    return msgspec.convert(row, word, from_attributes=True)


def application_reply(row: ApplicationRow) -> ApplicationReply:
    """An installed release."""
    return ApplicationReply(
        id=row.id,
        application=row.application,
        package=row.package,
        version=row.version,
        name=row.name,
        description=row.description,
        licence=row.licence,
        publisher=row.publisher,
        module=row.module,
        module_size_bytes=row.module_size_bytes,
        abi=row.abi,
        execution=row.execution,
        collections=tuple(mirrored(each, CollectionReply) for each in row.collections),
        methods=tuple(_method_reply(method) for method in row.methods),
    )


def _method_reply(row: MethodRow) -> MethodReply:
    return MethodReply(
        name=row.name, kind=row.kind, args=_schema(row.arguments), result=_schema(row.result)
    )


def _schema(text: str) -> msgspec.Raw:
    """A schema is shown as it was declared; "" where a method declares none."""
    return msgspec.Raw(text.encode() or b"null")


def context_reply(row: ContextRow) -> ContextReply:
    """A context that the node holds."""
    return ContextReply(
        id=row.id,
        name=row.name,
        topic=row.topic,
        application=row.application,
        package=row.package,
        release=row.release,
        in_force=None if row.in_force is None else mirrored(row.in_force, InForce),
        phase=row.phase,
        admission=row.admission,
        encryption=row.encryption,
        verification=row.verification,
        execution=row.execution,
        admins=tuple(MemberDevice(member=m, device=d) for m, d in row.admins),
        devices=tuple(mirrored(each, RoleHolder) for each in row.devices),
        device=row.device,
        roles=row.roles,
    )


def call_reply(row: CallResult) -> CallReply:
    """A call that took effect."""
    return CallReply(result=_json(row.result), delta=row.delta, fuel=row.fuel, log=row.log)


def query_reply(row: QueryResult) -> QueryReply:
    """A query's answer."""
    return QueryReply(result=_json(row.result), fuel=row.fuel, log=row.log)


def batch_reply(row: CallResult) -> BatchReply:
    """A call's line in the reply of a batch."""
    return BatchReply(result=_json(row.result), delta=row.delta, fuel=row.fuel)


def _json(text: str) -> msgspec.Raw:
    """JSON that an application wrote, on one line: replies of streams are lines."""
    content = text.encode()
    if b"\n" in content or b"\r" in content:
        content = msgspec.json.format(content, indent=-1)
    return msgspec.Raw(content)


def applied_row(arrival: int, row: DeltaRow) -> AppliedRow:
    """A row of a log, a line of a watch."""
    return AppliedRow(
        arrival=arrival,
        delta=row.delta,
        author=row.author,
        member=row.member,
        sequence=row.sequence,
        time=row.time,
        calls=row.calls,
        methods=row.methods,
        effects=row.effects,
        events=tuple(EventReply(name=name, data=data) for name, data in row.events),
        admitted=row.admitted,
        governance=row.governance,
        void=row.void,
        parents=row.parents,
    )
