"""Rules at the call, scans, and what one call of a batch sees of those before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from covey.model import Add, Call, Completed, Delete, Failed, Failure, Put
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import MEMBER, RELEASE, Entries, Script, batch, query, run


def records(outcome: object) -> list[tuple[bytes, bytes]]:
    """The entries in what a completed call emitted."""
    assert isinstance(outcome, Completed), outcome
    content = b"".join(event.data for event in outcome.events)
    found, at = [], 0
    while at < len(content):
        parts = []
        for _ in range(2):
            size = int.from_bytes(content[at : at + 4], "little")
            parts.append(content[at + 4 : at + 4 + size])
            at += 4 + size
        found.append((parts[0], parts[1]))
    return found


def forbidden(outcome: object) -> bool:
    return isinstance(outcome, Failed) and outcome.failure is Failure.FORBIDDEN


STORED = Entries(
    ("items", b"a", b"1"),
    ("items", b"ab", b"2"),
    ("items", b"b", b"3"),
    ("items", b"b\xff", b"4"),
    ("other", b"a", b"x"),
)
ALL = [(b"a", b"1"), (b"ab", b"2"), (b"b", b"3"), (b"b\xff", b"4")]


@pytest.mark.parametrize(
    ("prefix", "after", "wanted"),
    [
        (b"", b"", ALL),
        (b"a", b"", ALL[:2]),
        (b"b", b"b", ALL[3:]),
        (b"", b"aa", ALL[1:]),
        (b"c", b"", []),
        (b"a", b"b", []),
        (b"\xff", b"", []),
    ],
)
def test_scan_gives_entries_in_key_order(
    executor: BlockingExecutor,
    script: Script,
    prefix: bytes,
    after: bytes,
    wanted: list[tuple[bytes, bytes]],
) -> None:
    """By bytes, within the prefix, after the key, of this collection only."""
    body = script.scan("items", prefix, after) + script.next() + script.emit()
    assert records(run(executor, script.build(body), STORED)) == wanted


def test_scan_sees_what_the_call_wrote_before(executor: BlockingExecutor, script: Script) -> None:
    """The overlay and the store read as one."""
    body = (
        script.put("items", "aa", "new")
        + script.delete("items", "b")
        + script.put("items", "a", "changed")
        + script.scan("items")
        + script.next()
        + script.emit()
    )
    assert records(run(executor, script.build(body), STORED)) == [
        (b"a", b"changed"),
        (b"aa", b"new"),
        (b"ab", b"2"),
        (b"b\xff", b"4"),
    ]


def test_effects_do_not_move_a_scan_under_way(executor: BlockingExecutor, script: Script) -> None:
    """Code may delete what it walks over."""
    body = (
        script.put("items", "aa", "before")
        + script.scan("items")
        + script.delete("items", "b")
        + script.put("items", "aa", "after")
        + script.put("items", "zz", "late")
        + script.next()
        + script.emit()
    )
    wanted = [ALL[0], (b"aa", b"before"), *ALL[1:]]
    assert records(run(executor, script.build(body), STORED)) == wanted


def test_scan_comes_in_pieces_that_fit(executor: BlockingExecutor, script: Script) -> None:
    """Whole records only; 0 says that it is over, also when asked again."""
    step = script.next(cap=21) + script.emit() + script.emit_number("size")
    outcome = run(executor, script.build(script.scan("items") + step * 4), STORED)
    assert isinstance(outcome, Completed)
    sizes = [int.from_bytes(e.data, "little") for e in outcome.events if e.name == "size"]
    assert sizes == [21, 21, 0, 0]  # 10 + 11 twice: a third would not fit


def test_record_that_does_not_fit_gives_its_size(
    executor: BlockingExecutor, script: Script
) -> None:
    """Nothing is copied, nothing is lost: the next call gets it."""
    body = (
        script.scan("items", "ab")
        + script.next(cap=10)
        + script.emit_number()
        + script.emit(size="(i32.const 4)")
        + script.next(cap=11)
        + script.emit()
    )
    outcome = run(executor, script.build(body), STORED)
    assert isinstance(outcome, Completed)
    record = b"\2\0\0\0ab\1\0\0\x002"
    assert [e.data for e in outcome.events] == [b"\x0b\0\0\0", bytes(4), record]


def test_counter_scan_adds_the_overlay(executor: BlockingExecutor, script: Script) -> None:
    """A counter is live while an add touches it, even one of nothing."""
    body = (
        script.add("sums", "a", 2)
        + script.add("sums", "z", 0)
        + script.scan("sums")
        + script.next()
        + script.emit()
    )
    base = Entries(("sums", b"a", (40).to_bytes(8, "little")), ("sums", b"b", bytes(8)))
    assert records(run(executor, script.build(body), base)) == [
        (b"a", (42).to_bytes(8, "little")),
        (b"b", bytes(8)),
        (b"z", bytes(8)),
    ]


@pytest.mark.parametrize("handle", [0, 2, -1, 2**31 - 1])
def test_unknown_handle_traps(executor: BlockingExecutor, script: Script, handle: int) -> None:
    """A handle is what `scan` gave, nothing else."""
    body = script.scan("items") + f"(local.set $h (i32.const {handle}))" + script.next()
    outcome = run(executor, script.build(body), STORED)
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TRAP


def test_handles_die_with_the_call(executor: BlockingExecutor, script: Script) -> None:
    """The next call begins without scans, and the store's iterators are closed."""

    class Watched(Entries):
        open_count = 0

        def scan(
            self, collection: str, prefix: bytes, after: bytes
        ) -> Iterator[tuple[bytes, bytes]]:
            Watched.open_count += 1
            try:
                yield from super().scan(collection, prefix, after)
            finally:
                Watched.open_count -= 1

    first = script.scan("items") + script.next(cap=12)
    body = f"(if (call $input (i32.const 0) (i32.const 0)) (then {first}))"
    body += "(local.set $h (i32.const 1))" + script.next()
    executor.install(RELEASE, script.build(body))
    base = Watched(*((c, k, v) for (c, k), v in STORED.entries.items()))
    outcomes = executor.run_batch(batch(Call("run", b"{}"), Call("run", b"")), base)
    assert isinstance(outcomes[0], Completed)
    assert isinstance(outcomes[1], Failed)
    assert Watched.open_count == 0


def test_more_scans_than_allowed_trap(executor: BlockingExecutor, script: Script) -> None:
    """Handles hold memory of the host."""
    loop = f"(loop $l {script.scan('items')} (br $l))"
    outcome = run(executor, script.build(loop))
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TOO_LARGE


def test_rules_are_asked_at_the_call(executor: BlockingExecutor) -> None:
    """What the rule of a collection forbids never becomes an effect."""
    hashed = hashlib.sha256(b"v").digest()
    cases = [
        (lambda s: s.put("items", "k", "v"), True),
        (lambda s: s.add("items", "k", 1), False),
        (lambda s: s.put("sums", "k", "v"), False),
        (lambda s: s.delete("sums", "k"), False),
        (lambda s: s.put("mine", MEMBER + b"x", "v"), True),
        (lambda s: s.put("mine", b"n" * 32, "v"), False),
        (lambda s: s.delete("mine", b"n" * 32), False),
        (lambda s: s.put("fixed", MEMBER, "v"), True),
        (lambda s: s.put("fixed", hashed, "v"), True),
        (lambda s: s.put("fixed", hashed, "w"), False),
        (lambda s: s.delete("fixed", MEMBER), False),
        (lambda s: s.put("fixed", MEMBER, "v") + s.put("fixed", MEMBER, "v"), False),
        (lambda s: s.put("undeclared", "k", "v"), False),
        (lambda s: s.get("undeclared", "k"), False),
        (lambda s: s.scan("undeclared"), False),
        (lambda s: s.put(b"\xff\xfe", "k", "v"), False),
    ]
    for number, (make, allowed) in enumerate(cases):
        script = Script()
        outcome = run(executor, script.build(make(script)))
        assert forbidden(outcome) is not allowed, (number, outcome)


def test_frozen_entry_of_the_store_or_an_earlier_call_stays(
    executor: BlockingExecutor, script: Script
) -> None:
    """Put once, at the cut or earlier in the delta."""
    module = script.build(script.put("fixed", MEMBER, "v"))
    assert forbidden(run(executor, module, Entries(("fixed", MEMBER, b"old"))))
    outcomes = executor.run_batch(batch(Call("run", b"1"), Call("run", b"2")), Entries())
    assert isinstance(outcomes[0], Completed)
    assert forbidden(outcomes[1])


def test_roles_of_the_author_are_asked_for(executor: BlockingExecutor, script: Script) -> None:
    """One of the roles a collection names is enough."""
    module = script.build(script.put("staff", "k", "v"))
    assert forbidden(run(executor, module))
    assert forbidden(run(executor, module, roles=("guest",)))
    assert isinstance(run(executor, module, roles=("clerk",)), Completed)


def test_delete_of_what_is_absent_leaves_no_effect(
    executor: BlockingExecutor, script: Script
) -> None:
    """Nor does a put that the call takes back."""
    body = script.delete("items", "gone") + script.put("items", "t", "1")
    body += script.delete("items", "t")
    outcome = run(executor, script.build(body))
    assert isinstance(outcome, Completed)
    assert outcome.effects == ()


def test_put_after_delete_is_a_put(executor: BlockingExecutor, script: Script) -> None:
    """What the overlay holds at the end counts."""
    body = script.delete("items", "a") + script.put("items", "a", "9")
    outcome = run(executor, script.build(body), STORED)
    assert isinstance(outcome, Completed)
    assert outcome.effects == (Put("items", b"a", b"9"),)


def test_call_sees_the_kept_calls_before_it_only(executor: BlockingExecutor) -> None:
    """A failed call leaves no trace in the batch, nor in the store."""
    script = Script()
    read = script.get("items", "a") + script.emit(size="(i32.const 1)")
    put = (
        "(drop (call $input (i32.const 1024) (i32.const 1)))"
        f"(call $put {script.text('items')} {script.text('a')} (i32.const 1024) (i32.const 1))"
    )
    stop = "(if (i32.eq (i32.load8_u (i32.const 1024)) (i32.const 120)) (then unreachable))"
    executor.install(RELEASE, script.build(read + put + stop))
    base = Entries(("items", b"a", b"0"))
    calls = [Call("run", arguments) for arguments in (b"1", b"x", b"2")]
    outcomes = executor.run_batch(batch(*calls), base)
    assert [type(o) for o in outcomes] == [Completed, Failed, Completed]
    read_by = [o.events[0].data for o in outcomes if isinstance(o, Completed)]
    assert read_by == [b"0", b"1"]
    assert base.entries == {("items", b"a"): b"0"}


def test_later_delete_of_an_entry_new_in_the_batch_is_an_effect(
    executor: BlockingExecutor,
) -> None:
    """Each call's effects are its own: the earlier put is already kept."""
    script = Script()
    first = f"(call $input (i32.const 0) (i32.const 0)) (if (then {script.put('items', 'n', '1')})"
    body = first + f"(else {script.delete('items', 'n')}))" + script.add("sums", "s", 1)
    executor.install(RELEASE, script.build(body))
    outcomes = executor.run_batch(batch(Call("run", b"{}"), Call("run", b"")), Entries())
    effects = [o.effects for o in outcomes if isinstance(o, Completed)]
    assert effects == [
        (Put("items", b"n", b"1"), Add("sums", b"s", 1)),
        (Delete("items", b"n"), Add("sums", b"s", 1)),
    ]


@pytest.mark.parametrize(
    ("method", "as_query"),
    [
        *(("nope", False), ("ask", False), ("memory", False), ("", False)),
        *(("run", True), ("nope", True), ("validate", False), ("validate", True)),
    ],
)
def test_unknown_method_is_said_so(
    executor: BlockingExecutor, script: Script, method: str, as_query: bool
) -> None:
    """A query is not called, a call is not queried, other exports are nobody's."""
    executor.install(RELEASE, script.build(validate=""))
    if as_query:
        outcome = executor.query(query(method=method), Entries())
    else:
        (outcome,) = executor.run_batch(batch(Call(method, b"{}")), Entries())
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.UNKNOWN_METHOD
