"""The table of who may do what, asked of the judgement itself."""

from __future__ import annotations

from covey.testkit.rules.tables import rules_table

__all__ = ["rules_table"]
