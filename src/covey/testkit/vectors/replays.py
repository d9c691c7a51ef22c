"""Vectors of replay: what an author signed of its calls, and the word of who runs them again.

The effects and fuel are worked out here from the specifications: an engine is not its own proof.
"""

from __future__ import annotations

import json
from typing import Final

from covey.crypto import SeededStream, call_seed, sha256
from covey.model import Call, ContextId, DeltaId, DeviceId, MemberId, limits
from covey.runtime.module.encode import name, section, unsigned, vector
from covey.testkit.vectors.form import Case, Json, Vectors, case

__all__ = ["replays"]

_DESCRIPTION: Final = (
    "Replay (replay.md). `module` has one collection `n` (register) and the calls `draw`, which "
    "puts four random bytes under `k`, `again`, which reads `k` and puts what it read under `l`, "
    "and `stop`, which traps; that of a next release has `migrate` too, which does what `draw` "
    "does: in an upgrade's delta, `module` is that of the release that it puts in force. `state` "
    "is that of the delta's cut. Valid: run again, each call has "
    "these effects, events and fuel. Invalid: `code` says how the first call that differs does."
)
_CONTEXT: Final = ContextId(b"\x01\x55\x12\x20" + sha256(b"a context"))
_MEMBER, _DEVICE = MemberId(sha256(b"a member")), DeviceId(sha256(b"a device"))
_PREVIOUS: Final = DeltaId(sha256(b"the delta before"))
_SEQUENCE: Final = 7
_TIME: Final = 1_750_000_000_000 << 16
_RUN: Final = 10_000 + 4_096  # of execution.md: a call, and a page of memory
_CALL, _BYTE = limits.HOST_CALL_FUEL, limits.COPY_FUEL_PER_BYTE
_RANDOM: Final = 2 + 10 + _CALL + 4 * _BYTE + 4 * limits.RANDOM_FUEL_PER_BYTE


def replays() -> Vectors:
    """The file `replay.json`."""
    drawn = [_draw(0), _draw(1)]
    valid = (
        _case("one call", ["draw"], [drawn[0]]),
        _case("two calls, each with a seed of its own", ["draw", "draw"], drawn),
        _case(
            "a call on what the one before left", ["draw", "again"], [drawn[0], _again(drawn[0])]
        ),
        _case("a call on the state of the cut", ["again"], [_again(b"abcd")], state=b"abcd"),
        _migration("a migration"),
        _migration("a migration on the state of the cut", state=b"abcd".hex()),
    )
    return Vectors(_DESCRIPTION, valid, tuple(_invalid(drawn)))


def _invalid(drawn: list[bytes]) -> list[Case]:
    first = drawn[0]
    put: Json = [0, "n", b"k".hex(), first.hex()]
    more: Json = [0, "n", b"m".hex(), "00"]
    return [
        _bad("another value", "wrong-effects", effects=[[[0, "n", "6b", "00000000"]]]),
        _bad("an effect more", "wrong-effects", effects=[[put, more]]),
        _bad("an effect less", "wrong-effects", effects=[[]]),
        _bad("another kind of effect", "wrong-effects", effects=[[[1, "n", b"k".hex()]]]),
        _bad("an event more", "wrong-events", events=[[["paid", ""]]]),
        _bad("fuel that is more", "wrong-fuel", fuel=[_fuel("draw") + 1]),
        _bad("fuel that is less", "wrong-fuel", fuel=[_fuel("draw") - 1]),
        _bad("the seed of another sequence", "wrong-effects", sequence=_SEQUENCE + 1),
        _bad("the seed of another device", "wrong-effects", device=_MEMBER.hex()),
        _bad("the seed after another delta", "wrong-effects", previous=None),
        _bad("other arguments", "wrong-effects", calls=[["draw", b"[]".hex()]]),
        _bad("a call that needs more fuel", "wrong-fuel", calls=[["again", b"{}".hex()]]),
        _bad("a call that traps", "failed-call", calls=[["stop", b"{}".hex()]]),
        _bad("a call that there is not", "failed-call", calls=[["drew", b"{}".hex()]]),
        *_invalid_migrations(more),
    ]


def _invalid_migrations(more: Json) -> list[Case]:
    """It is run as every call is, under the release that comes and no other."""
    drawn: Json = [0, "n", b"k".hex(), _draw(0, "migrate").hex()]
    other: Json = [0, "n", b"k".hex(), "00000000"]
    changed: list[tuple[str, str, dict[str, Json]]] = [
        ("another value", "wrong-effects", {"effects": [[other]]}),
        ("an effect more", "wrong-effects", {"effects": [[drawn, more]]}),
        ("no effects", "wrong-effects", {"effects": [[]]}),
        ("an event more", "wrong-events", {"events": [[["paid", ""]]]}),
        ("fuel that is less", "wrong-fuel", {"fuel": [_fuel("migrate") - 1]}),
        ("the module of the release before", "failed-call", {"module": _module().hex()}),
    ]
    return [
        {**_migration(f"a migration with {text}"), **changes, "code": code}
        for text, code, changes in changed
    ]


def _migration(text: str, **changes: Json) -> Case:
    made = _case(text, ["migrate"], [_draw(0, "migrate")])
    return {**made, "module": _module(is_next=True).hex(), **changes}


def _bad(text: str, code: str, **changes: Json) -> Case:
    made = _case(text, ["draw"], [_draw(0)])
    return {**made, **changes, "code": code}


def _case(text: str, methods: list[str], values: list[bytes], state: bytes = b"") -> Case:
    keys = {"draw": b"k", "migrate": b"k", "again": b"l"}
    effects: list[Json] = [
        [[0, "n", keys[method].hex(), value.hex()]]
        for method, value in zip(methods, values, strict=True)
    ]
    return case(
        text,
        module=_module(),
        context=_CONTEXT,
        member=_MEMBER,
        device=_DEVICE,
        sequence=_SEQUENCE,
        previous=_PREVIOUS,
        time=str(_TIME),
        state=state,
        calls=[[method, b"{}".hex()] for method in methods],
        effects=effects,
        events=[[] for _ in methods],
        fuel=[_fuel(method) for method in methods],
    )


def _draw(index: int, method: str = "draw") -> bytes:
    """What `draw` or `migrate` puts, as a call of that place."""
    seed = call_seed(_CONTEXT, _DEVICE, _SEQUENCE, _PREVIOUS, index, Call(method, b"{}"))
    return SeededStream(seed).take(4)


def _again(read: bytes) -> bytes:
    return read


def _fuel(method: str) -> int:
    """By the tables of execution.md and application.md."""
    names = (1 + 1) * _BYTE  # of the collection, and the key
    put = 6 + 10 + _CALL + names + limits.EFFECT_FUEL + 4 * _BYTE
    get = 6 + 10 + _CALL + names + limits.ENTRY_READ_FUEL + 4 * _BYTE
    return _RUN + (get + put if method == "again" else _RANDOM + put)


def _module(*, is_next: bool = False) -> bytes:
    """Memory: the name `n` at 0, the keys `k` and `l` at 1 and 2, four bytes at 8."""
    methods = {"again": 4, "draw": 3, **({"migrate": 3} if is_next else {}), "stop": 5}
    exported = sorted(methods.items(), key=lambda method: method[1])

    def numbers(*values: int) -> bytes:
        return b"".join(b"\x41" + unsigned(value) for value in values)

    draw = numbers(8, 4) + b"\x10\0" + numbers(0, 1, 1, 1, 8, 4) + b"\x10\x01"
    again = numbers(0, 1, 1, 1, 8, 4) + b"\x10\x02\x1a" + numbers(0, 1, 2, 1, 8, 4) + b"\x10\x01"
    bodies = [b"\0" + code + b"\x0b" for code in (draw, again, b"\0")]
    words = b"\x7f" * 6
    covey = name("covey")
    parts = {
        1: vector(
            (
                b"\x60\x02\x7f\x7f\0",
                b"\x60\x06" + words + b"\0",
                b"\x60\x06" + words + b"\x01\x7f",
                b"\x60\0\0",
            )
        ),
        2: vector(
            (
                covey + name("random") + b"\0\0",
                covey + name("put") + b"\0\x01",
                covey + name("get") + b"\0\x02",
            )
        ),
        3: vector((b"\x03", b"\x03", b"\x03")),
        5: b"\x01\0\x01",
        7: vector(
            [name(method) + b"\0" + unsigned(number) for method, number in exported]
            + [name("memory") + b"\x02\0"]
        ),
        10: vector([unsigned(len(body)) + body for body in bodies]),
        11: b"\x01\0\x41\0\x0b\x03nkl",
    }
    content = b"".join(section(number, part) for number, part in parts.items())
    document = {
        "abi": "covey/1",
        "collections": [{"name": "n", "rule": "register"}],
        "methods": [{"name": method, "kind": "call"} for method in methods],
    }
    abi = name("covey.abi") + json.dumps(document, separators=(",", ":")).encode()
    return b"\0asm\x01\0\0\0" + content + section(0, abi)
