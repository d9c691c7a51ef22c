"""Modules of binaryen's fuzzer, fitted to the interface of applications, where it is installed.

`wasm-opt --translate-to-fuzz` makes a valid module of any bytes; Debian has it as `binaryen`, and
the reader `wasm2wat` as `wabt`. Its imports become one function of ours, and its exports entries.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import wasmtime

from covey.errors import ConfigError
from covey.testkit.modules.encode import custom

__all__ = ["foreign_module", "is_available"]

_OPTIONS = (
    "--translate-to-fuzz",
    "--mvp-features",
    "--enable-sign-ext",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
)
# What its code logs with, by the index that it has there; only the first stays an import.
_LOGS = """
  (import "covey" "member" (func (param i32)))
  (func (param i64) local.get 0 i32.wrap_i64 call 0
    local.get 0 i64.const 32 i64.shr_u i32.wrap_i64 call 0)
  (func (param f32) local.get 0 i32.reinterpret_f32 call 0)
  (func (param f64) local.get 0 i64.reinterpret_f64 call 1)
"""
_LOG_OF = {"i32": 0, "i64": 1, "f32": 2, "f64": 3}
_CONSTANTS = {"i32": "i32.const 7", "i64": "i64.const -9", "f32": "f32.const 1.5"}
_TYPE = re.compile(r"\(type \(;(\d+);\) \(func(?: \(param ([^)]*)\))?(?: \(result ([^)]*)\))?\)\)")
_FUNCTION = re.compile(r"^  \(func \(;(\d+);\) \(type (\d+)\)", re.MULTILINE)
_EXPORT = re.compile(r'\(export "([^"]+)" \(func (\d+)\)\)')


def is_available() -> bool:
    """Whether its programs are installed."""
    return all(shutil.which(program) for program in ("wasm-opt", "wasm2wat"))


def foreign_module(seed: int) -> bytes:
    """The module of a seed. Raises ConfigError where the tools do not give a usable one."""
    rng = random.Random(seed)  # noqa: S311  # a module repeats itself
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "in"), Path(folder, "out.wasm")
        source.write_bytes(rng.randbytes(rng.choice((300, 1_500, 6_000))))
        options = [*_OPTIONS, *(["--no-fuzz-oob"] if rng.random() < 0.7 else [])]
        subprocess.run(["wasm-opt", source, *options, "-o", made], check=True, capture_output=True)
        done = subprocess.run(["wasm2wat", made], check=True, capture_output=True, text=True)
    return _fitted(done.stdout)


def _fitted(text: str) -> bytes:
    types = {int(n): (p.split(), r.split()) for n, p, r in _TYPE.findall(text)}
    functions = {int(n): types[int(kind)] for n, kind in _FUNCTION.findall(text)}
    entries: list[str] = []
    code = ""
    for _name, index in _EXPORT.findall(text):
        parameters, results = functions[int(index)]
        entry = f"e{len(entries)}"
        arguments = " ".join(_CONSTANTS.get(p, "f64.const nan:0x4000000000001") for p in parameters)
        logs = " ".join(f"call {_LOG_OF[r]}" for r in reversed(results))
        code += f'  (func (export "{entry}") {arguments} call {index} {logs})\n'
        entries.append(entry)
    kept = re.sub(r'  \(import "fuzzing-support"[^\n]*\n', "", text)
    kept = re.sub(r'  \(export "[^"]+" \(func \d+\)\)\n?', "", kept)
    first = kept.index("  (func (;")
    kept = kept[:first] + _LOGS.strip("\n") + "\n" + kept[first:]
    body = kept.rstrip()
    assert body.endswith(")")
    try:
        module = bytes(wasmtime.wat2wasm(body[:-1] + "\n" + code + ")"))
    except wasmtime.WasmtimeError as error:
        raise ConfigError(f"binaryen's text is not understood: {error}") from error
    methods = [{"name": entry, "kind": "call"} for entry in entries]
    interface = {"abi": "covey/1", "floats": True, "collections": [], "methods": methods}
    return module + custom("covey.abi", json.dumps(interface).encode())
