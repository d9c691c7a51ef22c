"""The border to wasmer's Python packages, which have no types and exist for CPython 3.10 alone."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final, TypeAlias

from covey.errors import ConfigError
from covey.runtime.abi.covey1.signatures import Signature

__all__ = ["Library", "Raw", "is_available", "load_library"]

Raw: TypeAlias = Any
"""An object of the library, which types them dynamically."""

_ABSENT: Final = (
    "this Python has no wasmer: its last wheels are for CPython 3.10, where"
    " `pip install 'covey[wasmer]'` installs it"
)


@dataclass(frozen=True, slots=True)
class Library:
    """What of the library is used; `build` names its versions and this machine."""

    engine: Raw
    types: Raw
    compiler: Raw
    build: str

    def new_store(self) -> Raw:
        """A store with an engine of its own: a panic poisons no other."""
        return self.types.Store(self.engine.JIT(self.compiler))

    def metered(self, signature: Signature) -> Raw:
        """The type of an import in a prepared module: fuel comes last, and goes last."""
        kinds = {"i32": self.types.Type.I32, "i64": self.types.Type.I64}
        parameters = [kinds[name] for name in (*signature.parameters, "i64")]
        results = [kinds[name] for name in (*signature.results, "i64")]
        return self.types.FunctionType(parameters, results)


def is_available() -> bool:
    """Whether this Python has the engine."""
    try:
        load_library()
    except ConfigError:
        return False
    return True


def load_library() -> Library:
    """The packages. Raises ConfigError where they are not: also as the empty ones of later Pythons.

    They are imported here, since nobody who does without them should have to have them.
    """
    try:
        import wasmer  # noqa: PLC0415
        import wasmer_compiler_cranelift  # noqa: PLC0415

        versions = [metadata.version(n) for n in ("wasmer", "wasmer-compiler-cranelift")]
        build = f"wasmer {versions[0]} cranelift {versions[1]} {platform.machine()}"
        return Library(wasmer.engine, wasmer, wasmer_compiler_cranelift.Compiler, build)
    except (ImportError, AttributeError) as error:
        raise ConfigError(_ABSENT) from error
