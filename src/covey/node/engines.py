"""Which code runs on which engine, as the operator says when the node starts.

Everything runs on the default engine; the second one, whose compiler is of 2022 and gets no fixes,
runs only what is listed by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from covey.codec import parse_cid, parse_did
from covey.errors import ConfigError
from covey.model import Manifest, ReleaseId
from covey.runtime.engines import DEFAULT_ENGINE, ENGINES
from covey.runtime.wasmer_engine import load_library

__all__ = ["DEFAULT_CHOICE", "EngineChoice"]

_DID_PREFIX: Final = "did:"


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of what is listed. publishers: 32 byte keys; cids: of modules and releases."""

    engine: str
    publishers: frozenset[bytes]
    cids: frozenset[bytes]

    @classmethod
    def parse(cls, engine: str, listed: Sequence[str]) -> EngineChoice:
        """The choice that texts make. listed: did:key of publishers, CIDs of modules, releases.

        Raises ConfigError for an engine that does not exist, for one but the default without a
        list, for a list without such an engine, and for what is no name.
        """
        if engine not in ENGINES:
            raise ConfigError(f"there is no engine {engine!r}, only {' and '.join(ENGINES)}")
        if engine == DEFAULT_ENGINE:
            if listed:
                raise ConfigError(
                    f"{engine} runs everything that is not listed: a list needs another engine"
                )
            return DEFAULT_CHOICE
        if not listed:
            raise ConfigError(
                f"{engine} runs only modules that are listed, by CID or publisher: "
                "its compiler is of 2022 and gets no fixes, so strangers' code must not run on it"
            )
        publishers = [name for name in listed if name.startswith(_DID_PREFIX)]
        cids = [name for name in listed if not name.startswith(_DID_PREFIX)]
        return cls(engine, frozenset(map(parse_did, publishers)), frozenset(map(parse_cid, cids)))

    def require_available(self) -> None:
        """Raise ConfigError if this Python does not have the engine."""
        if self.engine != DEFAULT_ENGINE:
            load_library()

    def engine_for(self, release: ReleaseId, manifest: Manifest) -> str:
        """The engine that runs a release."""
        is_listed = (
            bytes(release) in self.cids
            or bytes(manifest.module) in self.cids
            or manifest.publisher in self.publishers
        )
        return self.engine if is_listed else DEFAULT_ENGINE


DEFAULT_CHOICE: Final = EngineChoice(DEFAULT_ENGINE, frozenset(), frozenset())
