"""The store: tables of many contexts, on disk through LevelDB or in memory."""

from __future__ import annotations

from covey.store.engine import (
    Change,
    PageGenerator,
)
from covey.store.interface import (
    Scope,
    Store,
)
from covey.store.keys import (
    KeyRange,
    physical_key,
)
from covey.store.level import (
    LevelStore,
    open_level,
    repair,
)
from covey.store.memory import (
    MemoryEngine,
    MemoryStore,
)
from covey.store.scoped import (
    ScopedStore,
)

__all__ = [
    "Change",
    "KeyRange",
    "LevelStore",
    "MemoryEngine",
    "MemoryStore",
    "PageGenerator",
    "Scope",
    "ScopedStore",
    "Store",
    "open_level",
    "physical_key",
    "repair",
]
