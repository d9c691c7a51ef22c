"""The JavaScript decoder's verdicts on cases in files of the form of protocols/vectors."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.interop.install import program

__all__ = ["judge", "value_of"]

JUDGE_S = 100.0


def judge(folder: Path, *names: str) -> list[dict[str, Any]]:
    """For each case of the files named, in order: {file, name} with `code` or what it `gave`."""
    result = subprocess.run(
        program("vectors.mjs", str(folder), *names),
        capture_output=True,
        text=True,
        check=False,
        timeout=JUDGE_S,
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def value_of(shown: Any) -> Any:
    """The value behind its JSON form: {"int": decimal}, {"bin": hex}, the rest as it is."""
    match shown:
        case {"int": str(text)}:
            return int(text)
        case {"bin": str(text)}:
            return bytes.fromhex(text)
        case list():
            return tuple(value_of(item) for item in shown)
        case _:
            return shown
