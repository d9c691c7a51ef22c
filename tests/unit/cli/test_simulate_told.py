"""What `covey simulate` says beside its results."""

from __future__ import annotations

import json


def test_scenario_without_faults_says_so(run, tmp_path):
    """Green, and nothing went wrong in it: a name is all that a file needs."""
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nworkload.calls = [5, 9]\nlasts_s = [1.0, 2.0]\n')
    ran = run("simulate", "--scenario", path, "--seeds", "1", "--json")
    assert ran.code == 0
    assert json.loads(ran.out.splitlines()[0])["faults"].keys() <= {"late-join"}
    said = "covey: the scenario mine has no faults: `[faults]` in its file switches them on\n"
    assert ran.err == said
