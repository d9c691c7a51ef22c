"""A node with the second engine gives it what is listed, however it arrives, and nothing else."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from covey.codec import open_bundle
from covey.node import running
from covey.node.engines import EngineChoice
from covey.runtime import Engine, Executor, new_engine, open_executor
from covey.runtime.wasmer_engine import is_available
from tests.integration.node.conftest import LOOPBACK, agree, bundle, found, opened, put, run

KV_MODULE = bytes(open_bundle(bundle("kv")).manifest.module)
LISTED = EngineChoice("wasmer", frozenset(), frozenset({KV_MODULE}))
UNLISTED = EngineChoice("wasmer", frozenset(), frozenset({b"\x01\x55\x12\x20" + bytes(32)}))


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that nodes made, in order; where there is no second one, the first poses as it.

    The default one is made at once, any other when the first module wants it.
    """
    names: list[str] = []

    def make(name: str) -> Engine:
        names.append(name)
        return new_engine(name if is_available() else "wasmtime")

    def opened_executor(*given: object, **more: object) -> AbstractAsyncContextManager[Executor]:
        return open_executor(*given, **{**more, "engine": make})  # type: ignore[arg-type]

    monkeypatch.setattr(running, "open_executor", opened_executor)
    monkeypatch.setattr(EngineChoice, "require_available", lambda _choice: None)
    return names


@pytest.mark.trio
async def test_only_what_is_listed_reaches_the_second_engine(home, wanted):
    """At installation, when a context begins, and after a restart."""
    place = home("ada")
    async with running.open_node(place, listen=LOOPBACK, engines=LISTED) as node:
        await node.install(bundle("tally"))
        assert wanted == ["wasmtime"]
        context = await found(node, "kv")
        assert wanted == ["wasmtime", "wasmer"]
        await run(node, context.id, [put("k")])
    wanted.clear()
    async with running.open_node(place, listen=LOOPBACK, engines=LISTED) as node:
        await run(node, context.id, [put("k")])
        assert wanted == ["wasmtime", "wasmer"]


@pytest.mark.trio
async def test_what_a_peer_brings_stays_on_the_default_engine(home, wanted):
    """A context that is joined brings a stranger's module, and it is not listed."""
    async with opened(home("ada")) as ada:
        context = await found(ada)
        async with running.open_node(
            home("ben"), listen=LOOPBACK, bootstrap=[ada.addresses[0]], engines=UNLISTED
        ) as ben:
            await ben.join(ada.ticket(context.id), "kv")
            await agree(context.id, ada, ben)
            await run(ben, context.id, [put("k")])
    assert "wasmer" not in wanted
