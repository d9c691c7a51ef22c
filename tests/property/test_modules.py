"""A rewritten module does what its original does, on every engine, and costs the same each time.

The modules are random and valid; the originals run unmetered on a plain engine, which is what
everything is compared with.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from covey.errors import ConfigError
from covey.model import Failure
from covey.runtime import ENGINES, Engine, new_engine, prepare_module
from covey.testkit.modules import (
    GeneratedModule,
    Observed,
    Reference,
    Subject,
    difference,
    generate_caller,
    generate_module,
    observe,
)

SEEDS = 200
FUEL = 50_000_000


def here(name: str) -> Engine | None:
    """wasmtime is everywhere, wasmer on Python 3.10."""
    try:
        return new_engine(name)
    except ConfigError:
        assert name != "wasmtime"
        return None


HERE = {name: engine for name in ENGINES if (engine := here(name)) is not None}


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


def runs(module: GeneratedModule, seed: int, engine: Engine) -> list[Observed]:
    """Every entry twice, in turn: the second time on an instance that has run others before."""
    compiled = engine.compile(prepare_module(module.code))
    return [observe(compiled, entry, seed, FUEL) for entry in module.entries * 2]


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_rewritten_modules_do_what_their_originals_do(reference: Reference, first: int) -> None:
    """The same host calls with the same memory, the same end, and one fuel for all engines."""
    for seed in range(first, first + 20):
        module = generate_module(seed)
        original = reference.compile(module.code)
        expected = [reference.observe(original, entry, seed) for entry in module.entries]
        seen = [runs(module, seed, engine) for engine in HERE.values()]
        for each in seen:
            for one, two in zip(expected * 2, each, strict=True):
                assert difference(one, two) is None, (seed, difference(one, two))
            assert each[: len(expected)] == each[len(expected) :], f"seed {seed} does not repeat"
            assert each == seen[0], f"engines differ on seed {seed}"


def test_modules_of_the_generator_do_something(reference: Reference) -> None:
    """Otherwise the property above says nothing: most end well, some in each kind of trap."""
    ends: Counter[str] = Counter()
    calls = 0
    for seed in range(SEEDS):
        module = generate_module(seed)
        compiled = HERE["wasmtime"].compile(prepare_module(module.code))
        for entry in module.entries:
            run = observe(compiled, entry, seed, FUEL)
            ends["completed" if run.ended is None else run.ended[1]] += 1
            calls += len(run.calls)
            assert 0 < run.fuel <= FUEL
    assert ends["completed"] > sum(ends.values()) / 2
    assert len(ends) >= 6
    assert calls > 1_000


def test_generator_repeats_itself() -> None:
    """A seed is a module: what was found can be found again."""
    assert generate_module(7) == generate_module(7)
    assert generate_caller(7) == generate_caller(7)
    assert len({generate_module(seed).code for seed in range(50)}) == 50


def test_another_memory_or_end_is_a_difference(reference: Reference) -> None:
    """The comparison sees what it is there to see."""
    module = generate_module(3)
    entry = module.entries[0]
    original = reference.observe(reference.compile(module.code), entry, 3)
    compiled = HERE["wasmtime"].compile(prepare_module(module.code))
    run = observe(compiled, entry, 3, FUEL)
    assert difference(original, run) is None
    assert run.calls
    other = dataclasses.replace(run.calls[0], memory=b"other")
    assert difference(original, dataclasses.replace(run, calls=(other, *run.calls[1:])))
    assert difference(original, dataclasses.replace(run, calls=run.calls[:-1]))
    assert difference(original, dataclasses.replace(run, ended=(Failure.TRAP, "unreachable")))
    assert difference(original, dataclasses.replace(run, ended=(Failure.HOST_FAULT, "stack")))


def test_less_fuel_only_cuts_a_run_short(reference: Reference) -> None:
    """Up to where it ends, a run with less fuel is the run with more; and it used what it had."""
    cut = 0
    for seed in range(40):
        module = generate_module(seed)
        compiled = HERE["wasmtime"].compile(prepare_module(module.code))
        entry = module.entries[0]
        whole = observe(compiled, entry, seed, FUEL)
        for fuel in (1, whole.fuel // 2, whole.fuel - 1, whole.fuel, whole.fuel + 1):
            run = observe(compiled, entry, seed, max(1, fuel))
            if run.ended is not None and run.ended[0] is Failure.OUT_OF_FUEL:
                cut += 1
                assert run.fuel == max(1, fuel)
                assert run.calls == whole.calls[: len(run.calls)]
            else:
                assert run == whole
        # What ends by itself needs at least one more than it uses.
        if whole.ended is None:
            run = observe(compiled, entry, seed, whole.fuel)
            assert run.ended is not None
            assert run.ended[0] is Failure.OUT_OF_FUEL
    assert cut > 80


@pytest.mark.parametrize("kind", ["caller", "mutated"])
def test_wild_modules_find_nothing(reference: Reference, kind: str) -> None:
    """A short walk of what `make fuzz` does for hours."""
    for engine in HERE.values():
        subject = Subject(engine, {"one": generate_caller(1)}, reference)
        for seed in range(150):
            assert subject.try_(kind, seed).findings == [], f"{kind} {seed}"
