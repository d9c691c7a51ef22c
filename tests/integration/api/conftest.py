"""A served fake node, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from covey.client import Client
from tests.integration.api.fake_node import TOKEN
from tests.integration.api.served import ServedNode, served


@pytest.fixture
def served_node(tmp_path: Path) -> Iterator[ServedNode]:
    """A fake node with its API, as from a running process."""
    with served(tmp_path / "home") as running:
        yield running


@pytest.fixture
def client(served_node: ServedNode) -> Iterator[Client]:
    """The client of the project."""
    with Client(served_node.home) as opened:
        yield opened


@pytest.fixture
def http(served_node: ServedNode) -> Iterator[httpx.Client]:
    """Plain HTTP with the token."""
    with httpx.Client(
        base_url=served_node.address, headers={"authorization": f"Bearer {TOKEN}"}, timeout=10
    ) as opened:
        yield opened
