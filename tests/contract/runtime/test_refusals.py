"""Hostile and broken modules: each is refused at installation, with the rule and the place."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import wasmtime

from covey.errors import ConfigError
from covey.model import Completed, limits
from covey.runtime import BlockingExecutor, inspect_module
from tests.contract.runtime.guests import (
    RELEASE,
    Script,
    abi_json,
    custom,
    leb,
    run,
    with_abi,
)

METHODS = '(func (export "run")) (func (export "ask"))'
MEMORY = '(memory (export "memory") 1)'


def wat(rest: str, *, memory: str = MEMORY, methods: str = METHODS, **abi: object) -> bytes:
    return with_abi(f"(module {rest} {memory} {methods})", abi_json(**abi) if abi else None)


def body(code: str, **abi: object) -> bytes:
    return wat("", methods=f'(func (export "run") {code}) (func (export "ask"))', **abi)


def plain() -> bytes:
    return wat("")


def bare() -> bytes:
    """Without its interface."""
    return bytes(wasmtime.wat2wasm(f"(module {MEMORY} {METHODS})"))


def with_json(content: bytes) -> bytes:
    return bare() + custom("covey.abi", content)


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + leb(len(content)) + content


def imports(what: str) -> bytes:
    return wat(f"(import {what})")


def methods(*names: str, kind: str = "call") -> list[dict[str, str]]:
    return [{"name": name, "kind": kind} for name in names]


def raw_body(code: bytes) -> bytes:
    """A module whose only own function holds these bytes, for what no assembler writes."""
    function = b"\0" + code
    return (
        b"\0asm\1\0\0\0"
        + section(1, b"\1\x60\0\0")
        + section(3, b"\1\0")
        + section(5, b"\1\0\1")
        + section(7, b"\3\3run\0\0\3ask\0\0\6memory\2\0")
        + section(10, b"\1" + leb(len(function)) + function)
        + custom("covey.abi", abi_json())
    )


# name: (module, the rule that its refusal must name)
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not-wasm"),
    "text": (lambda: b"(module)", "not-wasm"),
    "html": (lambda: b"<html>404</html>", "not-wasm"),
    "component": (lambda: b"\0asm\x0d\0\1\0", "not-wasm"),
    "wrong version": (lambda: b"\0asm\2\0\0\0", "not-wasm"),
    "magic only": (lambda: b"\0asm\1\0\0\0", "abi"),
    "truncated": (lambda: plain()[:-1], "malformed"),
    "truncated in a section": (lambda: bare()[:12], "malformed"),
    "too large": (
        lambda: plain() + custom("pad", bytes(limits.MODULE_SIZE_BYTES_MAX)),
        "too-large",
    ),
    "section beyond the end": (lambda: plain() + b"\0\xff\xff\xff\xff\x0f", "malformed"),
    "section length over 32 bits": (lambda: plain() + b"\0\xff\xff\xff\xff\x7f", "malformed"),
    "unknown section": (lambda: bare() + section(77, b""), "unknown-section"),
    "tag section": (lambda: bare() + section(13, b"\0"), "unknown-section"),
    "section twice": (lambda: bare() + section(1, b"\0"), "malformed"),
    "start function": (lambda: wat("(func $s) (start $s)"), "start-section"),
    "data count that counts wrong": (
        lambda: bare() + section(12, b"\1") + custom("covey.abi", abi_json()),
        "malformed",
    ),
    "import from env": (lambda: imports('"env" "put" (func)'), "import"),
    "import from wasi": (
        lambda: imports('"wasi_snapshot_preview1" "fd_write" (func (param i32) (result i32))'),
        "import",
    ),
    "unknown import": (lambda: imports('"covey" "fetch" (func)'), "import"),
    "dunder import": (lambda: imports('"covey" "__init__" (func)'), "import"),
    "helper import": (lambda: imports('"covey" "close" (func)'), "import"),
    "import of another type": (
        lambda: imports('"covey" "put" (func (param i32 i32))'),
        "import",
    ),
    "import with another result": (
        lambda: imports('"covey" "time" (func (result i32))'),
        "import",
    ),
    "imported memory": (lambda: imports('"covey" "memory" (memory 1)'), "import"),
    "imported table": (lambda: imports('"covey" "table" (table 1 funcref)'), "import"),
    "imported global": (lambda: imports('"covey" "g" (global i32)'), "import"),
    "too many imports": (
        lambda: wat("".join('(import "covey" "log" (func (param i32 i32)))' for _ in range(65))),
        "too-many",
    ),
    "no memory": (lambda: wat("", memory=""), "memory"),
    "memory not exported": (lambda: wat("", memory="(memory 1)"), "memory"),
    "memory under another name": (lambda: wat("", memory='(memory (export "m") 1)'), "memory"),
    "function as memory": (
        lambda: wat("", memory='(memory 1) (func (export "memory"))'),
        "memory",
    ),
    "two memories": (lambda: wat("(memory 1)"), "too-many"),
    "large memory": (lambda: wat("", memory='(memory (export "memory") 257)'), "memory"),
    "64 bit memory": (lambda: wat("", memory='(memory (export "memory") i64 1)'), "memory"),
    "shared memory": (
        lambda: wat("", memory='(memory (export "memory") 1 2 shared)'),
        "threads",
    ),
    "large table": (lambda: wat("(table 10001 funcref)"), "too-large"),
    "two tables": (lambda: wat("(table 1 funcref) (table 1 funcref)"), "too-many"),
    "table of externals": (lambda: wat("(table 1 externref)"), "unknown-type"),
    "SIMD": (lambda: body("(drop (v128.const i64x2 0 0))"), "simd"),
    "SIMD local": (lambda: body("(local v128)"), "simd"),
    "SIMD parameter": (lambda: wat("(func (param v128))"), "simd"),
    "SIMD global": (lambda: wat("(global v128 (v128.const i64x2 0 0))"), "simd"),
    "atomics": (lambda: body("atomic.fence"), "threads"),
    "float constant": (lambda: body("(drop (f64.const 0))"), "floats"),
    "float arithmetic": (
        lambda: raw_body(b"\x41\0\xb2\x41\0\xb2\x92\x1a\x0b"),
        "floats",
    ),
    "float local": (lambda: body("(local f32)"), "floats"),
    "float result": (lambda: wat("(func (result f32) unreachable)"), "floats"),
    "float global": (lambda: wat("(global f64 (f64.const 1))"), "floats"),
    "float block": (lambda: body("(drop (block (result f32) unreachable))"), "floats"),
    "float truncation": (
        lambda: body("(drop (i32.trunc_sat_f32_s (f32.load (i32.const 0))))"),
        "floats",
    ),
    "tail call": (lambda: wat("(func $f (return_call $f))"), "opcode"),
    "exceptions": (lambda: raw_body(b"\x08\x00\x0b"), "opcode"),
    "references": (lambda: body("(drop (ref.null func))"), "opcode"),
    "objects": (lambda: raw_body(b"\xfb\x00\x00\x1a\x0b"), "opcode"),
    "table growth": (
        lambda: wat("(table $t 1 funcref)(func (drop (table.size $t)))"),
        "opcode",
    ),
    "unknown opcode": (lambda: raw_body(b"\xff\x0b"), "opcode"),
    "unknown prefixed opcode": (lambda: raw_body(b"\xfc\xff\x01\x0b"), "opcode"),
    "second memory addressed": (lambda: raw_body(b"\x41\0\x28\x42\x00\x00\x1a\x0b"), "opcode"),
    "second memory grown": (lambda: raw_body(b"\x41\0\x40\x01\x1a\x0b"), "opcode"),
    "endless number": (lambda: raw_body(b"\x41" + b"\x80" * 9 + b"\0\x1a\x0b"), "malformed"),
    "function without end": (lambda: raw_body(b"\x01\x01"), "malformed"),
    "code after the end": (lambda: raw_body(b"\x0b\x01"), "malformed"),
    "too many locals": (lambda: body("(local " + "i64 " * 5000 + ")"), "too-many"),
    "a great many locals": (
        lambda: raw_body(b"").replace(b"\1\1\0", b"\1\7\1\xff\xff\xff\xff\x0f\x7e"),
        "malformed",
    ),
    "deep nesting": (lambda: raw_body(b"\x02\x40" * 600 + b"\x0b" * 601), "too-many"),
    "huge branch table": (
        lambda: body("(br_table " + "0 " * 5000 + "(i32.const 0))"),
        "too-many",
    ),
    "huge function": (lambda: raw_body(b"\x01" * 300_000 + b"\x0b"), "too-large"),
    "too many functions": (lambda: wat("(func)" * 10_001), "too-many"),
    "too many globals": (lambda: wat("(global i32 (i32.const 0))" * 1025), "too-many"),
    "too many parameters": (lambda: wat(f"(func (param {'i32 ' * 200}))"), "too-many"),
    "method not exported": (lambda: wat("", methods='(func (export "run"))'), "export"),
    "method with a parameter": (
        lambda: wat("", methods='(func (export "run") (param i32)) (func (export "ask"))'),
        "export",
    ),
    "method with a result": (
        lambda: wat(
            "", methods='(func (export "run") (result i32) (i32.const 1)) (func (export "ask"))'
        ),
        "export",
    ),
    "method that is a global": (
        lambda: wat("", methods='(global (export "run") i32 (i32.const 1)) (func (export "ask"))'),
        "export",
    ),
    "validate with a parameter": (
        lambda: wat('(func (export "validate") (param i32))'),
        "export",
    ),
    "no interface": (bare, "abi"),
    "two interfaces": (lambda: plain() + custom("covey.abi", abi_json()), "abi"),
    "interface that is no JSON": (lambda: with_json(b"{"), "abi"),
    "interface that is no UTF-8": (lambda: with_json(b'{"abi":"\xff"}'), "abi"),
    "interface that is a list": (lambda: with_json(b"[]"), "abi"),
    "interface nested deeply": (lambda: with_json(b"[" * 60_000), "abi"),
    "interface too large": (
        lambda: with_json(abi_json() + b" " * limits.ABI_SIZE_BYTES_MAX),
        "abi",
    ),
    "interface of another version": (lambda: with_json(abi_json(abi="covey/2")), "abi"),
    "interface with an unknown field": (lambda: with_json(abi_json(more=1)), "abi"),
    "interface with a key twice": (
        lambda: with_json(abi_json()[:-1] + b', "abi": "covey/1"}'),
        "abi",
    ),
    "interface without methods": (
        lambda: with_json(json.dumps({"abi": "covey/1", "collections": []}).encode()),
        "abi",
    ),
    "method twice": (lambda: with_json(abi_json(methods=methods("run", "run"))), "abi"),
    "method with a bad name": (lambda: with_json(abi_json(methods=methods("Run"))), "abi"),
    "method with a newline": (lambda: with_json(abi_json(methods=methods("run\n"))), "abi"),
    "method with a long name": (lambda: with_json(abi_json(methods=methods("r" * 65))), "abi"),
    "method called memory": (lambda: with_json(abi_json(methods=methods("memory"))), "abi"),
    "method called validate": (lambda: with_json(abi_json(methods=methods("validate"))), "abi"),
    "method of an unknown kind": (
        lambda: with_json(abi_json(methods=methods("run", kind="both"))),
        "abi",
    ),
    "schema that is no object": (
        lambda: with_json(abi_json(methods=[{"name": "run", "kind": "call", "args": 5}])),
        "abi",
    ),
    "too many methods": (
        lambda: with_json(abi_json(methods=methods(*(f"m{n}" for n in range(257))))),
        "abi",
    ),
    "collection twice": (
        lambda: with_json(abi_json(collections=[{"name": "a", "rule": "register"}] * 2)),
        "abi",
    ),
    "collection of an unknown rule": (
        lambda: with_json(abi_json(collections=[{"name": "a", "rule": "last"}])),
        "abi",
    ),
    "collection with a bad name": (
        lambda: with_json(abi_json(collections=[{"name": "../a", "rule": "register"}])),
        "abi",
    ),
    "role with a bad name": (
        lambda: with_json(abi_json(collections=[{"name": "a", "rule": "register", "roles": [""]}])),
        "abi",
    ),
    "too many collections": (
        lambda: with_json(
            abi_json(collections=[{"name": f"c{n}", "rule": "register"} for n in range(65)])
        ),
        "abi",
    ),
    "stack that does not add up": (lambda: raw_body(b"\x6a\x0b"), "invalid"),
    "unknown local": (lambda: raw_body(b"\x20\x05\x1a\x0b"), "invalid"),
    "unknown function": (lambda: raw_body(b"\x10\x7f\x0b"), "invalid"),
    "branch out of range": (lambda: raw_body(b"\x0c\x63\x0b"), "invalid"),
    "else without if": (lambda: raw_body(b"\x05\x0b"), "invalid"),
    "data outside memory": (lambda: wat('(data (i32.const 65535) "ab")'), "invalid"),
    "elements outside the table": (
        lambda: wat("(table 1 funcref) (func $f) (elem (i32.const 1) $f)"),
        "invalid",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_module_is_refused_by_rule(executor: BlockingExecutor, name: str) -> None:
    """The same sentence from the pure inspection and from an installation."""
    make, rule = REFUSED[name]
    module = make()
    with pytest.raises(ConfigError, match=r"^the module is refused: ") as inspected:
        inspect_module(module)
    with pytest.raises(ConfigError) as installed:
        executor.install(RELEASE, module)
    assert str(installed.value) == str(inspected.value)
    named = str(inspected.value).rsplit("(", 1)[1]
    assert named.rstrip(")").split(",")[0] == rule


def test_there_are_enough_hostile_modules() -> None:
    """The suite promises at least forty."""
    assert len(REFUSED) >= 40


def test_other_custom_sections_are_ignored(executor: BlockingExecutor) -> None:
    """Names and producers come from ordinary compilers."""
    module = plain() + custom("name", b"\xff\xff") + custom("covey.other", b"{")
    assert isinstance(run(executor, module), Completed)


def test_floats_are_allowed_where_asked_for(executor: BlockingExecutor, script: Script) -> None:
    """And a NaN is the same everywhere."""
    body = (
        "(f64.store (i32.const 1024) (f64.sqrt (f64.const -1)))"
        "(f32.store (i32.const 1032) (f32.div (f32.const 0) (f32.const -0)))"
        "(f64.store (i32.const 1036) (f64.add (f64.const nan:0x4000000000123) (f64.const 1)))"
    ) + script.emit(size="(i32.const 20)")
    outcome = run(executor, script.build(body, floats=True))
    assert isinstance(outcome, Completed)
    (event,) = outcome.events
    nan = bytes(6) + b"\xf8\x7f"
    assert event.data == nan + b"\0\0\xc0\x7f" + nan


def test_sign_extension_and_multiple_results_are_allowed(executor: BlockingExecutor) -> None:
    """What ordinary compilers write by default."""
    code = "(drop (i32.extend8_s (i32.const 255))) (call $two) (drop) (drop)"
    module = wat(
        "(func $two (result i32 i32) (i32.const 1) (i32.const 2))"
        "(global (mut i64) (i64.const 1)) (table 10000 funcref)",
        methods=f'(func (export "run") {code}) (func (export "ask"))',
    )
    assert isinstance(run(executor, module), Completed)


def test_bulk_memory_is_allowed(executor: BlockingExecutor, script: Script) -> None:
    """It is paid by the byte, so nothing speaks against it; segments may be passive."""
    body = (
        "(memory.init $seed (i32.const 1024) (i32.const 1) (i32.const 2)) (data.drop $seed)"
        "(memory.copy (i32.const 1026) (i32.const 1024) (i32.const 2))"
        "(memory.fill (i32.const 1028) (i32.const 122) (i32.const 2))"
    ) + script.emit(size="(i32.const 6)")
    outcome = run(executor, script.build(body, rest='(data $seed "abc")'))
    assert isinstance(outcome, Completed)
    assert [event.data for event in outcome.events] == [b"bcbczz"]


def test_interface_is_read_whole() -> None:
    """Collections with rules and roles, methods with kinds and schemas."""
    schema = {"type": "object"}
    told = [{"name": "run", "kind": "call", "description": "Run.", "args": schema}]
    interface = inspect_module(with_json(abi_json(methods=told)))
    assert [c.name for c in interface.collections] == ["items", "sums", "mine", "fixed", "staff"]
    assert interface.collections[4].roles == ("admin", "clerk")
    (method,) = interface.methods
    assert json.loads(method.arguments_schema) == schema
    assert method.result_schema == ""
