"""Records: a table where it fits, and below each other where an id would be broken."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from covey.cli.layout import Records

MEMBER = "did:key:z6Mk" + "m" * 44
DEVICE = "did:key:z6Mk" + "d" * 44


def drawn(records: Records, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, markup=False).print(records)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.fixture
def records() -> Records:
    found = Records("member", "device", "roles", "here")
    found.add_row(MEMBER, DEVICE, "admin, editor", "this node")
    found.add_row(DEVICE, MEMBER, "", "")
    return found


def test_wide_terminal_has_a_table(records):
    lines = drawn(records, 200)
    assert lines[1].split() == ["member", "device", "roles", "here"]
    assert f" {MEMBER}   {DEVICE}   admin, editor   this node" in lines


def test_narrow_terminal_breaks_no_id(records):
    lines = drawn(records, 80)
    assert lines == [
        "",
        f"member  {MEMBER}",
        f"device  {DEVICE}",
        "roles   admin, editor",
        "here    this node",
        "",
        f"member  {DEVICE}",
        f"device  {MEMBER}",
    ]


def test_table_that_just_fits_stays_one(records):
    wanted = max(map(len, drawn(records, 200))) + 1  # an edge of one column
    assert f"member  {MEMBER}" not in drawn(records, wanted)
    assert f"member  {MEMBER}" in drawn(records, wanted - 1)


def test_texts_of_others_are_no_markup():
    records = Records("name", "id")
    records.add_row("[red]notes[/red]", MEMBER)
    assert "[red]notes[/red]" in "\n".join(drawn(records, 200))
    assert "name  [red]notes[/red]" in drawn(records, 40)
