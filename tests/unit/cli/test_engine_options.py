"""The options of `covey run` that choose an engine: what cannot be meant ends before anything."""

from __future__ import annotations

import pytest

from covey.codec import did_text
from covey.runtime.wasmer_engine import is_available

PUBLISHER = did_text(b"p" * 32)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--engine", "wasmer"), "strangers' code must not run on it"),
        (("--engine-for", PUBLISHER), "needs another engine"),
        (("--engine", "v8", "--engine-for", PUBLISHER), "there is no engine 'v8'"),
        (("--engine", "wasmer", "--engine-for", "kv"), "not a content address"),
        (("--engine", "wasmer", "--engine-for", PUBLISHER[:-1]), "not a did:key"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_usage(run, tmp_path, arguments, reason):
    """One line and code 2, and no home is made or looked for."""
    ran = run("run", "--home", tmp_path / "none", *arguments)
    assert ran.code == 2
    assert reason in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(is_available(), reason="this Python has the engine")
def test_a_python_without_the_engine_says_so_in_one_line(run, tmp_path):
    """The node does not start on another engine than it was told to use."""
    home = tmp_path / "home"
    assert run("init", "--home", home).code == 0
    ran = run("run", "--home", home, "--engine", "wasmer", "--engine-for", PUBLISHER)
    assert ran.code == 6
    assert "this Python has no wasmer" in ran.err
    assert ran.err.count("\n") == 1
