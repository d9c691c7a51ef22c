"""What the specifications say in tables is what the code does."""

from __future__ import annotations

import re

import pytest

from covey.crypto import Tag
from covey.model import Failure, limits
from covey.testkit.vectors import limits_table
from tests.vectors.files import FOLDER

PROTOCOLS = FOLDER.parent
SOURCE = PROTOCOLS.parent / "src" / "covey"
REGISTRY = (PROTOCOLS / "registry.md").read_text("utf-8")


def section(heading: str) -> set[str]:
    """The first column of a table of the registry."""
    (body,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", REGISTRY, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\| `([^`]+)` \|", body, re.MULTILINE))


def codes(*calls: str) -> set[str]:
    """The codes that the code gives by one of these calls."""
    pattern = re.compile(rf'(?:{"|".join(calls)})\(\s*"([a-z-]+)"')
    texts = [path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.py"))]
    return {code for text in texts for code in pattern.findall(text)}


def test_limits_are_those_of_the_code():
    """One table, made from the one file; `make vectors` writes it again."""
    source = (SOURCE / "model" / "limits.py").read_text("utf-8")
    assert (PROTOCOLS / "limits.md").read_text("utf-8") == limits_table(source)


def test_limits_table_tells_every_shared_limit_and_its_true_value():
    """The table is read from text: this reads the values themselves."""
    rows = re.findall(
        r"^\| ([A-Z_0-9]+) \| `(.+?)` \| (yes)? ?\|",
        (PROTOCOLS / "limits.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert sum(shared == "yes" for _, _, shared in rows) == 44
    for name, value, _ in rows:
        known = vars(limits)
        assert eval(value, {}, known) == known[name], name


def test_registry_lists_every_code_of_a_violation():
    """A peer that is refused must be able to look up why."""
    assert codes("ProtocolViolation") == section("Codes of violations")


def test_registry_lists_every_code_of_a_denial():
    """An author that is refused must be able to look up why."""
    apart = section("Codes of refused wishes") | section("Codes of an audit")
    assert apart.isdisjoint(section("Codes of denials"))
    assert codes("Denied") == section("Codes of denials") | apart


def test_registry_lists_every_failure_of_a_call():
    """The codes that callers see."""
    assert {failure.value for failure in Failure} == section("Codes of failed calls")


def test_registry_lists_every_domain_tag():
    """No two uses share one."""
    tags = [value for name, value in vars(Tag).items() if name.isupper()]
    assert len(set(tags)) == len(tags)
    assert {tag.decode() for tag in tags} == section("Domain tags")


@pytest.mark.parametrize("path", sorted(PROTOCOLS.glob("*.md")), ids=lambda path: path.name)
def test_links_of_a_specification_lead_somewhere(path):
    """Nothing is promised that is not there."""
    text = path.read_text("utf-8")
    for name in re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(r"`([a-z]+\.json)`", text):
        assert (PROTOCOLS / name).is_file() or (FOLDER / name).is_file(), name
    for name in re.findall(r"(?<![\w/-])([a-z-]+\.md)\b", text):
        assert (PROTOCOLS / name).is_file(), name


def test_specifications_named_in_the_code_exist():
    """`Source: protocols/...` is where a reader goes next."""
    texts = [path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.py"))]
    named = {name for text in texts for name in re.findall(r"protocols/([a-z-]+\.md)", text)}
    assert {name for name in named if not (PROTOCOLS / name).is_file()} == set()
