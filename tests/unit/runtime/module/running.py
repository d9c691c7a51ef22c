"""Runs a module twice: as it was written, and prepared, by the plain interface of an engine."""

from __future__ import annotations

import json
from dataclasses import dataclass

import wasmtime

from covey.model import limits
from covey.runtime import prepare_module
from covey.runtime.module import FUEL_EXPORT, STACK_EXPORT
from covey.runtime.module.encode import name, section

__all__ = [
    "ENTRY",
    "FUEL",
    "MEMORY",
    "Ended",
    "abi",
    "assemble",
    "module",
    "run_original",
    "run_prepared",
]

FUEL = limits.CALL_FUEL_MAX
ENTRY = 10_000 + 4_096
"""The price of a run with one page, written out: the contract, not a copy of what the code says."""
MEMORY = '(memory (export "memory") 1)'
_HOST_PRICE = 5


@dataclass(frozen=True)
class Ended:
    """How a run ended: fuel and stack left, the engine's trap, memory, what the host was told."""

    trap: str | None
    memory: bytes
    told: tuple[int, ...] = ()
    fuel: int = 0
    stack: int = 0


def abi(*, floats: bool = False, methods: tuple[str, ...] = ("run",)) -> bytes:
    """The custom section."""
    document = {
        "abi": "covey/1",
        "floats": floats,
        "collections": [],
        "methods": [{"name": method, "kind": "call"} for method in methods],
    }
    return section(0, name("covey.abi") + json.dumps(document).encode())


def assemble(wat: str, *, floats: bool = False, methods: tuple[str, ...] = ("run",)) -> bytes:
    """A module from text, with its interface."""
    return bytes(wasmtime.wat2wasm(wat)) + abi(floats=floats, methods=methods)


def module(body: str, rest: str = "", *, memory: str = MEMORY, floats: bool = False) -> bytes:
    """A module whose one method has this body."""
    imported = '(import "covey" "log" (func $log (param i32 i32)))'
    imported += '(import "covey" "time" (func $time (result i64)))'
    wat = f'(module {imported} {memory} {rest} (func (export "run") {body}))'
    return assemble(wat, floats=floats)


def run_original(content: bytes) -> Ended:
    """The module as it is."""
    store, told = wasmtime.Store(), []
    functions = {
        "log": (["i32", "i32"], [], lambda a, b: told.extend((a, b))),
        "time": ([], ["i64"], lambda: 1_700),
    }
    instance = _instantiate(store, content, functions)
    trap = _call(lambda: instance.exports(store)["run"](store))
    return Ended(trap, _memory(store, instance), tuple(told))


def run_prepared(content: bytes, fuel: int = FUEL, stack_bytes: int = 512 * 1024) -> Ended:
    """The module prepared; its imports take and give fuel as they must."""
    config = wasmtime.Config()
    config.max_wasm_stack = stack_bytes
    store, told = wasmtime.Store(wasmtime.Engine(config)), []

    def log(first: int, second: int, left: int) -> int:
        told.extend((first, second))
        return left - _HOST_PRICE

    functions = {
        "log": (["i32", "i32", "i64"], ["i64"], log),
        "time": (["i64"], ["i64", "i64"], lambda left: [1_700, left - _HOST_PRICE]),
    }
    instance = _instantiate(store, prepare_module(content).code, functions)
    exports = instance.exports(store)
    given: list[int] = []
    trap = _call(lambda: given.append(exports["run"](store, fuel)))
    left = exports[FUEL_EXPORT].value(store)
    assert trap is not None or given == [left]
    stack = exports[STACK_EXPORT].value(store)
    return Ended(trap, _memory(store, instance), tuple(told), fuel - left, stack)


def _instantiate(store, content, functions):
    loaded = wasmtime.Module(store.engine, content)
    items = []
    for imported in loaded.imports:
        parameters, results, act = functions[imported.name]
        kind = wasmtime.FuncType(_types(parameters), _types(results))
        items.append(wasmtime.Func(store, kind, act))
    return wasmtime.Instance(store, loaded, items)


def _types(names):
    return [getattr(wasmtime.ValType, text)() for text in names]


def _call(act) -> str | None:
    try:
        act()
    except wasmtime.Trap as trap:
        return str(trap.trap_code)
    return None


def _memory(store, instance) -> bytes:
    memory = instance.exports(store)["memory"]
    return bytes(memory.read(store))
