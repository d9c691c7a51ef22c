"""Whoever waits is told how far it is, and whoever does not what is done."""

from __future__ import annotations

import pytest

from covey.testkit.commands.watch import Watch


@pytest.mark.parametrize(
    ("is_kept", "how"),
    [(True, "the same command goes on"), (False, "--results would let it go on")],
)
def test_interrupted_seeds_are_told(
    capsys: pytest.CaptureFixture[str], is_kept: bool, how: str
) -> None:
    """What is done, and whether it has to be done again."""
    watch = Watch(20, is_kept=is_kept, is_quiet=True)
    for _ in range(5):
        watch.done(findings=0)
    with pytest.raises(KeyboardInterrupt), watch.interruptible():
        raise KeyboardInterrupt
    assert capsys.readouterr().err == f"covey: stopped after 5 of 20 seeds, 0 findings; {how}\n"


def test_log_has_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a seed of an hour, too; a script that reads JSON wants none."""
    monkeypatch.setattr("covey.testkit.commands.watch._LINE_EVERY_S", 0.0)
    watch = Watch(1, is_kept=False, is_quiet=False)
    watch.within(7, 12.34, 45_600)
    watch.done(findings=1)
    assert capsys.readouterr().err.splitlines() == [
        "covey: 0 of 1 seed, 0 findings, seed 7 at 12.3 virtual seconds, 45,600 steps",
        "covey: 1 of 1 seed, 1 finding",
    ]
    quiet = Watch(1, is_kept=False, is_quiet=True)
    quiet.within(7, 12.34, 45_600)
    assert capsys.readouterr().err == ""


def test_log_is_left_alone_by_what_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    """A line a minute."""
    watch = Watch(3, is_kept=False, is_quiet=False)
    watch.done(findings=0)
    watch.within(2, 1.0, 200)
    assert capsys.readouterr().err == ""
