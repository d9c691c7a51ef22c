"""The default engine: wasmtime.

Host functions are reached by the library's unchecked calling convention (16 bytes a value, no
boxing): a third of the cost of its Python API, and the process-global exception of that is not
involved. What makes it safe: signatures are compared at installation, every argument is an
integer, and pointers are checked against memory. The version is pinned, and the contract suite
of engines runs on it.
"""

from covey.runtime.wasmtime_engine.engine import WasmtimeEngine

__all__ = ["WasmtimeEngine"]
