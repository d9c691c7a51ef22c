"""Makes a failing plan small: fewer steps, fewer replicas, true clocks, plain arguments.

Each change is kept if the plan still shows the same kind of finding in the same method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from covey.workbench import bounds
from covey.workbench.conformance.plan import CallStep, Plan, PlanStep
from covey.workbench.conformance.play import Finding, Stage, play

__all__ = ["shrink"]


def shrink(
    plan: Plan, finding: Finding, stage: Stage, on_attempt: Callable[[int], None] | None = None
) -> tuple[Plan, Finding]:
    """The smallest plan found within `bounds.CONFORMANCE_ATTEMPTS_MAX`, and what it shows."""
    shrinking = _Shrinking(plan, finding, stage, on_attempt)
    shrinking.run()
    return shrinking.plan, shrinking.finding


class _Shrinking:
    def __init__(
        self,
        plan: Plan,
        finding: Finding,
        stage: Stage,
        on_attempt: Callable[[int], None] | None,
    ) -> None:
        self.plan = plan
        self.finding = finding
        self._stage = stage
        self._on_attempt = on_attempt
        self._attempts = 0

    def run(self) -> None:
        """Try all changes until none helps any more."""
        if self.finding.step:
            self._try_steps(self.plan.steps[: self.finding.step])
        before = None
        while before != self.plan and not self._is_tired():
            before = self.plan
            self._try_steps(tuple(s for s in self.plan.steps if isinstance(s, CallStep)))
            self._drop_steps()
            self._drop_replicas()
            self._true_clocks()
            self._plain_arguments()
        self._number()

    def _is_tired(self) -> bool:
        return self._attempts >= bounds.CONFORMANCE_ATTEMPTS_MAX

    def _try(self, plan: Plan) -> bool:
        """Keep a plan that still shows the finding; whether it does."""
        if plan == self.plan or self._is_tired():
            return False
        self._attempts += 1
        if self._on_attempt is not None:
            self._on_attempt(self._attempts)
        found = play(plan, self._stage).finding
        wanted = self.finding
        if found is None or (found.kind, found.method) != (wanted.kind, wanted.method):
            return False
        self.plan, self.finding = plan, found
        return True

    def _try_steps(self, steps: tuple[PlanStep, ...]) -> bool:
        numbers = [step.number for step in steps if isinstance(step, CallStep)]
        kept = tuple(s for s in steps if isinstance(s, CallStep) or s.number in numbers)
        return self._try(Plan(self.plan.skews_ms, kept))

    def _drop_steps(self) -> None:
        """Leave out runs of steps, long ones first."""
        size = max(1, len(self.plan.steps) // 2)
        while True:
            place = 0
            while place < len(self.plan.steps) and not self._is_tired():
                steps = self.plan.steps
                if not self._try_steps(steps[:place] + steps[place + size :]):
                    place += size
            if size == 1 or self._is_tired():
                return
            size //= 2

    def _drop_replicas(self) -> None:
        """Leave out a replica: what it does goes away, or is done by another one."""
        for gone in reversed(range(self.plan.replicas)):
            if self.plan.replicas == 2:
                break
            if not self._without(gone, None):
                for other in range(self.plan.replicas):
                    if other != gone and self._without(gone, other):
                        break
        # The founder does nothing that matters more often than not.
        if self.plan.replicas == 2 and all(step.replica == 1 for step in self.plan.steps):
            self._try(Plan(self.plan.skews_ms, tuple(_at(s, 0) for s in self.plan.steps)))

    def _without(self, gone: int, instead: int | None) -> bool:
        skews = tuple(skew for r, skew in enumerate(self.plan.skews_ms) if r != gone)
        steps: list[PlanStep] = []
        for step in self.plan.steps:
            replica = instead if step.replica == gone else step.replica
            if replica is not None:
                steps.append(_at(step, replica - (replica > gone)))
        numbers = [step.number for step in steps if isinstance(step, CallStep)]
        kept = tuple(s for s in steps if isinstance(s, CallStep) or s.number in numbers)
        return self._try(Plan(skews, kept))

    def _true_clocks(self) -> None:
        if self._try(Plan((0,) * self.plan.replicas, self.plan.steps)):
            return
        for place in range(self.plan.replicas):
            skews = self.plan.skews_ms
            self._try(Plan((*skews[:place], 0, *skews[place + 1 :]), self.plan.steps))

    def _plain_arguments(self) -> None:
        for place in range(len(self.plan.steps)):
            is_plainer = True
            while is_plainer and not self._is_tired():
                step = self.plan.steps[place]
                if not isinstance(step, CallStep):
                    break
                is_plainer = any(
                    self._try(self._with_step(place, msgspec.structs.replace(step, args=args)))
                    for args in _plainer(step.args)
                )

    def _with_step(self, place: int, step: PlanStep) -> Plan:
        steps = self.plan.steps
        return Plan(self.plan.skews_ms, (*steps[:place], step, *steps[place + 1 :]))

    def _number(self) -> None:
        """Count the calls anew, so that they read as 1, 2, 3."""
        numbers: dict[int, int] = {}
        for step in self.plan.steps:
            if isinstance(step, CallStep):
                numbers[step.number] = len(numbers) + 1
        steps = tuple(
            msgspec.structs.replace(step, number=numbers[step.number]) for step in self.plan.steps
        )
        self.plan = Plan(self.plan.skews_ms, steps)


def _at(step: PlanStep, replica: int) -> PlanStep:
    moved: PlanStep = msgspec.structs.replace(step, replica=replica)
    return moved


def _plainer(value: object) -> Iterator[object]:
    """Simpler values of about the same shape, the simplest first."""
    if isinstance(value, dict):
        for key in value:
            yield {name: part for name, part in value.items() if name != key}
        for key, part in value.items():
            for plainer in _plainer(part):
                yield {**value, key: plainer}
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield value[:place] + value[place + 1 :]
            for plainer in _plainer(part):
                yield [*value[:place], plainer, *value[place + 1 :]]
    elif isinstance(value, str):
        if len(value) > 1:
            yield value[0]
            yield value[: len(value) // 2]
        elif value > "a":
            yield "a"
    elif isinstance(value, bool):
        if value:
            yield False
    elif isinstance(value, int | float) and value not in (0, 1):
        yield 0
        yield 1
        if abs(value) > 2:
            yield int(value / 2)
