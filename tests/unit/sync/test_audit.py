"""An audit finds what an author made up, on any pair of engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from covey.codec import decode_delta, decode_payload, encode_payload, make_delta
from covey.merge import StateReader
from covey.model import (
    AppEvent,
    Call,
    Core,
    Delta,
    Denied,
    Payload,
    Put,
    ScopedWrites,
    Verification,
)
from covey.runtime import BlockingExecutor, inspect_module, new_engine
from covey.runtime.wasmer_engine import is_available
from covey.store import MemoryStore
from covey.sync import Admissible, Audit, Author, CallRequest, Judge, Ledger
from covey.testkit.identities import Founding, Identity, found, identity
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
COLLECTIONS = inspect_module(MODULE).collections
FOUNDING = found(ANN, BEN, collections=COLLECTIONS).again(verification=Verification.REPLAY)


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


def audited(
    deltas: Sequence[Delta], engine: str = "wasmtime", founding: Founding = FOUNDING
) -> tuple[Audit, object]:
    """An audit of some deltas, and what it says of the last one that it takes."""
    store = MemoryStore()
    run = executor_of(engine).replay
    reader = store.reader(founding.context)
    audit = Audit(founding.context, founding.charter, founding.first, reader, run)
    word = None
    for delta in deltas:
        word = audit.take(delta)
        if word is not None:
            break
        store.write([ScopedWrites(founding.context, audit.writes())], durable=False)
    return audit, word


@pytest.mark.parametrize("replayed_on", ENGINES)
@pytest.mark.parametrize("written_on", ENGINES)
def test_honest_deltas_agree_on_every_engine(written_on: str, replayed_on: str) -> None:
    """Effects, events, fuel and state: also of a delta whose author had not seen all before it."""
    deltas, ledger = conversation(written_on)
    audit, word = audited(deltas, replayed_on)
    assert word is None
    assert (audit.deltas, audit.calls, audit.apart) == (4, 5, 1)
    assert audit.digest() == ledger.digest()
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
    ("lie", "code"),
    [
        (_other_effects, "wrong-effects"),
        (_other_events, "wrong-events"),
        (_less_fuel, "wrong-fuel"),
        (_other_arguments, "wrong-fuel"),
        (_no_method, "failed-call"),
    ],
)
def test_what_an_author_made_up_is_found(
    lie: Callable[[Core, Payload], tuple[Core, Payload]], code: str
) -> None:
    """A doctored node signs what the code would not have done; signatures do not show it."""
    deltas, _ = conversation("wasmtime")
    last = deltas[-1]
    forged = _forged(last, *lie(last.core, decode_payload(last.sealed)))
    audit, word = audited([*deltas[:-1], forged])
    assert isinstance(word, Denied)
    assert word.code == code
    assert audit.deltas == len(deltas) - 1


def test_where_signatures_are_trusted_calls_are_not_run() -> None:
    """The charter says what members promised each other."""
    founding = FOUNDING.again(verification=Verification.SIGNATURE)
    deltas, _ = conversation("wasmtime", founding)
    last = deltas[-1]
    core = replace(last.core, fuel=(last.core.fuel[0] - 1,))
    other = make_delta(founding.context, core, last.sealed, BEN.signer)
    audit, word = audited([*deltas[:-1], other], founding=founding)
    assert (word, audit.calls) == (None, 0)


def test_a_delta_that_nobody_signed_is_found() -> None:
    """It takes nobody's word, not even that of the node whose home it reads."""
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
    _, word = audited([*deltas[:-1], damaged])
    assert isinstance(word, Denied)
    assert word.code == "bad-signature"


def test_a_delta_without_its_parents_is_found() -> None:
    """A log that has a hole is no log."""
    deltas, _ = conversation("wasmtime")
    _, word = audited(deltas[1:])
    assert isinstance(word, Denied)
    assert word.code == "wrong-order"


def test_author_tries_draws_until_one_suits_and_nobody_can_tell() -> None:
    """The seed is made of what the author chooses: other arguments draw another number."""
    executor = executor_of("wasmtime")
    for number in range(1_000):
        delta = Writer(ANN, executor, FOUNDING).write(b'"%d"' % number)
        (drawn, *_) = decode_payload(delta.sealed).events[0]
        if drawn.data[0] < 8:
            break
    assert drawn.data[0] < 8
    assert audited([delta])[1] is None
