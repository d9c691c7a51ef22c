"""The bounds of tools for authors, as those of `covey.model.limits`."""

from __future__ import annotations

from typing import Final

from covey.model.limits import MIB

__all__: list[str] = []  # read as `bounds.NAME`

WORKBENCH_STATE_BYTES_MAX: Final = 64 * MIB  # of a state as JSON, memory of one load; refused
WORKBENCH_SUITE_BYTES_MAX: Final = 1 * MIB  # of an application's own tests; larger: refused
WORKBENCH_PLAN_BYTES_MAX: Final = 4 * MIB  # of a counterexample, or calls to draw from; refused
WORKBENCH_CALLS_MAX: Final = 10_000  # given calls that a run draws from; more: refused
CONFORMANCE_RUNS_MAX: Final = 1_000_000  # of one command; more: refused
CONFORMANCE_CALLS_MAX: Final = 250  # of one run, fewer than a replica lets wait; more: refused
CONFORMANCE_STEPS_MAX: Final = 4_000  # of one run: calls and deliveries; more are left out
CONFORMANCE_ATTEMPTS_MAX: Final = 2_000  # to make a counterexample smaller; then it stays
