"""Write docs/reference/rules.md again: who may do what, by the word of the judgement.

With --check, only say whether it differs.

Exit code 1 where --check finds a difference.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from covey.testkit.rules import rules_table

__all__ = ["PAGE", "main"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "rules.md"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    is_check = parser.parse_args(arguments).check
    text = rules_table().encode()
    is_same = PAGE.is_file() and PAGE.read_bytes() == text
    if is_check:
        if not is_same:
            print(f"rules_table: {PAGE.name} differs", file=sys.stderr)
        return 0 if is_same else 1
    PAGE.write_bytes(text)
    print(f"rules_table: {PAGE.name} {'is as it was' if is_same else 'changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
