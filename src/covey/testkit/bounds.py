"""The bounds of recorded traces and of the simulator, as those of `covey.model.limits`."""

from __future__ import annotations

from typing import Final

from covey.model.limits import KIB, MIB

__all__: list[str] = []  # read as `bounds.NAME`

TRACE_SIZE_BYTES_MAX: Final = 64 * MIB  # as JSON, memory of one load; larger: refused
TRACE_AGENTS_MAX: Final = 64  # each is a node of the demo; more: refused
TRACE_TRANSACTIONS_MAX: Final = 1_000_000  # memory of one load; more: refused
SIM_NODES_MAX: Final = 2_000  # of one world, memory of all their stores; more: refused
SIM_CALLS_MAX: Final = 100_000  # of one seed; more: refused
SIM_SEEDS_MAX: Final = 10_000_000  # of one command; more: refused
SIM_SEED_MAX: Final = 2**53  # what every reader of JSON keeps; more: refused
SIM_JOBS_MAX: Final = 256  # processes of one command; more: refused
SIM_SCENARIO_BYTES_MAX: Final = 64 * KIB  # memory of one load; larger: refused
SIM_SCENARIO_DEPTH_MAX: Final = 8  # tables in one another; reading takes their square; refused
SIM_RESULT_BYTES_MAX: Final = 1 * MIB  # of a line of a results file, memory of one; refused
SIM_PLAN_BYTES_MAX: Final = 64 * MIB  # as above, of a kept schedule
SIM_SHRINK_RUNS_MAX: Final = 600  # to make a failing schedule smaller; then it stays
SIM_TRACE_LINES: Final = 40  # of a failing seed, the last ones; older are forgotten
