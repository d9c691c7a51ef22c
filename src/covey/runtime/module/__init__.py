"""What a WebAssembly binary is, without an engine: checked in full, made to meter itself."""

from covey.runtime.module.prepare import inspect_module, prepare_module, read_interface
from covey.runtime.module.prepared import (
    FUEL_EXPORT,
    HOST_MEMORY_MARK,
    STACK_EXPORT,
    ModuleFacts,
    PreparedModule,
)

__all__ = [
    "FUEL_EXPORT",
    "HOST_MEMORY_MARK",
    "STACK_EXPORT",
    "ModuleFacts",
    "PreparedModule",
    "inspect_module",
    "prepare_module",
    "read_interface",
]
