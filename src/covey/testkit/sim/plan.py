"""What one seed does: who takes part, what is called, and what goes wrong when.

A plan is a value: everything random about a seed that is not timing is drawn beforehand, so that a
failing seed can be read, made smaller, kept in a file and run again.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from covey.errors import ConfigError
from covey.model import Call
from covey.testkit import bounds
from covey.testkit.sim.faults import BREACHES, MISDEEDS, Fault, Leave, Misdeed, Rollout, kind_of
from covey.testkit.sim.releases import LATER

__all__ = [
    "CallText",
    "CodePlan",
    "NodePlan",
    "Plan",
    "QuorumPlan",
    "Submission",
    "decode_plan",
    "encode_plan",
]


_Moment = Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)]  # within a virtual day
_Span = Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]


class CallText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call as a file shows it. arguments: JSON."""

    method: str
    arguments: str

    @property
    def call(self) -> Call:
        """What a node is asked to run."""
        return Call(self.method, self.arguments.encode())


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Calls that reach one node together."""

    at_s: _Moment
    node: str
    calls: tuple[CallText, ...]


class NodePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node. owner: the node whose member it is a device of, itself for a member of its own.

    starts_s: when it first comes up. is_founder: in the charter; others ask to be admitted.
    """

    name: str
    owner: str
    starts_s: _Moment = 0.0
    is_founder: bool = False
    is_doctored: bool = False


class QuorumPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many of the members who own these nodes approve a release, and a notice runs."""

    k: Annotated[int, msgspec.Meta(ge=1, le=64)]
    keys: tuple[str, ...]
    notice_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 0


class CodePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the charter asks of releases: constraints `never`, `publisher` and quorums."""

    is_locked: bool = False
    is_published: bool = False
    quorums: tuple[QuorumPlan, ...] = ()

    @property
    def told(self) -> str:
        """The rule in a few words."""
        named = [*(["never"] if self.is_locked else []),
                 *(["publisher"] if self.is_published else [])]  # fmt: skip
        for quorum in self.quorums:
            notice = f", notice {quorum.notice_ms} ms" if quorum.notice_ms else ""
            named.append(f"{quorum.k} of {', '.join(quorum.keys)}{notice}")
        return "; ".join(named) or "no constraint"


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One seed's world. Times are virtual seconds from its beginning.

    degree: neighbours of each node, 0 for everybody. delay_s: of a message, on average. faults_s:
    how long faults last. healing_s: in which all must agree then. is_tight: limits are lowered so
    that few nodes and deltas meet every bound. honesty_every: of so many steps of a node one asks
    what it would tell its user, 1 for all (a network of hundreds has a view of hundreds).
    is_verified: the charter has every node run again what others write. fuel_budget: the
    charter's; 0: none. code: what it asks of releases; None: there is no later one.
    """

    seed: int
    scenario: str
    nodes: Annotated[tuple[NodePlan, ...], msgspec.Meta(max_length=bounds.SIM_NODES_MAX)]
    degree: Annotated[int, msgspec.Meta(ge=0)] = 0
    delay_s: _Span
    faults: tuple[Fault, ...]
    submissions: tuple[Submission, ...]
    is_tight: bool
    faults_s: _Moment
    healing_s: _Moment
    honesty_every: Annotated[int, msgspec.Meta(ge=1)] = 1
    is_verified: bool = False
    fuel_budget: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    code: CodePlan | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every node's name, founders first."""
        return tuple(node.name for node in self.nodes)

    @property
    def founders(self) -> tuple[NodePlan, ...]:
        """Those in the charter, in the order of their rank."""
        return tuple(node for node in self.nodes if node.is_founder)

    @property
    def calls_count(self) -> int:
        """Calls that will be submitted."""
        return sum(len(submission.calls) for submission in self.submissions)

    def check(self, source: str) -> None:
        """Require what a plan from a file might lack. Raises ConfigError."""
        names = set(self.names)
        if len(names) != len(self.nodes) or not self.founders:
            raise ConfigError(f"{source}: nodes need names of their own, and one founder at least")
        for node in self.nodes:
            if node.owner not in names:
                raise ConfigError(f"{source}: {node.name} is {node.owner}'s, who is not there")
        for submission in self.submissions:
            if submission.node not in names:
                raise ConfigError(f"{source}: calls go to {submission.node}, who is not there")
        doctored = {node.name for node in self.nodes if node.is_doctored}
        for fault in self.faults:
            strangers = sorted(set(fault.hits()) - names)
            if strangers:
                what = f"{_a(fault)} hits {strangers[0]}, who is not there"
                raise ConfigError(f"{source}: {what}")
            if isinstance(fault, Misdeed) and fault.deed not in (*MISDEEDS, *BREACHES):
                raise ConfigError(f"{source}: there is no misdeed {fault.deed!r}")
            if isinstance(fault, Misdeed) and fault.node not in doctored:
                raise ConfigError(f"{source}: {fault.node} is honest and does no misdeeds")
            if not fault.at_s <= fault.ends_s() <= self.faults_s:
                what = f"{_a(fault)} goes from {fault.at_s} to {fault.ends_s()} s"
                raise ConfigError(f"{source}: {what}, and faults end at {self.faults_s} s")
        self._check_code(source)
        gone = {f.node for f in self.faults if isinstance(f, Leave) and f.back_s is None}
        if not names - doctored - gone:
            raise ConfigError(f"{source}: no honest node stays: there would be nobody to agree")

    def _check_code(self, source: str) -> None:
        for fault in self.faults:
            if isinstance(fault, Rollout):
                if fault.release not in LATER or fault.deed not in ("approve", "upgrade"):
                    what = f"nobody can {fault.deed} a release {fault.release!r}"
                    raise ConfigError(f"{source}: {what}")
                if self.code is None:
                    raise ConfigError(f"{source}: without `code` there is no later release")
        for quorum in () if self.code is None else self.code.quorums:
            strangers = sorted(set(quorum.keys) - set(self.names))
            if strangers:
                what = f"{strangers[0]} has a key of a quorum, and is not there"
                raise ConfigError(f"{source}: {what}")
            owners = {node.owner for node in self.nodes if node.name in quorum.keys}
            if quorum.k > len(owners):
                what = f"{quorum.k} keys are asked for, and {len(owners)} members have one"
                raise ConfigError(f"{source}: {what}")


def _a(fault: Fault) -> str:
    """A fault as a sentence has it."""
    kind = kind_of(fault)
    return f"an {kind}" if kind[0] in "aeiu" else f"a {kind}"


_Plans: TypeAlias = msgspec.json.Decoder[Plan]
_decoder: _Plans = msgspec.json.Decoder(Plan)


def encode_plan(plan: Plan) -> bytes:
    """A plan as JSON for people: indented, and the same for the same plan."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n"


def decode_plan(content: bytes, source: str) -> Plan:
    """A plan from a file. Raises ConfigError with the place of what is wrong."""
    try:
        plan = _decoder.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: {error}") from error
    plan.check(source)
    return plan
