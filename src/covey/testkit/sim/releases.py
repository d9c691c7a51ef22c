"""The releases that a simulated context may run: real modules, signed manifests, told by a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from covey.codec import (
    Description,
    application_id,
    cid_of,
    decode_manifest,
    release_id,
    sign_manifest,
    version_rank,
)
from covey.crypto import Signer, sha256
from covey.errors import ProtocolViolation
from covey.model import EXECUTION_METERED, ApplicationId, Cid, ReleaseId
from covey.runtime import read_interface
from covey.testkit.sim.application import Application

__all__ = ["LATER", "Library", "Release", "library_of"]

FIRST: Final = "1"
LATER: Final = ("2", "rival", "3", "4")
"""What honest admins want in force, in the order of the versions; the rival of 2 is no way to 3."""

_PACKAGE: Final = "org.example.arena"
_MODULES: Final[Mapping[str, tuple[str, str]]] = {
    FIRST: ("1.0.0", "arena"),
    "2": ("2.0.0", "arena2"),
    "rival": ("2.1.0-rc.1", "rival"),
    "3": ("3.0.0", "arena3"),
    "4": ("10.0.0", "arena3"),
    "old": ("0.9.0", "arena3"),
    "foreign": ("11.0.0", "arena3"),
    "altered": ("11.0.0", "arena3"),
}


@dataclass(frozen=True, slots=True)
class Release:
    """One of them. manifest: as it stands in an upgrade. is_signed: by its publisher, unaltered."""

    name: str
    version: str
    id: ReleaseId
    manifest: bytes
    module: bytes
    is_signed: bool

    @property
    def cid(self) -> Cid:
        """By which its module is fetched."""
        return cid_of(self.module)

    def is_newer_than(self, other: Release) -> bool:
        """By their versions alone."""
        return version_rank(self.version) > version_rank(other.version)


class Library:
    """All of them, installed in the engine of an application; `names` are those to upgrade to."""

    def __init__(self, application: Application) -> None:
        self.by_name = {name: _release(name) for name in _MODULES}
        self.by_id = {release.id: release for release in self.by_name.values()}
        self.first = self.by_name[FIRST]
        for release in self.by_name.values():
            if release.is_signed:
                application.executor.install(release.id, release.module)

    @property
    def application(self) -> ApplicationId:
        """What all but the foreign one are releases of."""
        return application_id(_publisher().public, _PACKAGE)

    def told(self, release: ReleaseId) -> str:
        """A release as a person names it."""
        known = self.by_id.get(release)
        return "unknown" if known is None else f"{known.name} ({known.version})"


@cache
def library_of(application: Application) -> Library:
    """Compiled once for a process."""
    return Library(application)


def _publisher(name: str = "publisher") -> Signer:
    return Signer.from_seed(sha256(name.encode()))


def _release(name: str) -> Release:
    version, folder = _MODULES[name]
    module = (files("covey.testkit.sim") / folder / f"{folder}.wasm").read_bytes()
    publisher = _publisher("another publisher" if name == "foreign" else "publisher")
    description = Description(_PACKAGE, version, f"arena {name}")
    manifest = sign_manifest(
        description, read_interface(module), module, EXECUTION_METERED, publisher
    )
    if name == "altered":
        manifest = manifest.replace(b'"licence":""', b'"licence":"mine"')
    return Release(name, version, release_id(manifest), manifest, module, _is_signed(manifest))


def _is_signed(manifest: bytes) -> bool:
    try:
        decode_manifest(manifest)
    except ProtocolViolation:
        return False
    return True
