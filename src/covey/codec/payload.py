"""The payload of a delta: calls, effects and events.

Source: protocols/delta.md. payload = [[method, JSON bytes]..., [effects of a call]..., [events of
a call]...]; effect = [0, collection, key, value] put, [1, collection, key] delete,
[2, collection, key, amount] add; event = [name, data].
"""

from __future__ import annotations

import itertools

from covey.codec import shape
from covey.codec.packing import Packed, pack, unpack
from covey.errors import ProtocolViolation
from covey.model import Add, AppEvent, Call, Delete, Effect, Payload, Put, limits

__all__ = ["decode_payload", "effect_size_bytes", "encode_payload"]

_PUT, _DELETE, _ADD = 0, 1, 2
_I64_MIN, _I64_MAX = -(2**63), 2**63 - 1
_OVERHEAD_BYTES = 16


def encode_payload(payload: Payload) -> bytes:
    """The plain bytes of a payload."""
    assert len(payload.calls) == len(payload.effects) == len(payload.events)
    return pack(
        (
            tuple((call.method, call.arguments) for call in payload.calls),
            tuple(tuple(_effect_packed(e) for e in effects) for effects in payload.effects),
            tuple(tuple((e.name, e.data) for e in events) for events in payload.events),
        )
    )


def effect_size_bytes(effect: Effect) -> int:
    """About what an effect takes in a payload, never less."""
    size = len(effect.collection.encode()) + len(effect.key) + _OVERHEAD_BYTES
    return size + len(effect.value) if isinstance(effect, Put) else size


def decode_payload(sealed: bytes) -> Payload:
    """The payload in plain bytes; ProtocolViolation where it is not canonical."""
    parts = unpack(sealed, limits.DELTA_SIZE_BYTES_MAX, limits.DELTA_ELEMENTS_MAX)
    calls, effects, events = shape.fields(parts, 3, "payload")
    payload = Payload(
        tuple(_call_of(c) for c in shape.array(calls, limits.DELTA_CALLS_MAX, "calls")),
        tuple(_effects_of(e) for e in shape.array(effects, limits.DELTA_CALLS_MAX, "effects")),
        tuple(_events_of(e) for e in shape.array(events, limits.DELTA_CALLS_MAX, "events")),
    )
    if not len(payload.calls) == len(payload.effects) == len(payload.events):
        raise ProtocolViolation("wrong-shape", "calls, effects and events differ in number")
    if sum(len(effects) for effects in payload.effects) > limits.DELTA_EFFECTS_MAX:
        raise ProtocolViolation("oversized", "the delta has too many effects")
    return payload


def _call_of(value: Packed) -> Call:
    method, arguments = shape.fields(value, 2, "call")
    return Call(
        shape.text(method, limits.METHOD_NAME_BYTES_MAX, "method"),
        shape.blob(arguments, limits.CALL_ARGUMENTS_BYTES_MAX, "arguments"),
    )


def _effects_of(value: Packed) -> tuple[Effect, ...]:
    effects = tuple(_effect_of(e) for e in shape.array(value, limits.CALL_EFFECTS_MAX, "effects"))
    if len(effects) < 2:
        return effects
    places = [(e.collection, e.key) for e in effects]  # Text and its UTF-8 sort alike.
    if any(a >= b for a, b in itertools.pairwise(places)):
        raise ProtocolViolation("wrong-shape", "the effects of a call are not sorted and distinct")
    return effects


def _effect_packed(effect: Effect) -> Packed:
    # By class, for `match` with patterns takes four times as long, and all effects pass here.
    if isinstance(effect, Put):
        return (_PUT, effect.collection, effect.key, effect.value)
    if isinstance(effect, Delete):
        return (_DELETE, effect.collection, effect.key)
    return (_ADD, effect.collection, effect.key, effect.amount)


def _effect_of(value: Packed) -> Effect:
    if type(value) is not tuple or len(value) not in (3, 4):
        raise ProtocolViolation("wrong-shape", "an effect is not an array of three or four")
    parts = value
    kind = shape.integer(parts[0], _PUT, _ADD, "effect kind")
    collection = shape.text(parts[1], limits.COLLECTION_NAME_BYTES_MAX, "collection")
    key = shape.blob(parts[2], limits.KEY_BYTES_MAX, "key")
    if kind == _DELETE:
        shape.fields(parts, 3, "delete")
        return Delete(collection, key)
    _, _, _, last = shape.fields(parts, 4, "effect")
    if kind == _PUT:
        return Put(collection, key, shape.blob(last, limits.VALUE_BYTES_MAX, "value"))
    return Add(collection, key, shape.integer(last, _I64_MIN, _I64_MAX, "amount"))


def _events_of(value: Packed) -> tuple[AppEvent, ...]:
    return tuple(_event_of(e) for e in shape.array(value, limits.CALL_EVENTS_MAX, "events"))


def _event_of(value: Packed) -> AppEvent:
    name, body = shape.fields(value, 2, "event")
    return AppEvent(
        shape.text(name, limits.EVENT_NAME_BYTES_MAX, "event name"),
        shape.blob(body, limits.EVENT_BYTES_MAX, "event data"),
    )
