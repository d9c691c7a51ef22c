"""The custom section `covey.abi`: strict JSON that says what a module offers.

Source: protocols/application.md, "covey.abi".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from covey.model import Collection, Interface, Method, MethodKind, Rule, limits
from covey.runtime.abi.covey1.signatures import ABI, VALIDATE_EXPORT
from covey.runtime.abi.covey1.text import json_fault, shown
from covey.runtime.module.reader import refuse

__all__ = ["ABI_SECTION", "Declaration", "read_abi"]

ABI_SECTION = "covey.abi"
_RULE = "abi"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the section says; floats: the module asks for floating point."""

    interface: Interface
    floats: bool


class _Collection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    rule: Rule
    roles: tuple[str, ...] = ()


class _Method(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: MethodKind
    description: str = ""
    args: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    abi: str
    collections: tuple[_Collection, ...]
    methods: tuple[_Method, ...]
    floats: bool = False


def read_abi(customs: Sequence[tuple[str, bytes]]) -> Declaration:
    """The declaration among a module's custom sections. Raises ConfigError."""
    found = [content for name, content in customs if name == ABI_SECTION]
    if len(found) != 1:
        refuse(_RULE, f"it has {len(found)} sections {ABI_SECTION}, not one")
    if len(found[0]) > limits.ABI_SIZE_BYTES_MAX:
        refuse(_RULE, f"{ABI_SECTION} is over {limits.ABI_SIZE_BYTES_MAX} bytes")
    document = _decode(found[0])
    if document.abi != ABI:
        refuse(_RULE, f"it speaks the interface {document.abi!r}, and this node {ABI!r}")
    interface = Interface(
        ABI,
        tuple(Collection(c.name, c.rule, c.roles) for c in document.collections),
        tuple(
            Method(m.name, m.kind, _schema(m.name, m.args), _schema(m.name, m.result))
            for m in document.methods
        ),
    )
    _check_collections(interface.collections)
    _check_methods(interface.methods)
    return Declaration(interface, document.floats)


def _decode(content: bytes) -> _Document:
    # First, since what the readers below can bear differs between versions of Python: depth, and
    # the digits of a number.
    fault = json_fault(content)
    if fault is not None:
        refuse(_RULE, f"{ABI_SECTION} is not as it must be: {fault}")
    try:
        # Two readers may differ on which of two equal keys counts, so there is only one of each.
        json.loads(content, object_pairs_hook=_without_duplicates, parse_int=str)
        return msgspec.json.decode(content, type=_Document)
    except (ValueError, msgspec.MsgspecError) as error:
        reason = shown(str(error).encode(errors="replace"), limits.MESSAGE_BYTES_MAX)
        refuse(_RULE, f"{ABI_SECTION} is not as it must be: {reason}")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key comes twice in one object")
    return members


def _schema(method: str, raw: msgspec.Raw) -> str:
    text = bytes(raw).decode("utf-8").strip()
    if text and not text.startswith("{"):
        refuse(_RULE, f"a schema of method {method!r} is no JSON object")
    return text


def _check_collections(collections: Sequence[Collection]) -> None:
    if len(collections) > limits.COLLECTIONS_MAX:
        refuse(_RULE, f"it has more than {limits.COLLECTIONS_MAX} collections")
    _check_names("collection", [c.name for c in collections], limits.COLLECTION_NAME_BYTES_MAX)
    for collection in collections:
        if len(collection.roles) > limits.CHARTER_ROLES_MAX:
            refuse(_RULE, f"collection {collection.name!r} names too many roles")
        _check_names("role", collection.roles, limits.COLLECTION_NAME_BYTES_MAX)


def _check_methods(methods: Sequence[Method]) -> None:
    if len(methods) > limits.METHODS_MAX:
        refuse(_RULE, f"it has more than {limits.METHODS_MAX} methods")
    names = [method.name for method in methods]
    _check_names("method", names, limits.METHOD_NAME_BYTES_MAX)
    for reserved in ("memory", VALIDATE_EXPORT):
        if reserved in names:
            refuse(_RULE, f"no method may be called {reserved!r}")


def _check_names(what: str, names: Sequence[str], size_bytes_max: int) -> None:
    seen: set[str] = set()
    for name in names:
        if not _NAME.fullmatch(name) or len(name) > size_bytes_max:
            refuse(_RULE, f"{name!r} is no name of a {what}")
        if name in seen:
            refuse(_RULE, f"the {what} {name!r} comes twice")
        seen.add(name)
