"""What a shell is offered is what there is, and in that shell's own language."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.testkit.commands.options import BUILTIN
from covey.testkit.sim import builtin_names


def test_help_names_every_scenario_that_comes_with_covey() -> None:
    """They are written down there, for a module does no work when it is imported."""
    assert sorted(BUILTIN) == sorted(builtin_names())


def test_shell_completes_scenarios(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Built-in ones, and files of TOML."""
    (tmp_path / "mine.toml").write_text("")
    (tmp_path / "mine.txt").write_text("")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "quiet.toml").write_text("")
    monkeypatch.chdir(tmp_path)

    def offered(word: str) -> list[str]:
        line = f"covey simulate --scenario {word}"
        monkeypatch.setenv("_COVEY_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", "3")
        return run().out.split()

    assert offered("qu") == ["quick"]
    assert offered("m") == ["mine.toml", "more/"]
    assert offered("more/") == ["more/quiet.toml"]
    assert offered(f"{tmp_path}/mi") == [f"{tmp_path}/mine.toml"]
    assert offered("nowhere/x") == []


@pytest.mark.parametrize(
    ("shell", "begin"),
    [("bash", "_covey_completion() {"), ("zsh", "#compdef covey"), ("fish", "complete ")],
)
def test_completion_is_for_the_shell_that_is_named(run, shell: str, begin: str) -> None:
    """It was for the one that was guessed, whatever was asked for."""
    ran = run("--show-completion", shell)
    assert ran.code == 0
    assert ran.out.startswith(begin)


def test_completion_for_a_shell_that_is_none_is_usage(run) -> None:
    """With those that there are."""
    ran = run("--show-completion", "nope")
    assert (ran.code, ran.out) == (2, "")
    assert "'nope' is not one of 'bash', 'zsh', 'fish'" in ran.err
