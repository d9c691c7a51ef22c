"""Native code on disk counts only if this node wrote it, for this engine and this module."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from covey.errors import ConfigError
from covey.model import Call, Completed, limits
from covey.runtime import BlockingExecutor, ModuleCache, new_engine
from covey.runtime.engine import HostFunctions, Interrupt, Run
from covey.runtime.module import ModuleFacts, PreparedModule
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch

KEY = b"k" * 32


class FakeModule:
    """Compiled by a fake: its native code is the prepared code."""

    def __init__(self, facts: ModuleFacts, native: bytes | None) -> None:
        self.facts = facts
        self.native = native

    def run(self, entry: str, functions: HostFunctions, fuel: int, interrupt: Interrupt) -> Run:
        return Run(0, None)

    def serialize(self) -> bytes | None:
        return self.native


class FakeEngine:
    """Counts what it is asked for. build: as told; takes: whether it loads what it is given."""

    def __init__(self, build: str = "fake 1", *, takes: bool = True, has_form: bool = True) -> None:
        self.build = build
        self.compiled = 0
        self.loaded: list[bytes] = []
        self._takes = takes
        self._has_form = has_form

    def compile(self, module: PreparedModule) -> FakeModule:
        self.compiled += 1
        return FakeModule(module.facts, module.code if self._has_form else None)

    def load(self, facts: ModuleFacts, native: bytes) -> FakeModule:
        if not self._takes:
            raise ConfigError("not mine")
        self.loaded.append(native)
        return FakeModule(facts, native)

    def interrupt(self) -> None:
        raise AssertionError("nothing runs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "modules"


def install(folder: Path, engine: FakeEngine, module: bytes, key: bytes = KEY) -> None:
    """As a node that has just started does."""
    BlockingExecutor(engine, cache=ModuleCache(folder, key)).install(RELEASE, module)


def module_of(text: str = "") -> bytes:
    script = Script()
    return script.build(script.log(text) if text else "")


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_second_start_does_not_compile(folder: Path) -> None:
    """Neither is the module checked again: its facts come with it."""
    engine = FakeEngine()
    install(folder, engine, module_of())
    assert (engine.compiled, engine.loaded) == (1, [])
    again = FakeEngine()
    executor = BlockingExecutor(again, cache=ModuleCache(folder, KEY))
    interface = executor.install(RELEASE, module_of())
    assert (again.compiled, len(again.loaded)) == (0, 1)
    fresh = BlockingExecutor(FakeEngine()).install(RELEASE, module_of())
    assert interface == fresh


def test_real_engine_runs_what_it_loads(folder: Path) -> None:
    """The same outcome, to the unit of fuel."""
    script = Script()
    module = script.build(script.put("items", "k", "v") + script.get("items", "k"))
    outcomes = []
    for _ in range(3):
        executor = BlockingExecutor(new_engine(), cache=ModuleCache(folder, KEY))
        executor.install(RELEASE, module)
        outcomes.append(executor.run_batch(batch(Call("run", b"{}")), Entries()))
    assert isinstance(outcomes[0][0], Completed)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_only_the_owner_may_read(folder: Path) -> None:
    """Nor may anyone else write, which the key prevents anyway."""
    install(folder, FakeEngine(), module_of())
    (file,) = files(folder)
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("place", [0, 31, 32, 40, 100, -1])
def test_changed_byte_is_a_miss_and_is_replaced(folder: Path, place: int) -> None:
    """In the tag, the header or the code: what is not ours never reaches the engine."""
    install(folder, FakeEngine(), module_of())
    (file,) = files(folder)
    good = file.read_bytes()
    bad = bytearray(good)
    bad[place] ^= 1
    file.write_bytes(bad)
    engine = FakeEngine()
    install(folder, engine, module_of())
    assert (engine.compiled, engine.loaded) == (1, [])
    assert file.read_bytes() == good


@pytest.mark.parametrize("size_bytes", [0, 1, 31, 32, 33, 200])
def test_file_cut_short_is_a_miss(folder: Path, size_bytes: int) -> None:
    """A disk that was full, or a node that was killed."""
    install(folder, FakeEngine(), module_of())
    (file,) = files(folder)
    os.truncate(file, size_bytes)
    engine = FakeEngine()
    install(folder, engine, module_of())
    assert (engine.compiled, engine.loaded) == (1, [])


def test_file_under_another_key_is_a_miss(folder: Path) -> None:
    """Whoever can write to the folder but has no key gets nothing run."""
    install(folder, FakeEngine(), module_of(), key=b"x" * 32)
    engine = FakeEngine()
    install(folder, engine, module_of())
    assert (engine.compiled, engine.loaded) == (1, [])


def test_file_of_another_module_is_a_miss(folder: Path) -> None:
    """Genuine, but moved: the module in it is not the one that is asked for."""
    install(folder, FakeEngine(), module_of("first"))
    (first,) = files(folder)
    install(folder, FakeEngine(), module_of("second"))
    (second,) = set(files(folder)) - {first}
    second.write_bytes(first.read_bytes())
    engine = FakeEngine()
    install(folder, engine, module_of("second"))
    assert (engine.compiled, engine.loaded) == (1, [])


def test_file_of_another_build_is_a_miss(folder: Path) -> None:
    """Another version or processor: also if it lies where ours would."""
    install(folder, FakeEngine("fake 1"), module_of())
    (first,) = files(folder)
    install(folder, FakeEngine("fake 2"), module_of())
    (second,) = set(files(folder)) - {first}
    second.write_bytes(first.read_bytes())
    engine = FakeEngine("fake 2")
    install(folder, engine, module_of())
    assert (engine.compiled, engine.loaded) == (1, [])


def test_what_the_engine_does_not_take_is_compiled(folder: Path) -> None:
    """The engine's own checks come on top of ours."""
    install(folder, FakeEngine(), module_of())
    engine = FakeEngine(takes=False)
    install(folder, engine, module_of())
    assert engine.compiled == 1


def test_engine_without_native_code_leaves_no_file(folder: Path) -> None:
    """The second engine has no form that is safe to keep."""
    install(folder, FakeEngine(has_form=False), module_of())
    assert not folder.exists()


def test_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    """A cache is a convenience: without it the node only starts slower."""
    (tmp_path / "file").write_bytes(b"")
    engine = FakeEngine()
    install(tmp_path / "file" / "cache", engine, module_of())
    assert engine.compiled == 1


def test_folder_in_place_of_a_file_is_no_error(folder: Path) -> None:
    """Whatever lies there."""
    install(folder, FakeEngine(), module_of())
    (file,) = files(folder)
    file.unlink()
    file.mkdir()
    engine = FakeEngine()
    install(folder, engine, module_of())
    assert (engine.compiled, engine.loaded) == (1, [])


@pytest.mark.timeout(20)
def test_pipe_in_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    """The engine's thread would stand still for ever, and the node with it when it ends."""
    first, second = FakeEngine(), FakeEngine()
    install(folder, first, module_of())
    (path,) = files(folder)
    path.unlink()
    os.mkfifo(path)
    install(folder, second, module_of())
    assert second.compiled == 1
    assert path.is_file()


def test_folders_inside_do_not_keep_others_from_being_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound holds whatever else lies there."""
    monkeypatch.setattr(limits, "MODULE_CACHE_FILES_MAX", 2)
    for name in ("a.module", "b.partial"):
        (folder / name).mkdir(parents=True)
        os.utime(folder / name, (0, 0))
    for text in ("one", "two", "three", "four"):
        install(folder, FakeEngine(), module_of(text))
    assert len([path for path in files(folder) if path.is_file()]) == 2


def test_files_used_longest_ago_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number: reading one counts as use."""
    monkeypatch.setattr(limits, "MODULE_CACHE_FILES_MAX", 3)
    for number, name in enumerate(("a", "b", "c")):
        before = set(files(folder)) if folder.exists() else set()
        install(folder, FakeEngine(), module_of(name))
        (new,) = set(files(folder)) - before
        os.utime(new, (number, number))
    install(folder, FakeEngine(), module_of("a"))
    install(folder, FakeEngine(), module_of("d"))
    assert len(files(folder)) == 3
    again = {name: FakeEngine() for name in "acd"}
    for name, engine in again.items():
        install(folder, engine, module_of(name))
    assert [engine.compiled for engine in again.values()] == [0, 0, 0]


def test_size_of_the_folder_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a module too large for it is not kept at all."""
    install(folder, FakeEngine(), module_of("a"))
    size = files(folder)[0].stat().st_size
    monkeypatch.setattr(limits, "MODULE_CACHE_BYTES_MAX", size * 2 + size // 2)
    for name in "bcde":
        install(folder, FakeEngine(), module_of(name))
    assert len(files(folder)) == 2
    monkeypatch.setattr(limits, "MODULE_CACHE_FILE_BYTES_MAX", size - 1)
    engine = FakeEngine()
    install(folder, engine, module_of("f"))
    assert len(files(folder)) == 2
    install(folder, engine, module_of("f"))
    assert engine.compiled == 2


def test_left_over_partial_files_are_removed(folder: Path) -> None:
    """A node that was killed while it wrote leaves no rubbish for ever."""
    install(folder, FakeEngine(), module_of("a"))
    (folder / "left.partial").write_bytes(b"half")
    install(folder, FakeEngine(), module_of("b"))
    assert {path.suffix for path in files(folder)} == {".module"}


def test_broken_native_code_under_a_good_key_is_refused_by_the_engine(folder: Path) -> None:
    """wasmtime checks version and shape of what it loads, as a last line; here it is no ELF."""
    engine = new_engine()
    install(folder, FakeEngine(engine.build), module_of())
    executor = BlockingExecutor(engine, cache=ModuleCache(folder, KEY))
    executor.install(RELEASE, module_of())
    (outcome,) = executor.run_batch(batch(), Entries())
    assert isinstance(outcome, Completed)
