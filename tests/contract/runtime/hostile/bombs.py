"""Modules within every limit of size, as slow to check and to compile as we could make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from covey.model import limits
from tests.contract.runtime.guests import abi_json, custom, leb
from tests.contract.runtime.hostile.sources import section

__all__ = ["BOMBS", "bomb"]

_FUNCTION_BYTES: Final = limits.FUNCTION_SIZE_BYTES_MAX - 32_768
_MODULE_BYTES: Final = limits.MODULE_SIZE_BYTES_MAX - 8_192
_I64 = b"\x7e"
_WIDE: Final = 120


def bomb(
    body: bytes,
    *,
    local_count: int = 0,
    functions: int = 1,
    types: tuple[bytes, ...] = (),
    kind: int = 0,
    more: bytes = b"",
    table: bool = False,
    local_type: bytes = _I64,
    floats: bool = False,
) -> bytes:
    """A module of that many functions with this body; `run` and `ask` are the first.

    types: after `() -> ()`. kind: the type of the functions but the first, which is empty.
    """
    declared = b"\1" + leb(local_count) + local_type if local_count else b"\0"
    content = declared + body + b"\x0b"
    one = leb(len(content)) + content
    count = min(functions, (_MODULE_BYTES - len(more)) // len(one)) or 1
    sections = [
        section(1, leb(1 + len(types)) + b"\x60\0\0" + b"".join(types)),
        section(3, leb(1 + count) + b"\0" + leb(kind) * count),
        section(4, b"\1\x70\0\x10") if table else b"",
        section(5, b"\1\0\1"),
        section(6, b"\1\x7e\1\x42\0\x0b"),
        section(7, b"\3\3run\0\0\3ask\0\0\6memory\2\0"),
        section(10, leb(1 + count) + b"\2\0\x0b" + one * count),
    ]
    return (
        b"\0asm\1\0\0\0" + b"".join(sections) + more + custom("covey.abi", abi_json(floats=floats))
    )


def _signature(parameters: int, results: int) -> bytes:
    return b"\x60" + leb(parameters) + _I64 * parameters + leb(results) + _I64 * results


def _get(local: int) -> bytes:
    return b"\x20" + leb(local)


def _set(local: int) -> bytes:
    return b"\x21" + leb(local)


def _fill(unit: bytes, most: int = _FUNCTION_BYTES) -> bytes:
    return unit * (most // len(unit))


_LOAD = b"\x41\0\x29\3\0"  # an i64 that no compiler knows
_STORE = b"\x37\3\0"
_COND = b"\x41\0\x28\2\0"


def _all_set(count: int) -> bytes:
    return b"".join(_LOAD + _set(n) for n in range(count))


def _all_used(count: int) -> bytes:
    return b"".join(b"\x41\0" + _get(n) + _STORE for n in range(count))


def _live_across(count: int, unit: bytes, times: int) -> bytes:
    return _all_set(count) + unit * times + _all_used(count)


def _rotated(count: int) -> bytes:
    """Every local gets its neighbour's value."""
    return b"".join(_get(n) for n in range(count)) + b"".join(
        _set((n + 1) % count) for n in range(count)
    )


def _nested(depth: int, opcode: int, inner: bytes, per_level: bytes = b"") -> bytes:
    return (bytes([opcode]) + b"\x40" + per_level) * depth + inner + b"\x0b" * depth


_BR_TABLE = b"\x41\0\x28\2\0\x0e" + leb(4096)
_TARGETS = b"".join(leb(n % 127) for n in range(4096)) + b"\0"

BOMBS: dict[str, Callable[[], bytes]] = {
    "ten thousand functions": lambda: bomb(b"\x01", functions=9_990),
    "ten thousand functions that call": lambda: bomb(b"\x10\0" * 20, functions=9_990),
    "straight code": lambda: bomb(_LOAD + _fill(b"\x42\3\x7e") + b"\x1a", functions=4),
    "straight code, all values in use": lambda: bomb(
        _LOAD * 4_000 + b"\x7c" * 3_999 + b"\x1a", functions=200
    ),
    "loads": lambda: bomb(_fill(_LOAD + b"\x1a"), functions=4),
    "stores": lambda: bomb(_fill(b"\x41\0\x42\0" + _STORE), functions=4),
    "divisions": lambda: bomb(_LOAD + _fill(_LOAD + b"\x7f") + b"\x1a", functions=4),
    "globals": lambda: bomb(_fill(b"\x23\0\x42\1\x7c\x24\0"), functions=4),
    "blocks with a branch": lambda: bomb(
        (b"\x02\x40" + _COND + b"\x0d\0\x0b") * 8_000, functions=16
    ),
    "ifs": lambda: bomb((_COND + b"\x04\x40\x05\x0b") * 3_500, functions=20),
    "ifs nested": lambda: bomb(_nested(500, 0x02, b"", _COND + b"\x0d\0") * 8, functions=20),
    "loops": lambda: bomb((b"\x03\x40" + _COND + b"\x0d\0\x0b") * 4_000, functions=20),
    "loops nested": lambda: bomb(_nested(500, 0x03, b"", _COND + b"\x0d\0") * 7, functions=20),
    "4,096 locals across ifs": lambda: bomb(
        _live_across(4_000, _COND + b"\x04\x40\x01\x0b", 3_000), local_count=4_000, functions=10
    ),
    "1,000 locals across ifs": lambda: bomb(
        _live_across(1_000, _COND + b"\x04\x40\x01\x0b", 3_900), local_count=1_000, functions=20
    ),
    "4,096 locals across calls": lambda: bomb(
        _live_across(4_000, b"\x10\0", 8_000), local_count=4_000, functions=10
    ),
    "1,000 locals across calls": lambda: bomb(
        _live_across(1_000, b"\x10\0", 8_000), local_count=1_000, functions=20
    ),
    "4,096 locals across loads": lambda: bomb(
        _live_across(4_000, _LOAD + b"\x1a", 30_000), local_count=4_000, functions=10
    ),
    "locals set in ifs": lambda: bomb(
        _all_set(1_000)
        + (_COND + b"\x04\x40" + b"".join(_LOAD + _set(n) for n in range(0, 1_000, 2)) + b"\x0b")
        * 40
        + _all_used(1_000),
        local_count=1_000,
        functions=20,
    ),
    "locals rotated in a loop": lambda: bomb(
        _all_set(2_000) + b"\x03\x40" + _rotated(2_000) + _COND + b"\x0d\0\x0b" + _all_used(2_000),
        local_count=2_000,
        functions=30,
    ),
    "locals rotated in ifs": lambda: bomb(
        _all_set(500) + (_COND + b"\x04\x40" + _rotated(500) + b"\x0b") * 90 + _all_used(500),
        local_count=500,
        functions=8,
    ),
    "locals set in nested loops": lambda: bomb(
        b"".join(b"\x03\x40" + _LOAD + _set(n % 60) for n in range(480))
        + b"".join(_COND + b"\x0d\0\x0b" for _ in range(480)),
        local_count=60,
        functions=60,
    ),
    "branch tables": lambda: bomb(
        b"\x02\x40" * 127 + (b"\x02\x40" + _BR_TABLE + _TARGETS + b"\x0b") * 50 + b"\x0b" * 127,
        functions=4,
    ),
    "branch tables that carry": lambda: bomb(
        b"\x02\x01" * 100
        + (
            b"\x02\x01"
            + _LOAD * _WIDE
            + _BR_TABLE
            + b"".join(leb(n % 100) for n in range(4096))
            + b"\0\x0b"
            + b"\x1a" * _WIDE
        )
        * 40
        + (b"\x0b" + b"\x1a" * _WIDE + _LOAD * _WIDE) * 99
        + b"\x0b"
        + b"\x1a" * _WIDE,
        types=(_signature(0, _WIDE),),
        functions=4,
    ),
    "blocks that carry": lambda: bomb(
        (b"\x02\x01" + _LOAD * _WIDE + _COND + b"\x0d\0\x0b" + b"\x1a" * _WIDE) * 270,
        types=(_signature(0, _WIDE),),
        functions=4,
    ),
    "blocks that carry, empty": lambda: bomb(
        _LOAD * _WIDE + b"\x02\x01\x0b" * 60_000 + b"\x1a" * _WIDE,
        types=(_signature(_WIDE, _WIDE),),
        functions=4,
    ),
    "branches that carry": lambda: bomb(
        _LOAD * _WIDE + (b"\x02\x01" + _COND + b"\x0d\0\x0b") * 8_000 + b"\x1a" * _WIDE,
        types=(_signature(_WIDE, _WIDE),),
        functions=13,
    ),
    "loops that carry": lambda: bomb(
        _LOAD * _WIDE + (b"\x03\x01" + _COND + b"\x0d\0\x0b") * 4_000 + b"\x1a" * _WIDE,
        types=(_signature(_WIDE, _WIDE),),
        functions=13,
    ),
    "calls that give much": lambda: bomb(
        b"\x42\0" * _WIDE + b"\x10\1" * 8_000 + b"\x1a" * _WIDE + b"\x42\0" * _WIDE,
        types=(_signature(_WIDE, _WIDE),),
        kind=1,
        functions=16,
    ),
    "indirect calls": lambda: bomb((b"\x41\0\x11\0\0") * 8_000, functions=16, table=True),
    "float arithmetic": lambda: bomb(
        b"\x44" + bytes(8) + _fill(b"\x9f", 120_000) + b"\x1a", functions=8, floats=True
    ),
    "float conversions": lambda: bomb(
        b"\x44" + bytes(8) + _fill(b"\xb0\xb9", 60_000) + b"\x1a", functions=8, floats=True
    ),
    "memory.grow": lambda: bomb(b"\x41\0" + b"\x40\0" * 7_000 + b"\x1a", functions=30),
    "memory.fill": lambda: bomb(b"\x41\0\x41\0\x41\0\xfc\x0b\0" * 8_000, functions=30),
    "dead code": lambda: bomb(b"\x00" + _fill(b"\x6a") + b"\x1a", functions=4),
    "dead blocks": lambda: bomb(b"\x00" + _fill(b"\x02\x40\x0b"), functions=4),
    "returns": lambda: bomb((b"\x02\x40" + _COND + b"\x04\x40\x0f\x0b\x0b") * 2_700, functions=16),
    "selects": lambda: bomb(_LOAD + _fill(_LOAD + _COND + b"\x1b") + b"\x1a", functions=4),
    "popcounts": lambda: bomb(_LOAD + _fill(b"\x7b\x79\x7a") + b"\x1a", functions=4),
}
