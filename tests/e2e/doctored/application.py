"""Little applications for attacks: one that burns fuel, one that migrates."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from covey.codec import Description, pack_bundle
from covey.crypto import Signer, sha256
from covey.runtime import read_interface
from tests.contract.runtime.guests import IMPORTS, Script, abi_json, with_abi

__all__ = [
    "ADD",
    "BURN",
    "TOUCH",
    "PACKAGE",
    "PUBLISHER",
    "arena",
    "burner",
    "migrating",
    "publisher",
]

PACKAGE = "org.example.arena"
PUBLISHER = "publisher of the arena"
ADD, BURN, TOUCH = "add", "burn", "touch"

_READS = 6_900  # of one entry: just below the fuel of a delta
_ABI = json.loads((files("covey.testkit.sim") / "arena" / "abi.json").read_bytes())
COLLECTIONS = tuple(_ABI["collections"])


def publisher(name: str = PUBLISHER) -> Signer:
    """The key of that name."""
    return Signer.from_seed(sha256(name.encode()))


@cache
def arena(version: str = "1.0.0", name: str = "arena") -> bytes:
    """A bundle of the arena, whose calls do what their arguments say."""
    module = (files("covey.testkit.sim") / "arena" / "arena.wasm").read_bytes()
    description = Description(PACKAGE, version, name)
    return pack_bundle(description, read_interface(module), module, publisher())


@cache
def burner() -> bytes:
    """A bundle whose `burn` reads one entry until nearly all that a delta may use is used.

    `touch` writes that entry, `add` another.
    """
    script = Script()
    small = script.add("counts", "calls", 1)
    touch = script.put("notes", "busy", "touched")
    entry = f"{script.text('notes')} {script.text('busy')}"
    read = f"(drop (call $get {entry} (i32.const 0) (i32.const 0)))"
    burn = f"""(local $left i32) (local.set $left (i32.const {_READS}))
        (loop $again {read}
          (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        {script.add("counts", "burnt", 1)}"""
    methods = [{"name": name, "kind": "call"} for name in (ADD, BURN, TOUCH)]
    module = _module(script, {ADD: small, BURN: burn, TOUCH: touch}, methods)
    description = Description("org.example.burner", "1.0.0", "burner")
    return pack_bundle(description, read_interface(module), module, publisher())


@cache
def migrating(version: str) -> bytes:
    """A bundle of a later arena, whose migration adds one to a sum."""
    script = Script()
    bodies = {"migrate": script.add("counts", "migrations", 1)}
    module = _module(script, bodies, [{"name": "migrate", "kind": "call"}])
    description = Description(PACKAGE, version, "migrating")
    return pack_bundle(description, read_interface(module), module, publisher())


def _module(script: Script, bodies: dict[str, str], methods: list[dict]) -> bytes:
    functions = "".join(f'(func (export "{name}") {body})' for name, body in bodies.items())
    pool = "".join(f"\\{byte:02x}" for byte in script._pool)
    memory = f'(memory (export "memory") 1) (data (i32.const 32768) "{pool}")'
    abi = abi_json(collections=COLLECTIONS, methods=methods)
    return with_abi(f"(module {IMPORTS} {memory} {functions})", abi)
