"""May this author make this change: the four merge rules' word on one effect.

Source: protocols/merge.md. The same function stops a guest at the call and judges a delta that
came from outside, so that no node can be talked into what another would refuse.
"""

from __future__ import annotations

from covey.crypto import sha256
from covey.model import Add, Collection, Delete, Denied, Effect, MemberId, Put, Rule, limits

__all__ = ["ADD_MAX", "ADD_MIN", "check_effect"]

ADD_MIN, ADD_MAX = -(2**63), 2**63 - 1


def check_effect(
    collection: Collection,
    effect: Effect,
    *,
    author: MemberId,
    exists: bool,
    roles: tuple[str, ...],
) -> Denied | None:
    """Whether the rule of its collection allows one effect of one member.

    exists: an entry is at that key, at the cut or by an earlier effect of the same delta (looked
    at for `frozen` only). roles: those the author holds at the cut.
    """
    assert collection.name == effect.collection
    size = _check_size(effect)
    if size is not None:
        return size
    if collection.roles and not any(role in collection.roles for role in roles):
        return Denied(
            "role-missing", f"only {' or '.join(collection.roles)} may write to {collection.name}"
        )
    match collection.rule, effect:
        case Rule.REGISTER, Put() | Delete():
            return None
        case Rule.COUNTER, Add():
            return None
        case Rule.OWNED, Put() | Delete():
            return _check_owner(effect.key, author)
        case Rule.FROZEN, Put(value=value):
            return _check_frozen(effect.key, value, author, exists=exists)
    kind = type(effect).__name__.lower()
    return Denied(
        "effect-forbidden",
        f"{kind} is not allowed in {collection.name}, which is {collection.rule.value}",
    )


def _check_size(effect: Effect) -> Denied | None:
    if not effect.key:
        return Denied("empty-key", "an entry has a key: a scan begins after the empty one")
    if len(effect.key) > limits.KEY_BYTES_MAX:
        return Denied("too-large", f"a key of {len(effect.key)} bytes is over the limit")
    if isinstance(effect, Put) and len(effect.value) > limits.VALUE_BYTES_MAX:
        return Denied("too-large", f"a value of {len(effect.value)} bytes is over the limit")
    if isinstance(effect, Add) and not ADD_MIN <= effect.amount <= ADD_MAX:
        return Denied("overflow", "the amount does not fit 64 bits")
    return None


def _check_owner(key: bytes, author: MemberId) -> Denied | None:
    if key.startswith(author):
        return None
    return Denied("not-owner", "the entry belongs to another member")


def _check_frozen(key: bytes, value: bytes, author: MemberId, *, exists: bool) -> Denied | None:
    if not key.startswith(author) and key != sha256(value):
        return Denied("not-owner", "a frozen key begins with its author or is its value's hash")
    if exists:
        return Denied("frozen", "the entry exists and can never change")
    return None
