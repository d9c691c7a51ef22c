"""The runtime without a thread: what the simulator, tests and the executor's thread run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from covey.errors import NotFound
from covey.model import (
    Batch,
    Completed,
    EntryReader,
    Failed,
    Failure,
    Interface,
    Outcome,
    Query,
    ReleaseId,
    limits,
)
from covey.runtime.abi.covey1 import Application, run_call, run_query
from covey.runtime.engine import Engine, Interrupt
from covey.runtime.module import inspect_module
from covey.runtime.overlay import EFFECT_OVERHEAD_BYTES, Overlay, effect_size_bytes

__all__ = ["BlockingExecutor", "LoadModule"]

LoadModule = Callable[[ReleaseId], bytes | None]
"""Gives the module of a release from wherever the node keeps it, None where it has none."""

_CALL_OVERHEAD_BYTES: Final = 32


class BlockingExecutor:
    """Runs application code where it is called; belongs to one thread.

    load: asked for the module of a release that is not among the compiled ones, which are at
    most `limits.MODULES_CACHED_MAX`; without it such a release is NotFound.
    """

    def __init__(self, engine: Engine, load: LoadModule | None = None) -> None:
        self._engine = engine
        self._load = load
        self._applications: OrderedDict[ReleaseId, Application] = OrderedDict()

    def install(self, release: ReleaseId, module: bytes) -> Interface:
        """Check and compile a release's module. Raises ConfigError naming the rule and place."""
        interface = inspect_module(module)
        compiled = self._engine.compile(module)
        self._applications[release] = Application(interface, compiled)
        self._applications.move_to_end(release)
        while len(self._applications) > limits.MODULES_CACHED_MAX:
            self._applications.popitem(last=False)
        return interface

    def run_batch(
        self, batch: Batch, base: EntryReader, interrupt: Interrupt | None = None
    ) -> tuple[Outcome, ...]:
        """Outcomes for a prefix of the batch's calls: as many as fit one delta, the first always.

        A call that fails takes no part and the others go on; each sees the effects of the kept
        ones before it. Whoever asked comes again with the calls that are left.
        Raises NotFound for an unknown release, and what `base` raises.
        """
        application = self._application(batch.release)
        plan = _Plan(base, interrupt or Interrupt())
        for call in batch.calls:
            if plan.is_full():
                break
            fuel = plan.fuel_left()
            kept = len(plan.kept)
            outcome = run_call(application, batch, kept, call, plan.overlay, fuel, plan.interrupt)
            size = _size(len(call.method) + len(call.arguments), outcome)
            if not plan.take(outcome, size, fuel):
                break
        return tuple(plan.outcomes)

    def query(self, query: Query, base: EntryReader, interrupt: Interrupt | None = None) -> Outcome:
        """Run one query. Raises as `run_batch`."""
        application = self._application(query.release)
        return run_query(application, query, base, interrupt or Interrupt())

    def _application(self, release: ReleaseId) -> Application:
        if release not in self._applications:
            module = self._load(release) if self._load else None
            if module is None:
                raise NotFound("the application of this context is not installed")
            self.install(release, module)
        self._applications.move_to_end(release)
        return self._applications[release]


class _Plan:
    """The delta to be: what was kept, and what still fits."""

    def __init__(self, base: EntryReader, interrupt: Interrupt) -> None:
        self.overlay = Overlay(base)
        self.interrupt = interrupt
        self.outcomes: list[Outcome] = []
        self.kept: list[Completed] = []
        self._fuel_kept = 0
        self._fuel_spent = 0
        self._size_bytes = 0
        self._effects = 0

    def fuel_left(self) -> int:
        """What the next call may use and still fit the sum over the delta."""
        return limits.CALL_FUEL_MAX - self._fuel_kept

    def is_full(self) -> bool:
        """Whether no further call should even be tried."""
        return bool(self.outcomes) and (
            len(self.kept) >= limits.DELTA_CALLS_MAX
            or self._fuel_spent >= limits.BATCH_FUEL_MAX
            or self.fuel_left() <= 0
            or self.interrupt.reason is not None
        )

    def take(self, outcome: Outcome, size_bytes: int, fuel: int) -> bool:
        """Note an outcome, unless its call has to wait for the next delta (False)."""
        if isinstance(outcome, Failed):
            # With less than its due, running out of fuel says only that it does not fit here.
            if outcome.failure is Failure.OUT_OF_FUEL and fuel < limits.CALL_FUEL_MAX:
                return False
            self._fuel_spent += outcome.fuel
            self.outcomes.append(outcome)
            return True
        effects = self._effects + len(outcome.effects)
        size_bytes += self._size_bytes
        if self.kept and (
            size_bytes > limits.DELTA_PAYLOAD_SOFT_BYTES or effects > limits.DELTA_EFFECTS_MAX
        ):
            return False
        self.overlay.absorb(outcome.effects)
        self._effects, self._size_bytes = effects, size_bytes
        self._fuel_kept += outcome.fuel
        self._fuel_spent += outcome.fuel
        self.kept.append(outcome)
        self.outcomes.append(outcome)
        return True


def _size(call_size_bytes: int, outcome: Outcome) -> int:
    """What a call takes in a delta, at most."""
    if isinstance(outcome, Failed):
        return 0
    events = sum(EFFECT_OVERHEAD_BYTES + len(e.name.encode()) + len(e.data) for e in outcome.events)
    effects = sum(map(effect_size_bytes, outcome.effects))
    return _CALL_OVERHEAD_BYTES + call_size_bytes + events + effects
