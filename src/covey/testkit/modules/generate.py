"""Random valid modules for the interface of applications, each from one seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from covey.runtime.abi.covey1.signatures import IMPORT_SPACE
from covey.runtime.module.values import F32, F64, FunctionType
from covey.testkit.modules.body import Body
from covey.testkit.modules.constants import constant
from covey.testkit.modules.encode import (
    HEADER,
    custom,
    name,
    section,
    signed,
    unsigned,
    vector,
)
from covey.testkit.modules.shape import LOG_FUNCTION, Shape, draw_shape

__all__ = ["GeneratedModule", "generate_module"]

_STORE = {0x7F: b"\x36\x02", 0x7E: b"\x37\x03", F32: b"\x38\x02", F64: b"\x39\x03"}
_ADDRESS_MAX = 65_400


@dataclass(frozen=True, slots=True)
class GeneratedModule:
    """entries: its methods; each ends by storing all globals and calling `log`."""

    code: bytes
    entries: tuple[str, ...]
    floats: bool


def generate_module(seed: int) -> GeneratedModule:
    """The module of a seed: valid, ends by itself, may trap; the same bytes every time.

    It uses every kind of instruction that applications may use, on one memory of 0 to 3 pages.
    """
    rng = random.Random(seed)  # noqa: S311  # a module repeats itself
    shape = draw_shape(rng)
    content = b"".join(
        (
            HEADER,
            section(1, vector([_type(kind) for kind in shape.types])),
            section(2, vector([_import(shape, n) for n in range(len(shape.imports))])),
            section(3, _functions(shape)),
            section(4, _table(shape)),
            section(5, _memory(shape)),
            section(6, _globals(rng, shape)),
            section(7, _exports(shape)),
            section(9, _elements(rng, shape)),
            section(12, unsigned(_segments(shape)) if shape.passive else b""),
            section(10, _code(rng, shape)),
            section(11, _data(rng, shape)),
            custom("covey.abi", _abi(shape)),
        )
    )
    return GeneratedModule(content, shape.entries, shape.floats)


def _type(kind: FunctionType) -> bytes:
    parameters, results = kind.parameters, kind.results
    return b"\x60" + unsigned(len(parameters)) + parameters + unsigned(len(results)) + results


def _import(shape: Shape, index: int) -> bytes:
    what = name(IMPORT_SPACE) + name(shape.imports[index])
    return what + b"\0" + unsigned(shape.functions[index])


def _functions(shape: Shape) -> bytes:
    own = shape.functions[len(shape.imports) :]
    return vector([unsigned(t) for t in own] + [b"\0"] * len(shape.entries))


def _table(shape: Shape) -> bytes:
    return b"\1\x70\0" + unsigned(len(shape.table)) if shape.table else b""


def _memory(shape: Shape) -> bytes:
    if shape.pages_max is None:
        return b"\1\0" + unsigned(shape.pages)
    return b"\1\1" + unsigned(shape.pages) + unsigned(shape.pages_max)


def _globals(rng: random.Random, shape: Shape) -> bytes:
    found = [b"\x7f\1\x41" + signed(rng.choice((20, 60, 200))) + b"\x0b"]
    for item in shape.globals_[1:]:
        head = bytes([item.value_type, item.is_mutable])
        found.append(head + constant(rng, item.value_type) + b"\x0b")
    return vector(found)


def _exports(shape: Shape) -> bytes:
    first = len(shape.functions)
    found = [name(e) + b"\0" + unsigned(first + n) for n, e in enumerate(shape.entries)]
    return vector([*found, name("memory") + b"\2\0"])


def _elements(rng: random.Random, shape: Shape) -> bytes:
    """Runs of full slots, now and then one written twice."""
    runs = []
    for slot, function in enumerate(shape.table):
        if function is not None:
            offset = b"\x41" + signed(slot) + b"\x0b"
            again = rng.randint(1, 2)
            runs += [b"\0" + offset + vector([unsigned(function)])] * again
    return vector(runs) if runs else b""


def _segments(shape: Shape) -> int:
    return shape.active_segments + len(shape.passive)


def _data(rng: random.Random, shape: Shape) -> bytes:
    found = []
    for _ in range(shape.active_segments):
        size = rng.randint(0, 100)
        offset = b"\x41" + signed(rng.randint(0, shape.pages * 65_536 - size)) + b"\x0b"
        flags = rng.choice((b"\0", b"\2\0"))
        found.append(flags + offset + unsigned(size) + rng.randbytes(size))
    found += [b"\1" + unsigned(size) + rng.randbytes(size) for size in shape.passive]
    return vector(found) if found else b""


def _code(rng: random.Random, shape: Shape) -> bytes:
    bodies = []
    for index in range(len(shape.imports), len(shape.functions)):
        local_types = bytes(
            rng.choice((0x7F, 0x7E, F32, F64) if shape.floats else (0x7F, 0x7E))
            for _ in range(rng.choice((0, 1, 3, 6, 12)))
        )
        body = Body(rng, shape, shape.function_type(index), local_types, rng.randint(5, 90))
        bodies.append(_function(local_types, body.build()))
    bodies += [_function(b"", _entry(rng, shape)) for _ in shape.entries]
    return vector(bodies)


def _function(local_types: bytes, code: bytes) -> bytes:
    declared = vector([b"\1" + bytes([kind]) for kind in local_types])
    return unsigned(len(declared) + len(code)) + declared + code


def _entry(rng: random.Random, shape: Shape) -> bytes:
    """Calls some functions, then stores every global and reports."""
    code = bytearray()
    own = range(len(shape.imports), len(shape.functions))
    for _ in range(rng.randint(1, 3)):
        index = rng.choice(own)
        kind = shape.function_type(index)
        code += b"".join(constant(rng, parameter) for parameter in kind.parameters)
        code += b"\x10" + unsigned(index) + b"\x1a" * len(kind.results)
    if shape.pages:
        for place, item in enumerate(shape.globals_):
            code += b"\x41" + signed(_ADDRESS_MAX + 8 * place) + b"\x23" + unsigned(place)
            code += _STORE[item.value_type] + b"\0"
    code += b"\x41\0\x41\0\x10" + unsigned(LOG_FUNCTION) + b"\x0b"
    return bytes(code)


def _abi(shape: Shape) -> bytes:
    document = {
        "abi": "covey/1",
        "floats": shape.floats,
        "collections": [{"name": "items", "rule": "register"}, {"name": "sums", "rule": "counter"}],
        "methods": [{"name": entry, "kind": "call"} for entry in shape.entries],
    }
    return json.dumps(document).encode()
