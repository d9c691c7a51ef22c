"""The engine: what it is built of, and modules compiled by it."""

from __future__ import annotations

from covey.errors import ConfigError
from covey.runtime.module import ModuleFacts, PreparedModule
from covey.runtime.wasmer_engine.library import load_library
from covey.runtime.wasmer_engine.module import WasmerModule

__all__ = ["WasmerEngine"]


class WasmerEngine:
    """Implements `Engine`. Raises ConfigError where this Python has no wasmer."""

    def __init__(self) -> None:
        self._library = load_library()

    @property
    def build(self) -> str:
        """As `Engine.build`."""
        return self._library.build

    def compile(self, module: PreparedModule) -> WasmerModule:
        """As `Engine.compile`."""
        compiled = WasmerModule(self._library, module)
        compiled.require_instantiable()
        return compiled

    def load(self, facts: ModuleFacts, native: bytes) -> WasmerModule:  # noqa: ARG002
        """As `Engine.load`: it never gave any native code, so it takes none."""
        raise ConfigError("the second engine keeps no native code")

    def interrupt(self) -> None:
        """As `Engine.interrupt`: it cannot be, but looks at each entry into the host."""
