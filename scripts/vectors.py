"""Write protocols/vectors and protocols/limits.md again, byte for byte.

With --check, only say what differs.

Exit code 1 where --check finds a difference.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from covey.testkit.vectors import all_vectors, limits_table, to_json

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "protocols"
LIMITS = ROOT / "src" / "covey" / "model" / "limits.py"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    is_check = parser.parse_args(arguments).check
    texts = {f"vectors/{name}.json": to_json(vectors) for name, vectors in all_vectors().items()}
    stale = sorted({f"vectors/{p.name}" for p in FOLDER.glob("vectors/*.json")} - set(texts))
    texts["limits.md"] = limits_table(LIMITS.read_text("utf-8"))
    changed = [name for name, text in texts.items() if _read(FOLDER / name) != text]
    if is_check:
        for name in (*changed, *stale):
            print(f"vectors: {name} differs", file=sys.stderr)
        return 1 if changed or stale else 0
    (FOLDER / "vectors").mkdir(parents=True, exist_ok=True)
    for name in changed:
        (FOLDER / name).write_text(texts[name], "utf-8", newline="\n")
    for name in stale:
        (FOLDER / name).unlink()
    print(f"vectors: {len(texts)} files, {len(changed) + len(stale)} changed")
    return 0


def _read(path: Path) -> str | None:
    return path.read_bytes().decode() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
