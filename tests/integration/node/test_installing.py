"""Installing: what a bundle may not be, before any of its code has run."""

from __future__ import annotations

import pytest
import wasmtime

from covey.codec import pack_bundle, parse_description
from covey.errors import ConfigError, NodeError, Refused
from covey.runtime import inspect_module
from tests.integration.node.conftest import APPS, bundle, opened

pytestmark = pytest.mark.trio


def module(name: str) -> bytes:
    """The built module of an application."""
    return (APPS / name / f"{name}.wasm").read_bytes()


def signed(content: bytes, publisher) -> bytes:
    """A rightly signed bundle that claims to be `kv` and holds other content as its module."""
    description = parse_description((APPS / "kv" / "manifest.json").read_bytes(), "kv")
    return pack_bundle(description, inspect_module(module("kv")), content, publisher)


HOSTILE = {
    "nothing": b"",
    "text": b'(module (func (export "x")))',
    "cut-short": module("kv")[:-20],
    "garbage-behind": module("kv") + b"\xff\xff",
    "other-interface": module("tally"),
    "no-interface": wasmtime.wat2wasm('(module (func (export "set")))'),
    "foreign-import": wasmtime.wat2wasm(
        '(module (import "wasi_snapshot_preview1" "fd_write" (func)))'
    ),
    "huge-memory": wasmtime.wat2wasm('(module (memory (export "memory") 65536))'),
    "starts-by-itself": wasmtime.wat2wasm("(module (func $f (loop (br 0))) (start $f))"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_module_is_refused(home, content):
    """A right signature says who made it, not that it is good."""
    ada = home("ada")
    async with opened(ada) as node:
        with pytest.raises(NodeError) as caught:
            await node.install(signed(content, ada.publisher()))
        assert "\n" not in str(caught.value)
        assert node.applications() == ()


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(100)], ids=["empty", "text", "zeros"])
async def test_what_is_no_bundle_is_refused(home, content):
    """Anything may be in a file that somebody was sent."""
    async with opened(home("ada")) as node:
        with pytest.raises(NodeError):
            await node.install(content)
        assert node.applications() == ()


async def test_every_changed_byte_is_noticed(home):
    """Manifest, module and signature hold each other."""
    good = bundle("tally")
    async with opened(home("ada")) as node:
        for place in range(0, len(good), max(len(good) // 40, 1)):
            changed = bytearray(good)
            changed[place] ^= 0x01
            with pytest.raises(NodeError):
                await node.install(bytes(changed))
        assert node.applications() == ()
        await node.install(good)
        await node.install(good)
        assert len(node.applications()) == 1


async def test_context_of_what_is_not_installed(home):
    """The error says where to look."""
    async with opened(home("ada")) as node:
        with pytest.raises(NodeError, match="covey app list"):
            await node.create_context("org.covey.kv", None)
        await node.install(bundle("kv"))
        with pytest.raises(ConfigError):
            await node.create_context("org.covey.kv", "bad\nname")
        await node.create_context("org.covey.kv", "one")
        with pytest.raises(Refused, match="is here already"):
            await node.create_context("org.covey.kv", "one")
