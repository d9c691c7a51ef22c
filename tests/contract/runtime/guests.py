"""Little applications for tests, written in the text format of WebAssembly."""

from __future__ import annotations

import json
from collections.abc import Iterator

import wasmtime

from covey.model import (
    Batch,
    Call,
    ContextId,
    DeviceId,
    EntryReader,
    MemberId,
    Outcome,
    Query,
    ReleaseId,
    time_at,
)
from covey.runtime import BlockingExecutor

__all__ = [
    "CONTEXT",
    "DEVICE",
    "IMPORTS",
    "MEMBER",
    "RELEASE",
    "TIME_MS",
    "Entries",
    "Script",
    "abi_json",
    "ask",
    "batch",
    "custom",
    "leb",
    "query",
    "run",
    "with_abi",
]

CONTEXT = ContextId(b"c" * 36)
RELEASE = ReleaseId(b"r" * 36)
MEMBER = MemberId(b"m" * 32)
DEVICE = DeviceId(b"d" * 32)
TIME_MS = 1_700_000_000_000

# Written out by hand: the contract, not a copy of what the code says.
IMPORTS = """
(import "covey" "input" (func $input (param i32 i32) (result i32)))
(import "covey" "output" (func $output (param i32 i32)))
(import "covey" "fail" (func $fail (param i32 i32)))
(import "covey" "get" (func $get (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "covey" "put" (func $put (param i32 i32 i32 i32 i32 i32)))
(import "covey" "delete" (func $delete (param i32 i32 i32 i32)))
(import "covey" "add" (func $add (param i32 i32 i32 i32 i64)))
(import "covey" "scan" (func $scan (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "covey" "next" (func $next (param i32 i32 i32) (result i32)))
(import "covey" "member" (func $member (param i32)))
(import "covey" "device" (func $device (param i32)))
(import "covey" "context" (func $context (param i32)))
(import "covey" "time" (func $time (result i64)))
(import "covey" "random" (func $random (param i32 i32)))
(import "covey" "emit" (func $emit (param i32 i32 i32 i32)))
(import "covey" "log" (func $log (param i32 i32)))
(import "covey" "verify" (func $verify (param i32 i32 i32 i32) (result i32)))
(import "covey" "sha256" (func $sha256 (param i32 i32 i32)))
"""
COLLECTIONS = (
    {"name": "items", "rule": "register"},
    {"name": "sums", "rule": "counter"},
    {"name": "mine", "rule": "owned"},
    {"name": "fixed", "rule": "frozen"},
    {"name": "staff", "rule": "register", "roles": ["admin", "clerk"]},
)
_SCRATCH = 1024
_DATA = 32_768


class Entries:
    """An `EntryReader` over a plain dict."""

    def __init__(self, *entries: tuple[str, bytes, bytes]) -> None:
        self.entries = {(collection, key): value for collection, key, value in entries}

    def get(self, collection: str, key: bytes) -> bytes | None:
        return self.entries.get((collection, key))

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        for name, key in sorted(self.entries):
            if name == collection and key.startswith(prefix) and key > after:
                yield key, self.entries[name, key]


class Script:
    """Fragments of code over a pool of constants; `build` makes the module."""

    def __init__(self) -> None:
        self._pool = b""

    def text(self, content: str | bytes) -> str:
        """Pointer and length of a constant."""
        raw = content.encode() if isinstance(content, str) else content
        at = _DATA + len(self._pool)
        self._pool += raw
        return f"(i32.const {at}) (i32.const {len(raw)})"

    def put(self, collection: str, key: str | bytes, value: str | bytes) -> str:
        return f"(call $put {self.text(collection)} {self.text(key)} {self.text(value)})"

    def delete(self, collection: str, key: str | bytes) -> str:
        return f"(call $delete {self.text(collection)} {self.text(key)})"

    def add(self, collection: str, key: str | bytes, amount: int) -> str:
        return f"(call $add {self.text(collection)} {self.text(key)} (i64.const {amount}))"

    def get(self, collection: str, key: str | bytes, cap: int = 16_000) -> str:
        """Leaves the answer in $n and the value in scratch memory."""
        entry = f"{self.text(collection)} {self.text(key)}"
        return f"(local.set $n (call $get {entry} (i32.const {_SCRATCH}) (i32.const {cap})))"

    def scan(self, collection: str, prefix: str | bytes = "", after: str | bytes = "") -> str:
        """Leaves the handle in $h."""
        bounds = f"{self.text(prefix)} {self.text(after)}"
        return f"(local.set $h (call $scan {self.text(collection)} {bounds}))"

    def next(self, cap: int = 16_000) -> str:
        """Leaves the answer in $n and the records in scratch memory."""
        return (
            f"(local.set $n (call $next (local.get $h) (i32.const {_SCRATCH}) (i32.const {cap})))"
        )

    def emit(self, name: str = "seen", size: str = "(local.get $n)") -> str:
        """Emit what is in scratch memory."""
        return f"(call $emit {self.text(name)} (i32.const {_SCRATCH}) {size})"

    def emit_number(self, name: str = "n") -> str:
        """Emit $n as four bytes."""
        at = _SCRATCH - 8
        return (
            f"(i32.store (i32.const {at}) (local.get $n))"
            f"(call $emit {self.text(name)} (i32.const {at}) (i32.const 4))"
        )

    def output(self, content: str | bytes) -> str:
        return f"(call $output {self.text(content)})"

    def fail(self, message: str | bytes) -> str:
        return f"(call $fail {self.text(message)})"

    def log(self, line: str | bytes) -> str:
        return f"(call $log {self.text(line)})"

    def build(
        self,
        run: str = "",
        ask: str = "",
        *,
        validate: str | None = None,
        memory: str = '(memory (export "memory") 1)',
        rest: str = "",
        floats: bool = False,
    ) -> bytes:
        """A module with the call `run` and the query `ask`; $n, $h: i32 and $w: i64 locals."""
        names = {"run": run, "ask": ask}
        if validate is not None:
            names["validate"] = validate
        functions = "".join(
            f'(func (export "{name}") (local $n i32) (local $h i32) (local $w i64) {body})'
            for name, body in names.items()
        )
        pool = "".join(f"\\{byte:02x}" for byte in self._pool)
        data = f'(data (i32.const {_DATA}) "{pool}")' if pool else ""
        return with_abi(
            f"(module {IMPORTS} {memory} {data} {rest} {functions})", abi_json(floats=floats)
        )


def abi_json(**more: object) -> bytes:
    """The section `covey.abi` of a script's module, with fields replaced or added."""
    methods = [{"name": "run", "kind": "call"}, {"name": "ask", "kind": "query"}]
    document = {"abi": "covey/1", "collections": COLLECTIONS, "methods": methods, **more}
    return json.dumps(document).encode()


def with_abi(wat: str, abi: bytes | None = None) -> bytes:
    """A module from text, with its interface appended."""
    return bytes(wasmtime.wat2wasm(wat)) + custom("covey.abi", abi or abi_json())


def custom(name: str, content: bytes) -> bytes:
    """A custom section."""
    body = leb(len(name)) + name.encode() + content
    return b"\0" + leb(len(body)) + body


def leb(number: int) -> bytes:
    """The shortest unsigned LEB128."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def batch(*calls: Call, roles: tuple[str, ...] = (), sequence: int = 1) -> Batch:
    """A batch of one device; without calls, one call of `run`."""
    return Batch(
        context=CONTEXT,
        release=RELEASE,
        member=MEMBER,
        device=DEVICE,
        sequence=sequence,
        previous=None,
        time=time_at(TIME_MS, 7),
        roles=roles,
        calls=calls or (Call("run", b"{}"),),
    )


def query(arguments: bytes = b"{}", method: str = "ask") -> Query:
    return Query(
        context=CONTEXT,
        release=RELEASE,
        member=MEMBER,
        device=DEVICE,
        time=time_at(TIME_MS),
        call=Call(method, arguments),
    )


def run(
    executor: BlockingExecutor,
    module: bytes,
    base: EntryReader | None = None,
    arguments: bytes = b"{}",
    roles: tuple[str, ...] = (),
) -> Outcome:
    """Install a module and run its call once."""
    executor.install(RELEASE, module)
    (outcome,) = executor.run_batch(batch(Call("run", arguments), roles=roles), base or Entries())
    return outcome


def ask(executor: BlockingExecutor, module: bytes, base: EntryReader | None = None) -> Outcome:
    """Install a module and run its query once."""
    executor.install(RELEASE, module)
    return executor.query(query(), base or Entries())
