"""Runs application code in a sandbox: modules in, outcomes out."""

from covey.runtime.blocking import BlockingExecutor, LoadModule
from covey.runtime.engine import Engine, Interrupt
from covey.runtime.engines import new_engine
from covey.runtime.executor import Executor, open_executor
from covey.runtime.module import inspect_module, prepare_module, read_interface
from covey.runtime.overlay import Overlay

__all__ = [
    "BlockingExecutor",
    "Engine",
    "Executor",
    "Interrupt",
    "LoadModule",
    "Overlay",
    "inspect_module",
    "new_engine",
    "open_executor",
    "prepare_module",
    "read_interface",
]
