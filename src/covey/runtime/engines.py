"""The engines there are, by name."""

from __future__ import annotations

from covey.runtime.engine import Engine

__all__ = ["new_engine"]


def new_engine() -> Engine:
    """The default engine, for the thread that asks."""
    # Imported here: loading the library takes longer than inspecting a module does.
    from covey.runtime.wasmtime_engine import WasmtimeEngine  # noqa: PLC0415

    return WasmtimeEngine()
