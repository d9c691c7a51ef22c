"""The second engine: wasmer 1.1.0 with its Cranelift compiler, on CPython 3.10 alone.

Its last release is of January 2022, so it runs only code that an operator lists by name, and only
prepared modules: it has no fuel, no limit of memory and no interruption of its own. What makes it
bearable: the validator runs first, since a module that it cannot parse makes it panic; each module
has an engine of its own, so a panic ends no other; its objects stay on one thread; and every run
has a fresh instance. It holds the interpreter's lock while it runs.
"""

from covey.runtime.wasmer_engine.engine import WasmerEngine
from covey.runtime.wasmer_engine.library import is_available, load_library

__all__ = ["WasmerEngine", "is_available", "load_library"]
