"""What the functions of a generated module may refer to: drawn first, before any code."""

from __future__ import annotations

import random
from dataclasses import dataclass

from covey.runtime.abi.covey1.signatures import IMPORTS
from covey.runtime.module.values import F32, F64, I32, I64, FunctionType

__all__ = ["HANG_GLOBAL", "LOG_FUNCTION", "Global", "Shape", "draw_shape"]

HANG_GLOBAL = 0
"""A global that counts down at every loop and function: at 0 they all return."""

LOG_FUNCTION = 0
"""The first import is `log`: what entries report their globals with."""

_HOST_FUNCTIONS = ("input", "output", "get", "put", "add", "next", "time", "random", "sha256")


@dataclass(frozen=True, slots=True)
class Global:
    """value_type: a byte of the binary format."""

    value_type: int
    is_mutable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """types: function types by index, `() -> ()` first. imports: names of host functions.

    functions: the type index of every function, imports first. table: the function in each slot,
    None where it is empty. passive: sizes of the passive data segments, active ones before them.
    is_careful: whether code avoids what traps. depth_max: of nested blocks.
    """

    types: tuple[FunctionType, ...]
    imports: tuple[str, ...]
    functions: tuple[int, ...]
    entries: tuple[str, ...]
    globals_: tuple[Global, ...]
    table: tuple[int | None, ...]
    pages: int
    pages_max: int | None
    active_segments: int
    passive: tuple[int, ...]
    floats: bool
    is_careful: bool
    depth_max: int

    def function_type(self, index: int) -> FunctionType:
        """Of any function, imports first."""
        return self.types[self.functions[index]]


def draw_shape(rng: random.Random) -> Shape:
    """Draw everything but code."""
    floats = rng.random() < 0.5
    values = (I32, I64, F32, F64) if floats else (I32, I64)
    names = ("log", *rng.sample(_HOST_FUNCTIONS, rng.randint(0, len(_HOST_FUNCTIONS))))
    types = [FunctionType(b"", b"")]
    for host in names:
        signature = IMPORTS[host]
        types.append(FunctionType.of(signature.parameters, signature.results))
    own_from = len(types)
    types += [
        FunctionType(_draw(rng, values, 4), _draw(rng, values, 3)) for _ in range(rng.randint(1, 6))
    ]
    own = [
        rng.randrange(own_from, len(types)) if rng.random() < 0.9 else 0
        for _ in range(rng.randint(1, 7))
    ]
    functions = (*range(1, own_from), *own)
    is_careful = rng.random() < 0.6
    pages = rng.choice((0, 1, 1, 1, 2, 3))
    return Shape(
        types=tuple(types),
        imports=names,
        functions=functions,
        entries=tuple(f"m{n}" for n in range(rng.randint(1, 3))),
        globals_=(
            Global(I32, is_mutable=True),
            *(Global(rng.choice(values), rng.random() < 0.7) for _ in range(rng.randint(0, 6))),
        ),
        table=tuple(
            rng.randrange(len(functions)) if rng.random() < 0.8 else None
            for _ in range(rng.choice((0, 0, 3, 8, 20)))
        ),
        pages=pages,
        pages_max=rng.choice((None, None, pages, pages + 2, 300)),
        active_segments=rng.randint(0, 3) if pages else 0,
        passive=tuple(rng.randint(0, 40) for _ in range(rng.choice((0, 0, 1, 2)))),
        floats=floats,
        is_careful=is_careful,
        depth_max=rng.choice((2, 4, 6)),
    )


def _draw(rng: random.Random, values: tuple[int, ...], count_max: int) -> bytes:
    return bytes(rng.choice(values) for _ in range(rng.randint(0, count_max)))
