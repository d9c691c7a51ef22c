"""Runs calls of one application on this machine, without a node and with every input given."""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import cid_of
from covey.model import (
    Batch,
    Call,
    Completed,
    ContextId,
    EntryReader,
    Interface,
    MethodKind,
    Outcome,
    Query,
    ReleaseTerms,
    limits,
    time_at,
)
from covey.runtime import BlockingExecutor
from covey.workbench.files import Application
from covey.workbench.people import DEFAULT_MEMBER, People

__all__ = ["START_MS", "Caller", "Trial", "fuel_limit", "result_text"]

START_MS = 1_750_000_000_000
"""The time of calls where none is given: any fixed one makes runs repeat themselves."""

_CONTEXT = ContextId(cid_of(b"covey workbench"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, and all else that code may know of its call.

    member: a name. time_ms: Unix milliseconds. seed: 1 to 2^32 - 1, another one draws otherwise.
    """

    member: str = DEFAULT_MEMBER
    roles: tuple[str, ...] = ()
    time_ms: int = START_MS
    seed: int = 1


class Trial:
    """An application that is ready to run; belongs to one thread.

    Raises ConfigError if its module is refused or the engine is not there.
    """

    def __init__(self, application: Application, engine: str, people: People) -> None:
        self.release = application.release
        self.people = people
        self.executor = BlockingExecutor()
        self.interface: Interface = self.executor.install(self.release, application.module, engine)

    @property
    def terms(self) -> ReleaseTerms:
        """What the application says of itself."""
        return ReleaseTerms("0.0.0", self.interface.abi, self.interface.collections)

    def is_query(self, method: str) -> bool:
        """Whether a method only reads; one that is not declared counts as a call."""
        declared = self.interface.method(method)
        return declared is not None and declared.kind is MethodKind.QUERY

    def run(self, call: Call, state: EntryReader, caller: Caller) -> Outcome:
        """The outcome of one call or query; the state stays as it is."""
        if self.is_query(call.method):
            return self.executor.query(self._query(call, caller), state)
        (outcome,) = self.executor.run_batch(self._batch(call, caller), state)
        return outcome

    def _batch(self, call: Call, caller: Caller) -> Batch:
        return Batch(
            context=_CONTEXT,
            release=self.release,
            member=self.people.member(caller.member),
            device=self.people.device(caller.member),
            sequence=caller.seed,
            previous=None,
            time=time_at(caller.time_ms),
            roles=caller.roles,
            calls=(call,),
        )

    def _query(self, call: Call, caller: Caller) -> Query:
        return Query(
            context=_CONTEXT,
            release=self.release,
            member=self.people.member(caller.member),
            device=self.people.device(caller.member),
            time=time_at(caller.time_ms),
            call=call,
        )


def fuel_limit(*, is_query: bool) -> int:
    """What a call or query may use at most."""
    return limits.QUERY_FUEL_MAX if is_query else limits.CALL_FUEL_MAX


def result_text(outcome: Completed) -> str:
    """The result as JSON; a method that gave none answers null."""
    return outcome.result.decode("utf-8") or "null"
