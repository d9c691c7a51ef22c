"""One plan, run to its end: what came of it, and the finding where a promise was broken."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import msgspec

import covey
from covey.model import limits
from covey.testkit.sim.application import Application
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.counts import EffectCount, count_effects, count_forks
from covey.testkit.sim.plan import Plan
from covey.testkit.sim.world import World

__all__ = ["Finding", "Result", "lowered", "simulate"]

_CROWD_NODES = 50
_CROWD_ALLOCATIONS = 2_000_000  # between two looks at the youngest objects; 700 by default
_PACKAGE = Path(covey.__file__).parent

TIGHT_LIMITS = {
    "PENDING_DELTAS_MAX": 12,
    "PENDING_PER_DEVICE_MAX": 5,
    "PENDING_PER_PEER_MAX": 8,
    "REFUSED_REMEMBERED_MAX": 4,
    "ASKED_REMEMBERED_MAX": 6,
    "JUDGED_REMEMBERED_MAX": 1,
    "INBOX_WHILE_EXECUTING_MAX": 2,
    "FRONTIERS_CACHED_MAX": 3,
    "GOVERNANCE_HEADS_CACHED_MAX": 2,
    "FRAMES_REMEMBERED_MAX": 32,
    "FRONTIER_FULL_EVERY": 3,
    "DELTA_PARENTS_MAX": 2,
    "DELTA_CALLS_MAX": 3,
    "RELEASES_SOUGHT_MAX": 1,
    "ASK_IDS_MAX": 2,
    "SYNC_PAGE_DELTAS": 2,
    "SYNC_BATCH_DELTAS_MAX": 2,
    "SYNC_CREDIT_BYTES": 12 * limits.KIB,
    "SYNC_FORK_LOOKAHEAD": 2,
    "SYNC_MERGED_DEVICES_MAX": 2,
    "SYNC_RANGE_DEVICES": 1,
    "SYNC_RANGES_DEVICES_MIN": 3,
    "SYNC_RANGES_MAX": 4,
    "SYNC_SHARE_AFTER_DELTAS": 3,
    "SYNC_WALK_ROWS": 4,
}
"""Lowered together, so that every bound is met by a handful of nodes and deltas."""

_MESSAGE_CHARS = 4_000  # a line of results is bounded


class Finding(msgspec.Struct, frozen=True):
    """A broken promise. where: the checker, or the part of the node, that noticed.

    last: the last lines of the trace.
    """

    where: str
    message: str
    at_s: float
    last: tuple[str, ...] = ()

    def is_like(self, other: Finding) -> bool:
        """Whether it is most likely the same mistake: noticed by the same part.

        Of what does not heal, for the same reason.
        """
        return _part(self.where) == _part(other.where)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. healed_s: virtual seconds from the last fault to agreement, if any.

    took_effect: calls whose callers were told so. faults: how often each kind did something.
    effects: by merge rule. forks: places in chains of devices where two deltas were written.
    """

    seed: int
    trace: str
    steps: int
    calls: int
    took_effect: int
    deltas: int
    healed_s: float | None
    faults: dict[str, int]
    effects: dict[str, EffectCount]
    forks: int
    finding: Finding | None = None


def simulate(
    plan: Plan,
    application: Application,
    more: type[Checker] | None = None,
    *,
    is_thorough: bool = False,
    told: Callable[[float, int], None] | None = None,
) -> Result:
    """Run one plan; a broken promise is part of the result.

    more, is_thorough, told: as `World`. Whatever a machine or a checker raises is a finding.
    """
    with lowered(TIGHT_LIMITS if plan.is_tight else {}), _seldom_collected(len(plan.nodes)):
        world = World(plan, application, more, is_thorough=is_thorough, told=told)
        finding, healed_s = None, None
        try:
            healed_s = world.run()
        except Exception as failure:  # noqa: BLE001 - any error of a machine is what is looked for
            finding = _finding(world, failure)
        return _result(world, healed_s, finding)


def _result(world: World, healed_s: float | None, finding: Finding | None) -> Result:
    counted = (world.checks.history, world.founding.collections, world.checks.declared.places)
    return Result(
        seed=world.plan.seed,
        trace=world.trace.digest(),
        steps=world.clock.count,
        calls=world.submitted,
        took_effect=world.took_effect,
        deltas=len(world.checks.history.known),
        healed_s=None if healed_s is None else round(healed_s, 3),
        faults=dict(sorted(world.faults_met.items())),
        effects=count_effects(*counted),
        forks=count_forks(world.checks.history),
        finding=finding,
    )


def _finding(world: World, failure: Exception) -> Finding:
    message = str(failure) or type(failure).__name__
    if not isinstance(failure, AssertionError):
        message = f"{type(failure).__name__}: {message}"
    return Finding(
        where=_where(failure.__traceback__),
        message=" ".join(message.split())[:_MESSAGE_CHARS],
        at_s=round(world.clock.now, 3),
        last=tuple(world.trace.last),
    )


def _where(trace: TracebackType | None) -> str:
    """The innermost place of ours in a traceback, as `module:function`."""
    for frame in reversed(traceback.extract_tb(trace)):
        path = Path(frame.filename)
        # By the whole folder: a checkout may be called covey too, and then all in it would be ours.
        if path.is_relative_to(_PACKAGE):
            return f"{'.'.join(path.relative_to(_PACKAGE).with_suffix('').parts)}:{frame.name}"
    return "outside"


def _part(where: str) -> str:
    module = where.partition(":")[0]
    if module.endswith("checkers.healing"):
        return where  # There each reason has a function of its own.
    return module.replace("checkers.reference", "checkers.states")  # one promise, looked at twice


@contextmanager
def _seldom_collected(nodes: int) -> Iterator[None]:
    """Look for circles of garbage seldom while a crowd runs: a look at gigabytes takes seconds.

    A third of the samples of 500 nodes stood where small tuples are made, most likely for it.
    """
    before = gc.get_threshold()
    if nodes >= _CROWD_NODES:
        gc.set_threshold(_CROWD_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def lowered(changed: dict[str, int]) -> Iterator[None]:
    """Other limits for a while: of the whole process, so one world at a time."""
    before = {name: getattr(limits, name) for name in changed}
    try:
        for name, value in changed.items():
            setattr(limits, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(limits, name, value)
