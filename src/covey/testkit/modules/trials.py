"""One random case from start to end: a module, what is asked of it, and what must hold.

A case is a kind and a seed, so any process on any engine can do it again. What it comes to is a
digest of all that may be seen from outside, fuel included, which is the same everywhere.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import wasmtime

from covey.errors import ConfigError
from covey.model import (
    Batch,
    Call,
    Completed,
    ContextId,
    DeviceId,
    Failed,
    Failure,
    Interface,
    MemberId,
    MethodKind,
    Outcome,
    Query,
    ReleaseId,
    time_at,
)
from covey.runtime import BlockingExecutor, Engine, prepare_module
from covey.testkit.modules.arguments import draw_arguments
from covey.testkit.modules.calls import generate_caller
from covey.testkit.modules.generate import generate_module
from covey.testkit.modules.mutate import mutate
from covey.testkit.modules.reference import Reference, difference
from covey.testkit.modules.tracing import Observed, observe

__all__ = ["KINDS", "Came", "Subject"]

KINDS: Final = ("generated", "mutated", "caller", "application")
"""A valid module beside its original; a broken one; the host's functions; real applications."""

_FUEL: Final = 6_000_000
_BASES: Final = 5_000
_STRANGER: Final = ReleaseId(b"r" * 36)
_TOLERATED: Final = (
    *("data is outside the memory", "elements are outside the table"),
    "a number does not fit 32 bits",
)
"""What is refused though an engine validates it: what it would refuse when the module starts, and
limits and offsets of more than 5 bytes, which only memories of 64 bits may need."""


@dataclass(slots=True)
class Came:
    """What a case came to. ended: how its runs did, or the rule that refused it.

    findings: what must not be, in words. prepare_s, compile_s: processor time for its module.
    """

    digest: str = ""
    fuel: int = 0
    ended: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    prepare_s: float = 0.0
    compile_s: float = 0.0


class _Entries:
    """An `EntryReader` over a few entries."""

    def __init__(self) -> None:
        one = (1).to_bytes(8, "little")
        self.entries = {
            ("items", b"k"): b'"v"',
            ("items", b"key"): b"",
            ("items", b"k1"): bytes(3_000),
            ("fixed", b"k1"): b"[]",
            ("sums", b"k"): one,
            ("entries", b"a"): b"1",
            ("entries", b"key"): b"x" * 300,
            ("totals", b"a"): one,
        }

    def get(self, collection: str, key: bytes) -> bytes | None:
        return self.entries.get((collection, key))

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        for name, key in sorted(self.entries):
            if name == collection and key.startswith(prefix) and key > after:
                yield key, self.entries[name, key]


class Subject:
    """One engine under trial.

    applications: real modules by name. reference: beside it, or None. runs: of everything asked.
    """

    def __init__(
        self,
        engine: Engine,
        applications: Mapping[str, bytes],
        reference: Reference | None,
        runs: int = 2,
    ) -> None:
        self._runs = runs
        self._engine = engine
        self._executor = BlockingExecutor(engine)
        self._applications = applications
        self._reference = reference
        self._validator = wasmtime.Engine() if reference else None
        self._installed: dict[bytes, tuple[ReleaseId, Interface]] = {}

    def module(self, kind: str, seed: int) -> bytes:
        """The module of a case."""
        if kind == "generated":
            return generate_module(seed).code
        if kind == "caller":
            return generate_caller(seed)
        rng = random.Random(f"{kind} {seed}")  # noqa: S311  # a case repeats itself
        names = sorted(self._applications)
        if kind == "application":
            return self._applications[rng.choice(names)]
        bases = (
            generate_module(rng.randrange(_BASES)).code,
            generate_module(rng.randrange(_BASES)).code,
            generate_caller(rng.randrange(_BASES)),
            self._applications[rng.choice(names)],
        )
        return mutate(rng, rng.choice(bases), rng.choice(bases))

    def try_(self, kind: str, seed: int, given: bytes | None = None) -> Came:
        """Do a case. given: a module from elsewhere, in the place of the kind's own."""
        came = Came()
        module = self.module(kind, seed) if given is None else given
        hashed = hashlib.sha256()
        if kind in ("generated", "mutated"):
            seen: Sequence[object] = self._beside_original(module, seed, came)
        else:
            seen = self._by_executor(module, seed, came)
        for part in seen:
            hashed.update(repr(part).encode())
        came.digest = hashed.hexdigest()
        return came

    # -- modules beside their originals -------------------------------------------------------

    def _beside_original(self, module: bytes, seed: int, came: Came) -> list[object]:
        started = time.process_time()
        try:
            prepared = prepare_module(module)
        except ConfigError as refusal:
            came.prepare_s = time.process_time() - started
            came.ended.append("refused: " + _rule(refusal))
            self._check_refusal(module, str(refusal), came)
            return [str(refusal)]
        came.prepare_s = time.process_time() - started
        original = None
        if self._reference is not None:
            try:
                original = self._reference.compile(module)
            except wasmtime.WasmtimeError as error:
                came.findings.append(f"accepted though invalid: {error}")
                return ["accepted"]
        started = time.process_time()
        compiled = self._engine.compile(prepared)
        came.compile_s = time.process_time() - started
        seen: list[object] = [hashlib.sha256(prepared.code).hexdigest()]
        for entry in prepared.facts.entries:
            runs = [observe(compiled, entry, seed, _FUEL) for _ in range(self._runs)]
            if any(run != runs[0] for run in runs):
                came.findings.append(f"{entry} did not repeat itself: {_brief(runs)}")
            if self._reference is not None and original is not None:
                expected = self._reference.observe(original, entry, seed)
                differs = difference(expected, runs[0])
                if differs is not None:
                    came.findings.append(f"{entry} differs from its original: {differs}")
            came.fuel += runs[0].fuel
            came.ended.append("completed" if runs[0].ended is None else runs[0].ended[1])
            seen.append(runs[0])
        return seen

    def _check_refusal(self, module: bytes, refusal: str, came: Came) -> None:
        """What is refused as wrong must be wrong; what is refused by choice may be valid."""
        wrong = _rule(refusal) in ("malformed", "invalid")
        if self._validator is None or not wrong or any(words in refusal for words in _TOLERATED):
            return
        try:
            wasmtime.Module.validate(self._validator, module)
        except wasmtime.WasmtimeError:
            return
        came.findings.append(f"valid, but {refusal}")

    # -- calls with the real host -------------------------------------------------------------

    def _by_executor(self, module: bytes, seed: int, came: Came) -> list[object]:
        started = time.process_time()
        release, interface = self._install(module)
        came.compile_s = time.process_time() - started
        base = _Entries()
        before = dict(base.entries)
        batch, query = _asked(random.Random(f"asked {seed}"), release, interface)  # noqa: S311
        runs = []
        for _ in range(self._runs):
            outcomes: list[Outcome] = list(self._executor.run_batch(batch, base))
            if query is not None:
                outcomes.append(self._executor.query(query, base))
            runs.append(outcomes)
        if any(run != runs[0] for run in runs):
            came.findings.append("calls did not repeat themselves")
        if base.entries != before:
            came.findings.append("a call changed the state below it")
        for outcome in runs[0]:
            came.fuel += outcome.fuel
            came.ended.append(_ending(outcome))
            if isinstance(outcome, Failed) and outcome.failure is Failure.HOST_FAULT:
                came.findings.append(f"a host fault: {outcome.message}")
        return list(runs[0])

    def _install(self, module: bytes) -> tuple[ReleaseId, Interface]:
        """Real applications are installed once, all others under one name."""
        if module not in self._applications.values():
            return _STRANGER, self._executor.install(_STRANGER, module)
        if module not in self._installed:
            release = ReleaseId(hashlib.sha256(module).digest() + bytes(4))
            self._installed[module] = release, self._executor.install(release, module)
        return self._installed[module]


def _asked(
    rng: random.Random, release: ReleaseId, interface: Interface
) -> tuple[Batch, Query | None]:
    """Some calls in one batch, and a query if there is one to ask."""
    calls = [m for m in interface.methods if m.kind is MethodKind.CALL]
    queries = [m for m in interface.methods if m.kind is MethodKind.QUERY]
    batch = Batch(
        context=ContextId(b"c" * 36),
        release=release,
        member=MemberId(b"m" * 32),
        device=DeviceId(b"d" * 32),
        sequence=rng.randint(1, 2**40),
        previous=None,
        time=time_at(rng.randrange(2**41)),
        roles=(),
        calls=tuple(
            Call(method.name, draw_arguments(rng, method.arguments_schema))
            for method in rng.choices(calls, k=rng.randint(1, 4))
        ),
    )
    if not queries:
        return batch, None
    method = rng.choice(queries)
    return batch, Query(
        context=batch.context,
        release=batch.release,
        member=batch.member,
        device=batch.device,
        time=batch.time,
        call=Call(method.name, draw_arguments(rng, method.arguments_schema)),
    )


def _ending(outcome: Outcome) -> str:
    return "completed" if isinstance(outcome, Completed) else outcome.failure.value


def _rule(refusal: ConfigError | str) -> str:
    return str(refusal).rsplit("(", 1)[-1].rstrip(")").split(",")[0]


def _brief(runs: list[Observed]) -> str:
    return str([replace(run, calls=()) for run in runs])
