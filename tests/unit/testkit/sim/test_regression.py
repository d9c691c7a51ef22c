"""Kept schedules: written and read again whole, and refused in one line where they are damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from covey.errors import ConfigError, NotFound, StoreError
from covey.testkit import bounds
from covey.testkit.sim import ARENA, Finding, load_application, plan_of
from covey.testkit.sim.regression import (
    Regression,
    load_regression,
    regression_of,
    require_writable,
    save_regression,
)
from tests.unit.testkit.sim.worlds import small_plan, small_scenario

APPS = Path(__file__).parents[4] / "apps"
FOUND = Finding("testkit.sim.checkers.rules:applied", "a promise", 1.5, ("the last", "lines"))


def test_kept_schedule_comes_back_whole(tmp_path: Path) -> None:
    """In a folder that is made where there is none, under the name of its scenario and seed."""
    plan = plan_of(small_scenario(), 7, load_application(ARENA))
    kept = regression_of(FOUND, plan, ARENA, load_application(ARENA))
    path = save_regression(kept, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "small-7.json"
    assert load_regression(path) == kept


def test_application_is_found_from_the_file_s_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever somebody stands; and schedules of two applications do not overwrite each other."""
    (tmp_path / "apps").mkdir()
    for name in ("kv", "tally"):
        shutil.copy(APPS / name / f"{name}.wasm", tmp_path / "apps" / f"{name}.wasm")
    monkeypatch.chdir(tmp_path / "apps")
    paths = []
    for name in ("kv.wasm", "tally.wasm"):
        kept = regression_of(FOUND, small_plan(), name, load_application(name))
        paths.append(save_regression(kept, Path("../kept")))
    monkeypatch.chdir("/")
    assert len(set(paths)) == 2
    for path, name in zip(paths, ("kv.wasm", "tally.wasm"), strict=True):
        found = load_regression(tmp_path / "apps" / path)
        assert Path(found.application).resolve() == tmp_path / "apps" / name
        found.require(load_application(found.application), path)
    other = load_application(str(tmp_path / "apps" / "kv.wasm"))
    with pytest.raises(ConfigError, match="another release than it was kept with"):
        found.require(other, path)


def test_whether_something_can_be_kept_is_tried(tmp_path: Path) -> None:
    """And what was made for that goes again."""
    require_writable(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        require_writable(tmp_path / "file" / "folder")
    require_writable(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        save_regression(Regression(FOUND, small_plan()), tmp_path / "file")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            '"scenario": "small"',
            '"scenario": 5',
            "Expected `str`, got `int` - at `$.plan.scenario`",
        ),
        ('"plan"', '"plane"', "unknown field `plane`"),
        ('"name": "n2"', '"name": "n1"', "nodes need names of their own"),
        ("\n}", "", "this is no kept schedule: Input data was truncated"),
        ("a promise", "a \udcff promise", "this is no kept schedule: "),
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    """With its name and the place."""
    path = save_regression(Regression(FOUND, small_plan()), tmp_path)
    content = path.read_text().replace(old, new, 1)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        load_regression(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_that_is_not_there_or_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Whose fault it is decides the exit code."""
    with pytest.raises(NotFound, match="does not exist"):
        load_regression(tmp_path / "nope.json")
    with pytest.raises(StoreError, match="is a directory, not a file"):
        load_regression(tmp_path)


def test_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before all of it is in memory."""
    path = save_regression(Regression(FOUND, small_plan()), tmp_path)
    monkeypatch.setattr(bounds, "SIM_PLAN_BYTES_MAX", 100)
    with pytest.raises(ConfigError, match="is larger than"):
        load_regression(path)
