"""Every instruction of the table: the same result as before the rewriting, and its exact fuel."""

from __future__ import annotations

import pytest

from covey.model import limits
from covey.runtime.module.opcodes import OPCODES, Immediate, Opcode
from covey.runtime.module.values import F32, F64, I32, I64
from tests.unit.runtime.module.running import ENTRY, FUEL, module, run_original, run_prepared

NAMES = {I32: "i32", I64: "i64", F32: "f32", F64: "f64"}
# Ordinary values, edges, and NaNs with payloads of their own.
VALUES = {
    I32: ("0", "1", "-1", "7", "0x80000000", "0x7fffffff", "33"),
    I64: ("0", "1", "-1", "7", "0x8000000000000000", "0x7fffffffffffffff", "65"),
    F32: ("0", "-0", "1.5", "-2.5", "inf", "-inf", "nan:0x200001", "-nan:0x7fffff", "nan:0x1",
          "0x1p-149", "3e9", "-3e38"),
    F64: ("0", "-0", "1.5", "-2.5", "inf", "-inf", "nan:0x8000000000001", "-nan:0xfffffffffffff",
          "nan:0x1", "0x1p-1074", "3e18", "-1e308"),
}  # fmt: skip
CANONICAL = {F32: (0x7FC00000).to_bytes(4, "little"), F64: (0x7FF8 << 48).to_bytes(8, "little")}
SIZES = {I32: 4, I64: 8, F32: 4, F64: 8}
PLAIN = [o for o in OPCODES.values() if o.immediate is Immediate.NONE and o.pops]
ADDRESSED = [o for o in OPCODES.values() if o.immediate is Immediate.ADDRESS]

# The others by what is around them; `fuel` is the price of the body, counted by hand.
BODIES = {
    "unreachable": ("unreachable", 1),
    "nop": ("nop", 0),
    "block": ("(block nop)", 0),
    "loop": ("(loop nop)", 0),
    "if": ("(i32.const 1) (if (then (call $log (i32.const 1) (i32.const 2))))", 15),
    "else": ("(i32.const 0) (if (then) (else (call $log (i32.const 1) (i32.const 2))))", 15),
    "end": ("(block)", 0),
    "br": ("(block (br 0))", 2),
    "br_if": ("(block (br_if 0 (i32.const 1)) (call $log (i32.const 1) (i32.const 2)))", 3),
    "br_table": ("(block (block (br_table 0 1 0 (i32.const 1))) unreachable)", 7),
    "return": ("return", 2),
    "call": ("(call $f)", 10),
    "call_indirect": ("(call_indirect (type $t) (i32.const 1))", 17),
    "drop": ("(drop (i32.const 1))", 1),
    "select": ("(i32.store (i32.const 0) (select (i32.const 1) (i32.const 2) (i32.const 0)))", 9),
    "local.get": ("(local i32) (i32.store (i32.const 0) (local.get 0))", 6),
    "local.set": ("(local i32) (local.set 0 (i32.const 4))", 2),
    "local.tee": ("(local i32) (i32.store (i32.const 0) (local.tee 0 (i32.const 4)))", 7),
    "global.get": ("(i64.store (i32.const 0) (global.get $g))", 6),
    "global.set": ("(global.set $g (i64.const 5))", 2),
    "memory.size": ("(i32.store (i32.const 0) (memory.size))", 6),
    "memory.grow": ("(i32.store (i32.const 0) (memory.grow (i32.const 2)))", 506 + 2 * 16_384),
    "i32.const": ("(i32.store (i32.const 0) (i32.const -77))", 6),
    "i64.const": ("(i64.store (i32.const 0) (i64.const -77777777777))", 6),
    "f32.const": ("(f32.store (i32.const 0) (f32.const nan:0x1))", 6),
    "f64.const": ("(f64.store (i32.const 0) (f64.const -nan:0x1))", 6),
    "memory.init": ("(memory.init $d (i32.const 8) (i32.const 1) (i32.const 9))", 103 + 2),
    "data.drop": ("(data.drop $d)", 100),
    "memory.copy": ("(memory.copy (i32.const 8) (i32.const 4) (i32.const 1003))", 103 + 250),
    "memory.fill": ("(memory.fill (i32.const 8) (i32.const 4) (i32.const 65000))", 103 + 16_250),
}
REST = """(type $t (func)) (func $f) (table 2 funcref) (elem (i32.const 0) $f $f)
(global $g (mut i64) (i64.const 9)) (data $d "0123456789") (data (i32.const 4) "abcd")"""


def test_every_instruction_has_a_test() -> None:
    """One that is added to the table needs a case here."""
    tested = {o.name for o in (*PLAIN, *ADDRESSED)} | set(BODIES)
    assert tested == {opcode.name for opcode in OPCODES.values()}


def operand_sets(opcode: Opcode) -> list[tuple[str, ...]]:
    """Every value alone, or every pair."""
    if len(opcode.pops) == 1:
        return [(value,) for value in VALUES[opcode.pops[0]]]
    return [(a, b) for a in VALUES[opcode.pops[0]] for b in VALUES[opcode.pops[1]]]


def applied(opcode: Opcode, operands: tuple[str, ...], at: int) -> str:
    """Code that stores the result at an address."""
    taken = " ".join(
        f"({NAMES[kind]}.const {value})" for kind, value in zip(opcode.pops, operands, strict=True)
    )
    kind = NAMES[opcode.pushes[0]]
    return f"({kind}.store (i32.const {at}) ({opcode.name} {taken}))"


def all_applied(opcode: Opcode, sets: list[tuple[str, ...]]) -> str:
    """The same for many, at places of 8 bytes."""
    return "".join(applied(opcode, operands, 8 * i) for i, operands in enumerate(sets))


def price(opcode: Opcode) -> int:
    """Of `applied`: the operands, the instruction, the address and the store."""
    return len(opcode.pops) + opcode.price + 1 + 4


def canonical(content: bytes, opcode: Opcode, count: int) -> bytes:
    """Results with their NaNs as they must be, at places of 8 bytes."""
    kind = opcode.pushes[0]
    if not opcode.is_canonical:
        return content
    size, made = SIZES[kind], bytearray(content)
    bits = 8 * size
    exponent = 0x7F800000 if kind == F32 else 0x7FF << 52
    for at in range(0, 8 * count, 8):
        number = int.from_bytes(made[at : at + size], "little") & ((1 << (bits - 1)) - 1)
        if number > exponent:
            made[at : at + size] = CANONICAL[kind]
    return bytes(made)


@pytest.mark.parametrize("opcode", PLAIN, ids=[opcode.name for opcode in PLAIN])
def test_plain_instruction_gives_what_it_gave_for_its_price(opcode: Opcode) -> None:
    """On every combination of values; those that trap are run alone."""
    fine, traps = operand_sets(opcode), []
    if run_original(module(all_applied(opcode, fine), floats=True)).trap is not None:
        alone = [module(applied(opcode, operands, 0), floats=True) for operands in fine]
        trapped = [run_original(content).trap is not None for content in alone]
        traps = [operands for operands, does in zip(fine, trapped, strict=True) if does]
        fine = [operands for operands, does in zip(fine, trapped, strict=True) if not does]
    whole = module(all_applied(opcode, fine), floats=True)
    ended, expected = run_prepared(whole), run_original(whole)
    assert ended.trap is None
    assert ended.memory == canonical(expected.memory, opcode, len(fine))
    assert ended.fuel == ENTRY + len(fine) * price(opcode)
    assert ended.stack == limits.STACK_SLOTS_MAX
    for operands in traps:
        alone = module(applied(opcode, operands, 0), floats=True)
        assert run_prepared(alone).trap == run_original(alone).trap
        assert run_prepared(alone).fuel == ENTRY + price(opcode)


@pytest.mark.parametrize("opcode", ADDRESSED, ids=[opcode.name for opcode in ADDRESSED])
@pytest.mark.parametrize("offset", [0, 200])
def test_access_reads_and_writes_what_it_did(opcode: Opcode, offset: int) -> None:
    """Inside memory, at its last place, and beyond it."""
    data = '(data (i32.const 0) "\\81\\92\\a3\\b4\\c5\\d6\\e7\\f8")'
    data += '(data (i32.const 65528) "zyxwvuts")'
    width = 1 << opcode.align_max
    for at in (1, 65536 - width - offset, 65537 - width - offset, 0xFFFFFFFF):
        if opcode.pushes:
            kind = NAMES[opcode.pushes[0]]
            body = (
                f"({kind}.store (i32.const 300) ({opcode.name} offset={offset} (i32.const {at})))"
            )
            fuel = 1 + 4 + 1 + 4
        else:
            kind = NAMES[opcode.pops[1]]
            body = f"({opcode.name} offset={offset} (i32.const {at}) ({kind}.const 113))"
            fuel = 1 + 1 + 4
        whole = module(body, data, floats=True)
        ended, expected = run_prepared(whole), run_original(whole)
        assert (ended.trap, ended.memory) == (expected.trap, expected.memory)
        assert ended.fuel == ENTRY + fuel


@pytest.mark.parametrize("name", BODIES)
def test_other_instruction_does_what_it_did_for_its_price(name: str) -> None:
    """The host of this test takes 5 for each call."""
    body, fuel = BODIES[name]
    whole = module(body, REST, floats=True)
    ended, expected = run_prepared(whole), run_original(whole)
    assert (ended.trap, ended.memory) == (expected.trap, expected.memory)
    assert ended.told == expected.told
    assert ended.fuel == ENTRY + fuel + 5 * (len(ended.told) // 2)


@pytest.mark.parametrize("name", BODIES)
def test_instruction_completes_only_with_fuel_left(name: str) -> None:
    """With exactly its price it is out of fuel; with one more it ends as it did."""
    whole = module(BODIES[name][0], REST, floats=True)
    ended = run_prepared(whole)
    assert ended.fuel < FUEL
    short = run_prepared(whole, fuel=ended.fuel)
    assert short.fuel >= ended.fuel
    enough = run_prepared(whole, fuel=ended.fuel + 1)
    assert (enough.trap, enough.memory, enough.fuel) == (ended.trap, ended.memory, ended.fuel)
