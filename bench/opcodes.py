"""What each instruction costs in time, beside its price in fuel.

Every instruction runs in chains, where each result is the next operand, so that nothing overlaps
or is left out by the compiler; loads and stores besides at random places of small and large
memories. Prints one JSON line: `ns_per_fuel` by name, the `worst` of them, and for memories the
time of one access. A price is right where it says about one nanosecond.

The fastest of the runs counts. Run: `python -m bench.opcodes [RUNS]`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Final

from covey.model import limits
from covey.runtime import Engine, Interrupt, new_engine, prepare_module
from covey.runtime.module.encode import name, section, signed, unsigned, vector
from covey.runtime.module.opcodes import OPCODES, Immediate, Opcode
from covey.runtime.module.values import F32, F64, I32, I64

__all__ = ["main"]

_COPIES: Final = 64
_FEW: Final = 100
_FUEL: Final = 20_000_000  # of one run, about
_RUNS: Final = 3
_LINE: Final = 64
_PAGES: Final = (1, 4, 16, 32, 64, 256)
# A local of each type is the chain, another its partner, a third a counter.
_LOCALS: Final = (I32, I64, F32, F64, I32, I64, F32, F64, I32)
_CHAIN: Final = {I32: 0, I64: 1, F32: 2, F64: 3}
_PARTNER: Final = {I32: 4, I64: 5, F32: 6, F64: 7}
_COUNTER: Final = 8
# What a chain came to is stored, so that it is not left out.
_SINK: Final = b"".join(
    b"\x41\x00\x20" + bytes((local, store)) + b"\x03\x00"
    if local % 2
    else b"\x41\x00\x20" + bytes((local, store)) + b"\x02\x00"
    for local, store in ((0, 0x36), (1, 0x37), (2, 0x38), (3, 0x39))
)
_SUBNORMAL: Final = b"\x44\x01\x00\x00\x00\x00\x00\x08\x00\x21\x03"
_TIMES_ONE: Final = b"\x20\x03\x44\x00\x00\x00\x00\x00\x00\xf0\x3f"
_REMAINDERS: Final = ("rem_s", "rem_u")
_OR: Final = {I32: b"\x41\x01\x72", I64: b"\x42\x01\x84"}


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else _RUNS
    engine = new_engine()
    figures = {text: _measure(engine, code, runs) for text, code in _chains()}
    per_fuel = {text: round(ns / fuel, 2) for text, (ns, fuel) in figures.items()}
    memories = {
        f"{pages} pages": _measure(engine, b"\x20\x00\x28\x02\x00\x21\x00", runs, pages=pages)
        for pages in _PAGES
    }
    worst = max(per_fuel, key=lambda text: per_fuel[text])
    line = {
        "name": "opcodes",
        "worst": worst,
        "worst_ns_per_fuel": per_fuel[worst],
        "ns_per_fuel": per_fuel,
        "access_ns": {text: round(ns, 1) for text, (ns, _) in memories.items()},
        "access_ns_per_fuel": {text: round(ns / fuel, 2) for text, (ns, fuel) in memories.items()},
    }
    print(json.dumps(line))


def _chains() -> Iterator[tuple[str, bytes]]:
    """A link of each instruction's chain: it takes the chain's local and sets it again."""
    for opcode in OPCODES.values():
        if opcode.immediate is Immediate.NONE and opcode.pops:
            yield opcode.name, _operands(opcode) + _code(opcode) + _set(opcode)
    for text, code in (("mul", 0xA2), ("div", 0xA3)):
        yield f"f64.{text} of a subnormal", _TIMES_ONE + bytes((code,)) + b"\x21\x03"
    yield "local.get, local.set", b"\x20\x00\x21\x00"
    yield "global.get, global.set", b"\x23\x00\x24\x00"
    yield "i32.const", b"\x41\x01\x20\x00\x6a\x21\x00"
    yield "select", b"\x20\x00\x20\x04\x20\x00\x1b\x21\x00"
    yield "block", b"\x02\x40\x0b"
    yield "if", b"\x20\x00\x04\x40\x0b"
    yield "br_if", b"\x02\x40\x20\x00\x0d\x00\x0b"
    yield "br", b"\x02\x40\x0c\x00\x0b"
    yield "br_table", b"\x02\x40\x02\x40\x20\x00\x0e\x02\x00\x01\x00\x0b\x0b"
    yield "call", b"\x20\x00\x10\x01\x21\x00"
    yield "call of an empty function", b"\x10\x02"
    yield "call_indirect", b"\x20\x00\x41\x00\x11\x01\x00\x21\x00"
    yield "memory.size", b"\x3f\x00\x20\x00\x6a\x21\x00"
    yield "memory.grow by nothing", b"\x41\x00\x40\x00\x21\x00"
    yield "memory.grow beyond", b"\x41\x7f\x40\x00\x21\x00"
    for size in (0, 16, 1_024, 32_768):
        length = b"\x41" + signed(size)
        yield f"memory.fill of {size}", b"\x41\x00\x41\x07" + length + b"\xfc\x0b\x00"
        yield f"memory.copy of {size}", b"\x41\x08\x41\x00" + length + b"\xfc\x0a\x00\x00"


def _operands(opcode: Opcode) -> bytes:
    """The partner over the chain: quotients go to and fro and never become nothing."""
    last = opcode.pops[-1]
    chain = b"\x20" + bytes((_CHAIN[last],))
    if opcode.name.partition(".")[2] in _REMAINDERS:
        chain += _OR[last]
    return chain if len(opcode.pops) == 1 else b"\x20" + bytes((_PARTNER[opcode.pops[0]],)) + chain


def _code(opcode: Opcode) -> bytes:
    if opcode.code > 0xFF:
        return bytes((opcode.code >> 8, opcode.code & 0xFF))
    return bytes((opcode.code,))


def _set(opcode: Opcode) -> bytes:
    return b"\x21" + bytes((_CHAIN[opcode.pushes[0]],))


def _measure(engine: Engine, link: bytes, runs: int, pages: int = 1) -> tuple[float, float]:
    """Nanoseconds and fuel of one link, without what is around the chain."""
    few = _best(engine, link, _FEW, runs, pages)
    count = _FEW * max(2, int(_FUEL / max(1, few[1])))
    many = _best(engine, link, count, runs, pages)
    links = (count - _FEW) * _COPIES
    return (many[0] - few[0]) / links, (many[1] - few[1]) / links


def _best(engine: Engine, link: bytes, count: int, runs: int, pages: int) -> tuple[float, int]:
    compiled = engine.compile(prepare_module(_module(link, count, pages)))
    times, fuel = [], 0
    for _ in range(runs):
        started = time.perf_counter()
        run = compiled.run("run", {}, limits.QUERY_FUEL_MAX, Interrupt())
        times.append(time.perf_counter() - started)
        assert run.stopped is None, run.stopped
        fuel = run.fuel
    return min(times) * 1e9, fuel


def _module(link: bytes, count: int, pages: int) -> bytes:
    """A module that fills its memory with a walk over all its lines, then runs the chain."""
    kinds = (b"\x60\0\0", b"\x60\x01\x7f\x01\x7f")
    bodies = (
        unsigned(len(_LOCALS))
        + b"".join(bytes((1, kind)) for kind in _LOCALS)
        + _run(link, count, pages),
        b"\0\x20\0\x0b",
        b"\0\x0b",
    )
    document = {"abi": "covey/1", "floats": True, "collections": []}
    document["methods"] = [{"name": "run", "kind": "call"}]
    parts = (
        (1, vector(kinds)),
        (3, b"\x03\0\x01\0"),
        (4, b"\x01\x70\0\x01"),
        (5, b"\x01\0" + unsigned(pages)),
        (6, b"\x01\x7f\x01\x41\x07\x0b"),
        (7, vector((name("run") + b"\0\0", name("memory") + b"\x02\0"))),
        (9, b"\x01\0\x41\0\x0b\x01\x01"),
        (10, vector([unsigned(len(body)) + body for body in bodies])),
        (0, name("covey.abi") + json.dumps(document).encode()),
    )
    return b"\0asm\x01\0\0\0" + b"".join(section(number, content) for number, content in parts)


def _run(link: bytes, count: int, pages: int) -> bytes:
    """Each line holds the address of another; following them visits all in no order."""
    lines = pages * 65_536 // _LINE
    mask = b"\x41" + signed(lines - 1)
    line = b"\x41" + signed(_LINE)
    counter = b"\x20" + bytes((_COUNTER,))
    # A linear congruence modulo a power of two passes through all of them.
    following = counter + b"\x41" + signed(1_664_525) + b"\x6c\x41" + signed(1_013_904_223)
    following += b"\x6a" + mask + b"\x71" + line + b"\x6c"
    walk = b"\x03\x40" + counter + line + b"\x6c" + following + b"\x36\x02\x00"
    walk += _again(lines) + b"\x41\x00\x21" + bytes((_COUNTER,))
    first = b"\x41" + signed(1_000_003) + b"\x21\x04" + b"\x42" + signed(10**17 + 3) + b"\x21\x05"
    first += b"\x43\x00\x00\xaa\x3f\x21\x06" + b"\x44\x00\x00\x00\x00\x00\x55\xf5\x3f\x21\x07"
    first += b"\x41\x00\x21\x00\x42\x07\x21\x01\x20\x06\x21\x02\x20\x07\x21\x03"
    if link.startswith(_TIMES_ONE):
        first += _SUBNORMAL
    if not link.startswith(b"\x20\x00\x28"):
        first += b"\x41\x07\x21\x00"
    return walk + first + b"\x03\x40" + link * _COPIES + _again(count) + _SINK + b"\x0b"


def _again(count: int) -> bytes:
    """Count one round of a loop, go back unless it was the last, and end the loop."""
    step = b"\x20" + bytes((_COUNTER,)) + b"\x41\x01\x6a\x22" + bytes((_COUNTER,))
    return step + b"\x41" + signed(count) + b"\x49\x0d\x00\x0b"


if __name__ == "__main__":
    main()
