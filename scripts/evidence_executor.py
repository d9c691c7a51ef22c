"""Evidence that execution is deterministic: `evidence_executor.py --inputs 10000`.

Random calls of the example applications and of random modules, each three times in each of two
processes with different hash seeds, on every engine: wasmtime, and wasmer where .venv-3.10 has it.
Everything that may be seen (effects, events, results, messages, log, fuel) goes into one hash for
each process, and these have to be equal. The last line is JSON; exit code 1 if they are not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_worker import Worker

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
PYTHON_310 = ROOT / ".venv-3.10" / "bin" / "python"
_RUNS = 3
_HASH_SEEDS = ("1", "2")
_BATCH = 100
# Of every ten inputs: what kind they are.
_KINDS = ("application",) * 7 + ("generated",) * 2 + ("caller",)


@dataclass
class Said:
    """What one process said of all inputs."""

    engine: str
    hash_seed: str
    digest: str = ""
    fuel: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    findings: int = 0
    seconds: float = 0.0


def inputs(count: int) -> Iterator[list[tuple[str, int, str]]]:
    """Cases in batches."""
    cases = [(_KINDS[number % len(_KINDS)], 1_000_000 + number, "") for number in range(count)]
    for first in range(0, count, _BATCH):
        yield cases[first : first + _BATCH]


def ask(engine: str, python: Path, hash_seed: str, count: int) -> Said:
    """Have one process do all of it."""
    said = Said(engine, hash_seed)
    hashed = hashlib.sha256()
    started = time.monotonic()
    worker = Worker(engine, python, {"PYTHONHASHSEED": hash_seed}, _RUNS)
    try:
        for cases in inputs(count):
            worker.send(cases)
            for case, came in zip(cases, worker.receive(len(cases)), strict=True):
                hashed.update(came["digest"].encode())
                said.fuel += came["fuel"]
                said.ended.update(came["ended"])
                for finding in came["findings"]:
                    said.findings += 1
                    print(f"FINDING {engine} {case}: {finding[:300]}", flush=True)
    finally:
        worker.stop()
    said.digest = hashed.hexdigest()
    said.seconds = round(time.monotonic() - started, 1)
    print(f"{engine}, hash seed {hash_seed}: {said.digest}, fuel {said.fuel}", flush=True)
    return said


def main() -> int:
    """One process after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    asked = parser.parse_args()
    engines = [("wasmtime", Path(sys.executable))]
    if PYTHON_310.exists():
        engines.append(("wasmer", PYTHON_310))
    else:
        print("without wasmer: there is no .venv-3.10 (python scripts/python310.py)")
    said = [ask(*engine, seed, asked.inputs) for engine in engines for seed in _HASH_SEEDS]
    seen = {(each.digest, each.fuel) for each in said}
    is_equal = len(seen) == 1 and not any(each.findings for each in said)
    report = {
        "inputs": asked.inputs,
        "runs": _RUNS,
        "equal": is_equal,
        "processes": [vars(each) for each in said],
    }
    print(json.dumps(report, sort_keys=True))
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
