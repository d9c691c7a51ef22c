"""The engines there are, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from covey.errors import ConfigError
from covey.runtime.engine import Engine

__all__ = ["DEFAULT_ENGINE", "ENGINES", "NewEngine", "new_engine"]

DEFAULT_ENGINE: Final = "wasmtime"
ENGINES: Final = (DEFAULT_ENGINE, "wasmer")

NewEngine: TypeAlias = Callable[[str], Engine]
"""Makes the engine of a name, for the thread that asks; raises ConfigError if it cannot."""


def new_engine(name: str = DEFAULT_ENGINE) -> Engine:
    """An engine for the thread that asks. Raises ConfigError if this machine has none such."""
    # Imported here: loading the library takes longer than inspecting a module does.
    if name == DEFAULT_ENGINE:
        from covey.runtime.wasmtime_engine import WasmtimeEngine  # noqa: PLC0415

        return WasmtimeEngine()
    if name != "wasmer":
        raise ConfigError(f"there is no engine {name!r}: choose one of {', '.join(ENGINES)}")
    from covey.runtime.wasmer_engine import WasmerEngine  # noqa: PLC0415

    return WasmerEngine()
