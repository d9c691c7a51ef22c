"""What the modules of one engine have in common: linker, running instance, warm ones."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import wasmtime

from covey.model import limits
from covey.runtime.wasmtime_engine.imports import Running, define_imports
from covey.runtime.wasmtime_engine.library import NATIVE

__all__ = ["KeepsInstance", "Shared"]


class KeepsInstance(Protocol):
    """Whoever may hold a warm instance."""

    def forget_instance(self) -> None:
        """Throw it away."""
        ...


class Shared:
    """Of one engine and its thread; `epoch` alone is touched by others.

    epoch: counts interruptions. values, trap: where an entry gets its fuel and gives it back, and
    where its trap comes; one run at a time uses them.
    """

    def __init__(self, engine: wasmtime.Engine) -> None:
        self.engine = engine
        self.linker = wasmtime.Linker(engine)
        self.running = Running()
        self._callbacks = define_imports(self.linker, self.running)
        self.epoch = 0
        self.values = NATIVE.new("int64_t[2]")
        self.trap = NATIVE.new("size_t *")
        self._warm: OrderedDict[KeepsInstance, None] = OrderedDict()
        self._latest: KeepsInstance | None = None

    def interrupt(self) -> None:
        """End what runs. The count changes first: nobody may see the new epoch with the old one."""
        self.epoch += 1
        self.engine.increment_epoch()

    def use(self, module: KeepsInstance) -> None:
        """Note that a module's instance is warm; the least recently used one goes."""
        if module is self._latest:
            return
        self._latest = module
        self._warm[module] = None
        self._warm.move_to_end(module)
        if len(self._warm) > limits.WARM_INSTANCES_MAX:
            self._warm.popitem(last=False)[0].forget_instance()
