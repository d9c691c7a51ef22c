"""What the simulated nodes run: real WebAssembly, compiled once for a process."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from covey.codec import cid_of, cid_text
from covey.errors import ConfigError
from covey.model import Collection, Interface, ReleaseId, limits
from covey.runtime import BlockingExecutor
from covey.workbench.files import read_application
from covey.workbench.reading import read_file, shown

__all__ = ["ARENA", "Application", "load_application", "name_of"]

ARENA = "arena"
"""The application that comes with the simulator: a call's arguments say what it does.

A file of that name is another one: see `name_of`.
"""


class Application:
    """An application that is ready to run; belongs to one thread. Raises ConfigError.

    is_arena: the one that comes with the simulator, and not merely one of that name.
    """

    def __init__(
        self, name: str, release: ReleaseId, module: bytes, *, is_arena: bool = False
    ) -> None:
        self.name = name
        self.is_arena = is_arena
        self.release = release
        self.executor = BlockingExecutor()
        self.interface: Interface = self.executor.install(release, module)

    @property
    def told(self) -> str:
        """Its name and release for a person."""
        return f"{self.name}, release {cid_text(self.release)}"

    @property
    def collections(self) -> tuple[Collection, ...]:
        """What its state consists of."""
        return self.interface.collections


def name_of(path: Path) -> str:
    """What `load_application` takes for the application in a file."""
    return f"./{path}" if str(path) == ARENA else str(path)


@cache
def load_application(name: str) -> Application:
    """The arena, or the application in a file: a module or a bundle.

    Raises NotFound, StoreError, and ConfigError for what no node would install.
    """
    if name == ARENA:
        module = (files("covey.testkit.sim") / "arena" / "arena.wasm").read_bytes()
        return Application(ARENA, ReleaseId(cid_of(module)), module, is_arena=True)
    path = Path(name)
    content = read_file(path, limits.BUNDLE_SIZE_BYTES_MAX)
    try:
        found = read_application(path.name, content)
        return Application(path.stem, found.release, found.module)
    except ConfigError as error:
        raise ConfigError(f"{shown(path)}: {error}") from error
