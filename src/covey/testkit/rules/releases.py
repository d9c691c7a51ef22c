"""The releases that are asked about: the application of the table, and what else there may be."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from covey.codec import Description, release_id, sign_manifest
from covey.crypto import Signer, sha256
from covey.model import (
    EXECUTION_ENGINE_FUEL,
    EXECUTION_METERED,
    Collection,
    Interface,
    ReleaseId,
    ReleaseTerms,
    Rule,
)
from covey.testkit.oracle import people

__all__ = ["BADGES", "FIRST", "VERDICTS", "kinds", "manifest", "release"]

BADGES, VERDICTS = "badges", "verdicts"
"""Collections for editors alone, in which entries are owned or frozen."""

_COLLECTIONS = (
    *people.FIRST.collections,
    Collection(BADGES, Rule.OWNED, ("editor",)),
    Collection(VERDICTS, Rule.FROZEN, ("editor",)),
)
_ABI, _PACKAGE, _PUBLISHER = people.FIRST.abi, "org.example.app", "publisher"
FIRST = ReleaseTerms("1.0.0", _ABI, _COLLECTIONS)


@cache
def manifest(
    version: str,
    collections: tuple[Collection, ...] = _COLLECTIONS,
    *,
    publisher: str = _PUBLISHER,
    package: str = _PACKAGE,
    execution: str = EXECUTION_METERED,
    abi: str = _ABI,
) -> bytes:
    """The signed manifest of a release; the application's, where nothing else is said."""
    return sign_manifest(
        Description(package, version, "an example"),
        Interface(abi, collections, ()),
        b"module of an example",
        execution,
        Signer.from_seed(sha256(publisher.encode())),
    )


def release(packed: bytes) -> ReleaseId:
    """The id of the release with this manifest."""
    return release_id(packed)


@cache
def kinds() -> dict[str, bytes]:
    """Manifests of a next release, by what is different about it."""
    extras = Collection("extras", Rule.REGISTER, ())
    collections = {
        "the same collections": _COLLECTIONS,
        "one more": (*_COLLECTIONS, extras),
        "one dropped": _COLLECTIONS[1:],
        "one without its roles": _changed("essays", roles=()),
        "`owned` without its roles": _changed(BADGES, roles=()),
        "`owned` made a register": _changed("profiles", rule=Rule.REGISTER),
        "`frozen` made a register": _changed(VERDICTS, rule=Rule.REGISTER),
    }
    version = "1.2.0"
    altered = manifest(version).replace(b'"licence":""', b'"licence":"mine"')
    return {
        **{name: manifest(version, declared) for name, declared in collections.items()},
        "another publisher": manifest(version, publisher="another publisher"),
        "another package": manifest(version, package=_PACKAGE + ".other"),
        "another execution": manifest(version, execution=EXECUTION_ENGINE_FUEL),
        "another ABI": manifest(version, abi="covey/0"),
        "an altered manifest": altered,
    }


def _changed(name: str, **changes: object) -> tuple[Collection, ...]:
    """The application's collections, of which one is another."""
    return tuple(
        replace(c, **changes) if c.name == name else c  # type: ignore[arg-type]  # its own fields
        for c in _COLLECTIONS
    )
