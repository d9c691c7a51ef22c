"""What is said over HTTP about the contexts of a node; part of `covey.api.schema`."""

from __future__ import annotations

import msgspec

from covey.api.rules_schema import RoleHolder

__all__ = ["ContextList", "ContextReply", "InForce", "MemberDevice"]


class MemberDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A member and one of its devices, as did:key."""

    member: str
    device: str


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """The release that calls run; number: how many were put in force before it."""

    number: int
    release: str
    version: str


class ContextReply(msgspec.Struct, frozen=True, kw_only=True):
    """A context that this node holds; device: the key this node writes with, roles: what it holds.

    release: that of the charter; in_force: the one that calls run, null while it is not known here.
    admins: those of the charter. devices: all that may write now, with their roles.
    """

    id: str
    name: str
    topic: str
    application: str
    package: str
    release: str
    in_force: InForce | None
    phase: str
    admission: str
    encryption: str
    verification: str
    execution: str
    admins: tuple[MemberDevice, ...]
    devices: tuple[RoleHolder, ...]
    device: str
    roles: tuple[str, ...]


class ContextList(msgspec.Struct, frozen=True, kw_only=True):
    """The contexts that this node holds."""

    contexts: tuple[ContextReply, ...]
