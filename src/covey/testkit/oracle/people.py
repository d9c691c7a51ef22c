"""Who and what histories are made of: devices, and signed manifests of releases.

Keys come from names and every signature is made once: thousands of histories share them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from covey.codec import Description, application_id, make_certificate, release_id, sign_manifest
from covey.crypto import Signer, sha256
from covey.model import (
    EXECUTION_ENGINE_FUEL,
    EXECUTION_METERED,
    Admission,
    Collection,
    Constraint,
    Interface,
    ReleaseId,
    ReleaseTerms,
    Rule,
)
from covey.testkit.identities import Founding, Identity, found, identity

__all__ = ["FIRST", "FIRST_MANIFEST", "KINDS", "device", "manifest", "release", "start", "turncoat"]

_COLLECTIONS = (
    Collection("notes", Rule.REGISTER, ()),
    Collection("likes", Rule.COUNTER, ()),
    Collection("posts", Rule.FROZEN, ()),
    Collection("profiles", Rule.OWNED, ()),
    Collection("essays", Rule.REGISTER, ("admin", "editor")),
    Collection("rules", Rule.REGISTER, ("admin",)),
)
_EXTRAS = Collection("extras", Rule.REGISTER, ())
_OPENED = tuple(Collection(c.name, c.rule, ()) for c in _COLLECTIONS)
_OWNED = tuple(replace(c, rule=Rule.OWNED) for c in _COLLECTIONS)
_ABI, _PACKAGE = "covey/1", "org.example.app"

KINDS: dict[str, tuple[Collection, ...]] = {
    "same": _COLLECTIONS,
    "more": (*_COLLECTIONS, _EXTRAS),
    "rival": (*_COLLECTIONS, replace(_EXTRAS, rule=Rule.COUNTER)),
    "loosened": _OPENED,
    "fewer": _COLLECTIONS[1:],
    "other-rule": _OWNED,
    "other-publisher": _COLLECTIONS,
    "other-package": _COLLECTIONS,
    "other-execution": _COLLECTIONS,
    "other-abi": _COLLECTIONS,
    "altered": _COLLECTIONS,
}
"""What a release may be, with its collections; the first three are as they should be."""


@cache
def device(member: str, name: str = "first") -> Identity:
    """The device of that name of the member of that name."""
    return identity(member, name)


@cache
def turncoat(member: str, name: str, other: str) -> Identity:
    """That device, but with the certificate of another member."""
    one = device(member, name)
    signer = device(other).member
    certificate = make_certificate(signer, one.device, one.certificate.exchange_key)
    return replace(one, member=signer, certificate=certificate)


@cache
def manifest(version: str, name: str = "an example", kind: str = "same") -> bytes:
    """The signed manifest of a release; kind: one of `KINDS`."""
    publisher = "another publisher" if kind == "other-publisher" else "publisher"
    packed = sign_manifest(
        Description(_PACKAGE + ".other" * (kind == "other-package"), version, name),
        Interface("covey/0" if kind == "other-abi" else _ABI, KINDS[kind], ()),
        f"module of {name}".encode(),
        EXECUTION_ENGINE_FUEL if kind == "other-execution" else EXECUTION_METERED,
        Signer.from_seed(sha256(publisher.encode())),
    )
    return packed.replace(b'"licence":""', b'"licence":"mine"') if kind == "altered" else packed


@cache
def release(packed: bytes) -> ReleaseId:
    """The id of the release with this manifest."""
    return release_id(packed)


FIRST_MANIFEST = manifest("1.0.0")
FIRST = ReleaseTerms("1.0.0", _ABI, _COLLECTIONS)


def start(
    *admins: Identity,
    admission: Admission = Admission.OPEN,
    constraints: tuple[Constraint, ...] = (),
    admin_quorum: int = 0,
) -> Founding:
    """A context with the role `editor` that begins with the release in `FIRST_MANIFEST`."""
    publisher = Signer.from_seed(sha256(b"publisher"))
    return found(*admins, collections=_COLLECTIONS, admission=admission).again(
        application=application_id(publisher.public, _PACKAGE),
        release=release(FIRST_MANIFEST),
        roles=("editor",),
        constraints=constraints,
        admin_quorum=admin_quorum,
    )
