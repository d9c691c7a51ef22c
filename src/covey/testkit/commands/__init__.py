"""Commands of covey that stand above its command line: they come in by an entry point."""

from __future__ import annotations

from covey.testkit.commands.simulate import register

__all__ = ["register"]
