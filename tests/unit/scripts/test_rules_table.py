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


def all_tables(page: str) -> list[tuple[str, int]]:
    """Each by its section and its number there."""
    found = []
    for section in page.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        found += [(title, number) for number in range(section.count("\n|---"))]
    return found


def columns(table: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Column -> row -> what is said."""
    return {name: {row: said[name] for row, said in table.items()} for name in table["stranger"]}


def test_who_is_outside_may_do_nothing(page: str):
    """In every table."""
    tables = all_tables(page)
    assert len(tables) > 20
    for title, number in tables:
        for name in ("removed device", "stranger"):
            said = set(cells(page, title, number)[name].values())
            assert said <= {"`not-admitted`", ""}, title


INSIDE = [
    "first founder", "second founder", "third founder", "later admin", "member below it",
    "editor below it", "member elsewhere", "its second device",
]  # fmt: skip
ADMINS, OTHERS = INSIDE[:4], INSIDE[4:]


def test_nobody_changes_what_is_frozen_or_anothers(page: str):
    """The founders neither; in collections with roles the holder of the role neither."""
    free = columns(cells(page, "Writing entries"))
    for name in INSIDE:
        assert free["frozen, again"][name] == "`frozen`"
        assert free["frozen, delete"][name] == "`effect-forbidden`"
        anothers = ("frozen, another's", "owned, another's", "owned, another's deleted")
        assert {free[column][name] for column in anothers} == {"`not-owner`"}
        assert {free[column][name] for column in ("frozen, new", "owned, one's own")} == {"yes"}
    by_role = cells(page, "Writing entries", 1)
    for name in INSIDE:
        if name == "editor below it":
            assert by_role[name] == {c: free[c][name] for c in by_role[name]}
        else:
            assert set(by_role[name].values()) == {"`role-missing`"}


@pytest.mark.parametrize(
    ("number", "bound"),
    [(0, "`never`"), (1, "`publisher`"), (2, "`quorum` of 2"), (3, None)],
)
def test_every_constraint_is_added_by_admins_alone_and_once(page: str, number: int, bound):
    """Whatever the code rule has: it takes nothing away, so that adding is all there is."""
    for column, said in columns(cells(page, "Tightening", number)).items():
        word = "`tightened-already`" if column == bound else "yes"
        assert {said[name] for name in ADMINS} == {word}
        assert {said[name] for name in OTHERS} == {"`no-admin`"}


def test_no_vote_without_a_quorum_of_admins(page: str):
    """There is nothing that it could count for."""
    for name, said in cells(page, "Voting", 1).items():
        assert "yes" not in said.values()
        assert name not in ADMINS or set(said.values()) == {"`no-quorum`"}


def test_releases_that_nobody_puts_in_force(page: str):
    """Loosened, dropped, of others, altered, or under a wrong number: no admin does either."""
    said = cells(page, "Putting a release in force", 3)
    assert {name for name, word in said["first founder"].items() if word == "yes"} == {
        "the same collections", "one more",
    }  # fmt: skip
    assert [said[name] for name in ADMINS] == [said["first founder"]] * len(ADMINS)
    assert {word for name in OTHERS for word in said[name].values()} == {"`no-admin`"}


def test_migration_writes_what_its_author_may(page: str):
    """A first founder's too: no entry of others, none again, none for a role that it lacks."""
    said = cells(page, "Putting a release in force", 4)
    assert {name for name, word in said["first founder"].items() if word == "yes"} == {
        "a register", "its own `owned`", "its own `frozen`", "for `admin`",
        "what the release brings",
    }  # fmt: skip
    assert said["first founder"]["`owned` for `editor`"] == "`role-missing`"
    assert "yes" not in {word for name in OTHERS for word in said[name].values()}


def test_an_approval_is_of_one_release_and_number_and_once(page: str):
    """Both devices of a member have one key, and so one voice."""
    said = cells(page, "Approving", 1)
    for name in ("member elsewhere", "its second device"):
        assert list(said[name].values()) == ["`approved-already`", "yes", "`wrong-number`"]
    assert list(said["third founder"].values()) == ["`no-key`", "`no-key`", "`wrong-number`"]


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
