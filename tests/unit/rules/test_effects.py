"""The four rules' word on one effect: the same at the call and at the judge."""

from __future__ import annotations

import pytest

from covey.crypto import sha256
from covey.model import Add, Collection, Delete, Effect, MemberId, Put, Rule, limits
from covey.rules import ADD_MAX, ADD_MIN, check_effect

ANN, BEN = MemberId(b"a" * 32), MemberId(b"b" * 32)


def code(rule: Rule, effect: Effect, *, exists=False, roles=(), needed=()) -> str | None:
    """The code of the denial, or None."""
    collection = Collection("things", rule, needed)
    denied = check_effect(collection, effect, author=ANN, exists=exists, roles=roles)
    return None if denied is None else denied.code


def put(key: bytes, value: bytes = b"v") -> Put:
    """A put into the one collection."""
    return Put("things", key, value)


KINDS = {
    "put": put(ANN + b"k"),
    "delete": Delete("things", ANN + b"k"),
    "add": Add("things", b"k", 1),
}
ALLOWED = {
    Rule.REGISTER: {"put", "delete"},
    Rule.OWNED: {"put", "delete"},
    Rule.FROZEN: {"put"},
    Rule.COUNTER: {"add"},
}


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("kind", KINDS)
def test_rule_allows_exactly_its_effects(rule: Rule, kind: str):
    """Twelve pairs, six of them allowed."""
    expected = None if kind in ALLOWED[rule] else "effect-forbidden"
    assert code(rule, KINDS[kind]) == expected


def test_owner_is_named_by_the_whole_member_key_in_front():
    """A shorter key, or one in the middle, names nobody."""
    assert code(Rule.OWNED, put(ANN)) is None
    assert code(Rule.OWNED, Delete("things", ANN + b"x")) is None
    for key in (BEN, ANN[:31], b"x" + ANN, BEN + ANN):
        assert code(Rule.OWNED, put(key)) == "not-owner"


def test_frozen_key_is_its_authors_or_its_values_hash():
    """So strangers cannot conflict."""
    assert code(Rule.FROZEN, put(ANN)) is None
    assert code(Rule.FROZEN, put(sha256(b"v"))) is None
    for key in (BEN, sha256(b"w"), sha256(b"v") + b"x", b"k"):
        assert code(Rule.FROZEN, put(key)) == "not-owner"


def test_existence_matters_for_frozen_entries_alone():
    """Others are made to be changed."""
    assert code(Rule.FROZEN, put(ANN), exists=True) == "frozen"
    assert code(Rule.FROZEN, put(sha256(b"v")), exists=True) == "frozen"
    assert code(Rule.REGISTER, put(b"k"), exists=True) is None
    assert code(Rule.OWNED, put(ANN), exists=True) is None


def test_roles_of_a_collection_bind_every_rule():
    """One of them suffices."""
    for rule, kinds in ALLOWED.items():
        effect = KINDS[min(kinds)]
        assert code(rule, effect, needed=("admin", "editor")) == "role-missing"
        assert code(rule, effect, needed=("admin", "editor"), roles=("editor",)) is None
        assert code(rule, effect, needed=("admin",), roles=("editor",)) == "role-missing"


def test_sizes_are_bounded_at_the_bound():
    """One byte more is too much."""
    assert code(Rule.REGISTER, put(bytes(limits.KEY_BYTES_MAX))) is None
    assert code(Rule.REGISTER, put(bytes(limits.KEY_BYTES_MAX + 1))) == "too-large"
    assert code(Rule.REGISTER, put(b"k", bytes(limits.VALUE_BYTES_MAX))) is None
    assert code(Rule.REGISTER, put(b"k", bytes(limits.VALUE_BYTES_MAX + 1))) == "too-large"
    assert code(Rule.REGISTER, put(b"")) == "empty-key"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(ADD_MIN, None), (ADD_MAX, None), (ADD_MIN - 1, "overflow"), (ADD_MAX + 1, "overflow")],
)
def test_amounts_fit_64_bits(amount: int, expected: str | None):
    """What does not fit cannot be encoded."""
    assert code(Rule.COUNTER, Add("things", b"k", amount)) == expected
