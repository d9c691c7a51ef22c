"""Tries applications out without a node: checks, runs, tests, and replicas that must agree."""

from __future__ import annotations

__all__: list[str] = []
