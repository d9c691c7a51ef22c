"""The runtime without a thread: what the simulator, tests and the executor's thread run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from covey.errors import NotFound
from covey.model import (
    Batch,
    EntryReader,
    Failed,
    Failure,
    Interface,
    Outcome,
    Query,
    ReleaseId,
    ReplayWord,
    Signed,
    limits,
)
from covey.runtime.abi.covey1 import Application, BatchRun, run_query
from covey.runtime.cache import ModuleCache
from covey.runtime.engine import CompiledModule, Engine, Interrupt
from covey.runtime.engines import DEFAULT_ENGINE, NewEngine, new_engine
from covey.runtime.module import prepare_module
from covey.runtime.overlay import Overlay
from covey.runtime.replay import replay

__all__ = ["BlockingExecutor", "InstalledModule", "LoadModule"]


@dataclass(frozen=True, slots=True)
class InstalledModule:
    """A release's module as the node keeps it, and the name of the engine that is to run it."""

    content: bytes
    engine: str = DEFAULT_ENGINE


LoadModule: TypeAlias = Callable[[ReleaseId], InstalledModule | None]
"""Gives the module of a release from wherever the node keeps it, None where it has none."""


class BlockingExecutor:
    """Runs application code where it is called; belongs to one thread.

    engines: makes the engine of a name when it is first wanted; or is the one for all names.
    load: asked for the module of a release that is not among the compiled ones, which are bounded
    in number and size; without it such a release is NotFound. cache: native code on disk.
    """

    def __init__(
        self,
        engines: Engine | NewEngine = new_engine,
        load: LoadModule | None = None,
        cache: ModuleCache | None = None,
    ) -> None:
        self._new_engine: NewEngine = engines if callable(engines) else lambda _name: engines
        self._load = load
        self._cache = cache
        self._engines: dict[str, Engine] = {}
        self._applications: OrderedDict[ReleaseId, Application] = OrderedDict()
        self._sizes_bytes: dict[ReleaseId, int] = {}

    def engine(self, name: str = DEFAULT_ENGINE) -> Engine:
        """The engine of a name, made at the first call. Raises ConfigError if it cannot be."""
        engine = self._engines.get(name)
        if engine is None:
            engine = self._engines[name] = self._new_engine(name)
        return engine

    def interrupt(self) -> None:
        """End the run under way, if its `Interrupt` has a reason. From any thread."""
        for engine in tuple(self._engines.values()):
            engine.interrupt()

    def install(self, release: ReleaseId, module: bytes, engine: str = DEFAULT_ENGINE) -> Interface:
        """Check and compile a release's module. Raises ConfigError naming the rule and place."""
        application = Application(self._compiled(module, self.engine(engine)))
        self._applications[release] = application
        self._applications.move_to_end(release)
        self._sizes_bytes[release] = len(module)
        while len(self._applications) > 1 and (
            len(self._applications) > limits.MODULES_CACHED_MAX
            or sum(self._sizes_bytes.values()) > limits.MODULES_CACHED_BYTES_MAX
        ):
            oldest, _ = self._applications.popitem(last=False)
            del self._sizes_bytes[oldest]
        return application.interface

    def run_batch(
        self, batch: Batch, base: EntryReader, interrupt: Interrupt | None = None
    ) -> tuple[Outcome, ...]:
        """Outcomes for a prefix of the batch's calls: as many as fit one delta.

        The first is among them, unless the batch's own `fuel_max` is too small for it.

        A call that fails takes no part and the others go on; each sees the effects of the kept
        ones before it. Whoever asked comes again with the calls that are left.
        Raises NotFound for an unknown release, and what `base` raises.
        """
        application = self._application(batch.release)
        interrupt = interrupt or Interrupt()
        batch_run = BatchRun(application, batch, base, interrupt)
        plan = _Plan(batch_run.delta, batch.fuel_max)
        for call in batch.calls:
            if plan.outcomes and (plan.is_full() or interrupt.reason is not None):
                break
            outcome = batch_run.run(plan.kept, call, plan.fuel_left)
            if not plan.take(outcome, batch_run.size_bytes()):
                break
        return tuple(plan.outcomes)

    def replay(
        self, row: tuple[Signed, ...], base: EntryReader, interrupt: Interrupt | None = None
    ) -> tuple[ReplayWord, ...]:
        """Run again what others signed: words on a prefix of the row, the first of it always.

        Each is run on what the ones before it signed; base: the state before the first.
        Raises as `run_batch`.
        """
        return replay(self._application, row, base, interrupt or Interrupt())

    def query(self, query: Query, base: EntryReader, interrupt: Interrupt | None = None) -> Outcome:
        """Run one query. Raises as `run_batch`."""
        application = self._application(query.release)
        return run_query(application, query, base, interrupt or Interrupt())

    def _application(self, release: ReleaseId) -> Application:
        if release not in self._applications:
            found = self._load(release) if self._load else None
            if found is None:
                raise NotFound("the application of this context is not installed")
            self.install(release, found.content, found.engine)
        self._applications.move_to_end(release)
        return self._applications[release]

    def _compiled(self, module: bytes, engine: Engine) -> CompiledModule:
        if self._cache is None:
            return engine.compile(prepare_module(module))
        compiled = self._cache.load(engine, module)
        if compiled is None:
            compiled = engine.compile(prepare_module(module))
            self._cache.keep(engine, module, compiled)
        return compiled


class _Plan:
    """The delta to be: what was kept, and what still fits.

    kept: how many calls. fuel_left: what the next one may use and still fit the sum over the delta.
    """

    __slots__ = (
        "_delta",
        "_effects",
        "_fuel_spent",
        "_size_bytes",
        "fuel_left",
        "kept",
        "outcomes",
    )

    def __init__(self, delta: Overlay, fuel_max: int | None) -> None:
        self.outcomes: list[Outcome] = []
        self.kept = 0
        most = limits.CALL_FUEL_MAX
        self.fuel_left = most if fuel_max is None else min(fuel_max, most)
        self._delta = delta
        self._fuel_spent = 0
        self._size_bytes = 0
        self._effects = 0

    def is_full(self) -> bool:
        """Whether no further call should even be tried."""
        return (
            self.kept >= limits.DELTA_CALLS_MAX
            or self._fuel_spent >= limits.BATCH_FUEL_MAX
            or self.fuel_left <= 0
        )

    def take(self, outcome: Outcome, size_bytes: int) -> bool:
        """Note an outcome, unless its call has to wait for the next delta (False).

        size_bytes: what the call takes in a delta, at most.
        """
        fuel = outcome.fuel
        if isinstance(outcome, Failed):
            # With less than its due, running out of fuel says only that it does not fit here.
            is_short = self.fuel_left < limits.CALL_FUEL_MAX
            if is_short and outcome.failure is Failure.OUT_OF_FUEL:
                return False
            self._fuel_spent += fuel
            self.outcomes.append(outcome)
            return True
        effects = self._effects + len(outcome.effects)
        size_bytes += self._size_bytes
        if self.kept and (
            size_bytes > limits.DELTA_PAYLOAD_SOFT_BYTES or effects > limits.DELTA_EFFECTS_MAX
        ):
            return False
        self._delta.absorb(outcome.effects)
        self._effects, self._size_bytes = effects, size_bytes
        self.fuel_left -= fuel
        self._fuel_spent += fuel
        self.kept += 1
        self.outcomes.append(outcome)
        return True
