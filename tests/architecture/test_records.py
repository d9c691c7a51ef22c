"""What the repository says about itself is true: dependencies, locks, decisions, index."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from tests.architecture.borders import HOMES
from tests.architecture.source import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DECISIONS = ROOT / "docs" / "decisions"
LOCKS = ROOT / "locks"

# What is imported by another name than it is installed by.
INSTALLED_AS = {"nacl": "pynacl", "wasmer_compiler_cranelift": "wasmer-compiler-cranelift"}
# What we import because a dependency shows it to us; the lock pins it with that dependency.
COMES_WITH = {
    "anyio": "litestar",
    "cffi": "pynacl",
    "exceptiongroup": "trio",
    "google": "libp2p",
    "ifaddr": "libp2p",
    "multiaddr": "libp2p",
    "multihash": "libp2p",
    "trio_typing": "libp2p",
}


def _declared() -> dict[str, str]:
    """Every dependency that pyproject.toml names, with its requirement."""
    content: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = content["project"]
    groups = [
        content["build-system"]["requires"],
        project["dependencies"],
        *project.get("optional-dependencies", {}).values(),
        *content["dependency-groups"].values(),
    ]
    return {_name(requirement): requirement for group in groups for requirement in group}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return found.group().lower().replace("_", "-").replace(".", "-")


def _decided(texts: Iterable[str]) -> set[str]:
    """What the records of decisions name after "Dependencies:"."""
    lines = [line for text in texts for line in text.splitlines()]
    listed = [line for line in lines if line.startswith("Dependencies:")]
    return {_name(name) for line in listed for name in re.findall(r"`([^`]+)`", line)}


def _records() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(DECISIONS.glob("0*.md"))}


def _lock_faults(text: str) -> list[str]:
    """What may not be in a lock: an address, a path, a package without version or hash."""
    faults = re.findall(r"\S*(?:://|file:|(?<=\s)@\s|(?<=\s)/\w)\S*", text)
    for entry in re.split(r"\n(?=\S)", text.strip()):
        first = entry.splitlines()[0]
        if not re.match(r"^[a-z0-9._-]+(\[[a-z,-]+\])?==[^\s;]+", first) or "--hash" not in entry:
            faults.append(first)
    return faults


def test_every_dependency_has_a_decision_and_every_decision_its_dependency() -> None:
    """Nobody should have to guess why a package is here, or read about one that is gone."""
    assert _decided(_records().values()) - {"wheel"} == set(_declared())


def test_every_import_is_of_a_declared_dependency() -> None:
    """What comes along by luck leaves by luck."""
    declared = set(_declared())
    for module in HOMES:
        owner = COMES_WITH.get(module, INSTALLED_AS.get(module, module))
        assert owner in declared, f"{module} is imported and not declared"


@pytest.mark.parametrize("lock", sorted(path.name for path in LOCKS.glob("*.lock")))
def test_lock_names_versions_and_hashes_only(lock: str) -> None:
    """A lock that names a machine or an index works on that machine only."""
    assert _lock_faults((LOCKS / lock).read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://example.org/simple\na==1 --hash=sha256:00",
        "a @ file:///tmp/a.whl \\\n    --hash=sha256:00",
        "--find-links /wheels\na==1 --hash=sha256:00",
        "a>=1 \\\n    --hash=sha256:00",
        "a==1",
    ],
)
def test_faulty_lock_is_noticed(text: str) -> None:
    """The check of the locks can fail."""
    assert _lock_faults(text)


def test_every_declared_dependency_is_locked() -> None:
    """A dependency that was declared without `make lock` would be missing from .venv."""
    locked = {
        (_name(line), line)
        for path in LOCKS.glob("*.lock")
        for line in path.read_text("utf-8").splitlines()
        if not line.startswith(" ")
    }
    for name, requirement in _declared().items():
        lines = [line for locked_name, line in locked if locked_name == name]
        assert lines, f"{name} is not locked"
        if "==" in requirement:
            assert any(_pin(line) == _pin(requirement) for line in lines), requirement


def _pin(requirement: str) -> str:
    return re.split(r"[;\s\\]", requirement.partition("==")[2])[0]


def test_decisions_are_numbered_in_a_row_and_indexed() -> None:
    """A record that the index does not name is not found."""
    names = list(_records())
    index = (DECISIONS / "README.md").read_text("utf-8")
    assert [name[:4] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]
    assert [name for name in names if f"[{name[:4]}]({name})" not in index] == []


@pytest.mark.parametrize("name", sorted(_records()))
def test_decision_says_what_and_why(name: str) -> None:
    """A decision without its reason cannot be reconsidered."""
    text = _records()[name]
    assert text.startswith(f"# {name[:4]} ")
    assert "**Decision.**" in text
    assert "**Why.**" in text


def test_decisions_that_name_a_dependency_are_read() -> None:
    """The comparison above can fail."""
    assert _decided(["Dependencies: `trio`, `PyNaCl`\nand `other`"]) == {"trio", "pynacl"}


def test_index_of_the_protocols_lists_every_file() -> None:
    """Another implementation starts at the index; what it does not name does not exist for them."""
    folder = ROOT / "protocols"
    index = (folder / "index.md").read_text("utf-8")
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.*"))]
    assert [name for name in files if name != "index.md" and name not in index] == []


@pytest.mark.parametrize("path", ["LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", ".ci/run"])
def test_house_is_furnished(path: str) -> None:
    """What people look for first is where they look."""
    assert (ROOT / path).stat().st_size > 100


def test_links_between_documents_lead_somewhere() -> None:
    """A link that is dead on the first day is dead for ever."""
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    documents += [*(ROOT / "protocols").rglob("*.md"), *(ROOT / "apps").rglob("*.md")]
    dead = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in sorted(documents)
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert dead == []
