"""Makes a failing schedule smaller: fewest nodes, faults and calls that still break the promise.

Delta debugging after Zeller and Hildebrandt (TSE 28, 2002): halves are left out, then quarters, and
so on down to single ones, as long as what is left fails at the same place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec

from covey.errors import ConfigError
from covey.testkit import bounds
from covey.testkit.sim.application import Application
from covey.testkit.sim.faults import Fault, Partition
from covey.testkit.sim.plan import CallText, CodePlan, NodePlan, Plan, Submission
from covey.testkit.sim.run import Finding, simulate

__all__ = ["Shrunk", "shrink"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A small schedule and what it breaks. runs: how many it took to find."""

    plan: Plan
    finding: Finding
    runs: int


def shrink(
    plan: Plan,
    finding: Finding,
    application: Application,
    told: Callable[[int, Plan], None] = lambda _runs, _plan: None,
) -> Shrunk:
    """The smallest schedule that was found within the limit of runs; told: of each run."""
    again = simulate(plan, application, is_thorough=True).finding
    search = _Search(plan, finding if again is None else again, application, told)
    search.is_thorough = again is not None
    before = None
    while search.plan != before and not search.is_spent:
        before = search.plan
        search.drop_nodes()
        search.drop_faults()
        search.drop_submissions()
        search.drop_calls()
        search.drop_steps()
        search.simplify()
    return Shrunk(search.plan, search.finding, search.runs)


class _Search:
    """The smallest failing plan so far."""

    def __init__(
        self,
        plan: Plan,
        finding: Finding,
        application: Application,
        told: Callable[[int, Plan], None],
    ) -> None:
        self.plan = plan
        self.finding = finding
        self.runs = 0
        self.is_thorough = True
        self._application = application
        self._told = told

    @property
    def is_spent(self) -> bool:
        """Whether no more runs are allowed."""
        return self.runs >= bounds.SIM_SHRINK_RUNS_MAX

    def drop_nodes(self) -> None:
        """Without one node after the other, but for the first founder."""
        for node in reversed(self.plan.nodes[1:]):
            self._try(_without_node(self.plan, node.name))

    def drop_faults(self) -> None:
        """Without some of the faults."""
        self._drop(self.plan.faults, lambda faults: _changed(self.plan, faults=faults))

    def drop_submissions(self) -> None:
        """Without some of the submissions."""
        self._drop(self.plan.submissions, self._with_submissions)

    def drop_calls(self) -> None:
        """With fewer calls in a submission."""
        for place in reversed(range(len(self.plan.submissions))):  # one may go altogether
            calls = self.plan.submissions[place].calls
            if len(calls) > 1:
                self._drop(calls, partial(self._with_calls, place))

    def drop_steps(self) -> None:
        """With fewer steps in a call, where its arguments are the arena's."""
        if not self._application.is_arena:
            return
        for place, submission in enumerate(self.plan.submissions):
            for index, call in enumerate(submission.calls):
                for simpler in _simpler(call):
                    calls = list(self.plan.submissions[place].calls)
                    calls[index] = simpler
                    if self._try(self._with_calls(place, tuple(calls))):
                        break

    def simplify(self) -> None:
        """With ordinary limits, clocks and times where they do not matter."""
        plan = self.plan
        self._try(_changed(plan, is_tight=False))
        self._try(_changed(self.plan, is_verified=False))
        self._try(_changed(self.plan, fuel_budget=0))
        self.simplify_code()
        ends_s = [fault.ends_s() for fault in plan.faults]
        ends_s += [submission.at_s for submission in plan.submissions]
        ends_s += [node.starts_s for node in plan.nodes]
        self._try(_changed(self.plan, faults_s=min(plan.faults_s, max(ends_s) + 0.5)))
        for place, node in enumerate(self.plan.nodes):
            if node.starts_s:
                nodes = list(self.plan.nodes)
                nodes[place] = msgspec.structs.replace(node, starts_s=0.0)
                self._try(_changed(self.plan, nodes=tuple(nodes)))

    def simplify_code(self) -> None:
        """With fewer constraints on releases, shorter notices, or no later release at all."""
        self._try(_changed(self.plan, code=None))
        code = self.plan.code
        if code is None:
            return
        self._drop(code.quorums, lambda quorums: self._with_code(quorums=quorums))
        self._try(self._with_code(is_published=False))
        self._try(self._with_code(is_locked=False))
        for place, quorum in enumerate(code.quorums):
            if self.plan.code == code and quorum.notice_ms:
                quorums = list(code.quorums)
                quorums[place] = msgspec.structs.replace(quorum, notice_ms=0)
                self._try(self._with_code(quorums=tuple(quorums)))

    def _with_code(self, **changes: object) -> Plan:
        assert self.plan.code is not None
        return _changed(self.plan, code=msgspec.structs.replace(self.plan.code, **changes))

    def _drop(self, items: Sequence[_T], made: Callable[[tuple[_T, ...]], Plan]) -> None:
        kept = tuple(items)
        size = max(1, len(kept) // 2)
        while kept and not self.is_spent:
            place = 0
            while place < len(kept) and not self.is_spent:
                fewer = kept[:place] + kept[place + size :]
                if self._try(made(fewer)):
                    kept = fewer
                else:
                    place += size
            if size == 1:
                break
            size = max(1, size // 2)

    def _try(self, candidate: Plan) -> bool:
        """Whether a candidate fails in the same way; then it is the smallest so far."""
        if candidate == self.plan or self.is_spent:
            return False
        try:
            candidate.check("a smaller schedule")
        except ConfigError:
            return False
        self.runs += 1
        self._told(self.runs, self.plan)
        result = simulate(candidate, self._application, is_thorough=self.is_thorough)
        finding = result.finding
        if finding is None or not finding.is_like(self.finding):
            return False
        self.plan, self.finding = candidate, finding
        return True

    def _with_submissions(self, submissions: tuple[Submission, ...]) -> Plan:
        return _changed(self.plan, submissions=submissions)

    def _with_calls(self, place: int, calls: tuple[CallText, ...]) -> Plan:
        submissions = list(self.plan.submissions)
        submissions[place] = msgspec.structs.replace(submissions[place], calls=calls)
        return self._with_submissions(tuple(s for s in submissions if s.calls))


def _changed(plan: Plan, **changes: object) -> Plan:
    return msgspec.structs.replace(plan, **changes)


def _without_node(plan: Plan, name: str) -> Plan:
    faults: list[Fault] = []
    for fault in plan.faults:
        if isinstance(fault, Partition):
            side = tuple(node for node in fault.side if node != name)
            if side:
                faults.append(msgspec.structs.replace(fault, side=side))
        elif name not in fault.hits():
            faults.append(fault)
    nodes = tuple(_own(node, name) for node in plan.nodes if node.name != name)
    submissions = tuple(s for s in plan.submissions if s.node != name)
    code = None if plan.code is None else _without_key(plan.code, name)
    return _changed(plan, nodes=nodes, faults=tuple(faults), submissions=submissions, code=code)


def _without_key(code: CodePlan, name: str) -> CodePlan:
    """A quorum of whom nobody is left goes; else as many of them as there are must approve."""
    quorums = []
    for quorum in code.quorums:
        keys = tuple(key for key in quorum.keys if key != name)
        if keys:
            k = min(quorum.k, len(keys))
            quorums.append(msgspec.structs.replace(quorum, k=k, keys=keys))
    return msgspec.structs.replace(code, quorums=tuple(quorums))


def _own(node: NodePlan, lost_owner: str) -> NodePlan:
    """A device of a member who is not there any more is a member's first."""
    if node.owner != lost_owner:
        return node
    return msgspec.structs.replace(node, owner=node.name)


def _simpler(call: CallText) -> list[CallText]:
    """The same call of the arena with one step only, each in turn, and without work."""
    arguments = json.loads(call.arguments)
    found = []
    if len(arguments["steps"]) > 1:
        for step in arguments["steps"]:
            simple = {"steps": [step], "fails": False, "work": 0}
            found.append(CallText(call.method, json.dumps(simple)))
    if arguments["work"]:
        found.append(CallText(call.method, json.dumps({**arguments, "work": 0})))
    return found
