"""The store: tables of many contexts, on disk through LevelDB or in memory."""

from __future__ import annotations

from covey.store.interface import (
    Scope,
    Store,
)
from covey.store.level import (
    LevelStore,
    open_level,
    repair,
)
from covey.store.memory import (
    MemoryStore,
)

__all__ = [
    "LevelStore",
    "MemoryStore",
    "Scope",
    "Store",
    "open_level",
    "repair",
]
