"""Guests that ask the host for anything: wild pointers, lengths and handles, in any order."""

from __future__ import annotations

import json
import random
from typing import Final

from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS
from covey.runtime.module.values import FunctionType
from covey.testkit.modules.constants import draw_integer
from covey.testkit.modules.encode import (
    HEADER,
    custom,
    name,
    section,
    signed,
    unsigned,
    vector,
)

__all__ = ["COLLECTIONS", "generate_caller"]

COLLECTIONS: Final = (
    {"name": "items", "rule": "register"},
    {"name": "sums", "rule": "counter"},
    {"name": "mine", "rule": "owned"},
    {"name": "fixed", "rule": "frozen"},
)
"""What a caller's interface declares; some of what it asks for is not among them."""

_WORDS: Final = (
    *(b"items", b"sums", b"mine", b"fixed", b"absent", b"item", b"\xff\xfe", b"k", b"k1", b""),
    *(b"key", b'"value"', b"{}", b"[1,2", b"\0\0\0\0", b"z" * 65, b"name", b"[" * 70),
)
_WRITES: Final = ("put", "delete", "add", "emit", "random")
_PAGE_SIZE_BYTES: Final = 65_536
_ANSWERS_AT: Final = 4_096
_FREE_AT: Final = 8_192
_CALLS_MAX: Final = 60


def generate_caller(seed: int) -> bytes:
    """The module of a seed, with the call `run` and the query `ask`, of the same kind of code.

    Most arguments are right, so that the next ones matter; answers of the host are arguments of
    later calls, and end in memory. In every other module `validate` does the same.
    """
    rng = random.Random(seed)  # noqa: S311  # a module repeats itself
    words, pool = _lay_out()
    names = tuple(IMPORTS)
    pages = rng.choice((1, 1, 2, 17))
    entries = ["run", "ask"] + ["validate"] * rng.randint(0, 1)
    types = [FunctionType.of(IMPORTS[n].parameters, IMPORTS[n].results) for n in names]
    size_bytes = pages * _PAGE_SIZE_BYTES
    bodies = [_body(rng, names, words, size_bytes, writes=e == "run") for e in entries]
    first = len(names)
    exports = [name(e) + b"\0" + unsigned(first + n) for n, e in enumerate(entries)]
    return b"".join(
        (
            HEADER,
            section(1, vector([_type(t) for t in types] + [b"\x60\0\0"])),
            section(
                2,
                vector(
                    [
                        name(IMPORT_SPACE) + name(n) + b"\0" + unsigned(i)
                        for i, n in enumerate(names)
                    ]
                ),
            ),
            section(3, vector([unsigned(len(types))] * len(entries))),
            section(5, b"\1\0" + unsigned(pages)),
            section(7, vector([*exports, name("memory") + b"\2\0"])),
            section(10, vector([unsigned(len(b)) + b for b in bodies])),
            section(11, b"\1\0\x41\0\x0b" + unsigned(len(pool)) + pool),
            custom("covey.abi", _abi()),
        )
    )


def _lay_out() -> tuple[list[tuple[int, int]], bytes]:
    """Where each word lies, with its length."""
    words, pool = [], b""
    for word in _WORDS:
        words.append((len(pool), len(word)))
        pool += word
    return words, pool


def _type(kind: FunctionType) -> bytes:
    parameters, results = kind.parameters, kind.results
    return b"\x60" + unsigned(len(parameters)) + parameters + unsigned(len(results)) + results


def _abi() -> bytes:
    methods = [{"name": "run", "kind": "call"}, {"name": "ask", "kind": "query"}]
    document = {"abi": "covey/1", "collections": COLLECTIONS, "methods": methods}
    return json.dumps(document).encode()


def _body(
    rng: random.Random,
    names: tuple[str, ...],
    words: list[tuple[int, int]],
    size_bytes: int,
    *,
    writes: bool,
) -> bytes:
    code = bytearray(b"\0")
    wildness = rng.choice((0.0, 0.0, 0.01, 0.05, 0.3))
    scans = 0
    for place in range(rng.randint(1, _CALLS_MAX)):
        index = rng.randrange(len(names))
        if names[index] == "fail" and rng.random() < 0.9:
            continue
        if names[index] in _WRITES and not writes and rng.random() < 0.99:
            continue
        if names[index] == "next" and not scans and rng.random() < 0.95:
            continue
        scans += names[index] == "scan"
        arguments = _arguments(rng, names[index], words, size_bytes, wildness, scans)
        call = arguments + b"\x10" + unsigned(index)
        results = IMPORTS[names[index]].results
        if results:
            store = b"\x36\x02\0" if results[0] == "i32" else b"\x37\x03\0"
            call = b"\x41" + signed(_ANSWERS_AT + 8 * place) + call + store
        code += call
        if rng.random() < 0.03:
            code += b"\x41" + signed(rng.choice((0, 1, 2, 300))) + b"\x40\0\x1a"
    return bytes(code) + b"\x0b"


def _arguments(
    rng: random.Random,
    name_: str,
    words: list[tuple[int, int]],
    size_bytes: int,
    wildness: float,
    scans: int,
) -> bytes:
    values = _tame(rng, name_, words, size_bytes, scans)
    code = b""
    for kind, value in zip(IMPORTS[name_].parameters, values, strict=True):
        if rng.random() < wildness:
            bits = 32 if kind == "i32" else 64
            value = rng.choice(  # noqa: PLW2901  # the same argument, gone wild
                (draw_integer(rng, bits), -1, -size_bytes, size_bytes - 1, size_bytes + 1 - 64)
            )
        if kind == "i32" and rng.random() < wildness / 4:
            code += b"\x41" + signed(_ANSWERS_AT + 8 * rng.randrange(_CALLS_MAX)) + b"\x28\x02\0"
        else:
            code += (b"\x41" if kind == "i32" else b"\x42") + signed(value)
    return code


def _tame(
    rng: random.Random, name_: str, words: list[tuple[int, int]], size_bytes: int, scans: int
) -> tuple[int, ...]:
    """Arguments that mostly make sense. scans: how many are open."""

    def word() -> tuple[int, int]:
        return rng.choice(words)

    def collection() -> tuple[int, int]:
        return words[rng.randrange(4)] if rng.random() < 0.995 else word()

    def register() -> tuple[int, int]:
        return words[0] if rng.random() < 0.98 else collection()

    def key() -> tuple[int, int]:
        return words[rng.choice((7, 8, 10))] if rng.random() < 0.995 else word()

    def free() -> tuple[int, int]:
        room = min(size_bytes - _FREE_AT, 1 << rng.randrange(2, 21))
        at = rng.randint(_FREE_AT, size_bytes - room)
        return at, room

    match name_:
        case "get":
            return *collection(), *key(), *free()
        case "put":
            return *register(), *key(), *(free() if rng.random() < 0.2 else word())
        case "delete":
            return *register(), *key()
        case "add":
            return *words[1], *key(), draw_integer(rng, 64)
        case "scan":
            return *collection(), *(word() if rng.random() < 0.3 else (0, 0)), *word()
        case "next":
            return rng.randint(1, max(1, scans)), *free()
        case "emit":
            return *key(), *(free() if rng.random() < 0.1 else word())
        case "output":
            return words[rng.choice((11, 12)) if rng.random() < 0.99 else 13]
        case "log" | "fail":
            return word()
        case "verify":
            return free()[0], free()[0], *free()
        case "sha256":
            return *free(), _FREE_AT
        case "input" | "random":
            return free()
        case "time":
            return ()
        case _:  # member, device, context
            return (_FREE_AT,)
