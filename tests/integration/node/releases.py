"""A little application in several versions, and contexts of it."""

from __future__ import annotations

import json
from functools import cache

from covey.codec import Description, pack_bundle
from covey.crypto import Signer, sha256
from covey.merge import StateReader
from covey.node.governing import Wish
from covey.node.rulebook import Rulebook
from covey.node.service import Node
from covey.runtime import read_interface
from tests.contract.runtime.guests import COLLECTIONS, IMPORTS, Script, abi_json, with_abi

__all__ = [
    "PACKAGE", "WRITE", "joined", "ours", "own", "release", "says", "upgrade", "value",
]  # fmt: skip

PACKAGE = "org.example.ours"
WRITE = ("write", b"{}")
_PUBLISHER = "publisher of ours"
_EXTRAS = {"name": "extras", "rule": "register"}


@cache
def release(
    version: str,
    *,
    migrates: bool = False,
    fails: bool = False,
    more: bool = False,
    publisher: str = _PUBLISHER,
) -> bytes:
    """The bundle of a version, whose call `write` leaves the version under the key `k`.

    `staff` writes what needs a role; the query `told` says the version. migrates: `migrate` adds 1
    to the sum `migrations` and notes it. fails: it does not come to an end. more: there is a
    further collection, and `write` writes there.
    """
    script = Script()
    further = script.put("extras", "k", version) if more else ""
    bodies = {
        "write": script.put("items", "k", version) + further,
        "staff": script.put("staff", "k", version),
        "told": script.output(f'"{version}"'),
    }
    if migrates:
        done = script.add("sums", "migrations", 1) + script.put("items", "m", version)
        bodies["migrate"] = script.fail("cannot migrate") if fails else done
    methods = [
        {"name": name, "kind": "query" if name == "told" else "call"} for name in sorted(bodies)
    ]
    functions = "".join(f'(func (export "{name}") {body})' for name, body in bodies.items())
    pool = "".join(f"\\{byte:02x}" for byte in script._pool)
    memory = f'(memory (export "memory") 1) (data (i32.const 32768) "{pool}")'
    collections = (*COLLECTIONS, _EXTRAS) if more else COLLECTIONS
    module = with_abi(
        f"(module {IMPORTS} {memory} {functions})",
        abi_json(collections=collections, methods=methods),
    )
    description = Description(PACKAGE, version, "ours")
    signer = Signer.from_seed(sha256(publisher.encode()))
    return pack_bundle(description, read_interface(module), module, signer)


def value(node: Node, name: str, collection: str, key: str) -> bytes | None:
    """An entry of a context as a node's state holds it."""
    driver = next(h for h in node._contexts.all() if h.record.name == name).driver
    assert driver is not None
    reader = StateReader(driver.replica.ledger.view, driver.code.collections(driver.code.release))
    return reader.get(collection, key.encode())


async def ours(node: Node, rules: Rulebook, version: str = "1.0.0"):
    """Install a version of ours and found a context of it."""
    await node.install(release(version))
    return await node.create_context(PACKAGE, "ours", rules)


async def joined(context, *nodes: Node) -> None:
    """Further nodes come in."""
    for node in nodes:
        assert (await node.join(context.topic, "ours")).admitted


async def upgrade(node: Node, bundle: bytes, migration: str | None = None) -> str:
    """Install a bundle and put it in force."""
    row = await node.install(bundle)
    return await node.govern("ours", Wish(action="upgrade", release=row.id, migration=migration))


async def says(node: Node) -> str:
    """The version that a node runs."""
    return json.loads((await node.query("ours", "told", b"{}")).result)


def own(node: Node, name: str = "ours") -> str:
    """A node's device there."""
    return node.context(name).device
