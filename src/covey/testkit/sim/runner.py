"""Many seeds: run by several processes, kept in a file, gone on with, and summed up.

A results file holds one JSON line for each seed, after one that says what was run. Seeds that are
in it are not run again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import msgspec

import covey
from covey.errors import ConfigError, StoreError
from covey.testkit import bounds
from covey.testkit.sim.application import load_application
from covey.testkit.sim.counts import EffectCount
from covey.testkit.sim.draw import plan_of
from covey.testkit.sim.plan import Plan
from covey.testkit.sim.run import Result, simulate
from covey.testkit.sim.scenario import Scenario
from covey.testkit.sim.workers import working
from covey.workbench.reading import shown

__all__ = ["Last", "Results", "Summary", "plan_for", "results_file", "run_seeds", "sum_up"]


class Last(msgspec.Struct, frozen=True):
    """The last line of a run for scripts. trace: one hash over all seeds in order."""

    seeds: int
    calls: int
    findings: int
    trace: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What many seeds came to.

    took_effect: as in a result. faults: by kind, in how many seeds it did something, and how
    often. effects: by merge rule. healed_s: the slowest healing, in virtual seconds, of those
    seeds that healed. not_healed: how many did not, since a promise was broken before.
    """

    scenario: str
    seeds: int
    calls: int
    calls_least: int
    took_effect: int
    deltas: int
    steps: int
    healed_s: float | None
    not_healed: int
    faults: dict[str, tuple[int, int]]
    effects: dict[str, EffectCount]
    forks: int
    findings: tuple[int, ...]
    trace: str

    @property
    def last(self) -> Last:
        """The last line."""
        return Last(self.seeds, self.calls, len(self.findings), self.trace)


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a results file is of: other results do not belong into it."""

    covey: str
    code: str
    application: str
    scenario: Scenario


class Results:
    """The seeds that a results file holds already, and where the next ones go."""

    def __init__(self, file: _File | None, known: dict[int, Result]) -> None:
        self._file = file
        self._known = known

    def get(self, seed: int) -> Result | None:
        """What was found before."""
        return self._known.get(seed)

    def add(self, result: Result) -> None:
        """Keep a result, at once. Raises StoreError."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(result) + b"\n")


class _File:
    """A results file, without a buffer: what could not be written is not tried again at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._written():
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
            self._number = os.open(path, flags, 0o666)
        if not stat.S_ISREG(os.fstat(self._number).st_mode):
            os.close(self._number)
            raise StoreError(f"{shown(path)} is no regular file: results cannot be kept there")

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise StoreError(f"{shown(self._path)} cannot be written: {why}") from error

    def lines(self) -> Iterator[bytes]:
        """Its lines, each up to the bound and one byte more."""
        with self._written(), os.fdopen(os.dup(self._number), "rb") as file:
            file.seek(0)
            yield from iter(lambda: file.readline(bounds.SIM_RESULT_BYTES_MAX + 1), b"")

    def cut(self, size_bytes: int) -> None:
        """Drop what is beyond. Raises StoreError."""
        with self._written():
            os.ftruncate(self._number, size_bytes)

    def write(self, line: bytes) -> None:
        """Add a line. Raises StoreError."""
        with self._written():
            while line:
                line = line[os.write(self._number, line) :]

    def close(self) -> None:
        """Let go of it. Raises StoreError."""
        with self._written():
            os.close(self._number)


@contextmanager
def results_file(path: Path | None, scenario: Scenario) -> Iterator[Results]:
    """Open a results file, made where there is none; None: results are kept nowhere.

    A last line that was cut short is dropped. Raises ConfigError where the file is of another
    scenario or application, of other code or of something else; StoreError where it cannot be
    written.
    """
    if path is None:
        yield Results(None, {})
        return
    release = load_application(scenario.workload.application).release.hex()
    header = _Header(covey.__version__, code_digest(), release, scenario)
    with closing(_File(path)) as file:
        known, good = _read(file.lines(), header, shown(path))
        file.cut(good)
        if not good:
            file.write(msgspec.json.encode(header) + b"\n")
        yield Results(file, known)


def _read(lines: Iterator[bytes], header: _Header, source: str) -> tuple[dict[int, Result], int]:
    known: dict[int, Result] = {}
    good = 0
    for number, line in enumerate(lines, start=1):
        if len(line) > bounds.SIM_RESULT_BYTES_MAX:
            raise ConfigError(f"{source}:{number}: this is no result: the line is too long")
        if not line.endswith(b"\n"):
            # Cut short; but what does not even begin as results do is somebody's file.
            if number == 1 and not msgspec.json.encode(header).startswith(line):
                raise ConfigError(f"{source}: these are no results: name another file")
            break
        try:
            if number == 1:
                _require_same(msgspec.json.decode(line, type=_Header), header, source)
            else:
                result = msgspec.json.decode(line, type=Result)
                before = known.setdefault(result.seed, result)
                if before != result:
                    what = f"seed {result.seed} is there already, with another result"
                    raise ConfigError(f"{source}:{number}: {what}")
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ConfigError(f"{source}:{number}: this is no result: {shown(error)}") from error
        good += len(line)
    return known, good


def _require_same(found: _Header, header: _Header, source: str) -> None:
    others = {"scenario": "another scenario", "application": "another application"}
    for field in _Header.__struct_fields__:
        if getattr(found, field) != getattr(header, field):
            other = others.get(field, "other code")
            raise ConfigError(f"{source}: these results are of {other}: name another file")


def code_digest() -> str:
    """A hash over covey's own code and data: other code, other traces."""
    root = Path(covey.__file__).parent
    whole = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".wasm", ".toml"}:
            whole.update(f"{path.relative_to(root).as_posix()}\n".encode())
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


def plan_for(scenario: Scenario, seed: int) -> Plan:
    """The plan of a seed. Raises as `load_application` and `plan_of`."""
    return plan_of(scenario, seed, load_application(scenario.workload.application))


def run_seeds(
    scenario: Scenario,
    seeds: Iterable[int],
    jobs: int,
    results: Results,
    within: Callable[[int, float, int], None] | None = None,
) -> Generator[Result, None, None]:
    """The result of each seed, in order; those that are known are not run again.

    within: told now and then of the seed that this process runs, its virtual seconds and its steps.
    Raises as `working`. With several jobs its processes end with this iterator: close it.
    """
    wanted = list(seeds)
    unknown = [seed for seed in wanted if results.get(seed) is None]
    jobs = min(jobs, len(unknown))
    run = _Runner(scenario, within if jobs <= 1 else None)
    with nullcontext(map(run, unknown)) if jobs <= 1 else working(run, unknown, jobs) as fresh:
        for seed in wanted:
            result = results.get(seed)
            if result is None:
                result = next(fresh)
                assert result.seed == seed
                results.add(result)
            yield result


class _Runner:
    """Runs seeds of a scenario; a process that it is sent to compiles the application once."""

    def __init__(
        self, scenario: Scenario, within: Callable[[int, float, int], None] | None
    ) -> None:
        self._scenario = scenario
        self._within = within

    def __call__(self, seed: int) -> Result:
        application = load_application(self._scenario.workload.application)
        told = None if self._within is None else partial(self._within, seed)
        return simulate(plan_of(self._scenario, seed, application), application, told=told)


def sum_up(
    scenario: Scenario, results: Iterable[Result], seen: Callable[[Result], None]
) -> Summary:
    """Go through results in order, and add them up. seen: told of each."""
    whole = hashlib.sha256()
    seeds = calls = took_effect = deltas = steps = forks = 0
    calls_least: int | None = None
    healings_s: list[float] = []
    faults: dict[str, tuple[int, int]] = {}
    effects: dict[str, EffectCount] = {}
    findings: list[int] = []
    for result in results:
        seen(result)
        whole.update(f"{result.seed} {result.trace}\n".encode())
        seeds, calls, deltas = seeds + 1, calls + result.calls, deltas + result.deltas
        took_effect += result.took_effect
        steps, forks = steps + result.steps, forks + result.forks
        calls_least = result.calls if calls_least is None else min(calls_least, result.calls)
        if result.healed_s is not None:
            healings_s.append(result.healed_s)
        for kind, count in result.faults.items():
            in_seeds, times = faults.get(kind, (0, 0))
            faults[kind] = (in_seeds + 1, times + count)
        for rule, counted in result.effects.items():
            effects[rule] = effects.get(rule, EffectCount()).plus(counted)
        if result.finding is not None:
            findings.append(result.seed)
    return Summary(
        scenario=scenario.name,
        seeds=seeds,
        calls=calls,
        calls_least=calls_least or 0,
        took_effect=took_effect,
        deltas=deltas,
        steps=steps,
        healed_s=max(healings_s, default=None),
        not_healed=seeds - len(healings_s),
        faults=dict(sorted(faults.items())),
        effects=dict(sorted(effects.items())),
        forks=forks,
        findings=tuple(findings),
        trace=whole.hexdigest()[:16],
    )
