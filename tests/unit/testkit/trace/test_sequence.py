"""The sequence under replay and mirror, against a plain list."""

from __future__ import annotations

import random

import pytest

from covey.errors import ConfigError
from covey.testkit.trace.sequence import START, Sequence


@pytest.mark.parametrize("seed", range(4))
def test_sequence_agrees_with_a_list(seed):
    """Two thousand items: blocks split several times, hidden items among them."""
    rng = random.Random(seed)
    sequence, plain, hidden = Sequence(), [], set()
    for item in range(2_000):
        left = rng.choice(plain) if plain and rng.random() < 0.95 else START
        sequence.insert_after(left, item)
        plain.insert(plain.index(left) + 1 if left != START else 0, item)
        changed = rng.choice(plain)
        if rng.random() < 0.5:
            sequence.hide(changed)
            hidden.add(changed)
        else:
            sequence.show(changed)
            hidden.discard(changed)
        if item % 50 == 0:
            visible = [other for other in plain if other not in hidden]
            assert list(sequence.visible()) == visible
            assert [sequence.before(p + 1) for p in range(len(visible))] == visible
            at = rng.randrange(len(plain))
            assert list(sequence.following(plain[at])) == plain[at + 1 :]
    assert list(sequence.following(START)) == plain


def test_position_beyond_the_end_is_refused():
    sequence = Sequence()
    sequence.insert_after(START, 7)
    assert (sequence.before(0), sequence.before(1)) == (START, 7)
    with pytest.raises(ConfigError, match="position 2 is beyond the document of 1"):
        sequence.before(2)


def test_hiding_twice_is_hiding_once():
    sequence = Sequence()
    sequence.insert_after(START, 1)
    sequence.insert_after(1, 2)
    sequence.hide(1)
    sequence.hide(1)
    assert sequence.before(1) == 2
    sequence.show(1)
    assert sequence.before(1) == 1
