"""Scenes with a rogue in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from covey.client import Client
from tests.e2e.doctored.assault import Assault
from tests.e2e.doctored.scene import Scene, opened

_NOWHERE = (
    ("notes", "stolen"),
    ("notes", "stolen too"),
    ("counts", "stolen"),
    ("rulings", "stolen"),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Iterator[Scene]:
    """Two honest nodes and a rogue for a whole file; each test has a context of its own."""
    with opened(tmp_path_factory.mktemp("scene")) as scene:
        yield scene


@contextmanager
def assailed(scene: Scene, context: str) -> Iterator[Assault]:
    """A context of the arena under attack."""
    assault = Assault(scene, context, noted, look_for_loot)
    try:
        yield assault
    finally:
        assault.close()


class Rooms:
    """Contexts of one kind, one after the other, so that each refusal is kept with its reason."""

    def __init__(self, found: Callable[[str], str], scene: Scene, name: str) -> None:
        self._found, self._scene, self._name = found, scene, name
        self._opened: list[Assault] = []

    def one(self) -> Assault:
        """The latest of them, or a new one where the rogue's refusals there are as many as fit."""
        if not self._opened or not self._opened[-1].has_room():
            self.close()
            context = self._found(f"{self._name} {len(self._opened)}")
            self._opened.append(Assault(self._scene, context, noted, look_for_loot))
        return self._opened[-1]

    def close(self) -> None:
        """End what goes on in the latest one."""
        for assault in self._opened[-1:]:
            assault.close()


def noted(name: str) -> tuple[str, bytes]:
    """An honest call of the arena."""
    return "play", json.dumps({"steps": [["put", "notes", name, "honest"]]}).encode()


def look_for_loot(client: Client, context: str) -> None:
    """What the rogue tries to write is nowhere."""
    for collection, key in _NOWHERE:
        asked = json.dumps({"collection": collection, "key": key}).encode()
        found = json.loads(bytes(client.query(context, "read", asked).result))
        assert found == {"value": None}, f"{collection} {key}: {found}"
