"""What one call costs: application code, sandbox and state, without network, signatures or disk.

Prints one JSON line:

- `ops_per_s`, `us_per_call` (processor time): calls of a key-value `put` (the arguments read, one
  entry read, one written) through `BlockingExecutor.run_batch` in batches of a delta's 256, over
  10,000 entries in LevelDB, with everything that makes them safe: checks, rules, restored memory
  (the median of slices of the calls, and the best one: what another program leaves of a core);
- `read_us`: how much of that the store takes for its one read, measured alone;
- `public_us_per_call`: the same calls, host functions and store, but each on a fresh store by
  wasmtime's own Python interface, in turns with ours;
- `scan_ms`: a query that scans the 10,000 entries, warm (`store_scan_ms`: the store's part alone);
- `ready_ms`: from a cached file to a module that can run (`compile_ms`: without the file);
- `runaway_ms`: until a call that never ends was stopped by its fuel.

Times in ms are the median of some runs. Run: `python -m bench.executor [OPS]`.
"""

from __future__ import annotations

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import wasmtime

from bench.public_api import PublicEngine
from bench.workload import Result, operations
from covey.merge import Entry, Stamp, StateReader, encode_entry
from covey.model import (
    Batch,
    Call,
    Collection,
    Completed,
    ContextId,
    DeltaId,
    DeviceId,
    EntryReader,
    Failed,
    Failure,
    MemberId,
    Query,
    ReleaseId,
    Rule,
    ScopedWrites,
    Table,
    Write,
    limits,
    time_at,
)
from covey.runtime import CACHE_KEY_SIZE_BYTES, BlockingExecutor, ModuleCache, new_engine
from covey.store import open_level

__all__ = ["measure"]

_ENTRIES: Final = 10_000
_RUNS: Final = 5
_SLICES: Final = 20
_CONTEXT = ContextId(b"c" * 36)
_RELEASE = ReleaseId(b"r" * 36)
_MEMBER = MemberId(b"m" * 32)
_DEVICE = DeviceId(b"d" * 32)
_COLLECTION = Collection("entries", Rule.REGISTER, ())
_KEY_AT, _KEY_SIZE = 2, 8  # in the arguments: {"k0000042":"value..."}
_VALUE_AT = 13
_CODE: Final = f"""
(module
  (import "covey" "input" (func $input (param i32 i32) (result i32)))
  (import "covey" "get" (func $get (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "covey" "put" (func $put (param i32 i32 i32 i32 i32 i32)))
  (import "covey" "scan" (func $scan (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "covey" "next" (func $next (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "entries")
  (func (export "put") (local $size i32)
    (local.set $size (call $input (i32.const 1024) (i32.const 4096)))
    (drop (call $get (i32.const 0) (i32.const 7)
      (i32.const {1024 + _KEY_AT}) (i32.const {_KEY_SIZE}) (i32.const 8192) (i32.const 4096)))
    (call $put (i32.const 0) (i32.const 7)
      (i32.const {1024 + _KEY_AT}) (i32.const {_KEY_SIZE})
      (i32.const {1024 + _VALUE_AT})
      (i32.sub (local.get $size) (i32.const {_VALUE_AT + 2}))))
  (func (export "forever") (loop $again (br $again)))
  (func (export "walk") (local $handle i32)
    (local.set $handle (call $scan (i32.const 0) (i32.const 7)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (loop $more (br_if $more
      (call $next (local.get $handle) (i32.const 16384) (i32.const 49152))))))
"""


class _Spent(NamedTuple):
    """On a slice of the calls. cpu_us: processor time for each of them."""

    wall_s: float
    cpu_us: float


def measure(ops: int) -> Result:
    """Everything, in the order of the module's docstring."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_level(Path(folder) / "store")
        try:
            store.write([ScopedWrites(_CONTEXT, tuple(map(_row, range(_ENTRIES))))], durable=True)
            with store.snapshot(_CONTEXT) as rows:
                return _measured(ops, StateReader(rows, (_COLLECTION,)), Path(folder) / "cache")
        finally:
            store.close()


def _measured(ops: int, state: EntryReader, folder: Path) -> Result:
    module = _module()
    ours, public = BlockingExecutor(new_engine()), BlockingExecutor(PublicEngine())
    for executor in (ours, public):
        executor.install(_RELEASE, module)
        _puts(executor, state, 0, limits.DELTA_CALLS_MAX)
    ours_spent, public_spent = [], []
    size = max(1, ops // _SLICES)
    for start in range(0, ops, size):
        ours_spent.append(_puts(ours, state, start, size))
        public_spent.append(_puts(public, state, start, max(1, size // 10)))
    each = [spent.cpu_us for spent in ours_spent]
    return Result(
        name="covey-executor-put",
        ops=size * len(ours_spent),
        seconds=sum(spent.wall_s for spent in ours_spent),
        cpu_s=sum(each) * size / 1e6,
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        wire_bytes=None,
        detail={
            "us_per_call": round(statistics.median(each), 2),
            "us_per_call_best": round(min(each), 2),
            "read_us": round(_read_us(state), 2),
            "public_us_per_call": round(statistics.median(s.cpu_us for s in public_spent), 2),
            "public_us_per_call_best": round(min(s.cpu_us for s in public_spent), 2),
            "scan_ms": _ms(lambda: _walk(ours, state)),
            "store_scan_ms": _ms(lambda: sum(1 for _ in state.scan("entries", b"", b""))),
            **_readiness(module, folder),
            "runaway_ms": _ms(lambda: _run_away(ours, state)),
        },
    )


def _read_us(state: EntryReader) -> float:
    """Processor time of the one read of a call: the median over slices."""
    keys = [_call(place).arguments[_KEY_AT : _KEY_AT + _KEY_SIZE] for place in range(_ENTRIES)]
    spent = []
    for start in range(0, _ENTRIES, _ENTRIES // _SLICES):
        some = keys[start : start + _ENTRIES // _SLICES]
        begun = time.process_time()
        for key in some:
            state.get("entries", key)
        spent.append((time.process_time() - begun) / len(some) * 1e6)
    return statistics.median(spent)


def _readiness(module: bytes, folder: Path) -> dict[str, float]:
    """How long a module takes until it can run, without and with its file."""
    engine = new_engine()
    cache = ModuleCache(folder, bytes(CACHE_KEY_SIZE_BYTES))
    compile_ms = _ms(lambda: BlockingExecutor(engine).install(_RELEASE, module))
    BlockingExecutor(engine, cache=cache).install(_RELEASE, module)
    ready_ms = _ms(lambda: BlockingExecutor(engine, cache=cache).install(_RELEASE, module))
    return {"compile_ms": compile_ms, "ready_ms": ready_ms}


def _row(place: int) -> Write:
    call = _call(place).arguments
    entry = Entry(call[_VALUE_AT:-2], Stamp(time_at(1), DeltaId(bytes(32)), 0))
    key = call[_KEY_AT : _KEY_AT + _KEY_SIZE]
    return Write(Table.ENTRY, (b"entries", key), encode_entry(entry))


def _call(place: int) -> Call:
    """Every key is there already; they come in an order that no cache likes."""
    return Call("put", b'{"k%07d":"%0100d"}' % (place * 7_919 % _ENTRIES, place))


def _puts(executor: BlockingExecutor, state: EntryReader, start: int, count: int) -> _Spent:
    """Run some of the calls, batch after batch."""
    calls = tuple(map(_call, range(start, start + count)))
    size = limits.DELTA_CALLS_MAX
    batches = [_batch(calls[at : at + size]) for at in range(0, count, size)]
    wall, cpu = time.perf_counter(), time.process_time()
    done = [executor.run_batch(batch, state) for batch in batches]
    spent = _Spent(time.perf_counter() - wall, (time.process_time() - cpu) / count * 1e6)
    outcomes = [outcome for some in done for outcome in some]
    assert len(outcomes) == count
    assert all(isinstance(o, Completed) and len(o.effects) == 1 for o in outcomes), outcomes[-1]
    return spent


def _walk(executor: BlockingExecutor, state: EntryReader) -> None:
    query = Query(
        context=_CONTEXT,
        release=_RELEASE,
        member=_MEMBER,
        device=_DEVICE,
        time=time_at(1),
        call=Call("walk", b""),
    )
    outcome = executor.query(query, state)
    assert isinstance(outcome, Completed), outcome


def _run_away(executor: BlockingExecutor, state: EntryReader) -> None:
    (outcome,) = executor.run_batch(_batch((Call("forever", b""),)), state)
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.OUT_OF_FUEL


def _batch(calls: tuple[Call, ...]) -> Batch:
    return Batch(
        context=_CONTEXT,
        release=_RELEASE,
        member=_MEMBER,
        device=_DEVICE,
        sequence=1,
        previous=None,
        time=time_at(1),
        roles=(),
        calls=calls,
    )


def _module() -> bytes:
    kinds = {"put": "call", "forever": "call", "walk": "query"}
    document = {
        "abi": "covey/1",
        "collections": [{"name": "entries", "rule": "register"}],
        "methods": [{"name": name, "kind": kind} for name, kind in kinds.items()],
    }
    section = b"\x09covey.abi" + json.dumps(document).encode()
    size = len(section)
    assert 0x80 <= size < 0x4000
    code = bytes(wasmtime.wat2wasm(_CODE))
    return code + bytes((0, size & 0x7F | 0x80, size >> 7)) + section


def _ms(work: Callable[[], object]) -> float:
    """The median of some runs, after one that warms up."""
    work()
    runs = []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        work()
        runs.append(time.perf_counter() - begun)
    return round(statistics.median(runs) * 1e3, 3)


if __name__ == "__main__":
    measure(operations(__doc__)).print()
