"""Calls drawn for a seed: of the arena by hand, of any other application by its schemas."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TypeAlias

from covey.errors import ConfigError
from covey.model import MethodKind
from covey.testkit.sim.application import Application
from covey.testkit.sim.plan import CallText
from covey.workbench.conformance import Arguments

__all__ = ["Draw", "call_maker"]

_SPOILT = 1 / 16  # of the calls: what an application refuses must change nothing
_MOMENT_S = 1.5


Draw: TypeAlias = Callable[[random.Random, float], CallText]
"""Draws a call that comes at a time, in seconds."""


def call_maker(application: Application, keys: int) -> Draw:
    """What draws a call. keys: how many different ones the arena's calls have.

    Raises ConfigError for an application without a method that writes.
    """
    if application.is_arena:
        return lambda rng, at_s: _arena_call(rng, keys, at_s)
    methods = [m for m in application.interface.methods if m.kind is MethodKind.CALL]
    if not methods:
        raise ConfigError(f"{application.name} has no method that writes: nothing can go wrong")

    def draw(rng: random.Random, at_s: float) -> CallText:
        del at_s
        method = rng.choice(methods)
        arguments = Arguments(rng, ())
        drawn = arguments.draw(method.arguments_schema)
        if rng.random() < _SPOILT:
            drawn = arguments.spoil(drawn)
        return CallText(method.name, json.dumps(drawn))

    return draw


def _arena_call(rng: random.Random, keys: int, at_s: float) -> CallText:
    """A call of the arena: steps it takes, in order.

    What can be written but once is named by the moment, so that those who write at one time meet.
    """
    steps: list[list[str | int]] = []
    moment = f"{int(at_s / _MOMENT_S)}.{rng.randrange(2)}"
    for _ in range(rng.choice((1, 1, 2, 3))):
        key, other = f"k{rng.randrange(keys)}", f"k{rng.randrange(keys)}"
        value = f"v{rng.randrange(1000)}"
        kinds: tuple[list[str | int], ...] = (
            ["put", "notes", key, value],
            ["delete", "notes", key],
            ["copy", "notes", key, other],
            ["bump", "notes", key],
            ["add", "counts", key, rng.choice((1, -3, 2**62, -(2**63)))],
            ["add", "counts", key, 1],
            ["stamp", "stamps", moment, value],
            ["seal", "stamps", f"shared {moment}"],
            ["own", "cards", f"k{rng.randrange(2)}", value],
            ["own", "cards", key, value],
            ["disown", "cards", f"k{rng.randrange(2)}"],
            ["put", "rulings", key, value],
        )
        steps.append(rng.choice(kinds))
    fails = rng.random() < 0.05
    work = rng.choice((0, 0, 0, 2_000, 200_000))
    return CallText("play", json.dumps({"steps": steps, "fails": fails, "work": work}))
