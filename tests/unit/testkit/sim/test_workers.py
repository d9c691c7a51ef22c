"""Processes that run seeds: whatever becomes of one of them, nobody waits for ever."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from covey.errors import ConfigError, ExecutionError
from covey.testkit.sim import Result
from covey.testkit.sim.workers import working

SCENARIO = 'name = "small"\nseeds = "1..400"\nlasts_s = [4.0, 6.0]\n[workload]\ncalls = [30, 40]\n'
PATIENCE_S = 60.0
SEEDS = range(1, 9)


def result_of(seed: int) -> Result:
    """A result of nothing."""
    return Result(
        seed=seed, trace="", steps=os.getpid(), calls=0, took_effect=0, deltas=0, healed_s=0.0,
        faults={}, effects={}, forks=0,
    )  # fmt: skip


def killed_at_three(seed: int) -> Result:
    """As if there was too little memory for the third; the fourth takes long."""
    if seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == 4:
        time.sleep(PATIENCE_S)
    return result_of(seed)


def slow_at_one(seed: int) -> Result:
    """The first takes longer than all others together."""
    time.sleep(0.5 if seed == 1 else 0.0)
    return result_of(seed)


def refused(seed: int) -> Result:
    """As where the application's file was changed meanwhile."""
    raise ConfigError(f"no seed {seed}")


def children() -> list[psutil.Process]:
    """The processes that this one has started and not ended."""
    return psutil.Process().children()


def test_results_come_in_the_order_of_the_seeds() -> None:
    """Though others are done before the first; and two processes share the work."""
    with working(slow_at_one, range(1, 41), 2) as results:
        some = list(results)
    assert [result.seed for result in some] == list(range(1, 41))
    assert len({result.steps for result in some}) == 2
    assert children() == []


def test_process_gives_back_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seeds another one takes its place."""
    monkeypatch.setattr("covey.testkit.sim.workers._RENEWED_AFTER", 5)
    with working(result_of, range(1, 41), 2) as results:
        assert len({result.steps for result in results}) >= 8


def test_process_that_is_killed_ends_the_run_and_is_told() -> None:
    """With what it ran, and what else was under way; nobody waits for ever."""
    came: list[int] = []
    began_s = time.monotonic()
    what = "the process that ran seed 3 was killed by signal 9 .*; under way: 3(, 4)?; "
    with pytest.raises(ExecutionError, match=what), working(killed_at_three, SEEDS, 2) as results:
        came.extend(result.seed for result in results)
    assert came == [1, 2]
    assert time.monotonic() - began_s < PATIENCE_S / 2
    assert children() == []


def test_error_of_a_seed_is_raised_here() -> None:
    """As it would be without processes."""
    with pytest.raises(ConfigError, match="no seed 1"), working(refused, SEEDS, 2) as results:
        next(results)
    assert children() == []


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A long simulation, some seeds of which are done."""
    (tmp_path / "small.toml").write_text(SCENARIO)
    command = [sys.executable, "-m", "covey.cli.main", "simulate", "--scenario", "small.toml"]
    process = subprocess.Popen(
        [*command, "--jobs", "2", "--results", "r.jsonl", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith('{"seed":1,')
    yield process
    process.kill()
    process.communicate()


def gone(workers: list[psutil.Process]) -> bool:
    """Whether all end soon."""
    return psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []


def test_killed_process_is_one_line_and_6(process: subprocess.Popen[str], tmp_path: Path) -> None:
    """What was found before is kept, so that the same command goes on."""
    workers = psutil.Process(process.pid).children()
    workers[0].kill()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 6
    (line,) = _without_progress(err).splitlines()
    assert line.startswith("covey: the process that ran seed ")
    assert gone(workers)
    kept = (tmp_path / "r.jsonl").read_bytes()
    assert kept.count(b"\n") >= 2
    assert kept.endswith(b"}\n")


def _without_progress(err: str) -> str:
    """A machine under load may take longer than the second after which a command says so."""
    return re.sub(r"^covey: seeds .* so far …\n", "", err)


@pytest.mark.parametrize("is_for_all", [True, False], ids=["all", "one"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_ends_all_of_them_quietly(
    process: subprocess.Popen[str], number: signal.Signals, is_for_all: bool
) -> None:
    """To the command alone or to all its processes, as a terminal sends it."""
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    if is_for_all:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        told = r"covey: stopped after [1-9]\d* of \d+ seeds, 0 findings; .*\n"
        assert re.fullmatch(told, _without_progress(err))
    else:
        assert _without_progress(err) == ""
    assert gone(workers)


def test_processes_end_with_the_one_that_began_them(process: subprocess.Popen[str]) -> None:
    """However that was: nobody takes their results any more."""
    workers = psutil.Process(process.pid).children()
    process.kill()
    assert gone(workers)
