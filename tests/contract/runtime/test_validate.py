"""`validate`: what it is told, what it sees, what it may not do, and what its word does."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from covey.model import Add, Call, Completed, Delete, Failed, Failure, Outcome, Put, limits
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import (
    DEVICE,
    IMPORTS,
    MEMBER,
    RELEASE,
    TIME_MS,
    Entries,
    Script,
    batch,
    query,
    run,
)
from tests.vectors.files import load

STORED = Entries(("items", b"a", b"1"), ("sums", b"s", (40).to_bytes(8, "little")))
HEARD = (
    "(local.set $n (call $input (i32.const 1024) (i32.const 9000)))"
    "(call $log (i32.const 1024) (local.get $n))"
)
WITH_ARGUMENTS = "(if (call $input (i32.const 0) (i32.const 0)) (then {}))"
WITHOUT = "(if (i32.eqz (call $input (i32.const 0) (i32.const 0))) (then {}))"
VECTORS = [case for case in load("execution")["valid"] if "validate" in case["name"]]
BOTH = (Call("run", b"{}"), Call("run", b""))


def failed(outcome: Outcome) -> tuple[Failure, str]:
    assert isinstance(outcome, Failed), outcome
    return outcome.failure, outcome.message


def completed(outcome: Outcome) -> Completed:
    assert isinstance(outcome, Completed), outcome
    return outcome


# -- what it is told and sees -------------------------------------------------------------------


def test_validate_is_given_the_effects_and_costs_fuel(executor: BlockingExecutor) -> None:
    """The same on every node: effects as JSON, as a query, on fresh memory."""

    def make(validate: str | None) -> bytes:
        script = Script()
        body = script.put("items", "k", b"\xffv") + script.add("sums", "s", -4)
        body += script.delete("items", "a")
        return script.build(body, validate=validate)

    told = completed(run(executor, make(HEARD), STORED))
    without = completed(run(executor, make(None), STORED))
    assert told.log == (
        '[{"collection":"items","op":"delete","key":"YQ=="},'
        '{"collection":"items","op":"put","key":"aw==","value":"/3Y="},'
        '{"collection":"sums","op":"add","key":"cw==","amount":-4}]',
    )
    assert told.fuel > without.fuel
    assert told.effects == without.effects


def test_it_is_told_of_its_call_alone_and_sees_what_was_kept_before(
    executor: BlockingExecutor, script: Script
) -> None:
    """The first call's effect is in the state by then, and not in what the second is asked for."""
    body = WITH_ARGUMENTS.format(script.put("items", "first", "1"))
    body += WITHOUT.format(script.put("items", "second", "2"))
    seen = script.get("items", "first") + "(call $log (i32.const 1024) (local.get $n))"
    executor.install(RELEASE, script.build(body, validate=HEARD + seen))
    second = completed(executor.run_batch(batch(*BOTH), Entries())[1])
    assert second.log == (
        '[{"collection":"items","op":"put","key":"c2Vjb25k","value":"Mg=="}]',
        "1",
    )


def test_it_reads_the_state_that_the_call_leaves(
    executor: BlockingExecutor, script: Script
) -> None:
    """Entries put, deleted and added to, by `get` and by `scan`."""
    body = script.put("items", "b", "2") + script.delete("items", "a") + script.add("sums", "s", 2)
    check = script.scan("items") + script.next() + "(call $log (i32.const 1024) (local.get $n))"
    check += script.get("sums", "s", cap=8) + "(call $log (i32.const 1024) (i32.const 1))"
    outcome = completed(run(executor, script.build(body, validate=check), STORED))
    assert [line.replace("\ufffd", "") for line in outcome.log] == ["b2", "*"]  # 42 is an asterisk


@pytest.mark.parametrize("arguments", [b"{}", b""])
def test_a_call_without_effects_is_validated_too(
    executor: BlockingExecutor, script: Script, arguments: bytes
) -> None:
    """An event alone is a consequence as well; one rule, and no exception to it, is the same
    everywhere."""
    body = WITH_ARGUMENTS.format(script.emit(size="(i32.const 0)"))
    outcome = completed(run(executor, script.build(body, validate=HEARD), arguments=arguments))
    assert outcome.log == ("[]",)


def test_a_query_is_not_validated(executor: BlockingExecutor, script: Script) -> None:
    """It changes nothing."""
    executor.install(RELEASE, script.build(validate=script.fail("no")))
    assert isinstance(executor.query(query(), Entries()), Completed)


def test_it_is_told_who_called_and_when(executor: BlockingExecutor, script: Script) -> None:
    """Not who runs it: a node that replays a call has another member, and its own clock."""
    check = (
        "(call $member (i32.const 1024)) (call $device (i32.const 1056))"
        "(call $log (i32.const 1024) (i32.const 64))"
        f"(if (i64.ne (call $time) (i64.const {TIME_MS})) (then unreachable))"
    )
    outcome = completed(run(executor, script.build(script.put("items", "k", "v"), validate=check)))
    assert outcome.log == ((MEMBER + DEVICE).decode(),)


def test_the_largest_input_is_whole(executor: BlockingExecutor, script: Script) -> None:
    """Over the limit of arguments, below its own, and within the memory a guest may have."""
    size, keys = limits.VALUE_BYTES_MAX, b"abc"
    told = ",".join(
        f'{{"collection":"items","op":"put","key":"{base64.b64encode(bytes([key])).decode()}",'
        f'"value":"{base64.b64encode(bytes(size)).decode()}"}}'
        for key in keys
    )
    digest = hashlib.sha256(f"[{told}]".encode()).digest()
    assert limits.CALL_ARGUMENTS_BYTES_MAX < len(told) < limits.VALIDATE_INPUT_BYTES_MAX
    put = f"(call $put {script.text('items')} (i32.const {{}}) (i32.const 1)"
    put += f" (i32.const 65536) (i32.const {size}))"
    body = "".join(put.format(1024 + place) for place in range(len(keys)))
    check = (
        "(local.set $n (call $input (i32.const 65536) (i32.const 9000000)))"
        "(call $sha256 (i32.const 65536) (local.get $n) (i32.const 2048))"
    )
    for at in range(0, len(digest), 8):
        part = int.from_bytes(digest[at : at + 8], "little")
        check += f"(if (i64.ne (i64.load (i32.const {2048 + at})) (i64.const {part}))"
        check += " (then unreachable))"
    rest = f'(data (i32.const 1024) "{keys.decode()}")'
    memory = '(memory (export "memory") 140)'
    module = script.build(body, validate=check, memory=memory, rest=rest)
    assert len(completed(run(executor, module)).effects) == len(keys)


# -- what its word does -------------------------------------------------------------------------


def test_validate_may_refuse_what_a_call_did(executor: BlockingExecutor, script: Script) -> None:
    """It reads the state the call leaves, and its word is the application's."""
    check = script.get("items", "bad") + (
        "(if (i32.ge_s (local.get $n) (i32.const 0)) (then " + script.fail("bad is bad") + "))"
    )
    body = WITH_ARGUMENTS.format(script.put("items", "bad", "1")) + script.put("items", "good", "1")
    executor.install(RELEASE, script.build(body, validate=check))
    refused, kept = executor.run_batch(batch(*BOTH), Entries())
    assert failed(refused) == (Failure.REFUSED, "bad is bad")
    assert completed(kept).effects == (Put("items", b"good", b"1"),)


def test_what_it_refuses_leaves_nothing(executor: BlockingExecutor, script: Script) -> None:
    """Neither effects nor events, for the node or for the next call of the batch."""
    check = WITH_ARGUMENTS.format("")
    check += script.get("items", "bad")
    check += "(if (i32.ge_s (local.get $n) (i32.const 0)) (then unreachable))"
    body = WITH_ARGUMENTS.format(
        script.put("items", "bad", "1") + script.delete("items", "a") + script.add("sums", "s", 9)
    )
    body += WITHOUT.format(script.get("items", "a", cap=1) + script.emit(size="(i32.const 1)"))
    executor.install(RELEASE, script.build(body, validate=check))
    trapped, kept = executor.run_batch(batch(*BOTH), STORED)
    failure, message = failed(trapped)
    assert failure is Failure.TRAP
    assert message.startswith("in validate: ")
    assert completed(kept).effects == ()
    assert [event.data for event in completed(kept).events] == [b"1"]


@pytest.mark.parametrize("what", ["put", "delete", "add", "emit", "random"])
def test_it_is_a_query(executor: BlockingExecutor, script: Script, what: str) -> None:
    """It cannot write, emit or draw; the reason says where, since calls may do all that."""
    checks = {
        "put": script.put("items", "k", "v"),
        "delete": script.delete("items", "a"),
        "add": script.add("sums", "s", 1),
        "emit": script.emit(size="(i32.const 0)"),
        "random": "(call $random (i32.const 1024) (i32.const 1))",
    }
    module = script.build(script.put("items", "k", "v"), validate=checks[what])
    failure, message = failed(run(executor, module, STORED))
    assert failure is Failure.FORBIDDEN
    assert message.startswith("in validate: a query may not ")


def test_a_result_of_its_own_is_ignored(executor: BlockingExecutor, script: Script) -> None:
    """The caller is answered by the method, also where what `validate` says is no JSON."""
    module = script.build(script.output('"mine"'), validate=script.output("no JSON"))
    assert completed(run(executor, module)).result == b'"mine"'


def test_its_refusal_comes_before_a_result_that_is_no_json(
    executor: BlockingExecutor, script: Script
) -> None:
    """The result is judged last, when all code of the call has run."""
    body = script.output("no JSON")
    assert failed(run(executor, script.build(body, validate=script.fail("no")))) == (
        Failure.REFUSED,
        "no",
    )
    failure, message = failed(run(executor, script.build(body, validate="")))
    assert failure is Failure.TRAP
    assert not message.startswith("in validate")


def test_what_both_log_is_kept_in_order(executor: BlockingExecutor, script: Script) -> None:
    """As one call; the limit on lines is that of a call, not of a run."""
    lines = script.log("of the method") * 40, script.log("of validate") * 40
    outcome = completed(run(executor, script.build(lines[0], validate=lines[1])))
    assert len(outcome.log) == limits.CALL_LOG_LINES_MAX
    assert outcome.log[39:41] == ("of the method", "of validate")
    refused = run(executor, script.build(lines[0], validate=lines[1] + script.fail("no")))
    assert refused.log == outcome.log


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_every_engine_ends_as_the_vectors_say(
    executor: BlockingExecutor, case: dict[str, Any]
) -> None:
    """To the unit of fuel, and again on an instance that ran before."""
    executor.install(RELEASE, bytes.fromhex(case["module"]))
    for _ in range(2):
        (outcome,) = executor.run_batch(batch(), Entries())
        ended = "completed" if isinstance(outcome, Completed) else outcome.failure.value
        assert (ended, outcome.fuel) == (case["ends"], case["fuel"])


# -- what it costs ------------------------------------------------------------------------------


def test_it_has_what_the_call_has_left(executor: BlockingExecutor, script: Script) -> None:
    """A loop in it ends, and the call has used no more than a call may."""
    outcome = run(executor, script.build(validate="(loop $l (br $l))"))
    assert failed(outcome) == (Failure.OUT_OF_FUEL, "in validate: the call ran out of fuel")
    assert outcome.fuel == limits.CALL_FUEL_MAX


def test_its_fuel_is_the_calls(executor: BlockingExecutor, script: Script) -> None:
    """To the unit: two runs begin, and one host function is called in each."""
    body, check = "(drop (call $time))", "(drop (call $time)) (drop (call $time))"
    begin, crossing = 10_000 + 4_096, 10 + limits.HOST_CALL_FUEL
    assert completed(run(executor, script.build(body))).fuel == begin + crossing
    both = completed(run(executor, script.build(body, validate=check)))
    assert both.fuel == 2 * begin + 3 * crossing


def test_one_that_needs_more_than_the_delta_has_waits_for_the_next(
    executor: BlockingExecutor, script: Script
) -> None:
    """Running out of what is left of a delta says nothing about the call."""
    loops = limits.CALL_FUEL_MAX // 10
    spend = (
        f"(local.set $n (i32.const {loops}))"
        "(loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
    )
    executor.install(RELEASE, script.build(script.put("items", "k", "v"), validate=spend))
    first = executor.run_batch(batch(*BOTH), Entries())
    assert [type(outcome) for outcome in first] == [Completed]
    assert first[0].fuel > limits.CALL_FUEL_MAX // 2
    assert executor.run_batch(batch(BOTH[0]), Entries()) == first


def test_method_and_validate_may_be_one_function(
    executor: BlockingExecutor, script: Script
) -> None:
    """Two names of one function are two entries; what it does in each is as the host allows."""
    first = IMPORTS.count("(import")  # the index of `run`
    module = script.build(script.put("items", "k", "v"), rest=f'(export "validate" (func {first}))')
    failure, message = failed(run(executor, module))
    assert failure is Failure.FORBIDDEN
    assert message == "in validate: a query may not put"


def test_effects_are_those_of_the_method(executor: BlockingExecutor, script: Script) -> None:
    """A check that passes changes nothing of what the call became."""
    body = script.delete("items", "a") + script.add("sums", "s", 0) + script.emit("done")
    check = script.scan("items") + script.next()
    with_it = completed(run(executor, script.build(body, validate=check), STORED))
    without = completed(run(executor, script.build(body), STORED))
    assert with_it.effects == (Delete("items", b"a"), Add("sums", b"s", 0)) == without.effects
    assert with_it.events == without.events
