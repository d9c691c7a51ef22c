"""All hostile modules by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tests.contract.runtime.hostile.endless import ENDLESS, RECURSIVE
from tests.contract.runtime.hostile.greedy import GREEDY, POINTERS
from tests.contract.runtime.hostile.refused import FEATURES, FORMS
from tests.contract.runtime.hostile.sources import Hostile

__all__ = ["CASES"]

CASES: Final[Mapping[str, Hostile]] = MappingProxyType(
    {**ENDLESS, **RECURSIVE, **GREEDY, **POINTERS, **FEATURES, **FORMS}
)
