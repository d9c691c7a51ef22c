"""Few bytes that open to many small things: they are refused before anything is built of them.

What is built is counted as memory, which is the same on every machine. Each of these took between
a tenth of a second and two of the event loop when everything was unpacked and packed again.
"""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from covey.codec import (
    FrontierFrame,
    decode_charter,
    decode_delta,
    decode_frame,
    decode_payload,
    encode_frame,
    encode_payload,
    make_delta,
    open_batch,
    open_gossip,
    pack,
    unpack,
)
from covey.codec.packing import leading
from covey.errors import ProtocolViolation
from covey.model import (
    Call,
    Close,
    DeltaId,
    DeviceId,
    Digest,
    Payload,
    Put,
    Tip,
    limits,
)
from covey.testkit.history import History
from covey.testkit.identities import found, identity

ANN = identity("ann")
FOUNDING = found(ANN)
CONTEXT = FOUNDING.context
_BUILT_BYTES_MAX = 512 * limits.KIB  # a copy of no frame, and some elements


def _many(size_bytes: int, element: bytes) -> bytes:
    count = (size_bytes - 64) // len(element)
    return b"\xdd" + count.to_bytes(4, "big") + count * element


def _deep(size_bytes: int, element: bytes) -> bytes:
    """Arrays of fifteen in one another, so that none of them is long."""
    level = (b"\x9f" + 14 * element) * 500
    return level * (size_bytes // len(level)) + element


def _refused(decode: Callable[[], object]) -> tuple[str, int]:
    """The code, and how many bytes were built before it was found."""
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolViolation) as caught:
            decode()
        return caught.value.code, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


_BOMBS = {
    "pairs": lambda size: _many(size, b"\x91\x90"),
    "nothings": lambda size: _many(size, b"\xc0"),
    "fifteens": lambda size: _many(size, b"\x9f" + 15 * b"\xc0"),
    "deep": lambda size: _deep(size, b"\x90"),
}


@pytest.fixture(params=_BOMBS.values(), ids=_BOMBS.keys())
def bomb(request) -> Callable[[int], bytes]:
    """So many bytes of tiny things."""
    return request.param


def test_version_is_read_before_what_follows(bomb):
    """An unknown one is nobody's fault, so that nobody would pay for looking at the rest."""
    frame = b"\x92\x02" + bomb(limits.DELTA_SIZE_BYTES_MAX - 64)
    assert len(frame) <= limits.DELTA_SIZE_BYTES_MAX
    code, built_bytes = _refused(lambda: decode_delta(CONTEXT, frame))
    assert code == "unknown-version"
    assert built_bytes < _BUILT_BYTES_MAX


def test_delta_of_many_small_things_is_refused(bomb):
    """In the frame, and in the header."""
    header = b"\x9c\x01" + bomb(64_000)
    frames = (
        b"\x94\x01" + bomb(limits.DELTA_SIZE_BYTES_MAX - 64),
        pack((1, header, bytes(64), b"")),
    )
    for frame in frames:
        code, built_bytes = _refused(lambda it=frame: decode_delta(CONTEXT, it))
        assert code in ("oversized", "malformed")
        assert built_bytes < _BUILT_BYTES_MAX


def test_payload_and_charter_of_many_small_things_are_refused(bomb):
    """A payload may have more of them than anything else."""
    sealed = b"\x93" + bomb(limits.DELTA_SIZE_BYTES_MAX - 64)
    code, built_bytes = _refused(lambda: decode_payload(sealed))
    assert code in ("oversized", "malformed")
    assert built_bytes < 16 * limits.MIB
    charter = b"\xdc\x00\x10\x01" + bomb(limits.CHARTER_SIZE_BYTES_MAX - 128)
    code, built_bytes = _refused(lambda: decode_charter(charter))
    assert code in ("oversized", "malformed")
    assert built_bytes < _BUILT_BYTES_MAX


def test_gossip_of_many_small_things_is_refused(bomb):
    """Where bytes must be, and of a kind to come."""
    for start, expected in ((b"\x92\x01", "oversized"), (b"\x92\x03", "unknown-version")):
        frame = start + bomb(limits.GOSSIP_FRAME_BYTES_MAX - 64)
        code, built_bytes = _refused(lambda it=frame: open_gossip(it))
        assert code in (expected, "malformed")
        assert built_bytes < _BUILT_BYTES_MAX


def test_batch_of_many_small_things_costs_its_bytes_alone(bomb):
    """Eight kilobytes took 1.5 s and 265 MB."""
    packed = zlib.compress(bomb(limits.SYNC_CREDIT_BYTES), 9)
    code, built_bytes = _refused(lambda: open_batch(packed, limits.SYNC_CREDIT_BYTES))
    assert code in ("oversized", "wrong-shape")
    assert built_bytes < 2 * limits.SYNC_CREDIT_BYTES + limits.MIB


@pytest.mark.parametrize("kind", range(1, 21))
def test_sync_frame_of_many_small_things_is_refused(bomb, kind):
    """Of every kind, known or not; those that tell of many devices may hold some."""
    is_large = kind in (6, 10)
    size = limits.SYNC_FRAME_SIZE_BYTES_MAX if is_large else limits.SYNC_TOLD_BYTES_MAX
    frame = b"\x93" + bytes((kind, 1)) + bomb(size - 64)
    code, built_bytes = _refused(lambda: decode_frame(frame))
    assert code in ("oversized", "malformed") or (kind, code) == (20, "unknown-version")
    assert built_bytes < (8 * limits.MIB if kind in (5, 15, 16) else _BUILT_BYTES_MAX)


def test_elements_are_counted_in_all_arrays_together():
    """At the limit it passes, one more does not, wherever it stands."""
    just = (tuple(range(50)), tuple(range(48)))
    assert unpack(pack(just), 1_000, 100) == just
    for more in ((*just, 1), (just[0], (*just[1], 1)), ((just,), 1)):
        with pytest.raises(ProtocolViolation) as caught:
            unpack(pack(more), 1_000, 100)
        assert caught.value.code == "oversized"
    with pytest.raises(ProtocolViolation) as caught:
        unpack(pack(tuple(range(101))), 1_000, 100)
    assert caught.value.code == "oversized"


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        ("9201c0", 1),
        ("91ccff", 255),
        ("91cd0100", 256),
        ("91ce00010000", 65_536),
        ("91cf0000000100000000", 2**32),
        ("dc000102", 2),
        ("dd0000000102", 2),
        ("92027f80", 2),
        ("", None),
        ("91", None),
        ("90", None),
        ("9002", None),
        ("dc000002", None),
        ("dd0000000002", None),
        ("dd000001", None),
        ("91cd01", None),
        ("91cc", None),
        ("91ff", None),
        ("91c0", None),
        ("91c3", None),
        ("91a131", None),
        ("9192", None),
        ("02", None),
        ("c40102", None),
    ],
)
def test_leading_integer_is_read_from_the_first_bytes(frame, number):
    """Nothing after it is looked at, be it no MessagePack at all."""
    assert leading(bytes.fromhex(frame)) == number


def test_largest_honest_objects_are_within_the_bounds():
    """A limit below them would cut nodes in two."""
    ids = tuple(DeltaId(bytes((n,)) * 32) for n in range(32))
    first = History(FOUNDING).write(ANN, (), [Put("notes", b"k", b"v")])
    core = replace(
        first.core,
        sequence=2,
        previous=ids[0],
        parents=ids,
        gov_parents=ids,
        epochs=ids,
        fuel=(1,) * limits.DELTA_CALLS_MAX,
        governance=(Close(ANN.device, ids),) * 40,  # as many as fit into the bytes
    )
    assert decode_delta(CONTEXT, make_delta(CONTEXT, core, b"", ANN.signer).frame).core == core
    tips = {
        DeviceId(n.to_bytes(32, "big")): (Tip(1, ids[1]),)
        for n in range(1, limits.SYNC_TOLD_BYTES_MAX // 73)
    }
    told = FrontierFrame(1, tips, Digest(bytes(32)))
    assert decode_frame(encode_frame(told)) == told
    calls, effects = limits.DELTA_CALLS_MAX, limits.DELTA_EFFECTS_MAX // limits.DELTA_CALLS_MAX
    payload = Payload(
        (Call("m", b""),) * calls,
        (tuple(Put("c", n.to_bytes(2, "big"), b"") for n in range(effects)),) * calls,
        ((),) * calls,
    )
    assert decode_payload(encode_payload(payload)) == payload
