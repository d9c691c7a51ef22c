"""Applications in files: a module, or a bundle that holds one."""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import cid_of, open_bundle
from covey.model import ReleaseId

__all__ = ["Application", "read_application"]

_MODULE_MAGIC = b"\0asm"
_BUNDLE_SUFFIX = ".covey"


@dataclass(frozen=True, slots=True)
class Application:
    """One application as its file holds it, its module not yet checked.

    release: of the bundle, or for a bare module one that no bundle has.
    """

    module: bytes
    release: ReleaseId
    is_bundle: bool


def read_application(name: str, content: bytes) -> Application:
    """The application in a file of that name. Raises ConfigError for a damaged bundle."""
    if name.endswith(_BUNDLE_SUFFIX) and not content.startswith(_MODULE_MAGIC):
        bundle = open_bundle(content)
        return Application(bundle.module, bundle.release, is_bundle=True)
    return Application(content, ReleaseId(cid_of(content)), is_bundle=False)
