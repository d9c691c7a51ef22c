"""Plays one plan on real replicas and looks for anything that an author would not want.

At every step: calls that go wrong in the code, invariants that do not hold. At the end, when
everything is delivered: equal states, equal answers, equal outcomes of the same call, and every
delta replayed at its cut on another replica with the same effects and fuel.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from covey.governance import silence_at
from covey.merge import StateAtCut
from covey.model import (
    Batch,
    Call,
    Completed,
    EntryReader,
    Failed,
    Failure,
    MethodKind,
    Outcome,
    milliseconds,
    time_at,
)
from covey.rules import Cut
from covey.sync import parents_of
from covey.workbench.conformance.network import Founding, Member, Written, found
from covey.workbench.conformance.plan import CallStep, DeliverStep, Plan, call_of
from covey.workbench.conformance.schema import Arguments
from covey.workbench.people import NAMES
from covey.workbench.rows import effect_row, effect_text
from covey.workbench.text import json_bytes
from covey.workbench.trial import Trial, result_text

__all__ = ["Finding", "Played", "Stage", "play"]

_STEP_MS = 50
_FAULTS = (Failure.TRAP, Failure.OUT_OF_FUEL, Failure.HOST_FAULT)
_QUERY_DRAWS = 3


class Finding(msgspec.Struct, frozen=True):
    """One thing that must not be.

    step: its place in the plan from 1; 0 once everything is delivered. replica: a member's name.
    """

    kind: Literal["fault", "invariant", "refused-delta", "state", "answer", "outcome", "replay"]
    method: str
    replica: str
    step: int
    message: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """What all plans of one application are played with; invariants: names of queries."""

    trial: Trial
    invariants: tuple[str, ...]
    ignore: tuple[str, ...]


@dataclass(slots=True)
class Played:
    """How it went. outcomes: by method and how it ended; results: of each call step."""

    finding: Finding | None = None
    deltas: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    results: dict[int, str] = field(default_factory=dict)


def play(plan: Plan, stage: Stage) -> Played:
    """Play a plan up to the first finding, if there is one."""
    playing = _Playing(plan, stage)
    playing.played.finding = playing.steps() or playing.end()
    return playing.played


class _Playing:
    def __init__(self, plan: Plan, stage: Stage) -> None:
        self.played = Played()
        self._plan = plan
        self._stage = stage
        self._trial = stage.trial
        self._founding: Founding = found(stage.trial, NAMES[0])
        self._members = [
            Member(NAMES[place], self._founding, stage.trial, skew_ms=skew_ms)
            for place, skew_ms in enumerate(plan.skews_ms)
        ]
        self._written: dict[int, Written] = {}
        for joining in self._members[1:]:
            admission = self._members[0].admit(joining.name, stage.trial.people)
            for other in self._members[1:]:
                other.receive(admission.delta, NAMES[0], 0)

    def steps(self) -> Finding | None:
        """Carry the steps out."""
        for number, step in enumerate(self._plan.steps, start=1):
            member = self._members[step.replica]
            if isinstance(step, CallStep):
                finding = self._call(step, member, number)
            else:
                finding = self._deliver(step, member, number)
            if finding is not None:
                return finding
        return None

    def end(self) -> Finding | None:
        """Deliver everything, then compare."""
        for written in self._written.values():
            for member in self._members:
                if member.name != written.author:
                    finding = self._receive(written, member, 0)
                    if finding is not None:
                        return finding
        return (
            self._compare_states()
            or self._compare_answers()
            or self._compare_outcomes()
            or self._compare_replays()
        )

    # -- steps ---------------------------------------------------------------------------------

    def _call(self, step: CallStep, member: Member, number: int) -> Finding | None:
        outcome, written = member.call(call_of(step), number * _STEP_MS)
        self.played.outcomes[step.method, _ending(outcome)] += 1
        self.played.results[step.number] = _told(outcome)
        if isinstance(outcome, Failed) and outcome.failure in _FAULTS:
            message = f"the call ends with {outcome.failure.value}: {outcome.message}"
            return Finding("fault", step.method, member.name, number, message)
        if written is None:
            return None
        self.played.deltas += 1
        self._written[step.number] = written
        return self._check_invariants(member, number)

    def _deliver(self, step: DeliverStep, member: Member, number: int) -> Finding | None:
        written = self._written.get(step.number)
        if written is None or written.author == member.name:
            return None
        return self._receive(written, member, number)

    def _receive(self, written: Written, member: Member, step: int) -> Finding | None:
        count = member.replica.ledger.count
        at_ms = (step or len(self._plan.steps) + 1) * _STEP_MS
        codes = member.receive(written.delta, written.author, at_ms)
        if codes:
            method = written.payload.calls[0].method
            message = f"a replica refuses what another one wrote: {', '.join(codes)}"
            return Finding("refused-delta", method, member.name, step, message)
        if member.replica.ledger.count == count:
            return None  # Known already, or it waits for what it follows.
        return self._check_invariants(member, step)

    def _check_invariants(self, member: Member, step: int) -> Finding | None:
        at_ms = (step or len(self._plan.steps) + 1) * _STEP_MS
        for name in self._stage.invariants:
            outcome = member.ask(Call(name, b"{}"), at_ms)
            if not _holds(outcome):
                message = f"the invariant {name} does not hold: it answers {_told(outcome)}"
                return Finding("invariant", name, member.name, step, message)
        return None

    # -- at the end ----------------------------------------------------------------------------

    def _compare_states(self) -> Finding | None:
        first = self._members[0]
        for other in self._members[1:]:
            mine, theirs = first.replica.ledger, other.replica.ledger
            if mine.frontier_digest() != theirs.frontier_digest():
                message = "a replica did not take in what was delivered to it"
                return Finding("state", "", other.name, 0, message)
            if mine.digest() != theirs.digest():
                message = "two replicas with the same deltas hold another state"
                return Finding("state", "", other.name, 0, message)
        return None

    def _compare_answers(self) -> Finding | None:
        notable = tuple(member.member.hex() for member in self._members)
        for method in self._trial.interface.methods:
            if method.kind is not MethodKind.QUERY or method.name in self._stage.ignore:
                continue
            rng = random.Random(method.name)  # noqa: S311 - it must repeat itself
            arguments = Arguments(rng, notable)
            drawn = [arguments.draw(method.arguments_schema) for _ in range(_QUERY_DRAWS)]
            for args in ({}, *drawn):
                call = Call(method.name, json_bytes(args))
                finding = self._compare_answer(call)
                if finding is not None:
                    return finding
        return None

    def _compare_answer(self, call: Call) -> Finding | None:
        viewer = self._members[0]
        at_ms = (len(self._plan.steps) + 2) * _STEP_MS
        first = viewer.ask(call, at_ms)
        if isinstance(first, Failed) and first.failure in _FAULTS:
            asked = f"{call.method}({call.arguments.decode()})"
            message = f"the query {asked} ends with {first.failure.value}: {first.message}"
            return Finding("fault", call.method, viewer.name, 0, message)
        for other in self._members[1:]:
            outcome = other.ask(call, at_ms, viewer)
            if outcome != first:
                message = f"equal states answer {call.arguments.decode()} differently"
                lines = _differing(viewer, first, other, outcome)
                return Finding("answer", call.method, other.name, 0, message, lines)
        return None

    def _compare_outcomes(self) -> Finding | None:
        latest = {s.method: s for s in self._plan.steps if isinstance(s, CallStep)}
        first = self._members[0]
        time_ms = milliseconds(first.replica.ledger.clock) + 1
        for step in latest.values():
            call = call_of(step)
            mine = self._run(call, first, first.state, time_ms)
            for other in self._members[1:]:
                theirs = self._run(call, first, other.state, time_ms)
                if theirs != mine:
                    message = "the same call on equal states ends differently"
                    lines = _differing(first, mine, other, theirs)
                    return Finding("outcome", step.method, other.name, 0, message, lines)
        return None

    def _run(self, call: Call, caller: Member, state: EntryReader, time_ms: int) -> Outcome:
        batch = Batch(
            context=self._founding.context,
            release=self._founding.charter.release,
            member=caller.member,
            device=caller.device,
            sequence=1,
            previous=None,
            time=time_at(time_ms),
            roles=tuple(sorted(caller.replica.ledger.authority.roles(caller.device))),
            calls=(call,),
        )
        (outcome,) = self._trial.executor.run_batch(batch, state)
        return outcome

    def _compare_replays(self) -> Finding | None:
        by_name = {member.name: place for place, member in enumerate(self._members)}
        for written in self._written.values():
            place = by_name[written.author]
            author, judge = self._members[place], self._members[(place + 1) % len(self._members)]
            finding = self._compare_replay(written, author, judge)
            if finding is not None:
                return finding
        return None

    def _compare_replay(self, written: Written, author: Member, judge: Member) -> Finding | None:
        """Run a delta again on the state that its author saw, as another replica knows it."""
        core, payload = written.delta.core, written.payload
        ledger = judge.replica.ledger
        frontier = ledger.cut_of_parents(parents_of(written.delta))
        cut = Cut(judge.reader, frontier)
        authority = ledger.governor.at(frontier, core.gov_parents)
        batch = Batch(
            context=self._founding.context,
            release=core.release,
            member=author.member,
            device=author.device,
            sequence=core.sequence,
            previous=core.previous,
            time=core.time,
            roles=tuple(sorted(authority.roles(author.device))),
            calls=payload.calls,
        )
        state = StateAtCut(
            judge.reader,
            self._trial.interface.collections,
            cut,
            silence_at(ledger.governor, authority),
        )
        outcomes = self._trial.executor.run_batch(batch, state)
        again = [(o.effects, o.events, o.fuel) if isinstance(o, Completed) else o for o in outcomes]
        before = list(zip(payload.effects, payload.events, core.fuel, strict=True))
        if again == before:
            return None
        people = self._trial.people
        was = [effect_text(effect_row(e, people)) for call in payload.effects for e in call]
        lines = (
            f"{author.name} wrote {', '.join(was) or 'nothing'} for {sum(core.fuel)} fuel",
            *(f"{judge.name} finds {_told(o)} for {o.fuel} fuel" for o in outcomes),
        )
        message = "a call replayed on the state its author saw does something else"
        return Finding("replay", payload.calls[0].method, judge.name, 0, message, lines)


def _holds(outcome: Outcome) -> bool:
    if isinstance(outcome, Failed):
        return False
    answer: object = json.loads(result_text(outcome))
    return answer is True or (isinstance(answer, dict) and answer.get("ok") is True)


def _ending(outcome: Outcome) -> str:
    return outcome.failure.value if isinstance(outcome, Failed) else "completed"


def _told(outcome: Outcome) -> str:
    if isinstance(outcome, Failed):
        return f"{outcome.failure.value}: {outcome.message}"
    return result_text(outcome)


def _differing(mine: Member, first: Outcome, other: Member, second: Outcome) -> tuple[str, ...]:
    return tuple(
        f"{member.name}: {_told(outcome)} ({outcome.fuel} fuel)"
        for member, outcome in ((mine, first), (other, second))
    )
