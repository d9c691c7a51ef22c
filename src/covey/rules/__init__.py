"""May this author make this change, and what wins."""

from covey.rules.effects import ADD_MAX, ADD_MIN, check_effect

__all__ = ["ADD_MAX", "ADD_MIN", "check_effect"]
