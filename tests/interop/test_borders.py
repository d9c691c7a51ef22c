"""Where two implementations part: one field at its border at a time, judged by both.

Everything but the field under test is right, and the signature is made anew, so that a verdict is
about that field. Whoever accepts what the other refuses splits the network.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from covey.codec import (
    decode_announcement,
    decode_delta,
    decode_payload,
    frontier_of,
    is_delta_signed,
    pack,
    payload_hash,
    topic_key,
    unpack,
)
from covey.crypto import Signer, Tag, seal_envelope, signing_message
from covey.errors import ProtocolViolation
from covey.model import ContextId, PeerId, limits
from covey.sync import Gossip
from tests.interop.judging import judge, value_of

pytestmark = pytest.mark.timeout(120, func_only=True)

ENCODINGS = Path(__file__).resolve().parents[2] / "protocols" / "vectors" / "encoding.json"
RANDOM_CASES = 3_000
SEED = SigningKey(bytes(range(32)))
KEY = bytes(SEED.verify_key)
CONTEXT = ContextId(bytes.fromhex("01551220") + bytes(32))
IDS = tuple(bytes([number]) * 32 for number in range(34))
NUMBERS = (
    -(2**63), -1, 0, 1, 2, 127, 2**16, 2**16 + 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *NUMBERS, None, True, False, 1.5, "", "peer", "a b", "é", "\x7f", "\ufeff", "x" * 128,
    "x" * 129, b"", bytes(31), IDS[1], bytes(33), bytes(36), bytes(CONTEXT), bytes(64), (), (1,),
    (2,), (IDS[1],), (IDS[2], IDS[1]), (IDS[1], IDS[1]), IDS[:32], IDS[:33], (1,) * 256,
    (1,) * 257, ((1,),), ((1, 1),), ((0,),), ((3,),), ((2**16, 1),), ((2**16 + 1,),), ((),),
    ((3,) * 8,), ((3,) * 9,), ((1,),) * 64, ((1,),) * 65, ((2, (), ()),),
)  # fmt: skip
HEAD = (KEY, 1, IDS[1])
CORE: tuple[Any, ...] = (1, KEY, 2, IDS[9], (), (), 5, bytes(CONTEXT), (), (1,), ())
BODY: tuple[Any, ...] = (1, KEY, "peer", 3, IDS[1], IDS[2], (HEAD,), 7)
HEADS = ((HEAD,) * 2, ((KEY, 0, IDS[1]),), ((KEY, 2**63, IDS[1]),), ((KEY, 1),), ((KEY, 1, b""),))
PUT, DELETE, ADD = (0, "notes", b"k", b"v"), (1, "notes", b"l"), (2, "notes", b"m", -5)
EFFECTS: tuple[Any, ...] = (
    PUT, DELETE, ADD, (0, "notes", b"k"), (1, "notes", b"k", b"v"), (2, "notes", b"k", b"v"),
    (3, "notes", b"k", b"v"), (0, "n" * 65, b"k", b""), (0, "notes", bytes(1_025), b""),
    (0, "notes", bytes(1_024), bytes(limits.MIB)), (0, "notes", b"", bytes(limits.MIB + 1)),
    (2, "notes", b"k", -(2**63)), (2, "notes", b"k", 2**63), (0, b"notes", b"k", b"v"), (),
)  # fmt: skip


def _delta(core: tuple[Any, ...], payload: bytes) -> bytes:
    header = pack((*core, payload_hash(payload)))
    signature = SEED.sign(signing_message(Tag.DELTA, CONTEXT, header)).signature
    return pack((1, header, signature, payload))


def _announcement(body: tuple[Any, ...]) -> bytes:
    packed = pack(body)
    signature = SEED.sign(signing_message(Tag.ANNOUNCEMENT, CONTEXT, packed)).signature
    return pack((packed, signature))


def _with_one_changed(values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for place in range(len(values)):
        for value in VALUES:
            yield (*values[:place], value, *values[place + 1 :])
    yield values[:-1]
    yield (*values, None)


def _deltas() -> Iterator[bytes]:
    payload = pack(((("set", b"{}"),), ((PUT,),), ((),)))
    for core in _with_one_changed(CORE):
        yield _delta(core, payload)


def _announcements() -> Iterator[bytes]:
    for body in _with_one_changed(BODY):
        yield _announcement(body)
    for heads in HEADS:
        yield _announcement((*BODY[:6], heads, BODY[7]))


def _payloads() -> Iterator[bytes]:
    call = ("set", b"{}")
    for effect in EFFECTS:
        yield pack(((call,), ((effect,),), ((),)))
    for effects in ((PUT, DELETE, ADD), (DELETE, PUT), (PUT, PUT)):
        yield pack(((call,), (effects,), ((),)))
    for changed in (*_with_one_changed(call), ("m" * 64, b""), ("m" * 65, b""), ("é" * 33, b"")):
        yield pack(((changed,), ((),), ((),)))
    for event in (("e", b""), ("e" * 65, b""), ("e", bytes(65_537)), ("e",), (1, b"")):
        yield pack(((call,), ((),), ((event,),)))
    for counts in ((4_096, 4_096), (4_097,), (4_096, 4_096, 1), (4_096, 4_097)):
        full = tuple(
            tuple((1, "n", b"%08d" % number) for number in range(count)) for count in counts
        )
        yield pack(((call,) * len(counts), full, ((),) * len(counts)))


def _frontiers() -> Iterator[bytes]:
    row = (KEY, ((1, IDS[1]),))
    for changed in _with_one_changed(row):
        yield pack((changed,))
    for tip in _with_one_changed((1, IDS[1])):
        yield pack(((KEY, (tip,)),))
    yield pack((row, row))
    yield pack(((IDS[0], ((1, IDS[1]),)), (IDS[1], ((1, IDS[2]), (1, IDS[3]), (2, IDS[1])))))
    yield pack(((IDS[0], ((1, IDS[2]), (1, IDS[1]))),))


def _envelopes() -> Iterator[bytes]:
    announcement = _announcement(BODY)
    sealed = partial(seal_envelope, topic_key(CONTEXT), bytes(24))
    for kind in VALUES:
        yield sealed(pack((kind, announcement)))
    for content in (b"", b"x", zlib.compress(b""), zlib.compress(announcement)):
        for more in (b"", b"x"):
            yield sealed(pack((1, content + more)))
            yield sealed(pack((1, content[:-1] + more)))
    for beyond in (0, 1, 100_000):
        yield sealed(pack((1, zlib.compress(bytes(limits.GOSSIP_FRAME_BYTES_MAX + beyond)))))
    for content in VALUES:
        yield sealed(pack((2, content)))
        yield sealed(pack((3, content)))
    for frame in ((2, announcement, 1), (3, announcement, 1), (2,), (3,), ()):
        yield sealed(pack(frame))
    whole = sealed(pack((2, announcement)))
    for size in (0, 1, 24, 25, 40, 41, len(whole) - 1):
        yield whole[:size]
        yield b"\x02" + whole[1:size]
    yield whole + bytes(limits.GOSSIP_FRAME_BYTES_MAX)


def _damaged() -> Iterator[bytes]:
    """Encodings of every type with some bytes changed, put in or taken out."""
    rng = random.Random(1)
    cases = json.loads(ENCODINGS.read_text("utf-8"))["valid"]
    genuine = [bytes.fromhex(case["encoded"]) for case in cases]
    for _ in range(RANDOM_CASES):
        frame = bytearray(rng.choice(genuine)[:80])
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(frame) + 1)
            frame[place : place + rng.randint(0, 1)] = rng.randbytes(rng.randint(0, 2))
        yield bytes(frame)
    for first in range(256):
        for rest in (b"", b"\x00", b"\x00\x00", b"\x00\x01\xff", bytes(8), b"\xff" * 8):
            yield b"\x91" + bytes([first]) + rest


def _judge_delta(frame: bytes) -> None:
    delta = decode_delta(CONTEXT, frame)
    if not is_delta_signed(CONTEXT, delta):
        raise ProtocolViolation("bad-signature", "not signed")


def _judge_announcement(frame: bytes) -> None:
    decode_announcement(CONTEXT, frame)


def _judge_envelope(frame: bytes) -> None:
    gossip = Gossip(
        CONTEXT, PeerId("peer"), Signer.from_seed(bytes(32)), random.Random(1), lambda _: True
    )
    code = gossip.hear(frame, 0.0).code
    if code:
        raise ProtocolViolation(code, "as gossip said")


def _judge_payload(frame: bytes) -> None:
    decode_payload(frame)


def _judge_frontier(frame: bytes) -> None:
    frontier_of(unpack(frame, limits.SYNC_FRAME_SIZE_BYTES_MAX))


def _code(judge_one: Callable[[bytes], None], frame: bytes) -> str | None:
    try:
        judge_one(frame)
    except ProtocolViolation as violation:
        return violation.code
    return None


@pytest.mark.parametrize(
    ("file", "field", "frames", "judge_one"),
    [
        ("delta", "frame", _deltas, _judge_delta),
        ("announcement", "frame", _announcements, _judge_announcement),
        ("topic", "envelope", _envelopes, _judge_envelope),
        ("payload", "encoded", _payloads, _judge_payload),
        ("frontier", "encoded", _frontiers, _judge_frontier),
    ],
    ids=["delta", "announcement", "envelope", "payload", "frontier"],
)
def test_both_judge_every_border_alike(
    tmp_path: Path,
    file: str,
    field: str,
    frames: Callable[[], Iterator[bytes]],
    judge_one: Callable[[bytes], None],
) -> None:
    """With one thing wrong the code is the same too: it decides who is blamed."""
    given = list(dict.fromkeys(frames()))
    lines = _judged(tmp_path, file, field, given)
    parted = [
        (frame[:200].hex(), ours, line.get("code"))
        for frame, line in zip(given, lines, strict=True)
        if (ours := _code(judge_one, frame)) != line.get("code")
    ]
    assert parted == []
    assert any("gave" in line for line in lines)


def test_both_read_damaged_encodings_alike(tmp_path: Path) -> None:
    """What one reads, the other reads as the same value; several things may be wrong at once."""
    given = list(dict.fromkeys(_damaged()))
    lines = _judged(tmp_path, "encoding", "encoded", given)
    parted = []
    for frame, line in zip(given, lines, strict=True):
        theirs = value_of(line["gave"]["value"]) if "gave" in line else None
        if _read(frame) != theirs:
            parted.append((frame.hex(), _read(frame), line))
    assert parted == []
    assert sum("gave" in line for line in lines) > 100


def _judged(folder: Path, file: str, field: str, frames: list[bytes]) -> list[dict[str, Any]]:
    cases = [
        {"name": str(number), "context": CONTEXT.hex(), "seed": bytes(SEED).hex(), field: hexed}
        for number, hexed in enumerate(frame.hex() for frame in frames)
    ]
    (folder / f"{file}.json").write_text(json.dumps({"valid": cases, "invalid": []}), "utf-8")
    return judge(folder, file)


def _read(frame: bytes) -> object:
    try:
        value = unpack(frame, len(frame))
    except ProtocolViolation:
        return None
    return None if _holds(value, float) else value


def _holds(value: object, kind: type) -> bool:
    return isinstance(value, kind) or (
        isinstance(value, tuple) and any(_holds(item, kind) for item in value)
    )
