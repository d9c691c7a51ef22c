"""What is not valid, or not allowed, is refused by our own rules, by name."""

from __future__ import annotations

import re

import pytest
import wasmtime

from covey.errors import ConfigError
from covey.model import limits
from covey.runtime import inspect_module, prepare_module, read_interface
from covey.runtime.module.encode import name, section, unsigned, vector
from tests.unit.runtime.module.binaries import TYPES, binary, with_code
from tests.unit.runtime.module.running import module

I32, I64, F64 = b"\x41\x00", b"\x42\x00", b"\x44" + bytes(8)
END = b"\x0b"

# Code of a function `() -> ()`, its `end` included: name, code, rule.
CODE = {
    "operand missing": (b"\x1a", "invalid"),
    "operand of another type": (I64 + b"\x45\x1a", "invalid"),
    "operand below the block": (I32 + b"\x02\x40\x1a\x0b", "invalid"),
    "operand left": (I32, "invalid"),
    "operand left in a block": (b"\x02\x40" + I32 + b"\x0b", "invalid"),
    "result missing": (b"\x02\x7f\x0b\x1a", "invalid"),
    "result of another type": (b"\x02\x7f" + I64 + b"\x0b\x1a", "invalid"),
    "if without else that gives": (I32 + b"\x04\x7f" + I32 + b"\x0b\x1a", "invalid"),
    "arms that differ": (I32 + b"\x04\x7f" + I32 + b"\x05" + I64 + b"\x0b\x1a", "invalid"),
    "else without if": (b"\x05", "invalid"),
    "else twice": (I32 + b"\x04\x40\x05\x05\x0b", "invalid"),
    "block of an unknown type": (b"\x02\x04\x0b", "invalid"),
    "block of a negative type": (b"\x02\xc0\x7f\x0b", "invalid"),
    "block type beyond 33 bits": (b"\x02\x80\x80\x80\x80\x80\x01\x0b", "malformed"),
    "block of a reference": (b"\x02\x70\x0b\x1a", "unknown-type"),
    "block of a vector": (b"\x02\x7b\x0b\x1a", "simd"),
    "block without its operands": (b"\x02\x03\x0b\x1a\x1a", "invalid"),
    "label beyond": (b"\x0c\x01", "invalid"),
    "branch without its value": (b"\x02\x7f\x0c\x00\x0b\x1a", "invalid"),
    "branch if without its value": (b"\x02\x7f" + I32 + b"\x0d\x00\x0b\x1a", "invalid"),
    "branch table of two arities": (
        b"\x02\x7f\x02\x40" + I32 + I32 + b"\x0e\x01\x00\x01\x0b" + I32 + b"\x0b\x1a",
        "invalid",
    ),
    "branch table of two types": (
        b"\x02\x7f\x02\x7e" + I32 + I32 + b"\x0e\x01\x00\x01\x0b\x1a" + I32 + b"\x0b\x1a",
        "invalid",
    ),
    "branch table beyond": (I32 + b"\x0e\x01\x00\x07", "invalid"),
    "branch table too long": (I32 + b"\x0e\xff\xff\x7f\x00", "too-many"),
    "dead code of a wrong type": (b"\x00" + I64 + b"\x45\x1a", "invalid"),
    "dead block is strict": (b"\x00\x02\x40\x1a\x0b", "invalid"),
    "dead code leaves too much": (b"\x00" + I32, "invalid"),
    "dead select of two types": (b"\x00" + I32 + I64 + I32 + b"\x1b\x1a", "invalid"),
    "select of two types": (I32 + I64 + I32 + b"\x1b\x1a", "invalid"),
    "select by no i32": (I32 + I32 + I64 + b"\x1b\x1a", "invalid"),
    "local beyond": (b"\x20\x00\x1a", "invalid"),
    "set of a local beyond": (I32 + b"\x21\x00", "invalid"),
    "global beyond": (b"\x23\x02\x1a", "invalid"),
    "global of the meter": (I64 + b"\x24\x02", "invalid"),
    "global of the meter, padded": (I64 + b"\x24\x82\x80\x80\x80\x00", "invalid"),
    "constant global set": (I64 + b"\x24\x01", "invalid"),
    "global set to another type": (I64 + b"\x24\x00", "invalid"),
    "function beyond": (b"\x10\x04", "invalid"),
    "function that is added": (b"\x10\x05", "invalid"),
    "call without arguments": (b"\x10\x03\x1a", "invalid"),
    "call of an unknown type": (I32 + b"\x11\x04\x00", "invalid"),
    "call of an added type": (I32 + b"\x11\x05\x00", "invalid"),
    "call through a second table": (I32 + b"\x11\x00\x01", "opcode"),
    "call without its index": (b"\x11\x00\x00", "invalid"),
    "alignment over the natural": (I32 + b"\x28\x03\x00\x1a", "invalid"),
    "alignment of a second memory": (I32 + b"\x28\x42\x00\x00\x1a", "opcode"),
    "offset over 32 bits": (I32 + b"\x28\x02\x80\x80\x80\x80\x10\x1a", "malformed"),
    "memory size of a second memory": (b"\x3f\x01\x1a", "opcode"),
    "memory grow of a second memory": (I32 + b"\x40\x01\x1a", "opcode"),
    "fill of a second memory": (I32 * 3 + b"\xfc\x0b\x01", "opcode"),
    "copy to a second memory": (I32 * 3 + b"\xfc\x0a\x00\x01", "opcode"),
    "fill of other types": (I32 + I64 + I32 + b"\xfc\x0b\x00", "invalid"),
    "init without data count": (I32 * 3 + b"\xfc\x08\x00\x00", "invalid"),
    "drop without data count": (b"\xfc\x09\x00", "invalid"),
    "index over 32 bits": (b"\x10\x80\x80\x80\x80\x10", "malformed"),
    "index of six bytes": (b"\x10\x80\x80\x80\x80\x80\x00", "malformed"),
    "i32 over 32 bits": (b"\x41\xff\xff\xff\xff\x0f\x1a", "malformed"),
    "i32 of six bytes": (b"\x41\x80\x80\x80\x80\x80\x00\x1a", "malformed"),
    "i64 with unused bits": (b"\x42" + b"\xff" * 9 + b"\x01\x1a", "malformed"),
    "float": (b"\x43\0\0\0\0\x1a", "floats"),
    "float comparison": (b"\x00\x5b\x1a", "floats"),
    "float load": (I32 + b"\x2a\x02\x00\x1a", "floats"),
    "saturating truncation": (b"\x00\xfc\x00\x1a", "floats"),
    "block of a float": (b"\x02\x7d\x00\x0b\x1a", "floats"),
    "table get": (I32 + b"\x25\x00\x1a", "opcode"),
    "table set": (I32 + I32 + b"\x26\x00", "opcode"),
    **{f"0xfc {n}": (I32 * 3 + bytes((0xFC, n)) + b"\0\0", "opcode") for n in range(12, 20)},
    "0xfc far": (b"\xfc\x88\x02", "opcode"),
    "typed select": (I32 * 3 + b"\x1c\x01\x7f\x1a", "opcode"),
    "null reference": (b"\xd0\x70\x1a", "opcode"),
    "function reference": (b"\xd2\x00\x1a", "opcode"),
    "exception": (b"\x06\x40\x0b", "opcode"),
    "tail call": (b"\x12\x00", "opcode"),
    "object": (b"\xfb\x00\x00", "opcode"),
    "vector": (b"\xfd\x0c" + bytes(16) + b"\x1a", "simd"),
    "atomic": (b"\xfe\x03\x00", "threads"),
    "unknown opcode": (b"\xff", "opcode"),
    "reserved opcode": (b"\x27", "opcode"),
    "no end": (b"\x02\x40", "malformed"),
    "code after the end": (b"\x0b\x01", "malformed"),
    "cut in an immediate": (b"\x41", "malformed"),
    "too deep": (b"\x02\x40" * 600 + b"\x0b" * 600, "too-many"),
}  # fmt: skip

_ELEMENTS = b"\x01\0\x41\0\x0b\x01\x01"
# Sections replaced: name, sections, rule.
PARTS: dict[str, tuple[dict[int, bytes | None], str]] = {
    "type of a function beyond": ({3: b"\x04\0\0\0\x04"}, "invalid"),
    "type of no function": ({1: b"\x01\x5f\0"}, "unknown-type"),
    "parameter that is a vector": ({1: b"\x01\x60\x01\x7b\0"}, "simd"),
    "parameter that is a float": ({1: b"\x01\x60\x01\x7d\0"}, "floats"),
    "parameter that is a reference": ({1: b"\x01\x60\x01\x70\0"}, "unknown-type"),
    "fewer bodies": ({10: b"\x01\x02\0\x0b"}, "malformed"),
    "no bodies": ({10: None}, "malformed"),
    "content after the types": ({1: vector(TYPES) + b"\0"}, "malformed"),
    "two tables": ({4: b"\x02\x70\0\x01\x70\0\x01"}, "too-many"),
    "table of references": ({4: b"\x01\x6f\0\x01"}, "unknown-type"),
    "table too large": ({4: b"\x01\x70\0" + unsigned(10_001)}, "too-large"),
    "table with a smaller maximum": ({4: b"\x01\x70\x01\x02\x01"}, "invalid"),
    "table that is shared": ({4: b"\x01\x70\x03\x01\x01"}, "threads"),
    "two memories": ({5: b"\x02\0\x01\0\x01"}, "too-many"),
    "memory with a smaller maximum": ({5: b"\x01\x01\x02\x01"}, "invalid"),
    "memory beyond 32 bits": ({5: b"\x01\x01\x01" + unsigned(65_537)}, "invalid"),
    "memory too large": ({5: b"\x01\0" + unsigned(257)}, "memory"),
    "memory of 64 bits": ({5: b"\x01\x04\x01"}, "memory"),
    "memory that is shared": ({5: b"\x01\x03\x01\x01"}, "threads"),
    "memory flags padded to mean shared": ({5: b"\x01\x83\x00\x01\x01"}, "threads"),
    "memory flags longer than a byte": ({5: b"\x01\x80\x80\x80\x00\x01"}, "memory"),
    "table flags longer than a byte": ({4: b"\x01\x70\x80\x00\x01"}, "memory"),
    "global of a wrong value": ({6: b"\x01\x7f\0\x42\0\x0b"}, "invalid"),
    "global of no value": ({6: b"\x01\x7f\0\x0b"}, "invalid"),
    "global of two values": ({6: b"\x01\x7f\0\x41\0\x41\0\x0b"}, "opcode"),
    "global of another global": ({6: b"\x02\x7f\0\x41\0\x0b\x7f\0\x23\0\x0b"}, "opcode"),
    "global of a sum": ({6: b"\x01\x7f\0\x41\x01\x41\x01\x6a\x0b"}, "opcode"),
    "global of a reference": ({6: b"\x01\x70\0\xd0\x70\x0b"}, "unknown-type"),
    "global value that is a reference": ({6: b"\x01\x7f\0\xd2\0\x0b"}, "opcode"),
    "global that is shared": ({6: b"\x01\x7f\x02\x41\0\x0b"}, "threads"),
    "export of a function beyond": ({7: b"\x01\x01a\0\x04"}, "invalid"),
    "export of a function that is added": ({7: b"\x01\x01a\0\x06"}, "invalid"),
    "export of a global that is added": ({7: b"\x01\x01a\x03\x02"}, "invalid"),
    "export of an unknown kind": ({7: b"\x01\x01a\x04\0"}, "unknown-type"),
    "export of a reserved name": (
        {7: vector([name("run") + b"\0\0", name("memory") + b"\x02\0", name("covey:x") + b"\0\0"])},
        "export",
    ),
    "elements beyond the table": ({9: b"\x01\0\x41\x01\x0b\x01\x01"}, "invalid"),
    "elements at minus one": ({9: b"\x01\0\x41\x7f\x0b\x01\x01"}, "invalid"),
    "elements of an unknown function": ({9: b"\x01\0\x41\0\x0b\x01\x04"}, "invalid"),
    "elements of an added function": ({9: b"\x01\0\x41\0\x0b\x01\x06"}, "invalid"),
    "elements at an i64": ({9: b"\x01\0\x42\0\x0b\x01\x01"}, "invalid"),
    "elements without a table": ({4: None}, "invalid"),
    "passive elements": ({9: b"\x01\x01\0\x01\x01"}, "segment"),
    "declared elements": ({9: b"\x01\x03\0\x01\x01"}, "segment"),
    "elements as expressions": ({9: b"\x01\x04\x41\0\x0b\x01\xd2\x01\x0b"}, "segment"),
    "elements of a second table": ({9: b"\x01\x02\x01\x41\0\x0b\0\x01\x01"}, "segment"),
    "elements of another kind": ({9: b"\x01\x02\0\x41\0\x0b\x01\x01\x01"}, "segment"),
    "elements with unknown flags": ({9: b"\x01\x08\x41\0\x0b\x01\x01"}, "malformed"),
    "elements again and again": (
        {4: b"\x01\x70\0" + unsigned(6_000),
         9: vector([b"\0\x41\0\x0b" + unsigned(6_000) + b"\x01" * 6_000] * 2)},
        "segment",
    ),
    "data beyond the memory": ({11: b"\x01\0\x41\xff\xff\x03\x0b\x02ab"}, "invalid"),
    "data at minus one": ({11: b"\x01\0\x41\x7f\x0b\x02ab"}, "invalid"),
    "no data at minus one": ({11: b"\x01\0\x41\x7f\x0b\0"}, "invalid"),
    "data at an i64": ({11: b"\x01\0\x42\0\x0b\x02ab"}, "invalid"),
    "data at a global": ({11: b"\x01\0\x23\x01\x0b\x02ab"}, "opcode"),
    "data of a second memory": ({11: b"\x01\x02\x01\x41\0\x0b\x02ab"}, "memory"),
    "data with unknown flags": ({11: b"\x01\x03\x02ab"}, "malformed"),
    "data again and again": (
        {11: vector([b"\0\x41\0\x0b" + unsigned(40_000) + bytes(40_000)] * 2)},
        "segment",
    ),
    "data count that differs": ({12: b"\x02", 11: b"\x01\x01\x01a"}, "malformed"),
    "data count without data": ({12: b"\x01"}, "malformed"),
    "data count that is longer": ({12: b"\0\0"}, "malformed"),
}  # fmt: skip


def rule_of(content: bytes) -> str:
    """The rule that a refusal names; also what its sentence must be like."""
    with pytest.raises(ConfigError) as refused:
        prepare_module(content)
    found = re.fullmatch(
        r"the module is refused: .+ \(([a-z-]+)(, at byte \d+)?\)", str(refused.value)
    )
    assert found, str(refused.value)
    return found[1]


@pytest.mark.parametrize("case", CODE)
def test_code_is_refused(case: str) -> None:
    """The message says where; an engine never sees it."""
    code, rule = CODE[case]
    assert rule_of(with_code(code + END)) == rule


@pytest.mark.parametrize("case", [c for c, (_, rule) in CODE.items() if rule == "invalid"])
def test_engine_agrees_that_code_is_invalid(case: str) -> None:
    """We refuse nothing as invalid that WebAssembly allows."""
    with pytest.raises(wasmtime.WasmtimeError):
        wasmtime.Module(wasmtime.Engine(), with_code(CODE[case][0] + END))


@pytest.mark.parametrize("case", PARTS)
def test_part_is_refused(case: str) -> None:
    """Also where an engine would find out only when it makes an instance."""
    parts, rule = PARTS[case]
    assert rule_of(binary(parts)) == rule


@pytest.mark.parametrize(
    ("parts", "floats"),
    [
        ({}, False),
        ({4: None, 9: None}, False),
        ({9: b"\x01\x02\0\x41\0\x0b\0\x01\x01"}, False),
        ({9: b"\x01\x80\x00\x41\x80\x00\x0b\x81\x00\x81\x00"}, False),
        ({11: b"\x01\x02\0\x41\0\x0b\x02ab"}, False),
        ({12: b"\x01", 11: b"\x01\x01\x02ab"}, False),
        ({11: b"\x01\0\x41\x80\x80\x04\x0b\0"}, False),
        ({6: b"\x02\x7d\x01\x43\0\0\0\0\x0b\x7e\0\x42\x05\x0b"}, True),
    ],
)
def test_other_forms_of_what_is_allowed_are_taken(
    parts: dict[int, bytes | None], floats: bool
) -> None:
    """And what comes out is what an engine takes."""
    prepared = prepare_module(binary(parts, floats=floats))
    wasmtime.Module(wasmtime.Engine(), prepared.code)


DEAD = (
    b"\x00\x1a\x6a\x1b\x1a",
    b"\x00\x02\x7f\x00\x0b\x1a",
    b"\x0c\x00\x0e\x01\x00\x00",
    b"\x00\x0d\x00\x20\x00\x1a",
    b"\x02\x7f\x00\x0e\x01\x00\x00\x0b\x1a",
    b"\x0f\x04\x40\x05\x0b",
    b"\x00\x1b\x6a\x1a",
    b"\x02\x40\x03\x7f\x00\x0d\x00\x0b\x1a\x0b",
    b"\x00\x11\x02\x00\x1a",
    b"\x00\x28\x02\x00\x22\x00\x1a",
    b"\x00\xfc\x0a\x00\x00",
)


@pytest.mark.parametrize("code", DEAD, ids=[code.hex() for code in DEAD])
def test_dead_code_may_take_operands_from_nowhere(code: bytes) -> None:
    """As WebAssembly has it; it is dropped."""
    whole = with_code(code + END, b"\x01\x01\x7f")
    wasmtime.Module(wasmtime.Engine(), whole)
    wasmtime.Module(wasmtime.Engine(), prepare_module(whole).code)


def many(count: int, code: bytes) -> bytes:
    """A method that repeats its code."""
    return with_code(code * count + END, b"\x01\x04\x7f")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (with_code(END, b"\x01" + unsigned(4_097) + b"\x7f"), "locals"),
        (with_code(END, b"\x02\xff\xff\xff\xff\x0f\x7f\xff\xff\xff\xff\x0f\x7f"), "locals"),
        (many(8_193, b"\x41\x00\x04\x40\x0b"), "stretches"),
        (many(2_049, b"\x41\x00\x11\x00\x00"), "stretches"),
        (with_code(I32 * 4_097 + b"\x1a" * 4_097 + END), "operands at once"),
        (
            with_code(
                b"\x03\x40" + b"".join(I32 + b"\x21" + unsigned(i) for i in range(500))
                + b"\x41\x00\x0d\x00" * 70 + b"\x0b" + END,
                b"\x01" + unsigned(500) + b"\x7f",
            ),
            "values carried",
        ),
        (many(1_025, b"\x03\x40\x0b"), "stretches"),
        (many(4_097, b"\x41\x00\x40\x00\x1a"), "stretches"),
        (many(4_097, b"\x41\x00\x41\x00\x77\x41\x00\x78\x1a"), "stretches"),
        (many(4_097, b"\x42\x00\x42\x00\x89\x42\x00\x8a\x1a"), "stretches"),
        (
            with_code(
                b"\x44" + bytes(8) + b"\xb0\xb9" * 8_193 + b"\x1a" + END, floats=True
            ),
            "stretches",
        ),
        (many(4_200, b"\x02\x7f\x41\x00\x22\x00\x41\x00\x0d\x00\x0b\x1a"), "values carried"),
        (
            with_code(
                (b"\x41\x00\x04\x40" + b"".join(I32 + b"\x21" + unsigned(i) for i in range(400))
                 + b"\x0b") * 45 + END,
                b"\x01" + unsigned(400) + b"\x7f",
            ),
            "values carried",
        ),
        (
            with_code(
                b"\x03\x40" * 100 + b"".join(I32 + b"\x21" + unsigned(i) for i in range(400))
                + b"\x0b" * 100 + END,
                b"\x01" + unsigned(400) + b"\x7f",
            ),
            "values carried",
        ),
    ],
)  # fmt: skip
def test_what_compiles_slowly_is_refused(content: bytes, what: str) -> None:
    """A few kilobytes of nested loops take an optimising compiler minutes."""
    with pytest.raises(ConfigError, match=what):
        prepare_module(content)


CARRYING = b"\x41\x00\x04\x40" + b"".join(I32 + b"\x21" + unsigned(i) for i in range(10)) + END


@pytest.mark.parametrize(
    ("functions", "locals_", "code", "what"),
    [
        (5, 10, CARRYING * 1_500, "squared values carried"),
        (3, 4_000, b"\x41\x00\x04\x40\x0b" * 4_000, "values alive"),
    ],
)
def test_what_functions_take_is_summed(
    functions: int, locals_: int, code: bytes, what: str
) -> None:
    """What one function may take to compile, many of them may not."""

    def module(count: int) -> bytes:
        body = b"\x01" + unsigned(locals_) + b"\x7f" + code + END
        bodies = [body] * count + [b"\0\x42\0\x0b"]
        functions = unsigned(count + 1) + b"\0" * count + b"\x02"
        code_section = vector([unsigned(len(b)) + b for b in bodies])
        return binary({3: functions, 10: code_section})

    prepare_module(module(1))
    with pytest.raises(ConfigError, match=what):
        prepare_module(module(functions))


def test_result_of_the_rewriting_is_bounded() -> None:
    """Every call has a charge of its own, so code may grow fivefold."""
    body = b"\0" + b"\x10\x01" * 8_000 + END
    bodies = [body, b"\0\x0b", b"\0\x0b", b"\0\x42\0\x0b"]
    grown = binary({10: vector([unsigned(len(b)) + b for b in bodies])})
    assert len(prepare_module(grown).code) > 5 * len(grown)
    bodies = [body] * 17 + [b"\0\x42\0\x0b"]
    types = b"\0" * 17 + b"\x02"
    parts = {3: unsigned(18) + types, 10: vector([unsigned(len(b)) + b for b in bodies])}
    with pytest.raises(ConfigError, match="131072 stretches"):
        prepare_module(binary(parts))


def test_interface_is_read_without_the_code() -> None:
    """For modules that were checked before."""
    broken = with_code(b"\xff")
    assert [method.name for method in read_interface(broken).methods] == ["run"]
    with pytest.raises(ConfigError):
        inspect_module(broken)
    assert inspect_module(module("")) == read_interface(module(""))


def test_custom_sections_are_left_behind() -> None:
    """Debugging information would only cost time."""
    content = module("") + section(0, name("name") + b"anything")
    assert prepare_module(content) == prepare_module(module(""))


def test_limits_fit_each_other() -> None:
    """The largest frame alone does not use up the stack of every engine."""
    values = limits.FUNCTION_LOCALS_MAX + 2 * limits.FUNCTION_PARAMETERS_MAX + limits.OPERANDS_MAX
    code = limits.FUNCTION_SIZE_BYTES_MAX // limits.FRAME_BYTES_PER_SLOT
    most = limits.FRAME_SLOTS + values + code + limits.STACK_SLOTS_MAX
    assert 32 * most < limits.NATIVE_STACK_BYTES_MAX
