"""The opcode scan: which instructions a function may hold.

Source: WebAssembly Core Specification 2.0, chapter 5.4. Allowed is the first version of
WebAssembly with sign extension, multiple results and, where asked for, floats. What an engine
cannot meter (bulk operations cost one unit of fuel for any length) or repeat on another machine
is refused by name; whatever this table does not know is refused too.
"""

from __future__ import annotations

from typing import Final

from covey.model import limits
from covey.runtime.module.reader import BinaryReader, refuse
from covey.runtime.module.sections import read_value_type

__all__ = ["check_code", "check_constant"]

_BLOCKS: Final = frozenset((0x02, 0x03, 0x04))
_END, _BR_TABLE, _CALL_INDIRECT = 0x0B, 0x0E, 0x11
_PLAIN: Final = frozenset((0x00, 0x01, 0x05, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5)))
_INDEXED: Final = frozenset((0x0C, 0x0D, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24))
_MEMORY: Final = range(0x28, 0x3F)
_MEMORY_SIZE: Final = frozenset((0x3F, 0x40))
_CONSTANTS: Final = {0x41: 5, 0x42: 10}  # bytes of the longest LEB128 number
_FLOAT_CONSTANTS: Final = {0x43: 4, 0x44: 8}
_FLOATS: Final = frozenset(
    (
        *(0x2A, 0x2B, 0x38, 0x39, 0x43, 0x44),  # load, store, constants
        *range(0x5B, 0x67),  # comparisons
        *range(0x8B, 0xA7),  # arithmetic
        *range(0xA8, 0xAC),  # to 32 bit integers
        *range(0xAE, 0xC0),  # to 64 bit integers, from integers, of bits
    )
)
_GLOBAL_GET: Final = 0x23

_REFUSED: Final = {
    **dict.fromkeys((0x06, 0x07, 0x08, 0x09, 0x0A, 0x18, 0x19, 0x1F), ("opcode", "exceptions")),
    **dict.fromkeys((0x12, 0x13), ("opcode", "tail calls")),
    **dict.fromkeys((0x14, 0x15, 0xD3, 0xD4, 0xD5, 0xD6), ("opcode", "typed references")),
    **dict.fromkeys((0x1C, 0x25, 0x26, 0xD0, 0xD1, 0xD2), ("opcode", "reference types")),
    0xFB: ("opcode", "garbage-collected objects"),
    0xFD: ("simd", "SIMD"),
    0xFE: ("threads", "threads"),
}


def check_code(reader: BinaryReader, function_count: int, *, floats: bool) -> None:
    """Refuse what no function may hold. Raises ConfigError with the rule and the byte."""
    at = reader.at
    if reader.count("function bodies", limits.MODULE_FUNCTIONS_MAX) != function_count:
        refuse("malformed", "functions and their bodies differ in number", at)
    for _ in range(function_count):
        at = reader.at
        body = reader.sub(reader.u32())
        if body.end - body.at > limits.FUNCTION_SIZE_BYTES_MAX:
            refuse("too-large", f"a function is over {limits.FUNCTION_SIZE_BYTES_MAX} bytes", at)
        _check_locals(body, floats=floats)
        _check_body(body, floats=floats)
    reader.finish("the code section")


def _check_locals(body: BinaryReader, *, floats: bool) -> None:
    at, count = body.at, 0
    for _ in range(body.count("groups of locals", limits.FUNCTION_LOCALS_MAX)):
        count += body.u32()
        read_value_type(body, floats=floats)
    if count > limits.FUNCTION_LOCALS_MAX:
        refuse("too-many", f"a function has more than {limits.FUNCTION_LOCALS_MAX} locals", at)


def _check_body(body: BinaryReader, *, floats: bool) -> None:
    depth = 1
    while depth:
        at = body.at
        opcode = body.byte()
        if opcode in _FLOATS and not floats:
            refuse("floats", 'it uses floating point and covey.abi does not say "floats": true', at)
        if opcode == _END:
            depth -= 1
        elif opcode in _BLOCKS:
            depth += 1
            if depth > limits.FUNCTION_DEPTH_MAX:
                refuse("too-many", "a function nests too many blocks", at)
            _skip_block_type(body, floats=floats)
        else:
            _skip_immediate(body, opcode, at, floats=floats)
    body.finish("a function")


def _skip_block_type(body: BinaryReader, *, floats: bool) -> None:
    first = body.content[body.at] if body.at < body.end else body.truncated()
    if first == 0x40:
        body.skip(1)
    elif 0x40 < first < 0x80:  # one result: a negative number of one byte
        read_value_type(body, floats=floats)
    else:
        body.skip_leb(5)


def _skip_immediate(body: BinaryReader, opcode: int, at: int, *, floats: bool) -> None:
    if opcode in _PLAIN:
        return
    if opcode in _INDEXED:
        body.skip_leb(5)
    elif opcode in _MEMORY:
        if body.u32() >= 32:
            refuse("opcode", "it addresses a second or a 64 bit memory", at)
        body.skip_leb(5)
    elif opcode in _CONSTANTS:
        body.skip_leb(_CONSTANTS[opcode])
    elif opcode in _FLOAT_CONSTANTS:
        body.skip(_FLOAT_CONSTANTS[opcode])
    elif opcode in _MEMORY_SIZE:
        _require_zero(body, at)
    elif opcode == _CALL_INDIRECT:
        body.skip_leb(5)
        _require_zero(body, at)
    elif opcode == _BR_TABLE:
        for _ in range(body.count("branch targets", limits.BRANCH_TARGETS_MAX) + 1):
            body.skip_leb(5)
    elif opcode == 0xFC:
        _check_prefixed(body.u32(), at, floats=floats)
    else:
        rule, what = _REFUSED.get(opcode, ("opcode", f"the unknown opcode 0x{opcode:02x}"))
        refuse(rule, f"it uses {what}", at)


def _require_zero(body: BinaryReader, at: int) -> None:
    if body.byte() != 0:
        refuse("opcode", "it addresses a second memory or table", at)


def _check_prefixed(opcode: int, at: int, *, floats: bool) -> None:
    if opcode < 8:
        if not floats:
            refuse("floats", 'it uses floating point and covey.abi does not say "floats": true', at)
    elif opcode < 12:
        refuse("unmetered", "it uses bulk memory operations, whose fuel has no measure yet", at)
    else:
        refuse("opcode", f"it uses the unknown opcode 0xfc {opcode}", at)


def check_constant(reader: BinaryReader, *, floats: bool) -> None:
    """Step over the expression that gives a global its first value."""
    while True:
        at = reader.at
        opcode = reader.byte()
        if opcode == _END:
            return
        if opcode in _FLOAT_CONSTANTS and not floats:
            refuse("floats", 'it uses floating point and covey.abi does not say "floats": true', at)
        if opcode not in _CONSTANTS and opcode not in _FLOAT_CONSTANTS and opcode != _GLOBAL_GET:
            refuse("opcode", f"opcode 0x{opcode:02x} is not allowed in a constant", at)
        _skip_immediate(reader, opcode, at, floats=floats)
