"""Templates of `covey app new`: what is copied is what the repository holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.cli.app_build import SDK_DIR, build_module
from covey.cli.app_new import LANGUAGES, new_application
from covey.errors import ConfigError
from covey.workbench.files import read_application
from covey.workbench.people import People
from covey.workbench.suite import read_suite
from covey.workbench.suite_run import run_suite
from covey.workbench.trial import Trial

SUFFIXES = {"rust": "rs", "assemblyscript": "ts"}
SDK_FILES = ("covey.h", "covey.zig", "covey.rs", "covey.ts")
APPS_SDK_DIR = Path(__file__).parents[2] / "apps" / "sdk"


def sources(folder: Path) -> dict[str, bytes]:
    """The files of an SDK, below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for pattern in ("*.h", "zig/*", "rust/*", "assemblyscript/*")
        for path in folder.glob(pattern)
    }


def test_apps_sdk_is_the_packaged_one():
    """There is one SDK: the package carries it, and apps/sdk, where it is read, links to it."""
    packaged = sources(SDK_DIR)
    assert {"covey.h", "zig/covey.zig", "rust/covey.rs"} <= set(packaged)
    assert sources(APPS_SDK_DIR) == packaged
    assert all((APPS_SDK_DIR / name).resolve() == SDK_DIR / name for name in packaged)


@pytest.mark.parametrize("language", LANGUAGES)
def test_new_application_bears_its_name(tmp_path, language):
    files = new_application(tmp_path / "my-count", language)
    names = {path.name for path in files}
    suffix = SUFFIXES.get(language, language)
    assert {f"main.{suffix}", "abi.json", "manifest.json", "README.md"} <= names
    sdk = {"c": "covey.h", "wat": ""}.get(language, f"covey.{suffix}")
    assert {name for name in names if name in SDK_FILES} == {sdk} - {""}
    manifest = json.loads((tmp_path / "my-count" / "manifest.json").read_text())
    assert manifest["package"] == "org.example.my-count"
    own = [path for path in files if not path.name.startswith("covey")]
    assert not any("NAME" in path.read_text() for path in own)


def test_directory_with_something_in_it_is_left_alone(tmp_path):
    """A second `app new` must not overwrite a day's work."""
    (tmp_path / "count").mkdir()
    (tmp_path / "count" / "main.c").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        new_application(tmp_path / "count", "c")
    assert (tmp_path / "count" / "main.c").read_text() == "mine"


def test_unknown_language_and_bad_names_are_refused(tmp_path):
    known = "take c, zig, rust, assemblyscript, wat"
    with pytest.raises(ConfigError, match=f"no template for cobol: {known}"):
        new_application(tmp_path / "count", "cobol")
    for name in ("Count", "1count", "my count", "x" * 65):
        with pytest.raises(ConfigError, match="cannot name an application"):
            new_application(tmp_path / name, "c")
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "count").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be created"):
        new_application(tmp_path / "count", "c")


def test_new_application_passes_the_tests_it_comes_with(tmp_path):
    """The first thing that an author tries; WAT needs no compiler."""
    new_application(tmp_path / "my-count", "wat")
    module = build_module(tmp_path / "my-count")
    (tmp_path / "my-count" / "my-count.wasm").write_bytes(module)
    suite = read_suite((tmp_path / "my-count" / "tests.toml").read_bytes(), "tests.toml")
    trial = Trial(read_application("my-count.wasm", module), "wasmtime", People())
    assert [row.passed for row in run_suite(suite, trial)] == [True]


def test_all_languages_come_with_the_same_tests():
    """They are the same application; that in WAT takes no arguments."""
    languages = [language for language in LANGUAGES if language != "wat"]
    assert len({(SDK_DIR.parent / name / "tests.toml").read_bytes() for name in languages}) == 1
