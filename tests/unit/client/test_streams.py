"""Lines out of pieces, bodies out of lines."""

from __future__ import annotations

import pytest

from covey.client.streams import Watch, batch_bodies, first_error, lines_of
from covey.errors import PeerUnavailable, Refused


@pytest.mark.parametrize("size", range(1, 12))
def test_lines_do_not_depend_on_how_they_were_cut(size):
    content = b'{"a":1}\n\n{"b":"x"}\n{"c":3}'
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    assert list(lines_of(pieces)) == [b'{"a":1}', b"", b'{"b":"x"}', b'{"c":3}']


def test_no_line_is_made_of_nothing():
    assert list(lines_of([])) == []
    assert list(lines_of([b"a\n"])) == [b"a"]


def test_bodies_hold_every_line_once_and_in_order():
    lines = [b"%d" % n for n in range(1000)]
    bodies = list(batch_bodies(iter(lines), 100))
    assert b"\n".join(body for body, _ in bodies).split(b"\n") == lines
    assert sum(count for _, count in bodies) == 1000
    assert all(len(body) < 110 for body, _ in bodies)


def test_no_lines_make_no_body():
    assert list(batch_bodies([], 100)) == []


def test_reply_that_mentions_an_error_is_none():
    """Only a line that begins with an error is one: applications answer what they like."""
    assert first_error(b'{"result":{"error":1},"delta":"x","fuel":1}') is None
    refused = first_error(b'{"error":{"code":"refused","message":"no"}}')
    assert isinstance(refused, Refused)


def test_watch_that_ends_without_a_reason_is_an_error():
    """A node that died must not look like one that has nothing to say."""
    with pytest.raises(PeerUnavailable):
        next(Watch([b"\n\n"]))
