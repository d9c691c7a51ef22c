"""The one file that builds physical keys, and through which every stored value passes.

    key   = scope number (4 bytes BE) ‖ table (1 byte) ‖ parts
    part  = int: 8 bytes BE | fixed bytes: as they are | any bytes: 00 as 00 FF, then 00 01

Physical keys compare bytewise exactly as row keys do element by element. A context has a short
local number instead of its id, so that keys are short. Names (bytes of any length) and values
each pass through one pair of functions here: what encrypts them at rest needs no other file.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from covey.model import limits
from covey.model.ids import ContextId
from covey.model.view import KeyPart, RowKey, Table

__all__ = [
    "COUNTER_KEY",
    "DIRECTORY_RANGE",
    "DROPPING_RANGE",
    "FIRST_CONTEXT_NUMBER",
    "INT",
    "KeyRange",
    "NAME",
    "NODE_NUMBER",
    "NO_NUMBER",
    "PREFIX_SIZE_BYTES",
    "SCHEMA_KEY",
    "SHAPES",
    "context_of",
    "directory_key",
    "dropping_key",
    "dropping_number",
    "last_parts",
    "number_bytes",
    "number_of",
    "open_value",
    "physical_key",
    "row_key",
    "row_range",
    "scope_range",
    "seal_value",
]

KeyRange = tuple[bytes, bytes]
"""Physical keys from the first (inclusive) to the second (exclusive)."""

INT: Final = -1
"""Kind of a key part: 0 to 2^64 - 1."""

NAME: Final = 0
"""Kind of a key part: bytes of any length. A kind above 0 is that many bytes."""

HASH: Final = 32
CID: Final = 36

SHAPES: Final[dict[Table, tuple[int, ...]]] = {
    Table.META: (NAME,),
    Table.DELTA: (HASH,),
    Table.LOG: (INT,),
    Table.CHAIN: (HASH, INT, HASH),
    Table.BRANCH: (HASH, INT),
    Table.FRONTIER: (HASH,),
    Table.HEAD: (HASH,),
    Table.ENTRY: (NAME, NAME),
    Table.VERSION: (NAME, NAME, INT, HASH, INT),
    Table.SUM: (NAME, NAME, HASH, INT, HASH),
    Table.ADMISSION: (HASH, INT, HASH),
    Table.DEVICE: (HASH,),
    Table.TIP: (HASH, HASH),
    Table.SUMMARY: (HASH,),
    Table.PROMOTION: (HASH, NAME, INT, HASH),
    Table.RESTRICTION: (HASH, INT, HASH, INT),
    Table.GOVERNED: (HASH, INT, HASH),
    Table.CODE_RULE: (INT, HASH, INT),
    Table.SILENT: (HASH, INT, HASH),
    Table.REFUSAL: (HASH, INT),
    Table.BUDGET: (HASH,),
    Table.BLOB: (CID,),
    Table.CONTEXT: (CID,),
    Table.RELEASE: (CID,),
    Table.NODE: (NAME,),
}

# An enum is slow to hash; indexing by its number is not.
_BY_NUMBER: Final = {int(table): shape for table, shape in SHAPES.items()}
_SHAPE_BY_NUMBER: Final = tuple(_BY_NUMBER.get(number, ()) for number in range(max(Table) + 1))
_TABLE_BYTES: Final = tuple(bytes((number,)) for number in range(max(Table) + 1))

NODE_NUMBER: Final = 1
FIRST_CONTEXT_NUMBER: Final = 2
NO_NUMBER: Final = limits.STORE_CONTEXTS_MAX  # never given: the scope that has no rows
PREFIX_SIZE_BYTES: Final = 5

# Scope number 0 is the store's own: which contexts have which number, and what is being dropped.
_STORE: Final = b"\x00\x00\x00\x00"
SCHEMA_KEY: Final = _STORE + b"\x00schema"
COUNTER_KEY: Final = _STORE + b"\x01next scope number"
_DIRECTORY: Final = _STORE + b"\x02"
_DROPPING: Final = _STORE + b"\x03"
DIRECTORY_RANGE: Final[KeyRange] = (_DIRECTORY, _DROPPING)
DROPPING_RANGE: Final[KeyRange] = (_DROPPING, _STORE + b"\x04")


def physical_key(number: int, table: Table, key: RowKey) -> bytes:
    """The key under which a row is stored; `key` has exactly the table's shape."""
    shape = _SHAPE_BY_NUMBER[table]
    assert len(key) == len(shape), (table, key)
    physical = _parts(_prefix(number, table), shape, key)
    assert len(physical) <= limits.STORE_KEY_BYTES_MAX
    return physical


def row_key(table: Table, physical: bytes, prefix: RowKey = (), known_bytes: int = 0) -> RowKey:
    """The row key of a physical key.

    prefix, known_bytes: parts already known, and where in `physical` they end.
    """
    position = known_bytes or PREFIX_SIZE_BYTES
    parts: list[KeyPart] = list(prefix)
    for kind in _SHAPE_BY_NUMBER[table][len(prefix) :]:
        if kind == NAME:
            end = physical.index(b"\x00\x01", position)
            parts.append(_open_name(physical[position:end]))
            position = end + 2
        elif kind == INT:
            parts.append(int.from_bytes(physical[position : position + 8], "big"))
            position += 8
        else:
            parts.append(physical[position : position + kind])
            position += kind
    assert position == len(physical)
    return tuple(parts)


def last_parts(
    table: Table, page: Sequence[tuple[bytes, bytes]], prefix: RowKey, known_bytes: int
) -> list[tuple[bytes, bytes]]:
    """(last part of the row key, value) of physical rows whose key has one part after `prefix`."""
    (kind,) = _SHAPE_BY_NUMBER[table][len(prefix) :]
    assert kind != INT, "the last part is bytes"
    own = slice(known_bytes, -2 if kind == NAME else None)  # a name ends with its terminator
    parts = [physical[own] for physical, _ in page]
    # A name holds a zero only where it was escaped.
    if kind == NAME and b"\x00" in b"".join(parts):
        parts = [_open_name(part) for part in parts]
    # Values as `open_value` gives them; a call for each row would cost as much as all the rest.
    return list(zip(parts, [stored for _, stored in page], strict=True))


def row_range(
    number: int,
    table: Table,
    prefix: RowKey,
    start: bytes,
    after: KeyPart | None,
    reverse: bool,
) -> tuple[KeyRange, int]:
    """The keys a scan covers, as `Reader.scan` defines it, and where its prefix ends in them."""
    shape = _SHAPE_BY_NUMBER[table]
    assert len(prefix) <= len(shape), (table, prefix)
    base = _parts(_prefix(number, table), shape, prefix)
    low, high = base, _following(base)
    if start:
        kind = shape[len(prefix)]
        assert kind != INT, "integers have no beginning"
        begun = base + (_seal_name(start) if kind == NAME else start)
        low, high = begun, _following(begun)
    if after is not None:
        kind = shape[len(prefix)]
        if reverse:
            high = min(high, base + _bound(kind, after, b"\x00\x01"))
        elif kind == NAME:
            # Above `after` and all that follows its terminator, below every longer name.
            low = max(low, base + _bound(kind, after, b"\x00\x02"))
        elif kind == INT or len(_raw(after)) == kind:
            low = max(low, _following(base + _bound(kind, after, b"")))
        else:
            low = max(low, base + _bound(kind, after, b""))
    return (low, high), len(base)


def scope_range(number: int) -> KeyRange:
    """All keys of one scope."""
    return number_bytes(number), number_bytes(number + 1)


def directory_key(context: ContextId) -> bytes:
    """Where the number of a context is kept."""
    return _DIRECTORY + context


def context_of(physical: bytes) -> ContextId:
    """The context a directory key is about."""
    return ContextId(physical[len(_DIRECTORY) :])


def dropping_key(number: int) -> bytes:
    """The mark that a scope's rows are to be removed."""
    return _DROPPING + number_bytes(number)


def dropping_number(physical: bytes) -> int:
    """The scope number such a mark is about."""
    return number_of(physical[len(_DROPPING) :])


def number_bytes(number: int) -> bytes:
    """A scope number as stored: 4 bytes."""
    return number.to_bytes(4, "big")


def number_of(stored: bytes) -> int:
    """The scope number that `number_bytes` stored."""
    return int.from_bytes(stored, "big")


def seal_value(physical: bytes, value: bytes) -> bytes:
    """A row's value as it is stored; `physical` is the row's key, to bind one to the other."""
    assert physical
    assert isinstance(value, bytes), value
    return value


def open_value(physical: bytes, stored: bytes) -> bytes:
    """What `seal_value` sealed under that key."""
    assert physical
    return stored


@functools.lru_cache(maxsize=1_024)
def _prefix(number: int, table: Table) -> bytes:
    return number.to_bytes(4, "big") + _TABLE_BYTES[table]


def _parts(physical: bytes, shape: tuple[int, ...], key: RowKey) -> bytes:
    """A physical key's beginning, and the parts of a row key or of its beginning after it."""
    # One loop without calls of ours: every read of a row passes here.
    for index, part in enumerate(key):
        kind = shape[index]
        if kind == INT:
            assert isinstance(part, int), part
            physical += part.to_bytes(8, "big")
            continue
        assert isinstance(part, bytes), part
        if kind == NAME:
            physical += _seal_name(part) + b"\x00\x01"
        else:
            assert len(part) == kind, (kind, part)
            physical += part
    return physical


def _bound(kind: int, part: KeyPart, ending: bytes) -> bytes:
    """One part as the bound of a range; a fixed part may be cut short."""
    if kind == INT:
        return _integer(part)
    raw = _raw(part)
    if kind == NAME:
        return _seal_name(raw) + ending
    assert len(raw) <= kind, (kind, raw)
    return raw


def _integer(part: KeyPart) -> bytes:
    assert isinstance(part, int), part
    return part.to_bytes(8, "big")


def _raw(part: KeyPart) -> bytes:
    assert isinstance(part, bytes), part
    return part


def _seal_name(name: bytes) -> bytes:
    """A name as it stands in a key, unterminated: its beginning is that of every longer name."""
    return name.replace(b"\x00", b"\x00\xff")


def _open_name(stored: bytes) -> bytes:
    return stored.replace(b"\x00\xff", b"\x00")


def _following(physical: bytes) -> bytes:
    """The first key after all keys that begin with `physical` (a scope number is never all FF)."""
    body = physical.rstrip(b"\xff")
    return body[:-1] + bytes((body[-1] + 1,))
