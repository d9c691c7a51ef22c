"""The contexts of a node: one that cannot be served must not take the node with it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
import trio
from wasmtime import wat2wasm

from covey.codec import (
    Description,
    application_id,
    charter_id,
    cid_text,
    encode_charter,
    open_bundle,
    pack_bundle,
    topic_mark,
    topic_text,
)
from covey.model import (
    EXECUTION_METERED,
    Admission,
    Charter,
    ContextId,
    DeviceId,
    Encryption,
    PeerId,
    Verification,
    limits,
)
from covey.node.contexts import Contexts
from covey.node.devices import Devices
from covey.node.home import Home
from covey.node.records import ContextRecord, Records
from covey.runtime import open_executor, read_interface
from covey.store import MemoryStore

# What it says of itself is right, and that is all that is looked at before it is installed.
INVALID = """(module (memory (export "memory") 1) (func (export "set") i32.const 0))"""
ABI = (
    b'{"abi":"covey/1","floats":false,'
    b'"collections":[{"name":"notes","rule":"register","roles":[]}],'
    b'"methods":[{"name":"set","kind":"call"}]}'
)


class Alone:
    """A network without anybody."""

    peer_id = PeerId("12D3KooWa")

    def connected(self) -> tuple[PeerId, ...]:
        return ()

    def discover(self, topic: str, keys: object, wishes: object) -> None:
        """Nobody is found."""

    def pin(self, owner: str, addresses: object) -> None:
        """Nobody is wanted."""

    def undiscover(self, topic: str) -> None:
        """Nobody was looked for."""


def invalid_module() -> bytes:
    """A module that declares what its manifest says, and whose code is refused."""
    name = b"covey.abi"
    body = bytes([len(name)]) + name + ABI
    size = bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
    return bytes(wat2wasm(INVALID)) + b"\0" + size + body


def poisoned(home: Home, records: Records) -> ContextRecord:
    """A context whose founder named such a module, everything of it fetched."""
    module = invalid_module()
    publisher = home.publisher()
    description = Description("org.example.bad", "1.0.0", "bad")
    bundle = open_bundle(pack_bundle(description, read_interface(module), module, publisher))
    records.add_release(bundle)
    device = DeviceId(home.device().public)
    charter = Charter(
        application=application_id(publisher.public, "org.example.bad"),
        release=bundle.release,
        admins=(home.certificate(device),),
        admission=Admission.OPEN,
        roles=(),
        verification=Verification.SIGNATURE,
        encryption=Encryption.NONE,
        constraints=(),
        admin_quorum=0,
        snapshot_witnesses=0,
        idle_limit_ms=0,
        fuel_budget=0,
        module_size_bytes_max=limits.MODULE_SIZE_BYTES_MAX,
        execution=EXECUTION_METERED,
        nonce=secrets.token_bytes(32),
    )
    packed = encode_charter(charter)
    records.add_charter(packed)
    return ContextRecord(
        id=ContextId(charter_id(packed)), name="bad", device=device, inviter=None, addresses=()
    )


@pytest.mark.trio
async def test_module_that_the_engine_refuses_fails_its_context_alone(tmp_path: Path):
    """A ticket to a context with such a module would stop the node now and at every start."""
    home, store = Home.init(tmp_path), MemoryStore()
    records = Records(store)
    record = poisoned(home, records)
    records.keep_context(record)
    async with open_executor() as executor, trio.open_nursery() as nursery:
        contexts = Contexts(home, store, records, executor)
        with trio.fail_after(10):
            await contexts.attach(Alone(), nursery)  # type: ignore[arg-type]  # all that is asked
        held = contexts.get(record.id)
        assert held is not None
        assert "the module is refused" in held.problem
        assert held.driver is None
        await contexts.leave(held)
        assert contexts.all() == ()
        nursery.cancel_scope.cancel()


def test_log_shows_no_context_id(tmp_path: Path, caplog):
    """It is a capability to find and read, and so is the topic; logs are sent to helpers."""
    home, store = Home.init(tmp_path), MemoryStore()
    records = Records(store)
    record = poisoned(home, records)
    name = cid_text(record.id)
    home.record_sequence(record.device, name, 5)  # The store knows of none: it was restored.
    charter = records.charter(record.id)
    assert charter is not None
    signer = Devices(home, store).for_serving(record, charter)
    assert signer.public != record.device
    (line,) = caplog.records
    told = f"{line.getMessage()} {vars(line)}"
    assert topic_mark(record.id) in told
    assert name not in told
    assert topic_text(record.id) not in told
