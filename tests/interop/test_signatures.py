"""Ed25519 by libsodium's rules: what libraries disagree on is judged alike by both.

A key or an R with a part of small order passes an equation with a cofactor always, and the one
without it in an eighth of the cases. Whoever multiplies by the cofactor accepts what others refuse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl import bindings

from covey.crypto import is_signed
from tests.interop.judging import judge

pytestmark = pytest.mark.timeout(60, func_only=True)

ORDER = 2**252 + 27742317777372353535851937790883648493
OF_ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
SECRET, NONCE = 2**200 + 11, 2**199 + 13
CASES = 64


def _signatures(*, is_key_mixed: bool, is_r_mixed: bool) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(key, message, signature) that satisfy the equation times eight."""
    key = _point(SECRET, is_mixed=is_key_mixed)
    r = _point(NONCE, is_mixed=is_r_mixed)
    for number in range(CASES):
        message = b"message %d" % number
        digest = hashlib.sha512(r + key + message).digest()
        challenge = int.from_bytes(digest, "little") % ORDER
        s = (NONCE + challenge * SECRET) % ORDER
        yield key, message, r + s.to_bytes(32, "little")


def _point(scalar: int, *, is_mixed: bool) -> bytes:
    little = scalar.to_bytes(32, "little")
    point: bytes = bindings.crypto_scalarmult_ed25519_base_noclamp(little)
    mixed: bytes = bindings.crypto_core_ed25519_add(point, OF_ORDER_8)
    return mixed if is_mixed else point


@pytest.mark.parametrize(
    ("is_key_mixed", "is_r_mixed", "some", "every"),
    [
        (False, False, True, True),
        (True, False, True, False),
        (True, True, True, False),
        (False, True, False, False),
    ],
    ids=["of prime order", "mixed key", "mixed key and R", "mixed R"],
)
def test_both_verify_without_the_cofactor(
    tmp_path: Path, is_key_mixed: bool, is_r_mixed: bool, some: bool, every: bool
) -> None:
    """The verdicts are equal one by one, and as the equation without a cofactor has them."""
    given = list(_signatures(is_key_mixed=is_key_mixed, is_r_mixed=is_r_mixed))
    ours = [is_signed(key, message, signature) for key, message, signature in given]
    cases = [
        {
            "name": str(number),
            "key": key.hex(),
            "message": message.hex(),
            "signature": signature.hex(),
            "seed": bytes(32).hex(),
        }
        for number, (key, message, signature) in enumerate(given)
    ]
    content = json.dumps({"valid": cases, "invalid": []})
    (tmp_path / "hashing.json").write_text(content, "utf-8")
    assert ["gave" in line for line in judge(tmp_path, "hashing")] == ours
    assert (any(ours), all(ours)) == (some, every)
