"""Pointers and lengths that lie: every range of every import is checked."""

from __future__ import annotations

import pytest

from covey.model import Call, Failed, Failure
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch, run


def failed(outcome: object) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.message
    assert "\n" not in outcome.message
    return outcome


# Each import with one range spoilt: @ is where the pointer and length of that range go.
RANGES = {
    "input": "(drop (call $input @))",
    "output": "(call $output @)",
    "fail": "(call $fail @)",
    "log": "(call $log @)",
    "get name": "(drop (call $get @ ~key ~buffer))",
    "get key": "(drop (call $get ~items @ ~buffer))",
    "get buffer": "(drop (call $get ~items ~key @))",
    "put name": "(call $put @ ~key ~buffer)",
    "put key": "(call $put ~items @ ~buffer)",
    "put value": "(call $put ~items ~key @)",
    "delete name": "(call $delete @ ~key)",
    "delete key": "(call $delete ~items @)",
    "add name": "(call $add @ ~key (i64.const 1))",
    "add key": "(call $add ~sums @ (i64.const 1))",
    "scan name": "(drop (call $scan @ ~key ~key))",
    "scan prefix": "(drop (call $scan ~items @ ~key))",
    "scan after": "(drop (call $scan ~items ~key @))",
    "next": "(drop (call $next (call $scan ~items ~key ~key) @))",
    "random": "(call $random @)",
    "emit name": "(call $emit @ ~buffer)",
    "emit data": "(call $emit ~key @)",
    "verify message": "(drop (call $verify (i32.const 0) (i32.const 0) @))",
    "sha256": "(call $sha256 @ (i32.const 0))",
}
POINTERS = {
    "member": "(call $member @)",
    "device": "(call $device @)",
    "context": "(call $context @)",
    "verify signature": "(drop (call $verify @ (i32.const 0) (i32.const 0) (i32.const 0)))",
    "verify key": "(drop (call $verify (i32.const 0) @ (i32.const 0) (i32.const 0)))",
    "sha256 out": "(call $sha256 (i32.const 0) (i32.const 0) @)",
}
BAD_RANGES = [
    (-1, 1),
    (0, -1),
    (1, -1),
    (-1, -1),
    (65_536, 1),
    (65_537, 0),
    (65_530, 7),
    (-2_147_483_648, 8),
    (8, 2_147_483_647),
    (0, 65_537),
    (-8, 16),
]


@pytest.mark.parametrize("name", RANGES)
def test_range_outside_memory_traps(executor: BlockingExecutor, name: str) -> None:
    """Negative, beyond the end, wrapping, huge: nothing is read or written, nothing is lost."""
    script = Script()
    filled = RANGES[name]
    for word in ("items", "sums", "key"):
        filled = filled.replace(f"~{word}", script.text(word))
    filled = filled.replace("~buffer", "(i32.const 1024) (i32.const 16)")
    numbers = "(local.set $n (i32.load (i32.const 0))) (local.set $h (i32.load (i32.const 4)))"
    body = (
        "(drop (call $input (i32.const 0) (i32.const 8)))"
        + numbers
        + filled.replace("@", "(local.get $n) (local.get $h)")
    )
    executor.install(RELEASE, script.build(body))
    for pointer, length in BAD_RANGES:
        arguments = pointer.to_bytes(4, "little", signed=True)
        arguments += length.to_bytes(4, "little", signed=True)
        (outcome,) = executor.run_batch(batch(Call("run", arguments)), Entries())
        stopped = failed(outcome)
        assert stopped.failure is Failure.TRAP, (pointer, length, stopped)
        assert "memory" in stopped.message


@pytest.mark.parametrize("name", POINTERS)
@pytest.mark.parametrize("pointer", [-1, 65_536, 65_536 - 31, -2_147_483_648, 2_147_483_647])
def test_pointer_outside_memory_traps(
    executor: BlockingExecutor, script: Script, name: str, pointer: int
) -> None:
    """Ranges of a fixed length are checked as others are."""
    body = POINTERS[name].replace("@", f"(i32.const {pointer})")
    assert failed(run(executor, script.build(body))).failure is Failure.TRAP
