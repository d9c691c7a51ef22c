"""Batches of deltas: compressed, opened within bounds."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest

from covey.codec import open_batch, pack, pack_batch
from covey.errors import ProtocolViolation
from covey.model import limits

__all__: list[str] = []


def test_a_batch_comes_back_as_it_was() -> None:
    """Order and bytes."""
    frames = (b"a", bytes(100_000), b"\xff" * 300)

    packed = pack_batch(frames)

    assert open_batch(packed, limits.SYNC_CREDIT_BYTES) == frames
    assert len(packed) < 1_000
    for count in (1, 15, 16, limits.SYNC_BATCH_DELTAS_MAX):
        for size in (0, 255, 256, 65_535, 65_536):
            several = (*(bytes((n,)) for n in range(count - 1)), bytes(size))
            assert open_batch(pack_batch(several), limits.SYNC_CREDIT_BYTES) == several


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (b"", "malformed"),
        (b"no zlib at all", "malformed"),
        (zlib.compress(b"\x91\xc4\x01a")[:-1], "malformed"),
        (zlib.compress(b"\x91\xc4\x01a") + b"x", "malformed"),
        (zlib.compress(b"\xc4\x01a"), "wrong-shape"),
        (zlib.compress(pack(())), "wrong-shape"),
        (zlib.compress(pack((1,))), "wrong-shape"),
        (zlib.compress(b"\xdc\x00\x01\xc4\x01a"), "non-canonical"),
        (zlib.compress(b"\xdd\x00\x00\x00\x01\xc4\x01a"), "non-canonical"),
        (zlib.compress(b"\x91\xc5\x00\x01a"), "non-canonical"),
        (zlib.compress(b"\x91\xc6\x00\x00\x00\x01a"), "non-canonical"),
        (zlib.compress(b"\x91\xc4\x02a"), "malformed"),
        (zlib.compress(b"\x91\xc4\x01ab"), "malformed"),
        (zlib.compress(b"\x91\xc4"), "malformed"),
        (zlib.compress(b"\x91\xc6\xff\xff\xff\xff"), "malformed"),
        (zlib.compress(b"\xdd\xff\xff\xff\xff"), "oversized"),
        (zlib.compress(b"\x91\xa1a"), "wrong-shape"),
        (zlib.compress(b"\x91"), "wrong-shape"),
        (zlib.compress(b""), "wrong-shape"),
        (zlib.compress(pack((b"",) * (limits.SYNC_BATCH_DELTAS_MAX + 1))), "oversized"),
        (zlib.compress(pack((bytes(51), bytes(50)))), "wrong-credit"),
        (zlib.compress(pack((bytes(100_000),))), "wrong-credit"),
    ],
)
def test_what_is_no_batch_is_refused(packed: bytes, code: str) -> None:
    """Each with the code that says why."""
    with pytest.raises(ProtocolViolation) as caught:
        open_batch(packed, 100)
    assert caught.value.code == code


def test_a_bomb_is_not_opened() -> None:
    """A frame that would decompress to a gigabyte costs the bound and no more."""
    maker = zlib.compressobj(9)
    bomb = b"".join(maker.compress(bytes(2**20)) for _ in range(1_024)) + maker.flush()
    assert len(bomb) < limits.SYNC_FRAME_SIZE_BYTES_MAX

    tracemalloc.start()
    with pytest.raises(ProtocolViolation):
        open_batch(bomb, limits.SYNC_CREDIT_BYTES)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 3 * limits.SYNC_CREDIT_BYTES
