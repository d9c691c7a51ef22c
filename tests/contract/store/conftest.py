"""Every test of this folder runs on both stores: they must not be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.store import MemoryStore, Store, open_level


@pytest.fixture(params=["level", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A fresh store, closed at the end."""
    opened: Store = MemoryStore() if request.param == "memory" else open_level(tmp_path / "store")
    yield opened
    opened.close()
