"""What a WebAssembly binary is, read without an engine: everything an installation checks."""

from covey.runtime.module.inspect import inspect_module

__all__ = ["inspect_module"]
