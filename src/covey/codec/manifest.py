"""Manifests: JSON by RFC 8785, signed by the publisher; a release's id is their CID.

Source: protocols/bundle.md. The signature covers the canonical JSON without its `signature` field.
"""

from __future__ import annotations

import re

import msgspec
import rfc8785

from covey.codec.cid import cid_of, cid_text, parse_cid
from covey.codec.names import did_text, parse_did
from covey.crypto import Signer, Tag, is_signed, is_usable_key, signing_message
from covey.errors import ConfigError, ProtocolViolation
from covey.model import (
    Cid,
    Collection,
    Interface,
    Manifest,
    ReleaseId,
    Rule,
    Signature,
    limits,
)

__all__ = ["Description", "decode_manifest", "parse_description", "release_id", "sign_manifest"]

_PACKAGE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+")
_VERSION = re.compile(
    r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z.-]{1,32})?"
)
_CONSTRAINTS = ("never", "publisher", "quorum")


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json` beside an application's sources: what only its author can say."""

    package: str
    version: str
    name: str
    description: str = ""
    licence: str = ""
    links: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()


class _Collection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    rule: str
    roles: tuple[str, ...]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signed document; every field is always there."""

    abi: str
    blobs: dict[str, str]
    collections: tuple[_Collection, ...]
    constraints: tuple[str, ...]
    covey: int
    description: str
    execution: str
    licence: str
    links: tuple[str, ...]
    module: str
    name: str
    package: str
    publisher: str
    signature: str
    version: str


def parse_description(content: bytes, place: str) -> Description:
    """The description in a `manifest.json`; ConfigError names the place and the field."""
    try:
        description = msgspec.json.decode(content, type=Description)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{place}: {error}") from error
    problem = _problem(
        description.package, description.version, description.links, description.constraints
    )
    if problem:
        raise ConfigError(f"{place}: {problem}")
    return description


def _problem(
    package: str, version: str, links: tuple[str, ...], constraints: tuple[str, ...]
) -> str:
    if not _PACKAGE.fullmatch(package) or len(package) > 128:
        return f"package {package[:64]!r} is not a dotted lower-case name such as org.example.app"
    if not _VERSION.fullmatch(version):
        return f"version {version[:32]!r} is not a semantic version such as 1.2.0"
    if len(links) > 16 or not all(link.startswith("https://") for link in links):
        return "links are at most 16 https addresses"
    if not all(constraint in _CONSTRAINTS for constraint in constraints):
        return f"constraints are among {', '.join(_CONSTRAINTS)}"
    return ""


def sign_manifest(
    description: Description,
    interface: Interface,
    module: bytes,
    execution: str,
    publisher: Signer,
) -> bytes:
    """The signed manifest of a release; abi and collections are copied from the module."""
    fields: dict[str, object] = {
        "abi": interface.abi,
        "blobs": {},
        "collections": [
            {"name": c.name, "roles": list(c.roles), "rule": c.rule.value}
            for c in interface.collections
        ],
        "constraints": list(description.constraints),
        "covey": 1,
        "description": description.description,
        "execution": execution,
        "licence": description.licence,
        "links": list(description.links),
        "module": cid_text(cid_of(module)),
        "name": description.name,
        "package": description.package,
        "publisher": did_text(publisher.public),
        "version": description.version,
    }
    signature = publisher.sign(signing_message(Tag.MANIFEST, _canonical(fields)))
    packed = _canonical({**fields, "signature": signature.hex()})
    if len(packed) > limits.MANIFEST_SIZE_BYTES_MAX:
        raise ConfigError(f"the manifest has {len(packed)} bytes: shorten its texts")
    return packed


def release_id(manifest: bytes) -> ReleaseId:
    """The id of a release: the CID of its signed manifest."""
    return ReleaseId(cid_of(manifest))


def decode_manifest(packed: bytes) -> Manifest:
    """The manifest in some bytes, its signature checked; ProtocolViolation otherwise."""
    if len(packed) > limits.MANIFEST_SIZE_BYTES_MAX:
        raise ProtocolViolation("oversized", "the manifest is too large")
    try:
        document = msgspec.json.decode(packed, type=_Document)
        raw = msgspec.json.decode(packed)
        canonical = _canonical(raw)
        publisher = parse_did(document.publisher)
        module = parse_cid(document.module)
        blobs = tuple((name, parse_cid(cid)) for name, cid in sorted(document.blobs.items()))
        signature = bytes.fromhex(document.signature)
        collections = tuple(Collection(c.name, Rule(c.rule), c.roles) for c in document.collections)
    except (msgspec.DecodeError, ConfigError, ValueError, RecursionError) as error:
        raise ProtocolViolation("malformed", f"the manifest: {error}") from error
    if canonical != packed:
        raise ProtocolViolation("non-canonical", "the manifest is not in canonical form")
    if document.covey != 1:
        raise ProtocolViolation("unknown-version", "the manifest has another version")
    unsigned = {name: value for name, value in raw.items() if name != "signature"}
    message = signing_message(Tag.MANIFEST, _canonical(unsigned))
    if not is_usable_key(publisher) or not is_signed(publisher, message, signature):
        raise ProtocolViolation("bad-signature", "the manifest's signature does not verify")
    problem = _problem(document.package, document.version, document.links, document.constraints)
    if problem:
        raise ProtocolViolation("wrong-shape", f"the manifest: {problem}")
    return _manifest(document, publisher, module, blobs, collections, Signature(signature))


def _manifest(
    document: _Document,
    publisher: bytes,
    module: Cid,
    blobs: tuple[tuple[str, Cid], ...],
    collections: tuple[Collection, ...],
    signature: Signature,
) -> Manifest:
    return Manifest(
        package=document.package,
        version=document.version,
        name=document.name,
        description=document.description,
        licence=document.licence,
        links=document.links,
        publisher=publisher,
        module=module,
        blobs=blobs,
        abi=document.abi,
        execution=document.execution,
        collections=collections,
        constraints=document.constraints,
        signature=signature,
    )


def _canonical(fields: object) -> bytes:
    try:
        return rfc8785.dumps(fields)  # type: ignore[arg-type]  # plain JSON values
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from error
