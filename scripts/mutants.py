"""Plant bugs in covey, one at a time, and see that the simulator finds each.

    python scripts/mutants.py [NAME...] [--seeds 1..500] [--jobs 2] [--json] [--record]

The mutants are in tests/simulation/mutants/. Each runs up to the first seed that finds it; then
that seed runs without it, for a finding must be due to the mutant. Exit code 1 if one is not found
or a seed finds something by itself.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the mutants live among the tests

from covey.errors import ConfigError
from covey.testkit.sim.scenario import parse_seeds
from tests.simulation.mutants import MUTANTS, scenario_of
from tests.simulation.mutants.hunt import clean, first_found, read_record, write_record

__all__ = ["main"]

_ROW = "{:>5} {:>8} {:>7}  {:<36} {:<34} {}"


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of one mutant. seed: the first that finds it. where, message: of the finding."""

    mutant: str
    does: str
    seed: int | None
    where: str
    message: str
    took_s: float


def main() -> int:
    """Hunt the mutants that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; all unless named")
    parser.add_argument("--seeds", default="1..500", help="A..B, both included")
    parser.add_argument("--jobs", type=int, default=2, help="processes to use")
    parser.add_argument("--json", action="store_true", help="one JSON line for each mutant")
    parser.add_argument("--record", action="store_true", help="keep the seeds for the tests")
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - set(MUTANTS))
    if unknown:
        parser.error(f"there is no mutant {unknown[0]}; there are {', '.join(MUTANTS)}")
    try:
        seeds = parse_seeds(asked.seeds)
    except ConfigError as error:
        parser.error(str(error))
    names = [name for name in MUTANTS if name in asked.names or not asked.names]
    with Pool(max(1, min(asked.jobs, len(names)))) as pool:
        hunts = list(_shown(pool.imap(partial(hunt, seeds), names), len(names), asked.json))
        found = {hunted.mutant: hunted.seed for hunted in hunts if hunted.seed is not None}
        used = sorted({(scenario_of(name), seed) for name, seed in found.items()})
        guilty = [f"{scenario} {seed}" for (scenario, seed), is_guilty
                  in zip(used, pool.imap(finds, used), strict=True) if is_guilty]  # fmt: skip
    if asked.record:
        write_record(found)
    return _sum_up(hunts, seeds, guilty, as_json=asked.json)


def hunt(seeds: range, name: str) -> Hunt:
    """Look for one mutant."""
    began_s = time.monotonic()
    found = first_found(name, seeds)
    seed, finding = found or (None, None)
    return Hunt(
        mutant=name,
        does=(inspect.getdoc(MUTANTS[name]) or "").split("\n", maxsplit=1)[0],
        seed=seed,
        where="" if finding is None else finding.where,
        message="" if finding is None else finding.message,
        took_s=round(time.monotonic() - began_s, 1),
    )


def finds(used: tuple[str, int]) -> bool:
    """Whether a seed of a scenario finds something without any mutant."""
    return clean(*used) is not None


def _shown(hunts: Iterator[Hunt], count: int, as_json: bool) -> Iterator[Hunt]:
    """Show each as soon as it is over."""
    if not as_json:
        print(_ROW.format("seed", "seconds", "", "noticed by", "mutant", "what it does"))
    for place, hunted in enumerate(hunts, start=1):
        if as_json:
            print(json.dumps(asdict(hunted)), flush=True)
        else:
            seed = "none" if hunted.seed is None else hunted.seed
            where = hunted.where.removeprefix("testkit.sim.checkers.")
            row = (seed, hunted.took_s, f"{place}/{count}", where, hunted.mutant, hunted.does)
            print(_ROW.format(*row), flush=True)
        yield hunted


def _sum_up(hunts: list[Hunt], seeds: range, guilty: list[str], *, as_json: bool) -> int:
    lost = [hunted.mutant for hunted in hunts if hunted.seed is None]
    record = read_record()
    moved = [h.mutant for h in hunts if h.seed is not None and record.get(h.mutant) != h.seed]
    if as_json:
        print(json.dumps({"mutants": len(hunts), "lost": lost, "guilty": guilty, "moved": moved}))
        return 1 if lost or guilty else 0
    searched = f"seeds {seeds[0]}..{seeds[-1]}"
    print(f"\n{len(hunts) - len(lost)} of {len(hunts)} mutants found by {searched}")
    if lost:
        print(f"not found: {', '.join(lost)}")
    if guilty:
        print(f"these seeds find something without any mutant: {', '.join(guilty)}")
    if moved:
        print(f"the tests know other seeds for {len(moved)} of them: --record keeps these")
    return 1 if lost or guilty else 0


if __name__ == "__main__":
    sys.exit(main())
