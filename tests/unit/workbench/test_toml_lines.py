"""The line of a value in a TOML file, in every way that TOML has of writing it."""

from __future__ import annotations

import msgspec
import pytest

from covey.workbench.toml_lines import deep_line_of, line_of, tables_of

TEXT = '''# [workload] in a comment
name = "x # no comment"   # but this is

keys = [
  1,  # ] of nothing
  2,
]
text = """
[workload]
calls = [ \\""" still
"""
raw = \'\'\'
faults = {\'\'\'
inline = { one = 1, two = { three = 3 } }
dotted.one = 1
dotted . "two b" = 2
"quoted \\u0061" = 3

[ workload ]
calls = [1, 2]
batch.least = 1

[faults."power cut"]
share = 1

[[rows]]
a = 1
[deep.below]
b = "]"
c = 'it\\'  # a literal one
last = 5'''

PLACES = [
    (("name",), 2),
    (("keys",), 4),
    (("text",), 8),
    (("raw",), 12),
    (("inline",), 14),
    (("inline", "two", "three"), 14),
    (("dotted",), 15),
    (("dotted", "one"), 15),
    (("dotted", "two b"), 16),
    (("quoted a",), 17),
    (("workload",), 19),
    (("workload", "calls"), 20),
    (("workload", "batch"), 21),
    (("workload", "batch", "least"), 21),
    (("workload", "not set"), 19),
    (("faults",), 23),
    (("faults", "power cut"), 23),
    (("faults", "power cut", "share"), 24),
    (("rows",), 26),
    (("rows", "a"), 27),
    (("deep",), 28),
    (("deep", "below", "c"), 30),
    (("deep", "below", "last"), 31),
    (("not set",), None),
    ((), None),
]


@pytest.mark.parametrize(("place", "line"), PLACES)
def test_value_is_found_at_its_line(place: tuple[str, ...], line: int | None) -> None:
    """A wrong line sends people to the wrong place, which is worse than none."""
    assert line_of(TEXT, place) == line


def test_text_of_these_tests_is_toml() -> None:
    """What is looked for are places in files that could be read."""
    assert msgspec.toml.decode(TEXT)["workload"]["calls"] == [1, 2]


def test_lines_may_end_as_on_windows() -> None:
    """A carriage return is no part of a key."""
    assert line_of("a = 1\r\n\r\n[t]\r\nb = 2\r\n", ("t", "b")) == 4


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\n\nb." + ".".join("c" * 20_000) + " = 1\n", 3),
        ("a = 1\n[" + " . ".join(["'x y'", "b"] * 9) + "]\n", 2),
        ("\na = " + "[" * 5_000 + "]" * 5_000, 2),
        ("a = [\n1,\n" + "{a = " * 20, 3),
        ("k = 1\n" + "a" * 60_000 + "\n", None),
        (TEXT, None),
        ("# a.b.c.d.e.f.g.h.i.j.k.l\nk = 'a.b.c.d.e.f.g.h.i.j.k'\n", None),
        ("k = [" + "1.5, " * 1_000 + "[[[[2]]]]]\n", None),
    ],
)
def test_depth_is_seen_before_anybody_reads(text: str, line: int | None) -> None:
    """Dotted keys and brackets; whatever is text means nothing."""
    assert deep_line_of(text, 8) == line


def test_each_table_of_a_list_has_its_lines():
    """A mistake in the second of two is not told with the line of the first."""
    text = 'a = """\n[[b]]\n"""\n[[b]]\nx = 1\n[[b]]\n\n[c]\n[[b.d]]\n[["b"]] # last\nx = 2'
    assert tables_of(text, "b") == [(4, 6), (6, 8), (10, 12)]
    assert tables_of(text, "c") == []
    assert tables_of("", "b") == []
