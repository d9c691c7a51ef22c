"""The files themselves: complete, reproducible, and of the form their readers expect."""

from __future__ import annotations

import pytest

from covey.testkit.vectors import all_vectors, to_json
from scripts import vectors as command
from tests.vectors.files import FOLDER, NAMES, load


def test_every_file_is_reproduced_byte_for_byte():
    """A vector that nobody can make again is a rumour."""
    made = {name: to_json(vectors) for name, vectors in all_vectors().items()}
    assert sorted(made) == NAMES
    for name, text in made.items():
        assert (FOLDER / f"{name}.json").read_bytes() == text.encode(), name


def test_command_says_whether_files_differ(tmp_path, monkeypatch, capsys):
    """Exit code 1 where a file is missing, changed or unknown; writing repairs them all."""
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    assert command.main(["--check"]) == 1
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
    (tmp_path / "vectors" / "delta.json").write_text("{}")
    (tmp_path / "vectors" / "stranger.json").write_text("{}")
    assert command.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "vectors/delta.json differs" in said
    assert "stranger.json differs" in said
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0


def test_at_least_as_many_invalid_as_valid():
    """What must be refused is what implementations disagree on."""
    files = [load(name) for name in NAMES]
    assert sum(len(f["invalid"]) for f in files) >= sum(len(f["valid"]) for f in files)


@pytest.mark.parametrize("name", NAMES)
def test_cases_have_names_of_their_own_and_codes(name: str):
    """A failing case must be found by its name."""
    vectors = load(name)
    names = [case["name"] for case in vectors["valid"] + vectors["invalid"]]
    assert len(set(names)) == len(names)
    assert all(case["code"] for case in vectors["invalid"])
    assert not any("code" in case for case in vectors["valid"])
