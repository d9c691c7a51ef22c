"""The table of who may do what is what the judgement says, and says what the guide promises."""

from __future__ import annotations

import pytest

from covey.testkit.rules import rules_table
from scripts import rules_table as command


@pytest.fixture(scope="module")
def page() -> str:
    """Made once: it takes a second."""
    return rules_table()


def cells(page: str, title: str, number: int = 0) -> dict[str, dict[str, str]]:
    """A table of a section: row -> column -> what is said."""
    section = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    table = [part for part in section.strip("\n").split("\n\n") if part.startswith("|")][number]
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line
    ]
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def test_page_is_what_the_code_says(page: str):
    """`python scripts/rules_table.py` writes it again."""
    assert command.PAGE.read_text("utf-8") == page


def test_command_tells_and_repairs_a_difference(page: str, tmp_path, monkeypatch, capsys):
    """Exit code 1 where the page is missing or changed."""
    monkeypatch.setattr(command, "PAGE", tmp_path / "rules.md")
    monkeypatch.setattr(command, "rules_table", lambda: page)
    assert command.main(["--check"]) == 1
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
    (tmp_path / "rules.md").write_text(page.replace("`rank`", "yes"))
    assert command.main(["--check"]) == 1
    assert "rules.md differs" in capsys.readouterr().err


@pytest.mark.parametrize("title", ["Removing", "Taking `admin`", "Taking `editor`"])
def test_nobody_is_removed_by_who_stands_below(page: str, title: str):
    """By the guide: founders in their order, later admins their own, everybody its own devices."""
    table = cells(page, title)
    founders = ["first founder", "second founder", "third founder"]
    for number, name in enumerate(founders):
        assert [table[name][other] for other in founders[:number]] == ["`rank`"] * number
        others = [t for t in table if t not in (*founders[:number], "stranger")]
        assert {table[name][other] for other in others} == {"yes"}
    below = {"later admin", "member below it", "editor below it"}
    assert {who for who, said in table["later admin"].items() if said == "yes"} == below
    pair = {"member elsewhere", "its second device"}
    for name in pair:
        assert {who for who, said in table[name].items() if said == "yes"} == pair
    assert {said for row in ("removed device", "stranger") for said in table[row].values()} == {
        "`not-admitted`"
    }


def test_who_is_outside_may_do_nothing(page: str):
    """In every table."""
    for title in (line[3:] for line in page.splitlines() if line.startswith("## ")):
        for name in ("removed device", "stranger"):
            assert set(cells(page, title)[name].values()) <= {"`not-admitted`", ""}, title


def test_code_that_is_locked_is_locked_for_everybody(page: str):
    """Whoever asks, whatever was approved."""
    title = "Putting a release in force"
    for number in range(3):
        table = cells(page, title, number)
        assert "yes" not in {row["`never`"] for row in table.values()}
    assert cells(page, title)["first founder"]["and a notice"] == "yes"
    assert cells(page, title, 1)["first founder"]["and a notice"] == "`not-approved`"


def test_votes_reach_whom_they_are_for(page: str):
    """The second founder may remove the first; the third, whose votes they were, nobody above."""
    table = cells(page, "Removing where there are votes")
    assert table["second founder"]["first founder"] == "yes"
    assert table["third founder"]["first founder"] == "`rank`"
