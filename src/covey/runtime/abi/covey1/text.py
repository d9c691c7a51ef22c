"""Text and JSON that come from application code: made safe to show, checked before use."""

from __future__ import annotations

import re
import sys
from binascii import b2a_base64
from collections.abc import Sequence
from itertools import accumulate, product
from operator import add
from typing import Final

import msgspec

from covey.model import Add, Delete, Effect, Put, limits

__all__ = ["effects_as_json", "json_fault", "shown"]

_OTHER_BYTES: Final = bytes(set(range(256)) - set(b'[]{}"'))
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")
_WORD_SIZE_BYTES: Final = 8
_PLAIN: Final = frozenset((b"{}", b"[]", b'""', b"null", b"true", b"false"))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown(raw: bytes, size_bytes_max: int) -> str:
    """Bytes as one line of text; control characters could drive a terminal, so none is left."""
    return _CONTROL.sub("\ufffd", raw[:size_bytes_max].decode("utf-8", errors="replace"))


def json_fault(content: bytes) -> str | None:
    """Why bytes are no JSON text by RFC 8259 of bounded depth, or None if they are.

    Takes time in proportion to their number whatever they are, and builds nothing of them: they
    are the last thing a call says, and it has paid for no more than copying them.
    """
    if content in _PLAIN:  # What most calls say takes longer to check than to recognise.
        return None
    # Depth first: a recursive parser must not see what it could not return from.
    brackets = content.count(b"[") + content.count(b"{")  # there are no more levels than these
    if brackets > limits.RESULT_DEPTH_MAX and _depth(content) > limits.RESULT_DEPTH_MAX:
        return f"it is nested deeper than {limits.RESULT_DEPTH_MAX}"
    try:
        content.decode("utf-8")
        _decode(_without_surrogates(content))
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        return str(error)
    return None


def _depth(content: bytes) -> int:
    """How deep brackets outside strings nest, at least; exact for JSON."""
    # Without escapes, each quote begins or ends a string; one that ends at once hides nothing.
    plain = content.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_ALIKE, _OTHER_BYTES)
    brackets = b"".join(plain.replace(b'""', b"").split(b'"')[::2])
    brackets += b"]" * (-len(brackets) % _WORD_SIZE_BYTES)
    words = memoryview(brackets).cast("Q").tolist()
    starts = accumulate(map(_RISES.__getitem__, words), initial=0)
    return max(map(add, starts, map(_PEAKS.__getitem__, words)), default=0)


def _peaks() -> tuple[dict[int, int], dict[int, int]]:
    """Of each word of brackets: where it ends above its start, and its highest place."""
    rises, peaks = {}, {}
    for steps in product((1, -1), repeat=_WORD_SIZE_BYTES):
        word = int.from_bytes(bytes(b"["[0] if step > 0 else b"]"[0] for step in steps), _ORDER)
        rises[word], peaks[word] = sum(steps), max(accumulate(steps))
    return rises, peaks


_ORDER: Final = sys.byteorder
_RISES, _PEAKS = _peaks()


def _without_surrogates(content: bytes) -> bytes:
    """The same with other escapes in place of surrogates: by the grammar they need no pair."""
    if b"\\u" not in content:
        return content
    # A digit takes the place of a digit, and of a pair that is no escape's beginning a pair that
    # is no JSON outside strings either.
    pairless = content.replace(b"\\\\", rb"\n")
    return pairless.replace(rb"\ud", rb"\u0").replace(rb"\uD", rb"\u0")


# Of a raw value the grammar alone is checked: no number has to fit, no string is made.
_decode: Final = msgspec.json.Decoder(msgspec.Raw).decode


def effects_as_json(effects: Sequence[Effect]) -> bytes:
    """The input of `validate`: a list of objects, keys and values in base64.

    Of what one call may have it is at most `limits.VALIDATE_INPUT_BYTES_MAX` long.
    Source: protocols/application.md, "validate".
    """
    # The name of a collection holds nothing that JSON would escape.
    return b"[%b]" % b",".join(map(_effect, effects))


def _effect(effect: Effect) -> bytes:
    collection, key = effect.collection.encode(), _base64(effect.key)
    match effect:
        case Put(value=value):
            form = b'{"collection":"%b","op":"put","key":"%b","value":"%b"}'
            return form % (collection, key, _base64(value))
        case Add(amount=amount):
            form = b'{"collection":"%b","op":"add","key":"%b","amount":%d}'
            return form % (collection, key, amount)
        case Delete():
            return b'{"collection":"%b","op":"delete","key":"%b"}' % (collection, key)


def _base64(content: bytes) -> bytes:
    return b2a_base64(content, newline=False)
