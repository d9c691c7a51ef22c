"""The executor: one thread for the engine, queries that can be cancelled, work in order."""

from __future__ import annotations

import threading
import time

import pytest
import trio
import trio.testing

from covey.errors import ConfigError, ExecutionError, NotFound, StoreError
from covey.model import Call, Completed, Failed, Failure, Put, limits
from covey.runtime import Engine, InstalledModule, NewEngine, open_executor
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch, query

pytestmark = pytest.mark.trio

FOREVER = "(loop $l (br $l))"


@pytest.fixture
def _long_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries that would run for many seconds if nobody stopped them."""
    monkeypatch.setattr(limits, "QUERY_FUEL_MAX", limits.CALL_FUEL_MAX * 100_000)


async def test_install_call_query(engine_factory: NewEngine, script: Script) -> None:
    """The whole way, off the event loop."""
    module = script.build(
        script.put("items", "k", '"v"'),
        script.get("items", "k") + "(call $output (i32.const 1024) (local.get $n))",
    )
    async with open_executor(engine=engine_factory) as executor:
        interface = await executor.install(RELEASE, module)
        assert [m.name for m in interface.methods] == ["run", "ask"]
        (outcome,) = await executor.run_batch(batch(), Entries())
        assert isinstance(outcome, Completed)
        assert outcome.effects == (Put("items", b"k", b'"v"'),)
        answer = await executor.query(query(), Entries(("items", b"k", b"[1]")))
        assert isinstance(answer, Completed)
        assert answer.result == b"[1]"


async def test_one_thread_runs_everything(engine_factory: NewEngine, script: Script) -> None:
    """Engines are bound to the thread that made them."""
    threads = set()

    class Watched(Entries):
        def get(self, collection: str, key: bytes) -> bytes | None:
            threads.add(threading.get_ident())
            return None

    def make(name: str) -> Engine:
        threads.add(threading.get_ident())
        return engine_factory(name)

    read = script.get("items", "k")
    async with open_executor(engine=make) as executor:
        await executor.install(RELEASE, script.build(read, read))
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(executor.run_batch, batch(), Watched())
                nursery.start_soon(executor.query, query(), Watched())
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.usefixtures("_long_queries")
async def test_cancelled_query_returns_at_once(
    stoppable_factory: NewEngine, script: Script
) -> None:
    """And the thread is free for the next piece of work."""
    async with open_executor(engine=stoppable_factory) as executor:
        await executor.install(RELEASE, script.build(script.put("items", "k", "v"), FOREVER))
        for _ in range(3):
            with trio.move_on_after(0.05) as scope:
                await executor.query(query(), Entries())
            cancelled_at = time.perf_counter()
            assert scope.cancelled_caught
            (outcome,) = await executor.run_batch(batch(), Entries())
            assert time.perf_counter() - cancelled_at < 0.1
            assert isinstance(outcome, Completed)


@pytest.mark.usefixtures("_long_queries")
async def test_cancelled_query_stops_within_a_scan(
    engine_factory: NewEngine, script: Script
) -> None:
    """A host function that walks many entries looks up between them."""

    class Endless(Entries):
        def scan(  # type: ignore[no-untyped-def]
            self, collection: str, prefix: bytes, after: bytes
        ):
            number = 0
            while True:
                number += 1
                yield number.to_bytes(8, "big"), b""

    memory = '(memory (export "memory") 256)'
    ask = script.scan("items") + f"(loop $l {script.next(cap=16_000_000)} (br $l))"
    async with open_executor(engine=engine_factory) as executor:
        await executor.install(RELEASE, script.build(ask=ask, memory=memory))
        with trio.move_on_after(0.05) as scope:
            await executor.query(query(), Endless())
        assert scope.cancelled_caught
        assert trio.current_time() - scope.deadline < 0.1


@pytest.mark.usefixtures("_long_queries")
async def test_query_cancelled_while_it_waits_never_runs(
    stoppable_factory: NewEngine, script: Script
) -> None:
    """Cancelling one leaves the one before it, and the one after it, alone."""
    begun = threading.Event()

    class Watched(Entries):
        def get(self, collection: str, key: bytes) -> bytes | None:
            begun.set()
            return None

    class Untouched(Entries):
        def get(self, collection: str, key: bytes) -> bytes | None:
            raise AssertionError("a cancelled query ran")

    read = script.get("items", "k")
    async with open_executor(engine=stoppable_factory) as executor:
        await executor.install(RELEASE, script.build(read, read + FOREVER))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(executor.query, query(), Watched())
            await trio.to_thread.run_sync(begun.wait)
            with trio.move_on_after(0.01) as waiting:
                await executor.query(query(), Untouched())
            assert waiting.cancelled_caught
            nursery.cancel_scope.cancel()
        (outcome,) = await executor.run_batch(batch(), Entries())
        assert isinstance(outcome, Completed)


async def test_batch_is_not_cancelled_half_way(engine_factory: NewEngine, script: Script) -> None:
    """Whoever asked is told the outcome: it may already have told others."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Entries):
        def get(self, collection: str, key: bytes) -> bytes | None:
            begun.set()
            assert go_on.wait(5)
            return None

    outcomes = []
    async with open_executor(engine=engine_factory) as executor:
        await executor.install(RELEASE, script.build(script.get("items", "k")))
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def work() -> None:
                    outcomes.extend(await executor.run_batch(batch(), Slow()))

                nursery.start_soon(work)
                await trio.to_thread.run_sync(begun.wait)
                scope.cancel()
                go_on.set()
    assert [type(outcome) for outcome in outcomes] == [Completed]


async def test_batch_that_takes_too_long_is_a_host_fault(
    stoppable_factory: NewEngine, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watchdog for what fuel does not see: no verdict on the code, and no hanging node."""
    monkeypatch.setattr(limits, "BATCH_WATCHDOG_S", 0.05)
    monkeypatch.setattr(limits, "CALL_FUEL_MAX", limits.CALL_FUEL_MAX * 100_000)
    async with open_executor(engine=stoppable_factory) as executor:
        await executor.install(RELEASE, script.build(FOREVER))
        outcomes = await executor.run_batch(batch(*[Call("run", b"{}")] * 3), Entries())
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], Failed)
    assert outcomes[0].failure is Failure.HOST_FAULT


@pytest.mark.usefixtures("_long_queries")
async def test_leaving_the_block_stops_what_runs(
    stoppable_factory: NewEngine, script: Script
) -> None:
    """Shutting down does not wait for a guest."""
    threads = threading.active_count()
    with trio.fail_after(5):
        async with open_executor(engine=stoppable_factory) as executor:
            await executor.install(RELEASE, script.build(ask=FOREVER))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(executor.query, query(), Entries())
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
    assert threading.active_count() <= threads + 1  # trio keeps an idle helper of its own
    with pytest.raises(ExecutionError):
        await executor.run_batch(batch(), Entries())


async def test_errors_reach_whoever_asked(engine_factory: NewEngine, script: Script) -> None:
    """And nobody else: the thread goes on."""

    class Broken(Entries):
        def get(self, collection: str, key: bytes) -> bytes | None:
            raise StoreError("the disk is gone")

    async with open_executor(engine=engine_factory) as executor:
        with pytest.raises(NotFound):
            await executor.run_batch(batch(), Entries())
        with pytest.raises(ConfigError):
            await executor.install(RELEASE, b"(module)")
        await executor.install(RELEASE, script.build(script.get("items", "k")))
        with pytest.raises(StoreError):
            await executor.run_batch(batch(), Broken())
        (outcome,) = await executor.run_batch(batch(), Entries())
        assert isinstance(outcome, Completed)


async def test_engine_that_cannot_start_is_reported() -> None:
    """At the door, not at the first call."""

    def broken(_name: str) -> Engine:
        raise ConfigError("there is no such engine")

    with pytest.raises(ConfigError, match="no such engine"):
        async with open_executor(engine=broken):
            pass


async def test_modules_are_loaded_when_wanted(engine_factory: NewEngine, script: Script) -> None:
    """A restarted node compiles what its contexts use, not what it once installed."""
    modules = {RELEASE: InstalledModule(script.build())}
    async with open_executor(modules.get, engine_factory) as executor:
        (outcome,) = await executor.run_batch(batch(), Entries())
        assert isinstance(outcome, Completed)
