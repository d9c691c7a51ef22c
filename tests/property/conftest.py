"""How hard hypothesis tries: the same examples every time, or (HYPOTHESIS_PROFILE=deep) many."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile(
    "ci", max_examples=60, derandomize=True, deadline=None, database=None,
    suppress_health_check=SLOW,
)  # fmt: skip
settings.register_profile("deep", max_examples=1_000, deadline=None, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
