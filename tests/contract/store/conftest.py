"""Every test of this folder runs on each store: they must not be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.store import MemoryStore, Store, open_level
from covey.testkit.sim.disk import DiskStore


@pytest.fixture(params=["level", "memory", "simulated"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A fresh store, closed at the end."""
    opened: Store
    if request.param == "level":
        opened = open_level(tmp_path / "store")
    else:
        opened = MemoryStore() if request.param == "memory" else DiskStore()
    yield opened
    opened.close()
