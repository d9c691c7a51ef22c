"""Bundles: one file with a signed manifest and the blobs that it names.

Source: protocols/bundle.md. bundle = [1, "covey/bundle", manifest bytes, [blob bytes...]], the
module first, then the other blobs in the order of their names.
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import shape
from covey.codec.cid import cid_of
from covey.codec.manifest import Description, decode_manifest, release_id, sign_manifest
from covey.codec.packing import pack
from covey.crypto import Signer
from covey.errors import ConfigError, ProtocolViolation
from covey.model import (
    EXECUTION_METERED,
    Cid,
    Interface,
    Manifest,
    ReleaseId,
    limits,
)

__all__ = ["Bundle", "open_bundle", "pack_bundle"]

_VERSION, _MAGIC = 1, "covey/bundle"
_BLOBS_MAX = 16


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle; blobs: every one the manifest names, by its CID."""

    release: ReleaseId
    manifest: Manifest
    manifest_bytes: bytes
    module: bytes
    blobs: tuple[tuple[Cid, bytes], ...]


def pack_bundle(
    description: Description, interface: Interface, module: bytes, publisher: Signer
) -> bytes:
    """The bundle of a release, signed; interface: what the module declares of itself."""
    if len(module) > limits.BLOB_SIZE_BYTES_MAX:
        raise ConfigError(f"the module has {len(module)} bytes: 1 MiB are allowed")
    manifest = sign_manifest(description, interface, module, EXECUTION_METERED, publisher)
    return pack((_VERSION, _MAGIC, manifest, (module,)))


def open_bundle(packed: bytes) -> Bundle:
    """The bundle in some bytes: signature and every blob's address checked.

    Raises ConfigError with one sentence: a bundle comes from the operator.
    """
    try:
        parts = shape.versioned(
            packed, _VERSION, "bundle", limits.BUNDLE_SIZE_BYTES_MAX, limits.ELEMENTS_MAX
        )
        _, magic, manifest_part, blob_parts = shape.fields(parts, 4, "bundle")
        if magic != _MAGIC:
            raise ProtocolViolation("wrong-shape", "it is not a covey bundle")
        manifest_bytes = shape.blob(manifest_part, limits.MANIFEST_SIZE_BYTES_MAX, "manifest")
        manifest = decode_manifest(manifest_bytes)
        contents = tuple(
            shape.blob(b, limits.BLOB_SIZE_BYTES_MAX, "blob")
            for b in shape.array(blob_parts, _BLOBS_MAX, "blobs")
        )
        blobs = tuple((cid_of(content), content) for content in contents)
        named = (manifest.module, *(cid for _, cid in manifest.blobs))
        if tuple(cid for cid, _ in blobs) != named:
            raise ProtocolViolation("wrong-content", "a blob is not the one the manifest names")
    except ProtocolViolation as violation:
        raise ConfigError(
            f"the bundle is damaged or not genuine: {violation.reason}"
        ) from violation
    return Bundle(release_id(manifest_bytes), manifest, manifest_bytes, contents[0], blobs)
