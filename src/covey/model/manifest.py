"""What a release says of itself: the manifest and the interface embedded in its module."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from covey.model.ids import Cid, Signature

__all__ = ["Collection", "Interface", "Manifest", "Method", "MethodKind", "ReleaseTerms", "Rule"]


class Rule(enum.Enum):
    """What wins in a collection (protocols/merge.md)."""

    REGISTER = "register"
    COUNTER = "counter"
    FROZEN = "frozen"
    OWNED = "owned"


class MethodKind(enum.Enum):
    """A call may write, a query may not."""

    CALL = "call"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Collection:
    """A named part of the state; roles: names of those who may write, empty for everyone.

    is_later: in a context, that its first release does not declare it. Rival releases may declare
    one name with two rules: those are two collections.
    """

    name: str
    rule: Rule
    roles: tuple[str, ...]
    is_later: bool = False

    @property
    def place(self) -> bytes:
        """What its rows are kept under."""
        name = self.name.encode()
        return name + b"\0" + self.rule.value.encode() if self.is_later else name


@dataclass(frozen=True, slots=True)
class Method:
    """One export; the schemas are JSON Schema texts for people and tools, "" where none."""

    name: str
    kind: MethodKind
    arguments_schema: str
    result_schema: str


@dataclass(frozen=True, slots=True)
class Interface:
    """The custom section `covey.abi`: what the host must know of a module."""

    abi: str
    collections: tuple[Collection, ...]
    methods: tuple[Method, ...]

    def collection(self, name: str) -> Collection | None:
        """The collection of that name, if declared."""
        return next((c for c in self.collections if c.name == name), None)

    def method(self, name: str) -> Method | None:
        """The method of that name, if declared."""
        return next((m for m in self.methods if m.name == name), None)


@dataclass(frozen=True, slots=True)
class ReleaseTerms:
    """What of a release binds the one that comes after it in a context."""

    version: str
    abi: str
    collections: tuple[Collection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One release, signed by its publisher (JSON by RFC 8785).

    publisher: 32 bytes, Ed25519. blobs: names (`module`, `icon`, ...) with their CIDs.
    constraints: names of those the publisher recommends. links: shown, never fetched.
    """

    package: str
    version: str
    name: str
    description: str
    licence: str
    links: tuple[str, ...]
    publisher: bytes
    module: Cid
    blobs: tuple[tuple[str, Cid], ...]
    abi: str
    execution: str
    collections: tuple[Collection, ...]
    constraints: tuple[str, ...]
    signature: Signature

    @property
    def terms(self) -> ReleaseTerms:
        """What binds the next release."""
        return ReleaseTerms(self.version, self.abi, self.collections)
