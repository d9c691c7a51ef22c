"""Runs application code in a sandbox: modules in, outcomes out."""

from covey.runtime.blocking import BlockingExecutor, InstalledModule, LoadModule
from covey.runtime.cache import CACHE_KEY_SIZE_BYTES, ModuleCache
from covey.runtime.engine import Engine, Interrupt
from covey.runtime.engines import DEFAULT_ENGINE, ENGINES, NewEngine, new_engine
from covey.runtime.executor import Executor, open_executor
from covey.runtime.module import inspect_module, prepare_module, read_interface
from covey.runtime.overlay import Overlay

__all__ = [
    "CACHE_KEY_SIZE_BYTES",
    "DEFAULT_ENGINE",
    "ENGINES",
    "BlockingExecutor",
    "Engine",
    "Executor",
    "InstalledModule",
    "Interrupt",
    "LoadModule",
    "ModuleCache",
    "NewEngine",
    "Overlay",
    "inspect_module",
    "new_engine",
    "open_executor",
    "prepare_module",
    "read_interface",
]
