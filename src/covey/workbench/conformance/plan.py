"""What happens in one conformance run: calls on replicas, and deliveries between them.

A plan is data. It can be shrunk, kept in a file and run again, and means the same every time.
"""

from __future__ import annotations

import random
from typing import Any, TypeAlias

import msgspec

from covey.errors import ConfigError
from covey.model import Call, Interface, MethodKind, limits
from covey.workbench import bounds
from covey.workbench.conformance.schema import Arguments
from covey.workbench.people import NAMES
from covey.workbench.text import json_bytes

__all__ = [
    "CallStep",
    "DeliverStep",
    "Maker",
    "Plan",
    "PlanStep",
    "call_of",
]

_SPOILT = 1 / 16
_SKEWS_MS = (0, 0, 1, -40, 400, -5_000, 5_000)


class CallStep(msgspec.Struct, frozen=True, tag="call", tag_field="do", forbid_unknown_fields=True):
    """A member calls a method on its replica; number: from 1, what deliveries name it by."""

    number: int
    replica: int
    method: str
    args: Any


class DeliverStep(
    msgspec.Struct, frozen=True, tag="deliver", tag_field="do", forbid_unknown_fields=True
):
    """What a call changed reaches a replica, which may have to wait for what it follows.

    number: of the call. Nothing happens where the call changed nothing.
    """

    number: int
    replica: int


PlanStep: TypeAlias = CallStep | DeliverStep


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run, at whose end all is delivered.

    skews_ms: how far each replica's clock is off; `NAMES` sit at them.
    """

    skews_ms: tuple[int, ...]
    steps: tuple[PlanStep, ...]

    @property
    def replicas(self) -> int:
        """How many there are."""
        return len(self.skews_ms)

    def check(self, source: str) -> None:
        """Require what a plan from a file might lack. Raises ConfigError."""
        if not 2 <= self.replicas <= len(NAMES):
            raise ConfigError(f"{source}: a plan has 2 to {len(NAMES)} replicas")
        if len(self.steps) > bounds.CONFORMANCE_STEPS_MAX:
            raise ConfigError(f"{source}: a plan has {bounds.CONFORMANCE_STEPS_MAX} steps at most")
        if any(abs(skew) > limits.DRIFT_MS_MAX for skew in self.skews_ms):
            raise ConfigError(f"{source}: a clock is off by more than {limits.DRIFT_MS_MAX} ms")
        numbers = [step.number for step in self.steps if isinstance(step, CallStep)]
        if len(set(numbers)) != len(numbers):
            raise ConfigError(f"{source}: two calls have the same number")
        if any(not 0 <= step.replica < self.replicas for step in self.steps):
            raise ConfigError(f"{source}: a step names a replica that is not there")


def call_of(step: CallStep) -> Call:
    """The call of a step."""
    return Call(step.method, json_bytes(step.args))


class Maker:
    """Makes plans for one application.

    calls: to choose from instead of drawing arguments by schema; notable: as `Arguments`.
    """

    def __init__(
        self,
        interface: Interface,
        *,
        replicas: int,
        calls: int,
        ignore: tuple[str, ...],
        given: tuple[tuple[str, object], ...],
        notable: tuple[str, ...],
    ) -> None:
        self._methods = [
            method
            for method in interface.methods
            if method.kind is MethodKind.CALL and method.name not in ignore
        ]
        self._replicas = replicas
        self._calls = calls
        self._given = given
        self._notable = notable
        if not self._methods and not given:
            raise ConfigError("the application has no method that writes: nothing can disagree")

    def plan(self, seed: int, run: int) -> Plan:
        """The plan of one run: the same for the same numbers."""
        rng = random.Random(f"{seed}/{run}")  # noqa: S311 - it must repeat itself
        skews = tuple(rng.choice(_SKEWS_MS) for _ in range(self._replicas))
        arguments = Arguments(rng, self._notable)
        deliveries_per_call = rng.choice((0.0, 0.3, 1.0, 2.0, 4.0))
        mail = _Mail(rng, self._replicas)
        steps: list[PlanStep] = []
        for number in range(1, self._calls + 1):
            step = self._call(number, rng, arguments)
            steps.append(step)
            mail.posted(step)
            while rng.random() < deliveries_per_call / (deliveries_per_call + 1):
                delivered = mail.delivery()
                if delivered is None:
                    break
                steps.append(delivered)
            mail.maybe_split()
        return Plan(skews, tuple(steps[: bounds.CONFORMANCE_STEPS_MAX]))

    def _call(self, number: int, rng: random.Random, arguments: Arguments) -> CallStep:
        replica = rng.randrange(self._replicas)
        if self._given:
            name, args = rng.choice(self._given)
            return CallStep(number, replica, name, args)
        method = rng.choice(self._methods)
        drawn = arguments.draw(method.arguments_schema)
        if rng.random() < _SPOILT:
            drawn = arguments.spoil(drawn)
        return CallStep(number, replica, method.name, drawn)


class _Mail:
    """What may be delivered next: everything, or only within the parts of a split network."""

    def __init__(self, rng: random.Random, replicas: int) -> None:
        self._rng = rng
        self._replicas = replicas
        self._sides = [0] * replicas
        self._waiting: list[tuple[CallStep, int]] = []

    def posted(self, step: CallStep) -> None:
        """A call was made: its change goes to all others."""
        self._waiting += [(step, r) for r in range(self._replicas) if r != step.replica]

    def delivery(self) -> DeliverStep | None:
        """Something that arrives now, in no order; None where nothing can."""
        able = [
            place
            for place, (step, replica) in enumerate(self._waiting)
            if self._sides[step.replica] == self._sides[replica]
        ]
        if not able:
            return None
        place = self._rng.choice(able)
        step, replica = self._waiting[place]
        if self._rng.random() < 0.95:  # Now and then it arrives a second time later.
            del self._waiting[place]
        return DeliverStep(step.number, replica)

    def maybe_split(self) -> None:
        """Now and then the network splits, and heals."""
        if self._rng.random() < 0.15:
            self._sides = [self._rng.randrange(2) for _ in self._sides]
        elif self._rng.random() < 0.15:
            self._sides = [0] * self._replicas
