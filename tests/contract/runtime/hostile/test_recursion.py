"""Functions whose native frames are as large as we could make them, calling themselves.

The stack that a module counts must end first, on every engine: a native overflow would be a host
fault on one node and a verdict on another.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from covey.model import Failed, Failure
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import RELEASE, Entries, abi_json, batch, custom, leb
from tests.contract.runtime.hostile.sources import section

_WIDE = 120
_CALL = b"\x10\1"
_DROP, _ADD, _STORE = b"\x1a", b"\x7c", b"\x37\3\0"
_LOAD = b"\x41\0\x29\3\0"
_COND = b"\x41\0\x28\2\0"


def recursive(body: bytes, *, local_count: int = 0, parameters: int = 0, results: int = 0) -> bytes:
    """A module whose `run` calls function 1, which has this body and calls itself in it."""
    i64 = b"\x7e"
    kind = b"\x60" + leb(parameters) + i64 * parameters + leb(results) + i64 * results
    block = b"\x60\0" + leb(_WIDE) + i64 * _WIDE
    run = b"\0" + b"\x42\1" * parameters + _CALL + _DROP * results + b"\x0b"
    function = (b"\1" + leb(local_count) + i64 if local_count else b"\0") + body + b"\x0b"
    code = b"\2" + leb(len(run)) + run + leb(len(function)) + function
    return (
        b"\0asm\1\0\0\0"
        + section(1, b"\3\x60\0\0" + kind + block)
        + section(3, b"\2\0\1")
        + section(5, b"\1\0\1")
        + section(7, b"\3\3run\0\0\3ask\0\0\6memory\2\0")
        + section(10, code)
        + custom("covey.abi", abi_json())
    )


def get(local: int) -> bytes:
    return b"\x20" + leb(local)


def set_(local: int) -> bytes:
    return b"\x21" + leb(local)


def all_set(count: int) -> bytes:
    return b"".join(_LOAD + set_(n) for n in range(count))


def all_used(count: int) -> bytes:
    return b"".join(b"\x41\0" + get(n) + _STORE for n in range(count))


def operands(count: int) -> bytes:
    """So many values that are alive across a call."""
    return recursive(_LOAD * count + _CALL + _ADD * (count - 1) + _DROP)


def locals_(count: int) -> bytes:
    return recursive(all_set(count) + _CALL + all_used(count), local_count=count)


def drawn(seed: int) -> bytes:
    """Values that live and die between calls in no order."""
    rng = random.Random(seed)
    count = rng.choice((8, 16, 30, 100, 300))
    steps: tuple[Callable[[], bytes], ...] = (
        lambda: _CALL,
        lambda: _LOAD + set_(rng.randrange(count)),
        lambda: get(rng.randrange(count)) + get(rng.randrange(count)) + b"\x7e" + set_(0),
        lambda: _COND + b"\x04\x40" + _CALL + _LOAD + set_(rng.randrange(count)) + b"\x0b",
        lambda: b"\x41\0" + get(rng.randrange(count)) + _STORE,
    )
    code = b"".join(rng.choice(steps)() for _ in range(rng.choice((20, 100, 400))))
    return recursive(all_set(count) + code + _CALL + all_used(count), local_count=count)


SHAPES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: recursive(_CALL),
    "one operand": lambda: operands(1),
    "100 operands": lambda: operands(100),
    "4,000 operands": lambda: operands(4_000),
    "100 locals": lambda: locals_(100),
    "4,000 locals": lambda: locals_(4_000),
    "short lives": lambda: recursive((_LOAD + _CALL + _DROP) * 300),
    "thirty at a time": lambda: recursive((_LOAD * 30 + _CALL + _ADD * 29 + _DROP) * 50),
    "results": lambda: recursive(_CALL, results=_WIDE),
    "results, again and again": lambda: recursive(
        (_CALL + _DROP * _WIDE) * 50 + b"\x42\1" * _WIDE, results=_WIDE
    ),
    "parameters": lambda: recursive(
        b"".join(get(n) for n in range(_WIDE)) + _CALL, parameters=_WIDE, results=_WIDE
    ),
    "values that meet": lambda: recursive(
        (
            b"\x02\2" + _LOAD * _WIDE + _COND + b"\x0d\0" + _DROP * _WIDE
            + _LOAD * _WIDE + b"\x0b" + _CALL + _ADD * (_WIDE - 1) + _DROP
        ) * 20
    ),
    **{f"drawn {seed}": partial(drawn, seed) for seed in range(12)},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_counted_stack_ends_before_the_native_one(executor: BlockingExecutor, shape: str) -> None:
    """A verdict, the same everywhere, and not this node's fault."""
    executor.install(RELEASE, SHAPES[shape]())
    (outcome,) = executor.run_batch(batch(), Entries())
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TRAP, outcome
    assert "deeper than an application may" in outcome.message
