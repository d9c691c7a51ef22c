"""What a module is, what it costs, and if it is refused: by which rule, where, and what helps."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from covey.errors import ConfigError
from covey.model import Interface, limits
from covey.runtime import Engine, prepare_module
from covey.runtime.module import PreparedModule, prices
from covey.runtime.module.opcodes import OPCODES
from covey.workbench.anatomy import Anatomy, dissect, function_at
from covey.workbench.files import Application

__all__ = [
    "Checked",
    "CollectionRow",
    "FrameRow",
    "MethodRow",
    "ModuleRow",
    "PriceRow",
    "Refusal",
    "check_application",
    "price_rows",
    "refusal_of",
]

_REFUSED = re.compile(
    r"the module is refused: (?P<reason>.*) \((?P<rule>[a-z-]+)(?:, at byte (?P<byte>\d+))?\)",
    re.DOTALL,
)
_FRAMES_SHOWN = 5
_INSTRUCTIONS: Final = (
    ("i32.add", " and most others"),
    ("i32.load", ", store"),
    ("i64.div_s", ", remainder"),
    ("f64.add", ""),
    ("f64.div", ""),
    ("f64.convert_i64_s", " and back"),
    ("br_if", ", br, if, return"),
    ("br_table", ""),
    ("call", ""),
    ("call_indirect", ""),
    ("memory.copy", ", fill, init, besides their bytes"),
    ("memory.grow", ""),
)
HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "abi": "the section covey.abi comes from abi.json: mend it and run `covey app build`",
        "bundle": "pack it again with `covey app pack`, or fetch it again",
        "engine": "this engine cannot run it: report it, with the module",
        "export": "export each method of abi.json as a function without arguments and results",
        "floats": 'say "floats": true in abi.json, or do with whole numbers',
        "import": "only the functions of covey/1 exist, with these very types: no WASI, no others",
        "invalid": "no compiler writes this: build the module again, or report it to its author",
        "malformed": "the file is cut short or damaged: build the module again",
        "memory": "one memory of at most 256 pages, exported as `memory`; a stack of 16 KiB does",
        "not-wasm": "give the built .wasm (a core module, no component, no text) or a .covey",
        "opcode": "compile for -mcpu=mvp (C, Zig, Rust: -C target-cpu=mvp)",
        "simd": "compile without SIMD: -mcpu=mvp",
        "start-section": "do what it does in the methods that need it, or as initial memory",
        "threads": "compile without threads and atomics: -mcpu=mvp",
        "too-large": "optimise for size (-Oz), leave unused code out, split large functions",
        "too-many": "split the function or module; a switch of thousands of cases is a table",
        "unknown-section": "strip the module: only sections 0 to 12 of the standard are known",
        "unknown-type": "compile for -mcpu=mvp: whole numbers, floats and functions are all",
        "segment": "let data fill no more than the memory, and the table hold functions only",
    }
)


class Refusal(msgspec.Struct, frozen=True):
    """Why a file is refused. byte: its offset in the module; function: its index; null: unknown."""

    rule: str
    reason: str
    byte: int | None
    function: int | None
    hint: str


class CollectionRow(msgspec.Struct, frozen=True):
    """A collection; roles: who may write, empty for everybody."""

    name: str
    rule: str
    roles: tuple[str, ...]


class MethodRow(msgspec.Struct, frozen=True):
    """A method: a call or a query."""

    name: str
    kind: str


class FrameRow(msgspec.Struct, frozen=True):
    """What a function takes of the stack of a run, in slots; method: its export, or empty."""

    function: int
    method: str
    slots: int


class PriceRow(msgspec.Struct, frozen=True):
    """What something costs, in fuel."""

    what: str
    fuel: int


class ModuleRow(msgspec.Struct, frozen=True):
    """An accepted module. Sizes are in bytes, pages of 64 KiB, times in milliseconds here.

    metered: the module that counts its own fuel. reusable: an instance serves many runs.
    entry_fuel: what each run costs before its first instruction. depth_max: how often the largest
    frame fits the stack.
    """

    size_bytes: int
    metered_size_bytes: int
    compiled_size_bytes: int | None
    engine: str
    prepare_ms: float
    compile_ms: float
    imports: tuple[str, ...]
    methods: tuple[MethodRow, ...]
    validate: bool
    collections: tuple[CollectionRow, ...]
    functions: int
    globals: int
    data_size_bytes: int
    memory_pages: int
    memory_pages_max: int
    floats: bool
    reusable: bool
    entry_fuel: int
    call_fuel_max: int
    query_fuel_max: int
    stack_slots: int
    depth_max: int
    frames: tuple[FrameRow, ...]


class Checked(msgspec.Struct, frozen=True):
    """The word on a file: `module` if it is accepted, else `refusal`."""

    accepted: bool
    file: str
    module: ModuleRow | None
    refusal: Refusal | None
    prices: tuple[PriceRow, ...]


def check_application(application: Application, engine: Engine, engine_name: str) -> ModuleRow:
    """Validate, rewrite and compile. Raises ConfigError as an installation would."""
    started = time.perf_counter()
    prepared = prepare_module(application.module)
    prepared_at = time.perf_counter()
    native = engine.compile(prepared).serialize()
    compiled_at = time.perf_counter()
    return _module_row(
        application.module,
        prepared,
        engine_name,
        None if native is None else len(native),
        (prepared_at - started, compiled_at - prepared_at),
    )


def refusal_of(error: ConfigError, module: bytes) -> Refusal:
    """What an error of a check says, in parts.

    The rule is `bundle` where there is no module, and `engine` for what an engine alone refuses.
    """
    found = _REFUSED.fullmatch(str(error))
    if found is None:
        rule = "engine" if module else "bundle"
        return Refusal(rule, str(error), None, None, HINTS[rule])
    byte = None if found["byte"] is None else int(found["byte"])
    function = None if byte is None else function_at(module, byte)
    return Refusal(found["rule"], found["reason"], byte, function, HINTS.get(found["rule"], ""))


def price_rows() -> tuple[PriceRow, ...]:
    """What runs cost, in short; protocols/execution.md and application.md have it in full."""
    by_name = {opcode.name: opcode.price for opcode in OPCODES.values()}
    rows = [
        ("a run", prices.ENTRY),
        ("a run: each page of initial memory", prices.ENTRY_PAGE),
        *((f"{name}{like}", by_name[name]) for name, like in _INSTRUCTIONS),
        (f"load, store: besides, with over {prices.FAR_PAGES} pages of memory", prices.FAR),
        ("memory.grow: each page", prices.GROW_PAGE),
        ("a host function", limits.HOST_CALL_FUEL),
        ("a host function: each byte in or out", limits.COPY_FUEL_PER_BYTE),
        ("get: the entry", limits.ENTRY_READ_FUEL),
        ("put, delete, add", limits.EFFECT_FUEL),
        ("scan", limits.SCAN_FUEL),
        ("next: each entry", limits.SCAN_ENTRY_FUEL),
        ("output: each byte", limits.JSON_FUEL_PER_BYTE),
        ("sha256: each byte", limits.HASH_FUEL_PER_BYTE),
        ("random: each byte", limits.RANDOM_FUEL_PER_BYTE),
        ("verify", limits.VERIFY_FUEL),
    ]
    return tuple(PriceRow(what, fuel) for what, fuel in rows)


def _module_row(
    module: bytes,
    prepared: PreparedModule,
    engine_name: str,
    compiled_size_bytes: int | None,
    took_s: tuple[float, float],
) -> ModuleRow:
    facts, anatomy = prepared.facts, dissect(module, prepared.code)
    interface = facts.interface
    frames = _frame_rows(anatomy)
    return ModuleRow(
        size_bytes=len(module),
        metered_size_bytes=len(prepared.code),
        compiled_size_bytes=compiled_size_bytes,
        engine=engine_name,
        prepare_ms=round(took_s[0] * 1000, 2),
        compile_ms=round(took_s[1] * 1000, 2),
        imports=anatomy.imports,
        methods=tuple(MethodRow(m.name, m.kind.value) for m in interface.methods),
        validate="validate" in facts.entries,
        collections=_collection_rows(interface),
        functions=anatomy.functions,
        globals=anatomy.globals_,
        data_size_bytes=anatomy.data_size_bytes,
        memory_pages=facts.memory_pages,
        memory_pages_max=anatomy.memory_pages_max,
        floats=facts.floats,
        reusable=facts.is_restorable,
        entry_fuel=prices.ENTRY + prices.ENTRY_PAGE * facts.memory_pages,
        call_fuel_max=limits.CALL_FUEL_MAX,
        query_fuel_max=limits.QUERY_FUEL_MAX,
        stack_slots=limits.STACK_SLOTS_MAX,
        depth_max=limits.STACK_SLOTS_MAX // frames[0].slots if frames else 0,
        frames=frames,
    )


def _frame_rows(anatomy: Anatomy) -> tuple[FrameRow, ...]:
    return tuple(
        FrameRow(frame.function, frame.exported_as, frame.slots)
        for frame in anatomy.frames[:_FRAMES_SHOWN]
    )


def _collection_rows(interface: Interface) -> tuple[CollectionRow, ...]:
    return tuple(CollectionRow(c.name, c.rule.value, c.roles) for c in interface.collections)
