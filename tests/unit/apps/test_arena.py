"""The simulator's application: every verb, its refusals, what it costs, and that it repeats."""

from __future__ import annotations

import hashlib
import json
import random

import pytest

from covey.model import Call, Completed, Failed, Failure
from covey.workbench.conformance import Arguments
from covey.workbench.files import read_application
from covey.workbench.people import People
from covey.workbench.state import State
from covey.workbench.trial import Caller, Trial
from scripts.build_apps import folder_of

MEMBER = b"\x01" * 32
ADMIN = Caller(roles=("admin",))


@pytest.fixture
def arena(open_guest):
    return open_guest("arena")


@pytest.fixture(scope="module")
def trial():
    """The module in the node's own runtime, for what the small host does not measure."""
    module = (folder_of("arena") / "arena.wasm").read_bytes()
    return Trial(read_application("arena.wasm", module), "wasmtime", People())


def run(trial, *steps, caller=ADMIN, state=None, **rest):
    """The outcome of one `play`."""
    arguments = json.dumps({"steps": steps, **rest}).encode()
    return trial.run(Call("play", arguments), state or State(trial.interface), caller)


def play(arena, *steps, **rest):
    return arena.call("play", {"steps": steps, **rest})


@pytest.mark.parametrize("collection", ["notes", "rulings"])
def test_put_and_delete(arena, collection):
    entry = (collection.encode(), "é".encode())
    play(arena, ["put", collection, "é", "v\u0000"])
    assert arena.state == {entry: b"v\0"}
    play(arena, ["put", collection, "é", ""])
    assert arena.state == {entry: b""}
    play(arena, ["delete", collection, "é"])
    assert arena.state == {}


@pytest.mark.parametrize("amount", [1, -3, 2**63 - 1, -(2**63)])
def test_add_takes_every_number_of_64_bits(arena, amount):
    play(arena, ["add", "counts", "k", amount])
    assert arena.state == {(b"counts", b"k"): amount.to_bytes(8, "little", signed=True)}


def test_stamp_and_own_put_under_the_member(arena):
    """Keys that the rules `frozen` and `owned` let this member write."""
    play(arena, ["stamp", "stamps", "s", "first"], ["own", "cards", "c", "mine"])
    assert arena.state == {
        (b"stamps", MEMBER + b"s"): b"first",
        (b"cards", MEMBER + b"c"): b"mine",
    }
    play(arena, ["disown", "cards", "c"])
    assert list(arena.state) == [(b"stamps", MEMBER + b"s")]


def test_seal_puts_under_the_hash(arena):
    play(arena, ["seal", "stamps", "a text"])
    assert arena.state == {(b"stamps", hashlib.sha256(b"a text").digest()): b"a text"}


def test_copy_depends_on_what_is_there(arena):
    play(arena, ["put", "notes", "from", "v"], ["copy", "notes", "from", "to"])
    assert arena.state == {(b"notes", b"from"): b"v", (b"notes", b"to"): b"v"}
    play(arena, ["copy", "notes", "nothing", "to"])
    assert arena.state == {(b"notes", b"from"): b"v"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "1"),
        ("", "1"),
        ("41", "42"),
        ("-1", "0"),
        ("-10", "-9"),
        ("-", "1"),
        ("4x", "1"),
        ("+4", "1"),
        ("9" * 18, "1" + "0" * 18),
        ("9" * 19, "1"),
    ],
)
def test_bump_puts_the_next_number(arena, before, after):
    if before is not None:
        arena.state[b"notes", b"k"] = before.encode()
    play(arena, ["bump", "notes", "k"])
    assert arena.state == {(b"notes", b"k"): after.encode()}


def test_steps_go_in_order_and_see_each_other(arena):
    steps = [["bump", "notes", "k"]] * 15 + [["copy", "notes", "k", "a longer key"]]
    assert play(arena, *steps) == {"steps": 16}
    assert arena.state == {(b"notes", b"k"): b"15", (b"notes", b"a longer key"): b"15"}
    assert arena.events == [(b"played", b"a longer")]


def test_event_carries_the_last_key(arena):
    play(arena, ["put", "notes", "a", "v"], ["own", "cards", "b", "v"])
    play(arena, ["seal", "stamps", "t"])
    assert arena.events == [(b"played", b"b"), (b"played", hashlib.sha256(b"t").digest()[:8])]


def test_call_that_is_told_to_fail_leaves_nothing(arena, harness):
    with pytest.raises(harness.Failed, match="it was told to fail"):
        play(arena, ["put", "notes", "k", "v"], fails=True)
    assert arena.state == {}


def test_queries(arena):
    play(arena, ["put", "notes", "k", "vé"], ["own", "cards", "c", "mine"])
    play(arena, ["add", "counts", "k", -2], *(["bump", "notes", f"k{n}"] for n in range(9)))
    assert arena.call("read", {"collection": "notes", "key": "k"}) == {"value": "76c3a9"}
    assert arena.call("read", {"collection": "counts", "key": "k"}) == {"value": "fe" + "ff" * 7}
    assert arena.call("read", {"collection": "cards", "key": "c"}) == {"value": None}
    assert arena.call("read_own", {"collection": "cards", "key": "c"}) == {"value": b"mine".hex()}
    assert arena.call("read_own", {"collection": "cards", "key": "d"}) == {"value": None}
    assert arena.call("count", {"collection": "notes"}) == {"entries": 10}
    assert arena.call("count", {"collection": "stamps"}) == {"entries": 0}


VERB = "argument 'steps' must be arrays that begin with a verb"
WORK = "argument 'work' must be a whole number from 0 to 2000000"
LONG = "argument 'steps' must have texts of at most 64 bytes"
KNOWN = "argument 'steps' must begin with a verb that there is"


def wrong(verb: str, wanted: str) -> str:
    return f"argument 'steps' must have {wanted} after '{verb}'"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("put", VERB),
        (None, VERB),
        ([], VERB),
        ({"verb": "put"}, VERB),
        ([1, "notes", "k"], VERB),
        ([["put"], "notes", "k", "v"], VERB),
        (["jump", "notes", "k"], KNOWN),
        (["", "notes", "k"], KNOWN),
        (["put\u0000", "notes", "k", "v"], KNOWN),
        (["put"], wrong("put", "collection, key and value")),
        (["put", "notes", "k"], wrong("put", "collection, key and value")),
        (["put", "notes", "k", "v", "w"], wrong("put", "collection, key and value")),
        (["put", "notes", "k", 1], wrong("put", "collection, key and value")),
        (["delete", "notes"], wrong("delete", "collection and key")),
        (["add", "counts", "k", "1"], wrong("add", "collection, key and a whole number")),
        (["add", "counts", "k"], wrong("add", "collection, key and a whole number")),
        (["stamp", "stamps", "k", None], wrong("stamp", "collection, key and value")),
        (["seal", "stamps", "k", "v"], wrong("seal", "collection and text")),
        (["own", None, "k", "v"], wrong("own", "collection, key and value")),
        (["disown", "cards", 5], wrong("disown", "collection and key")),
        (["copy", "notes", "k", ["k"]], wrong("copy", "collection, key and key")),
        (["bump", "notes", "k", "k"], wrong("bump", "collection and key")),
        (["put", "notes", "k" * 65, "v"], LONG),
        (["put", "notes", "k", "é" * 33], LONG),
    ],
)
def test_wrong_step_is_refused(arena, harness, step, message):
    with pytest.raises(harness.Failed) as refusal:
        play(arena, ["put", "notes", "before", "v"], step)
    assert str(refusal.value) == message
    assert arena.state == {}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "argument 'steps' is missing"),
        ({"steps": []}, "argument 'steps' must be an array of 1 to 16 elements"),
        ({"steps": [["bump", "notes", "k"]] * 17}, "argument 'steps' must be an array of 1 to 16"),
        ({"steps": [["bump", "notes", "k"]], "fails": 1}, "argument 'fails' must be true or false"),
        ({"steps": [["bump", "notes", "k"]], "work": -1}, WORK),
        ({"steps": [["bump", "notes", "k"]], "work": 2_000_001}, WORK),
        ({"steps": [["bump", "notes", "k"]], "more": 1}, "argument 'more' is unknown"),
        ({"steps": [["add", "counts", "k", 2**63]]}, "number beyond 64 bits"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arena, harness, args, message):
    with pytest.raises(harness.Failed) as refusal:
        arena.call("play", args)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("step", "failure"),
    [
        (["put", "nosuch", "k", "v"], Failure.FORBIDDEN),
        (["put", "cards", "k", "v"], Failure.FORBIDDEN),
        (["put", "counts", "k", "v"], Failure.FORBIDDEN),
        (["put", "stamps", "k", "v"], Failure.FORBIDDEN),
        (["add", "notes", "k", 1], Failure.FORBIDDEN),
        (["put", "rulings", "k", "v"], Failure.FORBIDDEN),
        (["put", "notes", "", "v"], Failure.TRAP),
    ],
)
def test_what_a_rule_forbids_is_left_to_the_host(trial, step, failure):
    """The simulator means to reach the host's own refusals: the application must not hide them."""
    outcome = run(trial, step, caller=Caller())
    assert isinstance(outcome, Failed)
    assert outcome.failure is failure


def test_admins_may_rule(trial):
    assert isinstance(run(trial, ["put", "rulings", "k", "v"]), Completed)


def test_work_costs_fuel_and_the_most_of_it_fits_a_call(trial):
    """A compiler that removed the loop would make every call of the simulator a cheap one."""
    idle, some, most = (
        run(trial, ["bump", "notes", "k"], work=work) for work in (0, 1_000_000, 2_000_000)
    )
    assert isinstance(most, Completed)
    assert some.fuel - idle.fuel >= 1_000_000
    assert most.fuel - some.fuel == pytest.approx(some.fuel - idle.fuel, abs=1_000)
    assert idle.effects == some.effects == most.effects


def test_same_call_gives_the_same_bytes_and_fuel(trial):
    """Nodes that check one another's work run the call again and compare."""
    steps = [["seal", "stamps", "t"], ["copy", "notes", "k", "l"], ["add", "counts", "k", 5]]
    steps += [["own", "cards", "c", "v"], ["bump", "notes", "k"], ["stamp", "stamps", "s", "v"]]
    state = State(trial.interface)
    first, again = (run(trial, *steps, state=state, work=2_000) for _ in range(2))
    assert isinstance(first, Completed)
    assert first == again
    state.apply(first.effects)
    assert run(trial, ["bump", "notes", "k"], state=state).effects != first.effects


def test_arguments_drawn_by_the_schema_are_accepted(trial):
    """What `covey app conformance` draws should reach the steps."""
    method = trial.interface.method("play")
    rng = random.Random(5)
    for _ in range(300):
        drawn = json.dumps(Arguments(rng, ()).draw(method.arguments_schema)).encode()
        outcome = trial.run(Call("play", drawn), State(trial.interface), ADMIN)
        if isinstance(outcome, Failed):
            told = outcome.message.endswith("it was told to fail")
            assert told or outcome.failure is not Failure.REFUSED, (drawn, outcome)
