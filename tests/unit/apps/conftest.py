"""A small host for guests: the interface covey/1 over a dict, one fresh instance for each call.

It stands apart from the node's runtime on purpose: a guest that works in both keeps to the
interface, not to an accident of one of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from wasmtime import Config, Engine, Func, FuncType, Instance, Memory, Module, Store, ValType

from scripts.build_apps import folder_of

FUEL_PER_CALL = 200_000_000
MASK = 0xFFFFFFFF

SIGNATURES = {
    "input": "ii:i", "output": "ii:", "fail": "ii:", "get": "iiiiii:i", "put": "iiiiii:",
    "delete": "iiii:", "add": "iiiiI:", "scan": "iiiiii:i", "next": "iii:i", "member": "i:",
    "device": "i:", "context": "i:", "time": ":I", "random": "ii:", "emit": "iiii:", "log": "ii:",
    "verify": "iiii:i", "sha256": "iii:",
}  # fmt: skip


class Failed(Exception):
    """The guest refused the call; the text is its message."""


class Forbidden(Exception):
    """The guest asked for what a rule or a query does not allow: the real host traps."""


class Guest:
    """One application, its state and its caller. `call` takes effect whole or not at all."""

    def __init__(self, wasm: bytes, abi: dict) -> None:
        config = Config()
        config.consume_fuel = True
        self.module = wasm
        self._engine = Engine(config)
        self._module = Module(self._engine, wasm)
        self._rules = {c["name"].encode(): c["rule"] for c in abi["collections"]}
        self._kinds = {m["name"]: m["kind"] for m in abi["methods"]}
        self.state: dict[tuple[bytes, bytes], bytes] = {}
        self.member = b"\x01" * 32
        self.time_ms = 1_700_000_000_000
        self.events: list[tuple[bytes, bytes]] = []
        self.lines: list[bytes] = []
        self._calls = 0

    def call(self, method: str, args: object) -> object:
        """Run a method with arguments as JSON and return its result."""
        return self.call_raw(method, json.dumps(args).encode())

    def call_raw(self, method: str, text: bytes) -> object:
        """Run a method with these bytes as its input."""
        before, self._input, self._output = dict(self.state), text, b"null"
        self._query, self._handles = self._kinds[method] == "query", {}
        self._calls += 1
        self._seed = hashlib.shake_256(self._calls.to_bytes(8, "big"))
        self._drawn = 0
        self._store = Store(self._engine)
        self._store.set_limits(memory_size=256 * 65536)
        self._store.set_fuel(FUEL_PER_CALL)
        imports = [self._import(imported.name) for imported in self._module.imports]
        exports = Instance(self._store, self._module, imports).exports(self._store)
        self._memory: Memory = exports["memory"]
        try:
            exports[method](self._store)
        except BaseException:
            self.state = before
            raise
        return json.loads(self._output)

    @property
    def output(self) -> bytes:
        """The result of the last call, as it was written."""
        return self._output

    def _import(self, name: str) -> Func:
        types = {"i": ValType.i32(), "I": ValType.i64()}
        params, _, results = SIGNATURES[name].partition(":")
        signature = FuncType([types[c] for c in params], [types[c] for c in results])
        function = getattr(self, f"_host_{name}")
        narrow = [c == "i" for c in params]

        def host(*args: int) -> int | None:
            return function(*(a & MASK if n else a for a, n in zip(args, narrow, strict=True)))

        return Func(self._store, signature, host)

    def _read(self, at: int, size: int) -> bytes:
        assert at + size <= self._memory.data_len(self._store)
        return bytes(self._memory.read(self._store, at, at + size))

    def _write(self, at: int, content: bytes) -> None:
        assert at + len(content) <= self._memory.data_len(self._store)
        self._memory.write(self._store, content, at)

    def _entry(self, c: int, c_len: int, k: int, k_len: int) -> tuple[bytes, bytes]:
        entry = self._read(c, c_len), self._read(k, k_len)
        assert entry[0] in self._rules, entry[0]
        return entry

    def _effect(self, *where: int) -> tuple[tuple[bytes, bytes], str]:
        entry = self._entry(*where)
        if self._query:
            raise Forbidden("an effect in a query")
        rule = self._rules[entry[0]]
        if rule == "owned" and not entry[1].startswith(self.member):
            raise Forbidden("an entry of another member")
        return entry, rule

    def _host_input(self, at: int, cap: int) -> int:
        self._write(at, self._input[:cap])
        return len(self._input)

    def _host_output(self, at: int, size: int) -> None:
        self._output = self._read(at, size)

    def _host_fail(self, at: int, size: int) -> None:
        raise Failed(self._read(at, size).decode())

    def _host_get(self, c: int, c_len: int, k: int, k_len: int, at: int, cap: int) -> int:
        value = self.state.get(self._entry(c, c_len, k, k_len))
        if value is not None and len(value) <= cap:
            self._write(at, value)
        return -1 if value is None else len(value)

    def _host_put(self, c: int, c_len: int, k: int, k_len: int, v: int, v_len: int) -> None:
        entry, rule = self._effect(c, c_len, k, k_len)
        value = self._read(v, v_len)
        if rule == "counter":
            raise Forbidden("a put into a counter")
        if rule == "frozen":
            own = entry[1].startswith(self.member) or entry[1] == hashlib.sha256(value).digest()
            if not own or entry in self.state:
                raise Forbidden("a put into a frozen collection")
        self.state[entry] = value

    def _host_delete(self, *where: int) -> None:
        entry, rule = self._effect(*where)
        if rule not in ("register", "owned"):
            raise Forbidden("a delete")
        self.state.pop(entry, None)

    def _host_add(self, c: int, c_len: int, k: int, k_len: int, amount: int) -> None:
        entry, rule = self._effect(c, c_len, k, k_len)
        if rule != "counter":
            raise Forbidden("an add outside a counter")
        total = int.from_bytes(self.state.get(entry, bytes(8)), "little", signed=True) + amount
        clamped = min(max(total, -(2**63)), 2**63 - 1)
        self.state[entry] = clamped.to_bytes(8, "little", signed=True)

    def _host_scan(self, c: int, c_len: int, p: int, p_len: int, a: int, a_len: int) -> int:
        (collection, prefix), after = self._entry(c, c_len, p, p_len), self._read(a, a_len)
        self._handles[len(self._handles)] = [
            len(key).to_bytes(4, "little") + key + len(value).to_bytes(4, "little") + value
            for (of, key), value in sorted(self.state.items())
            if of == collection and key.startswith(prefix) and (not after or key > after)
        ]
        return len(self._handles) - 1

    def _host_next(self, handle: int, at: int, cap: int) -> int:
        left, page = self._handles[handle], b""
        if left and len(left[0]) > cap:
            return len(left[0])
        while left and len(page) + len(left[0]) <= cap:
            page += left.pop(0)
        self._write(at, page)
        return len(page)

    def _host_member(self, at: int) -> None:
        self._write(at, self.member)

    def _host_device(self, at: int) -> None:
        self._write(at, b"\x02" * 32)

    def _host_context(self, at: int) -> None:
        self._write(at, b"\x01\x71\x12\x20" + b"\x03" * 32)

    def _host_time(self) -> int:
        return self.time_ms

    def _host_random(self, at: int, size: int) -> None:
        if self._query:
            raise Forbidden("random in a query")
        self._drawn += size
        self._write(at, self._seed.digest(self._drawn)[-size:])

    def _host_emit(self, name: int, name_len: int, at: int, size: int) -> None:
        if self._query:
            raise Forbidden("an event in a query")
        self.events.append((self._read(name, name_len), self._read(at, size)))

    def _host_log(self, at: int, size: int) -> None:
        self.lines.append(self._read(at, size))

    def _host_verify(self, signature: int, key: int, at: int, size: int) -> int:
        message = self._read(at, size)
        try:
            VerifyKey(self._read(key, 32)).verify(message, self._read(signature, 64))
        except BadSignatureError:
            return 0
        return 1

    def _host_sha256(self, at: int, size: int, to: int) -> None:
        self._write(to, hashlib.sha256(self._read(at, size)).digest())


@pytest.fixture
def open_guest() -> Callable[[str], Guest]:
    """Open a committed application by its name, as scripts/build_apps.py has it: empty state."""

    def open_named(name: str) -> Guest:
        folder = folder_of(name)
        abi = json.loads((folder / "abi.json").read_text())
        return Guest((folder / f"{folder.name}.wasm").read_bytes(), abi)

    return open_named


@pytest.fixture
def harness() -> SimpleNamespace:
    """The host's classes, for tests that bring a module of their own or expect a refusal."""
    return SimpleNamespace(Guest=Guest, Failed=Failed, Forbidden=Forbidden)
