"""The demonstration itself, small: it ends with its line, or with a failure and nothing left."""

from __future__ import annotations

import hashlib
import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from covey.testkit.cluster import until
from covey.testkit.trace import invent_trace

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, str(ROOT / "scripts" / "demo.py")]
LAST = re.compile(
    r"demo: (\d+) nodes agree on (\d+) calls, document sha256 ([0-9a-f]{64}), digest ([0-9a-f]{64})"
)


def run_demo(*arguments: object) -> subprocess.CompletedProcess[str]:
    """One run to its end."""
    return subprocess.run(
        [*DEMO, *map(str, arguments)], capture_output=True, text=True, timeout=200, check=False
    )


def test_the_first_transactions_of_the_recorded_session():
    """What a stranger types first, in small."""
    result = run_demo("--transactions", 300)
    assert result.returncode == 0, result.stderr
    told = LAST.fullmatch(result.stdout.splitlines()[-1])
    assert told is not None
    assert told.group(1, 2) == ("4", "300")
    assert "starting 3 nodes, " in result.stdout
    assert "; one more joins when half is done" in result.stdout
    assert re.search(r"half of the hand-overs reached .* within \S+ ms, 99 %", result.stdout)
    assert "admission open" in result.stdout
    assert "encryption none" in result.stdout
    assert "verification by replay" in result.stdout


def test_a_session_of_three_with_conflicts_and_extra_listeners(tmp_path):
    """Other traces than the default: more agents, merges, several patches, long inserts."""
    trace = invent_trace(random.Random(7), agents=3, transactions=60)
    file = tmp_path / "trace.json"
    file.write_text(
        json.dumps(
            {
                "kind": "concurrent",
                "endContent": trace.end_text,
                "numAgents": trace.agents,
                "txns": [
                    {
                        "parents": row.parents,
                        "agent": row.agent,
                        "patches": [[p.position, p.deleted, p.inserted] for p in row.patches],
                    }
                    for row in trace.transactions
                ],
            }
        )
    )
    result = run_demo("--trace", file, "--nodes", 6, "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["nodes"] == 6
    assert told["calls"] == 60
    assert told["document_sha256"] == hashlib.sha256(trace.end_text.encode()).hexdigest()
    assert len({row["digest"] for row in told["rows"]}) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--nodes", "3"), 2),
        (("--nodes", "many"), 2),
        (("--transactions", "0"), 2),
        (("--transactions", "-5"), 2),
        (("--engine", "steam"), 2),
        (("--trace", "/nowhere/trace.json"), 1),
        (("--trace", __file__), 1),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else None,
)
def test_what_it_cannot_do_is_said_at_once(arguments, code):
    """No node is started for nothing."""
    result = run_demo(*arguments)
    assert result.returncode == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("demo: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_no_node_outlives_the_demo(tmp_path, number):
    """Ctrl-C stops the nodes in order; even a kill of the driver leaves none behind."""
    process = subprocess.Popen(
        [*DEMO, "--keep", str(tmp_path / "homes")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if "joined by topic" in line:
            break
    nodes = psutil.Process(process.pid).children(recursive=True)
    assert len(nodes) >= 3
    process.send_signal(number)
    _, trouble = process.communicate(timeout=30)
    until(lambda: not any(map(is_alive, nodes)), 10, "the end of all nodes")
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert trouble.strip() == "demo: interrupted; all nodes are stopped"


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that nobody has waited for yet does not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
