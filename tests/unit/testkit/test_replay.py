"""Running every call again finds what an author made up, on any pair of engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from covey.codec import decode_delta, decode_payload, encode_payload, make_delta
from covey.merge import StateReader
from covey.model import (
    EXECUTION_ENGINE_FUEL,
    AppEvent,
    Call,
    Core,
    Delta,
    Payload,
    Put,
)
from covey.runtime import BlockingExecutor, inspect_module, new_engine
from covey.runtime.wasmer_engine import is_available
from covey.store import MemoryStore
from covey.sync import Admissible, Author, CallRequest, Judge, Ledger
from covey.testkit.identities import Founding, Identity, found, identity
from covey.testkit.replay import Disagreement, replay_deltas
from tests.contract.runtime.guests import TIME_MS, Script

ENGINES = ("wasmtime", "wasmer") if is_available() else ("wasmtime",)
ANN, BEN = identity("ann"), identity("ben")


def _module() -> bytes:
    """Tells what it reads, draws and hears, then writes its arguments over what it read."""
    script = Script()
    told = script.emit("drew", "(i32.const 8)")
    body = (
        script.get("items", "k")
        + f"(if (i32.gt_s (local.get $n) (i32.const 0)) (then {script.emit('read')}))"
        + "(call $random (i32.const 1024) (i32.const 8))"
        + told
        + "(local.set $n (call $input (i32.const 5000) (i32.const 64)))"
        + f"(call $put {script.text('items')} {script.text('k')} (i32.const 5000) (local.get $n))"
        + script.add("sums", "s", 2)
    )
    return script.build(body)


MODULE = _module()
FOUNDING = found(ANN, BEN, collections=inspect_module(MODULE).collections)


def executor_of(engine: str) -> BlockingExecutor:
    """One with the module installed, on an engine of its own."""
    executor = BlockingExecutor(new_engine(engine))
    executor.install(FOUNDING.charter.release, MODULE)
    return executor


class Writer:
    """One device that runs calls and folds what it hears."""

    def __init__(self, who: Identity, executor: BlockingExecutor, founding: Founding) -> None:
        reader = MemoryStore().reader(founding.context)
        self.ledger = Ledger(founding.context, founding.charter, founding.first, reader)
        self._author = Author(self.ledger, who.signer, who.member_id)
        self._executor = executor
        self._judge = Judge(self.ledger)
        self._collections = founding.collections

    def write(self, *arguments: bytes) -> Delta:
        requests = tuple(CallRequest(i, Call("run", a)) for i, a in enumerate(arguments))
        draughted = self._author.draught(requests, TIME_MS + self.ledger.count)
        state = StateReader(self.ledger.view, self._collections)
        outcomes = self._executor.run_batch(self._author.batch(draughted), state)
        delta = self._author.sign(draughted, outcomes, ())
        assert delta is not None
        self.hear(delta)
        return delta

    def hear(self, delta: Delta) -> None:
        judged = self._judge.judge(delta, TIME_MS + 10_000)
        assert isinstance(judged, Admissible), judged
        self.ledger.apply(delta, judged.payload, judged.cut)


def conversation(engine: str, founding: Founding = FOUNDING) -> tuple[list[Delta], Ledger]:
    """Two devices that write one after the other, then at once, then know of both."""
    executor = executor_of(engine)
    ann, ben = Writer(ANN, executor, founding), Writer(BEN, executor, founding)
    first = ann.write(b'"one"', b'"two"')
    ben.hear(first)
    second, third = ben.write(b'"three"'), ann.write(b'"four"')
    ann.hear(second)
    ben.hear(third)
    last = ben.write(b'"five"')
    ann.hear(last)
    return [first, second, third, last], ann.ledger


def replayed(deltas: Sequence[Delta], engine: str = "wasmtime", founding: Founding = FOUNDING):
    return replay_deltas(
        founding.context,
        founding.charter,
        founding.first,
        [delta.frame for delta in deltas],
        executor_of(engine),
    )


@pytest.mark.parametrize("replayed_on", ENGINES)
@pytest.mark.parametrize("written_on", ENGINES)
def test_honest_deltas_agree_on_every_engine(written_on: str, replayed_on: str) -> None:
    """Effects, events, fuel and state: also of a delta whose author had not seen all before it."""
    deltas, ledger = conversation(written_on)
    found_again = replayed(deltas, replayed_on)
    assert (found_again.deltas, found_again.calls, found_again.apart) == (4, 5, 1)
    assert found_again.digest == ledger.digest()
    assert [e.data for e in decode_payload(deltas[2].sealed).events[0][:1]] == [b'"two"']


def _forged(delta: Delta, core: Core, payload: Payload) -> Delta:
    return make_delta(FOUNDING.context, core, encode_payload(payload), BEN.signer)


def _other_effects(core: Core, payload: Payload) -> tuple[Core, Payload]:
    lie = tuple(
        replace(effect, value=b"lie") if isinstance(effect, Put) else effect
        for effect in payload.effects[0]
    )
    return core, replace(payload, effects=(lie,))


def _other_events(core: Core, payload: Payload) -> tuple[Core, Payload]:
    return core, replace(payload, events=((AppEvent("drew", b"luck"),),))


def _less_fuel(core: Core, payload: Payload) -> tuple[Core, Payload]:
    return replace(core, fuel=(core.fuel[0] - 1,)), payload


def _other_arguments(core: Core, payload: Payload) -> tuple[Core, Payload]:
    return core, replace(payload, calls=(Call("run", b'"other"'),))


def _no_method(core: Core, payload: Payload) -> tuple[Core, Payload]:
    return core, replace(payload, calls=(Call("jump", b"{}"),))


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (_other_effects, "it had other effects"),
        (_other_events, "it had other events"),
        (_less_fuel, r"it used \d+ fuel, not \d+"),
        (_other_arguments, "it had other e"),
        (_no_method, "it did not complete: there is no method 'jump'"),
    ],
)
def test_what_an_author_made_up_is_found(
    lie: Callable[[Core, Payload], tuple[Core, Payload]], reason: str
) -> None:
    """A doctored node signs what the code would not have done; signatures do not show it."""
    deltas, _ = conversation("wasmtime")
    last = deltas[-1]
    forged = _forged(last, *lie(last.core, decode_payload(last.sealed)))
    with pytest.raises(Disagreement, match=f"call 0 of delta {forged.id.hex()}: {reason}"):
        replayed([*deltas[:-1], forged])


def test_fuel_of_an_engine_is_its_authors_word() -> None:
    """Under `covey-exec/0` nobody else can say what a call cost."""
    founding = FOUNDING.again(execution=EXECUTION_ENGINE_FUEL)
    deltas, _ = conversation("wasmtime", founding)
    last = deltas[-1]
    core = replace(last.core, fuel=(last.core.fuel[0] - 1,))
    other = make_delta(founding.context, core, last.sealed, BEN.signer)
    assert replayed([*deltas[:-1], other], founding=founding).calls == 5


def test_a_delta_that_nobody_signed_is_found() -> None:
    """The replay takes nobody's word, not even that of the node whose home it reads."""
    deltas, _ = conversation("wasmtime")
    last = deltas[-1]
    core = replace(last.core, author=ANN.device, sequence=3, previous=deltas[2].id)
    unsigned = make_delta(
        FOUNDING.context, replace(core, parents=(deltas[1].id,)), last.sealed, ANN.signer
    )
    frame = bytearray(unsigned.frame)
    place = frame.index(unsigned.signature)
    frame[place] ^= 1
    damaged = decode_delta(FOUNDING.context, bytes(frame))
    with pytest.raises(Disagreement, match="not admissible"):
        replayed([*deltas[:-1], damaged])


def test_a_delta_without_its_parents_is_found() -> None:
    """A log that has a hole is no log."""
    deltas, _ = conversation("wasmtime")
    with pytest.raises(Disagreement, match="not admissible: Missing"):
        replayed(deltas[1:])
