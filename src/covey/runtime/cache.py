"""Compiled modules on disk, so that a node that starts again does not compile them again.

What is in a file is native code, which runs in this process as it is: whoever can write a file
that passes can run anything. So a file counts only if it bears a keyed hash that no one without
the node's key can make, over everything that the code depends on, and what is loaded is the very
bytes that were checked. Whoever has the key, or writes to this process's memory, has the node.

A file is 32 bytes of BLAKE2b under the key, then the body that it is of: MessagePack of engine
build, execution version, hash of the module, facts, native code. Its name is a hash of the first
three, so that another engine, processor or module looks elsewhere; the body repeats them, so that
a file that was renamed does not count.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import logging
import os
import stat
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from covey import __version__
from covey.errors import ConfigError
from covey.model import EXECUTION_METERED, limits
from covey.runtime.engine import CompiledModule, Engine
from covey.runtime.module import ModuleFacts

__all__ = ["CACHE_KEY_SIZE_BYTES", "ModuleCache"]

CACHE_KEY_SIZE_BYTES: Final = 32

_logger = logging.getLogger(__name__)
_TAG_SIZE_BYTES: Final = 32
_SUFFIX: Final = ".module"


@functools.cache
def _version() -> str:
    """What rewrites modules: an older one must not be run for a newer one's word."""
    sources = {file.name: file for file in files("covey.runtime.module").iterdir()}
    content = [sources[name].read_bytes() for name in sorted(sources) if name.endswith(".py")]
    rewriting = hashlib.sha256(b"".join(content)).hexdigest()
    return f"{EXECUTION_METERED} by covey {__version__}, {rewriting}"


class _Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The body of a file."""

    build: str
    version: str
    module_hash: bytes
    facts: ModuleFacts
    native: bytes


_decode = msgspec.msgpack.Decoder(_Record).decode
_encode = msgspec.msgpack.Encoder().encode


class ModuleCache:
    """A folder of this node alone, made (0700) when it is first written to; blocking.

    key: 32 secret bytes. Nothing here raises for what is on the disk: a file that is damaged,
    foreign, too large or unreadable is as if it were not there and is replaced, one that cannot
    be written is not kept. At most `limits.MODULE_CACHE_FILES_MAX` files of together
    `limits.MODULE_CACHE_BYTES_MAX`: those used longest ago are removed.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        assert len(key) == CACHE_KEY_SIZE_BYTES
        self._folder = folder
        self._key = key

    def load(self, engine: Engine, module: bytes) -> CompiledModule | None:
        """The compiled form of a module that `keep` was given before, for this very engine."""
        module_hash = hashlib.sha256(module).digest()
        path = self._path(engine, module_hash)
        content = _read(path)
        if content is None:
            return None
        record = self._opened(content)
        if record is None or (record.build, record.version, record.module_hash) != (
            engine.build,
            _version(),
            module_hash,
        ):
            _logger.warning("a cached module is not ours", extra={"path": str(path)})
            return None
        try:
            compiled = engine.load(record.facts, record.native)
            os.utime(path)
        except (ConfigError, OSError) as error:
            _logger.warning("cannot use a cached module", extra={"why": str(error)})
            return None
        return compiled

    def keep(self, engine: Engine, module: bytes, compiled: CompiledModule) -> None:
        """Write a compiled module, if its engine has a form for that, and make room for it."""
        native = compiled.serialize()
        if native is None:
            return
        module_hash = hashlib.sha256(module).digest()
        body = _encode(_Record(engine.build, _version(), module_hash, compiled.facts, native))
        if _TAG_SIZE_BYTES + len(body) > limits.MODULE_CACHE_FILE_BYTES_MAX:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._path(engine, module_hash), self._tag(body) + body)
            self._make_room()
        except OSError as error:
            _logger.warning("cannot keep a compiled module", extra={"why": str(error)})

    def _path(self, engine: Engine, module_hash: bytes) -> Path:
        asked = _encode((engine.build, _version(), module_hash))
        return self._folder / (hashlib.sha256(asked).hexdigest() + _SUFFIX)

    def _opened(self, content: bytes) -> _Record | None:
        """The record in a file, if this node wrote it."""
        tag, body = content[:_TAG_SIZE_BYTES], content[_TAG_SIZE_BYTES:]
        if not hmac.compare_digest(tag, self._tag(body)):
            return None
        try:
            return _decode(body)
        except msgspec.MsgspecError:
            # Written by this node, by a version whose facts were others.
            return None

    def _tag(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, digest_size=_TAG_SIZE_BYTES, key=self._key).digest()

    def _make_room(self) -> None:
        """Remove what was used longest ago, and what a write that was cut short left behind."""
        found = []
        for path in sorted(self._folder.iterdir()):
            facts = path.lstat()
            if stat.S_ISDIR(facts.st_mode):
                continue  # Not ours; nothing of it is read.
            if path.suffix == _SUFFIX:
                found.append((facts.st_mtime_ns, facts.st_size, path))
            else:
                path.unlink()
        found.sort(reverse=True)
        size_bytes = 0
        for place, (_, file_size_bytes, path) in enumerate(found):
            size_bytes += file_size_bytes
            if place >= limits.MODULE_CACHE_FILES_MAX or size_bytes > limits.MODULE_CACHE_BYTES_MAX:
                path.unlink()


def _read(path: Path) -> bytes | None:
    """A whole file of bounded size, None where there is none to be had."""
    try:
        # A pipe without a writer would be waited for; this way nobody waits.
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                _logger.warning("a cached module is no file", extra={"path": str(path)})
                return None
            content = file.read(limits.MODULE_CACHE_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        _logger.warning("cannot read a cached module", extra={"why": str(error)})
        return None
    return content if len(content) <= limits.MODULE_CACHE_FILE_BYTES_MAX else None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, for the owner's eyes only."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    number = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)
    partial.replace(path)
