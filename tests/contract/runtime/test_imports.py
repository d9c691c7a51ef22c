"""Each function of `covey/1` as application code sees it."""

from __future__ import annotations

import hashlib

import pytest

from covey.crypto import SeededStream, Signer, call_seed
from covey.model import Add, Call, Completed, Delete, Failed, Failure, Put, limits
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import (
    CONTEXT,
    DEVICE,
    MEMBER,
    RELEASE,
    TIME_MS,
    Entries,
    Script,
    ask,
    batch,
    run,
)


def seen(outcome: object) -> list[bytes]:
    """What a completed call emitted."""
    assert isinstance(outcome, Completed), outcome
    return [event.data for event in outcome.events]


def number(outcome: object) -> int:
    return int.from_bytes(seen(outcome)[0], "little", signed=True)


def failure(outcome: object) -> Failure:
    assert isinstance(outcome, Failed), outcome
    return outcome.failure


def test_input_gives_the_arguments(executor: BlockingExecutor, script: Script) -> None:
    """Arguments reach the code byte for byte."""
    body = "(local.set $n (call $input (i32.const 1024) (i32.const 100)))" + script.emit()
    assert seen(run(executor, script.build(body), arguments=b'{"a":1}')) == [b'{"a":1}']


def test_input_without_room_gives_the_size(executor: BlockingExecutor, script: Script) -> None:
    """Code asks for the size first, then makes room."""
    body = "(local.set $n (call $input (i32.const 0) (i32.const 0)))" + script.emit_number()
    assert number(run(executor, script.build(body), arguments=b'{"a":1}')) == 7


def test_input_copies_no_more_than_asked(executor: BlockingExecutor, script: Script) -> None:
    """A small buffer is filled, not overrun."""
    body = "(drop (call $input (i32.const 1024) (i32.const 3)))" + script.emit(size="(i32.const 6)")
    assert seen(run(executor, script.build(body), arguments=b'{"a":1}')) == [b'{"a\0\0\0']


def test_output_is_the_result(executor: BlockingExecutor, script: Script) -> None:
    """The last output counts."""
    module = script.build(script.output("1") + script.output('{"b":[true,null]}'))
    outcome = run(executor, module)
    assert isinstance(outcome, Completed)
    assert outcome.result == b'{"b":[true,null]}'


def test_call_without_output_has_an_empty_result(
    executor: BlockingExecutor, script: Script
) -> None:
    """A result is optional."""
    outcome = run(executor, script.build())
    assert isinstance(outcome, Completed)
    assert (outcome.result, outcome.effects, outcome.events) == (b"", (), ())
    assert outcome.fuel > 0


@pytest.mark.parametrize(
    "result",
    [
        *(b"{", b"{'a':1}", b"nul", b"1 2", b"\xff", b'"\xc3"', b"NaN", b"-Infinity", b"01"),
        *(b"[1,]", b" ", b"\xef\xbb\xbf1", b'"\n"', b'{"a":1', b"[" * 5000),
        b"[" * 65 + b"]" * 65,
    ],
)
def test_result_that_is_no_json_traps(
    executor: BlockingExecutor, script: Script, result: bytes
) -> None:
    """Who reads results may rely on JSON; the effects of such a call are dropped too."""
    outcome = run(executor, script.build(script.put("items", "k", "v") + script.output(result)))
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TRAP
    assert "not valid JSON" in outcome.message


@pytest.mark.parametrize(
    "result", [b'"[[[[\\"{{"', b"1e999", b"9" * 5000, b"[" * 64 + b"]" * 64, b'"\\ud800"']
)
def test_result_is_judged_by_the_grammar_alone(
    executor: BlockingExecutor, script: Script, result: bytes
) -> None:
    """Brackets in strings have no depth, and numbers no size: every host must agree."""
    outcome = run(executor, script.build(script.output(result)))
    assert isinstance(outcome, Completed)
    assert outcome.result == result


def test_fail_refuses_the_call(executor: BlockingExecutor, script: Script) -> None:
    """The application's word reaches the caller, its effects reach nobody."""
    module = script.build(script.put("items", "k", "v") + script.fail("no \x1b[31mway"))
    outcome = run(executor, module)
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.REFUSED
    assert outcome.message == "no \ufffd[31mway"  # nothing that drives a terminal


def test_get_reads_the_store(executor: BlockingExecutor, script: Script) -> None:
    """Length and value of an entry."""
    module = script.build(script.get("items", "k") + script.emit() + script.emit_number())
    assert seen(run(executor, module, Entries(("items", b"k", b"value")))) == [
        b"value",
        b"\5\0\0\0",
    ]


def test_get_of_what_is_absent_gives_minus_one(executor: BlockingExecutor, script: Script) -> None:
    """Absent and empty differ."""
    module = script.build(script.get("items", "k") + script.emit_number())
    assert number(run(executor, module)) == -1
    assert number(run(executor, module, Entries(("items", b"k", b"")))) == 0


def test_get_without_room_copies_nothing(executor: BlockingExecutor, script: Script) -> None:
    """Half a value is never seen."""
    body = (
        script.get("items", "k", cap=4) + script.emit_number() + script.emit(size="(i32.const 4)")
    )
    outcome = run(executor, script.build(body), Entries(("items", b"k", b"value")))
    assert seen(outcome) == [b"\5\0\0\0", b"\0\0\0\0"]


def test_put_and_delete_are_effects(executor: BlockingExecutor, script: Script) -> None:
    """Effects are sorted by collection and key."""
    body = script.put("items", "b", "2") + script.delete("items", "a") + script.add("sums", "s", -3)
    outcome = run(executor, script.build(body), Entries(("items", b"a", b"1")))
    assert isinstance(outcome, Completed)
    assert outcome.effects == (
        Delete("items", b"a"),
        Put("items", b"b", b"2"),
        Add("sums", b"s", -3),
    )


def test_call_sees_its_own_effects(executor: BlockingExecutor, script: Script) -> None:
    """Reads go through what the call has written."""
    body = (
        script.put("items", "a", "new")
        + script.get("items", "a")
        + script.emit()
        + script.delete("items", "a")
        + script.get("items", "a")
        + script.emit_number()
    )
    outcome = run(executor, script.build(body), Entries(("items", b"a", b"old")))
    assert seen(outcome) == [b"new", b"\xff\xff\xff\xff"]


def test_counter_reads_as_eight_bytes_and_is_clamped(
    executor: BlockingExecutor, script: Script
) -> None:
    """A counter never wraps around."""
    body = script.add("sums", "s", 5) + script.get("sums", "s") + script.emit()
    module = script.build(body)
    assert seen(run(executor, module)) == [(5).to_bytes(8, "little")]
    nearly = (2**63 - 2).to_bytes(8, "little", signed=True)
    outcome = run(executor, module, Entries(("sums", b"s", nearly)))
    assert seen(outcome) == [(2**63 - 1).to_bytes(8, "little", signed=True)]


def test_adds_are_summed_and_overflow_traps(executor: BlockingExecutor, script: Script) -> None:
    """One effect an entry; 64 bits are exact or nothing."""
    body = script.add("sums", "s", 5) + script.add("sums", "s", -7)
    outcome = run(executor, script.build(body))
    assert isinstance(outcome, Completed)
    assert outcome.effects == (Add("sums", b"s", -2),)
    body = script.add("sums", "s", 2**63 - 1) + script.add("sums", "s", 1)
    assert failure(run(executor, script.build(body))) is Failure.TRAP


def test_identity_context_and_time(executor: BlockingExecutor, script: Script) -> None:
    """The call knows who, where and when, and nothing else of the world."""
    body = (
        "(call $member (i32.const 1024)) (call $device (i32.const 1056))"
        "(call $context (i32.const 1088)) (i64.store (i32.const 1124) (call $time))"
    ) + script.emit(size="(i32.const 108)")
    wanted = MEMBER + DEVICE + CONTEXT + TIME_MS.to_bytes(8, "little")
    assert seen(run(executor, script.build(body))) == [wanted]


def test_random_is_the_stream_of_the_calls_seed(executor: BlockingExecutor, script: Script) -> None:
    """However it is cut into pieces, the stream is one; it differs from call to call."""
    body = "".join(
        f"(call $random (i32.const {1024 + at}) (i32.const {size}))"
        for at, size in ((0, 1), (1, 40), (41, 0), (41, 200), (241, 9))
    ) + script.emit(size="(i32.const 250)")
    executor.install(RELEASE, script.build(body))
    calls = (Call("run", b"{}"), Call("run", b"{}"))
    outcomes = executor.run_batch(batch(*calls), Entries())
    for index, outcome in enumerate(outcomes):
        seed = call_seed(CONTEXT, DEVICE, 1, None, index, calls[index])
        assert seen(outcome) == [SeededStream(seed).take(250)]


def test_seed_index_counts_kept_calls_only(executor: BlockingExecutor, script: Script) -> None:
    """A call that failed is in no delta, so a replay cannot count it."""
    draw = "(call $random (i32.const 1024) (i32.const 8))" + script.emit(size="(i32.const 8)")
    body = f"(if (call $input (i32.const 0) (i32.const 0)) (then {draw}) (else unreachable))"
    executor.install(RELEASE, script.build(body))
    failing, good = Call("run", b""), Call("run", b"{}")
    outcomes = executor.run_batch(batch(failing, good), Entries())
    assert failure(outcomes[0]) is Failure.TRAP
    assert seen(outcomes[1]) == [SeededStream(call_seed(CONTEXT, DEVICE, 1, None, 0, good)).take(8)]


def test_events_keep_their_order(executor: BlockingExecutor, script: Script) -> None:
    """Subscribers are told in the order of the code."""
    body = script.emit("b", "(i32.const 0)") + script.emit("a", "(i32.const 1)")
    outcome = run(executor, script.build(body))
    assert isinstance(outcome, Completed)
    assert [(e.name, e.data) for e in outcome.events] == [("b", b""), ("a", b"\0")]


def test_log_is_bounded_and_clean(executor: BlockingExecutor, script: Script) -> None:
    """A chatty guest costs no memory, and cannot drive a terminal."""
    long = "x" * (limits.CALL_LOG_BYTES_MAX + 50)
    body = script.log(long) + script.log(b"a\n\xff") + script.log("again") * 200
    outcome = run(executor, script.build(body))
    assert isinstance(outcome, Completed)
    assert len(outcome.log) == limits.CALL_LOG_LINES_MAX
    assert outcome.log[0] == "x" * limits.CALL_LOG_BYTES_MAX
    assert outcome.log[1] == "a\ufffd\ufffd"


def test_failed_call_keeps_its_log(executor: BlockingExecutor, script: Script) -> None:
    """The developer wants to know what came before the trap."""
    outcome = run(executor, script.build(script.log("here") + "unreachable"))
    assert isinstance(outcome, Failed)
    assert outcome.log == ("here",)


def test_verify_says_one_or_zero(executor: BlockingExecutor, script: Script) -> None:
    """A forged signature is no trap: the code decides."""
    signer = Signer.from_seed(b"s" * 32)
    good = signer.sign(b"message")
    for signature, wanted in ((good, 1), (bytes([good[0] ^ 1]) + good[1:], 0)):
        fresh = Script()
        at = fresh.text(bytes(signature)).split(") (")[0] + ")"
        key = fresh.text(signer.public).split(") (")[0] + ")"
        body = f"(local.set $n (call $verify {at} {key} {fresh.text('message')}))"
        assert number(run(executor, fresh.build(body + fresh.emit_number()))) == wanted


def test_sha256_hashes_a_range(executor: BlockingExecutor, script: Script) -> None:
    """At host speed, the same bytes as anywhere."""
    body = f"(call $sha256 {script.text('abc')} (i32.const 1024))" + script.emit(
        size="(i32.const 32)"
    )
    assert seen(run(executor, script.build(body))) == [hashlib.sha256(b"abc").digest()]


@pytest.mark.parametrize("what", ["put", "delete", "add", "emit", "random"])
def test_query_has_no_effect(executor: BlockingExecutor, script: Script, what: str) -> None:
    """What a query could change, other nodes would never see."""
    bodies = {
        "put": script.put("items", "k", "v"),
        "delete": script.delete("items", "k"),
        "add": script.add("sums", "k", 1),
        "emit": script.emit("e", "(i32.const 0)"),
        "random": "(call $random (i32.const 1024) (i32.const 1))",
    }
    outcome = ask(executor, script.build(ask=bodies[what]))
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.FORBIDDEN
    assert outcome.message.startswith("a query may not ")


def test_query_reads_and_answers(executor: BlockingExecutor, script: Script) -> None:
    """Reading needs no delta."""
    body = script.get("items", "k") + "(call $output (i32.const 1024) (local.get $n))"
    outcome = ask(executor, script.build(ask=body), Entries(("items", b"k", b'"v"')))
    assert isinstance(outcome, Completed)
    assert (outcome.result, outcome.effects, outcome.events) == (b'"v"', (), ())
