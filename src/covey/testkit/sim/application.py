"""What the simulated nodes run: real WebAssembly, compiled once for a process."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from covey.codec import cid_of
from covey.errors import ConfigError
from covey.model import Collection, Interface, ReleaseId, limits
from covey.runtime import BlockingExecutor
from covey.testkit.sim.reading import read_file
from covey.workbench.files import read_application

__all__ = ["ARENA", "Application", "load_application"]

ARENA = "arena"
"""The application that comes with the simulator: a call's arguments say what it does."""


class Application:
    """An application that is ready to run; belongs to one thread. Raises ConfigError."""

    def __init__(self, name: str, release: ReleaseId, module: bytes) -> None:
        self.name = name
        self.release = release
        self.executor = BlockingExecutor()
        self.interface: Interface = self.executor.install(release, module)

    @property
    def collections(self) -> tuple[Collection, ...]:
        """What its state consists of."""
        return self.interface.collections


@cache
def load_application(name: str) -> Application:
    """The arena, or the application in a file: a module or a bundle.

    Raises NotFound, StoreError, and ConfigError for what no node would install.
    """
    if name == ARENA:
        module = (files("covey.testkit.sim") / "arena" / "arena.wasm").read_bytes()
        return Application(ARENA, ReleaseId(cid_of(module)), module)
    path = Path(name)
    content = read_file(path, limits.BUNDLE_SIZE_BYTES_MAX)
    try:
        found = read_application(path.name, content)
        return Application(path.stem, found.release, found.module)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
