"""What others signed, run again on real WebAssembly: what agrees, and each way to differ."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from covey.errors import NotFound
from covey.model import (
    Add,
    AppEvent,
    Batch,
    Call,
    Completed,
    Delete,
    Denied,
    Effect,
    Failed,
    Failure,
    Put,
    ReplayWord,
    Signed,
    time_at,
)
from covey.rules import ADD_MAX, ADD_MIN
from covey.runtime import BlockingExecutor, Interrupt
from covey.runtime.abi.covey1 import BatchRun, SignedCall
from covey.testkit.sim.application import ARENA, load_application
from tests.contract.runtime.guests import RELEASE, TIME_MS, Script, batch

LOOP = "(loop $l (br $l))"
SCAN = 3
"""The argument with which the guest scans all items."""


class State:
    """What signed batches made, with exact sums; an `EntryReader`."""

    def __init__(self, **collections: dict[bytes, bytes | int]) -> None:
        self.collections = collections

    def get(self, collection: str, key: bytes) -> bytes | None:
        value = self.collections.get(collection, {}).get(key)
        return None if value is None else _read(value)

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        entries = sorted(self.collections.get(collection, {}).items())
        return iter([(k, _read(v)) for k, v in entries if k.startswith(prefix) and k > after])

    def after(self, signed: Signed) -> State:
        later = State(**{name: dict(entries) for name, entries in self.collections.items()})
        for effect in (e for effects in signed.effects for e in effects):
            entries = later.collections.setdefault(effect.collection, {})
            if isinstance(effect, Put):
                entries[effect.key] = effect.value
            elif isinstance(effect, Delete):
                entries.pop(effect.key, None)
            else:
                before = entries.get(effect.key, 0)
                assert isinstance(before, int)
                entries[effect.key] = before + effect.amount
        return later


def _read(value: bytes | int) -> bytes:
    if isinstance(value, bytes):
        return value
    return max(ADD_MIN, min(ADD_MAX, value)).to_bytes(8, "little", signed=True)


def sign(executor: BlockingExecutor, asked: Batch, state: State) -> Signed:
    """What an honest device signs: the calls that completed, and exactly what they did."""
    outcomes = executor.run_batch(asked, state)
    kept = [(c, o) for c, o in zip(asked.calls, outcomes, strict=True) if isinstance(o, Completed)]
    return Signed(
        replace(asked, calls=tuple(call for call, _ in kept)),
        tuple(outcome.effects for _, outcome in kept),
        tuple(outcome.events for _, outcome in kept),
        tuple(outcome.fuel for _, outcome in kept),
    )


def sign_row(executor: BlockingExecutor, state: State, *batches: Batch) -> tuple[Signed, ...]:
    """Batches that follow one another, each signed on what the ones before it made."""
    row: list[Signed] = []
    for asked in batches:
        row.append(sign(executor, asked, state))
        state = state.after(row[-1])
    return tuple(row)


def amount(number: int) -> Call:
    return Call("run", number.to_bytes(8, "little", signed=True))


def adding(number: int, sequence: int = 1) -> Batch:
    return batch(amount(number), sequence=sequence)


@pytest.fixture
def executor() -> BlockingExecutor:
    """Its `run` tells what the sum is, adds its argument, and does more at the argument SCAN."""
    script, executor = Script(), BlockingExecutor()
    body = (
        "(drop (call $input (i32.const 0) (i32.const 8)))"
        + script.get("sums", "s")
        + script.emit("sum", "(i32.const 8)")
        + f"(call $add {script.text('sums')} {script.text('s')} (i64.load (i32.const 0)))"
        + f"(if (i64.eq (i64.load (i32.const 0)) (i64.const {SCAN})) (then "
        + script.scan("items")
        + script.next()
        + "))"
    )
    executor.install(RELEASE, script.build(body))
    return executor


def word_on(executor: BlockingExecutor, signed: Signed, state: State | None = None) -> ReplayWord:
    (word,) = executor.replay((signed,), state or State())
    return word


def denied(word: ReplayWord) -> Denied:
    assert isinstance(word, Denied), word
    assert "\n" not in word.reason
    return word


def test_honest_batch_agrees_within_the_fuel_that_it_declares():
    """Whatever it calls of the host: what is asked for ahead of its use would seem a lie."""
    script, executor = Script(), BlockingExecutor()
    body = (
        "(call $random (i32.const 1024) (i32.const 32))"
        + script.emit(size="(i32.const 32)")
        + script.scan("items")
        + script.next(24)
        + script.emit()
        + script.next()
        + script.emit_number()
        + script.get("items", "a")
        + "(call $sha256 (i32.const 1024) (i32.const 9) (i32.const 1024))"
        + "(drop (call $verify (i32.const 0) (i32.const 64) (i32.const 1024) (i32.const 9)))"
        + "(call $member (i32.const 1024)) (call $device (i32.const 1060))"
        + script.put("items", "a", "2")
        + script.put("staff", "x", "3")
        + script.delete("items", "z")
        + script.delete("items", "absent")
        + script.add("sums", "s", 3)
        + script.output("[1]")
    )
    executor.install(RELEASE, script.build(body, validate=script.get("items", "a")))
    state = State(items={b"a": b"1", b"m": bytes(40), b"z": b"2"})
    asked = batch(Call("run", b"1"), Call("nope", b""), Call("run", b"2"), roles=("clerk",))
    signed = sign(executor, asked, state)
    assert len(signed.effects) == 2
    assert len(signed.effects[0]) > len(signed.effects[1])  # z is gone already
    assert word_on(executor, signed, state) is None


def test_each_batch_is_run_on_what_those_before_it_signed(executor: BlockingExecutor):
    """The engine is asked once about a row, on the state before all of it."""
    state = State(sums={b"s": 100})
    row = sign_row(executor, state, *(adding(5, sequence) for sequence in range(1, 6)))
    assert row[-1].events[0] == (AppEvent("sum", (120).to_bytes(8, "little")),)
    assert executor.replay(row, state) == (None,) * 5
    assert denied(word_on(executor, row[-1], state)).code == "wrong-events"


@pytest.mark.parametrize(
    ("code", "forged"),
    [
        ("wrong-effects", {"effects": ((Add("sums", b"s", 9),),)}),
        ("wrong-effects", {"effects": ((),)}),
        ("wrong-effects", {"effects": ((Add("sums", b"s", 8), Add("sums", b"t", 1)),)}),
        ("wrong-effects", {"effects": ((Put("sums", b"s", b"8"),),)}),
        ("wrong-events", {"events": ((),)}),
        ("wrong-events", {"events": ((AppEvent("sum", bytes(7)),),)}),
        ("wrong-events", {"events": ((AppEvent("sum", bytes(8)),) * 2,)}),
    ],
)
def test_other_effects_and_events_than_signed_are_a_difference(
    executor: BlockingExecutor, code: str, forged: dict[str, tuple[object, ...]]
):
    """Whoever holds a member's key can sign anything; the code would not have done it."""
    signed = sign(executor, adding(8), State())
    assert word_on(executor, signed) is None
    word = denied(word_on(executor, replace(signed, **forged)))  # type: ignore[arg-type]
    assert word.code == code
    assert "call 0, 'run'" in word.reason


@pytest.mark.parametrize("more", [1, -1])
def test_fuel_is_declared_exactly(executor: BlockingExecutor, more: int):
    """Budgets are reckoned with what is declared."""
    signed = sign(executor, adding(8), State())
    lie = replace(signed, fuel=(signed.fuel[0] + more,))
    assert denied(word_on(executor, lie)).code == "wrong-fuel"


def test_lie_about_fuel_costs_no_more_than_it_says(monkeypatch: pytest.MonkeyPatch):
    """A delta that declares little and loops for ever must not be a bomb."""
    executor, given = BlockingExecutor(), []
    rerun = BatchRun.rerun

    def noting(self: BatchRun, index: int, call: Call, fuel: int, signed: SignedCall) -> object:
        given.append(fuel)
        return rerun(self, index, call, fuel, signed)

    executor.install(RELEASE, Script().build(LOOP))
    monkeypatch.setattr(BatchRun, "rerun", noting)
    word = denied(word_on(executor, Signed(batch(), ((),), ((),), (1_000,))))
    assert word.code == "wrong-fuel"
    assert "more than the 1000 fuel" in word.reason
    assert given == [1_001]


@pytest.mark.parametrize("call", [Call("nope", b""), Call("ask", b"")])
def test_call_that_is_not_even_begun_is_a_difference(executor: BlockingExecutor, call: Call):
    """No honest device signs one that failed; such a one has used no fuel."""
    word = denied(word_on(executor, Signed(batch(call), ((),), ((),), (0,))))
    assert word.code == "failed-call"


def test_call_that_fails_here_is_a_difference():
    """What was signed of it is never what it did."""
    script, executor = Script(), BlockingExecutor()
    executor.install(RELEASE, script.build(script.put("items", "k", "v") + script.fail("no")))
    signed = Signed(batch(), ((Put("items", b"k", b"v"),),), ((),), (10**6,))
    assert denied(word_on(executor, signed)).code == "failed-call"


def test_caller_without_the_role_is_found_out():
    """Roles are those at the delta's cut, and the host asks for them."""
    script, executor = Script(), BlockingExecutor()
    executor.install(RELEASE, script.build(script.put("staff", "k", "v")))
    signed = sign(executor, batch(roles=("clerk",)), State())
    assert word_on(executor, signed) is None
    as_nobody = replace(signed, batch=replace(signed.batch, roles=()))
    assert denied(word_on(executor, as_nobody)).code == "failed-call"


def test_difference_of_a_later_call_is_named_by_its_place(executor: BlockingExecutor):
    """The calls before it agree, and it sees what they did."""
    signed = sign(executor, batch(amount(1), amount(2), amount(4)), State())
    assert word_on(executor, signed) is None
    effects = (*signed.effects[:2], (Add("sums", b"s", 5),))
    word = denied(word_on(executor, replace(signed, effects=effects)))
    assert "call 2," in word.reason


def test_first_that_differs_ends_the_row(executor: BlockingExecutor):
    """Those behind it may see what nobody will apply."""
    row = sign_row(executor, State(), *(adding(5, sequence) for sequence in range(1, 5)))
    lie = replace(row[1], effects=((Add("sums", b"s", 6),),))
    words = executor.replay((row[0], lie, *row[2:]), State())
    assert words[0] is None
    assert denied(words[1]).code == "wrong-effects"
    assert len(words) == 2


@pytest.mark.parametrize(("bound", "beyond", "back"), [(ADD_MAX, 5, -7), (ADD_MIN, -5, 7)])
@pytest.mark.parametrize("over", [0, 100])
def test_counter_at_its_bound_ends_the_row(
    executor: BlockingExecutor, bound: int, beyond: int, back: int, over: int
):
    """It is read clamped there, so the sum after an add cannot be told from it."""
    exact = bound + (over if beyond > 0 else -over)
    state = State(sums={b"s": exact})
    row = sign_row(executor, state, adding(beyond), adding(back, 2), adding(1, 3))
    assert executor.replay(row, state) == (None,)
    later = state.after(row[0])
    assert executor.replay(row[1:], later) == (None,)
    assert executor.replay(row[2:], later.after(row[1])) == (None,)


@pytest.mark.parametrize(("sign_of"), [1, -1])
def test_counter_may_pass_its_bound_within_the_row(executor: BlockingExecutor, sign_of: int):
    """Where the sum below is exact, that after each add is."""
    near = ADD_MAX - 1 if sign_of > 0 else ADD_MIN + 1
    state = State(sums={b"s": near})
    adds = (5 * sign_of, -9 * sign_of, sign_of, ADD_MAX * sign_of, ADD_MAX * sign_of, sign_of)
    row = sign_row(executor, state, *(adding(n, place + 1) for place, n in enumerate(adds)))
    assert row[1].events[0][0].data == _read(near + 5 * sign_of)
    assert row[2].events[0][0].data == _read(near - 4 * sign_of)
    assert executor.replay(row, state) == (None,) * len(adds)


def test_counter_at_its_bound_that_nobody_adds_to_does_not_end_the_row(
    executor: BlockingExecutor,
):
    """Only a sum that is added to is reckoned with."""
    state = State(sums={b"s": 0, b"t": ADD_MAX})
    row = sign_row(executor, state, adding(1), adding(1, 2))
    assert executor.replay(row, state) == (None, None)


class Stopping(State):
    """A state of which a scan lasts until the watchdog barks."""

    interrupt = Interrupt()

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        self.interrupt.reason = Failure.HOST_FAULT
        return super().scan(collection, prefix, after)


def test_fault_of_the_host_is_no_verdict(executor: BlockingExecutor):
    """What agreed before it keeps its word; what comes behind is asked about again."""
    items: dict[bytes, bytes | int] = {b"%03d" % n: b"" for n in range(200)}
    row = sign_row(executor, State(items=items), adding(1), adding(SCAN, 2), adding(1, 3))
    assert executor.replay(row, State(items=items)) == (None,) * 3
    slow = Stopping(items=items)
    agreed, fault = executor.replay(row, slow, slow.interrupt)
    assert agreed is None
    assert isinstance(fault, Failed)
    assert fault.failure is Failure.HOST_FAULT


def test_release_that_is_not_here_is_no_verdict(executor: BlockingExecutor):
    """Who asked hears that it could not even begin."""
    signed = sign(executor, adding(1), State())
    with pytest.raises(NotFound):
        BlockingExecutor().replay((signed,), State())


# -- random rows ---------------------------------------------------------------------------------


def play(rng: random.Random, sequence: int) -> Batch:
    """A few random calls of the arena: few keys, so that they meet."""
    return replace(
        batch(*(_call(rng) for _ in range(rng.randint(1, 3))), sequence=sequence),
        time=time_at(TIME_MS + sequence),
    )


def _call(rng: random.Random) -> Call:
    steps = [_step(rng) for _ in range(rng.randint(1, 4))]
    fails = rng.random() < 0.1
    return Call("play", json.dumps({"steps": steps, "fails": fails, "work": 0}).encode())


def _step(rng: random.Random) -> list[str | int]:
    key, value = rng.choice("abc"), rng.choice(("", "x", "7"))
    return rng.choice(
        (
            ["put", "notes", key, value],
            ["delete", "notes", key],
            ["copy", "notes", key, rng.choice("abc")],
            ["bump", "notes", key],
            ["add", "counts", key, rng.choice((-1, 2, 2**62))],
            ["stamp", "stamps", key, value],
            ["seal", "stamps", value],
            ["own", "cards", key, value],
            ["disown", "cards", key],
        )
    )


@pytest.mark.parametrize("seed", range(12))
def test_random_rows_agree_and_one_change_to_them_does_not(seed: int):
    """Whatever the rules of the collections, a row is run as its batches were one by one."""
    rng, executor = random.Random(seed), load_application(ARENA).executor
    release = load_application(ARENA).release
    state = State(notes={b"a": b"1"}, counts={}, stamps={}, cards={})
    batches = [replace(play(rng, n), release=release) for n in range(1, 9)]
    row = tuple(s for s in sign_row(executor, state, *batches) if s.fuel)
    assert len(row) > 4
    assert executor.replay(row, state) == (None,) * len(row)
    place = rng.randrange(len(row))
    changed = (*row[:place], _with_other_effects(row[place]), *row[place + 1 :])
    words = executor.replay(changed, state)
    assert words[:place] == (None,) * place
    assert denied(words[place]).code == "wrong-effects"
    assert len(words) == place + 1


def _with_other_effects(signed: Signed) -> Signed:
    first: tuple[Effect, ...] = (Put("notes", b"never", b"written"),)
    return replace(signed, effects=(first, *signed.effects[1:]))
