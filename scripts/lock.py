"""Pin every dependency, with hashes, once for Python 3.10 to 3.12: write the files in locks/.

    python scripts/lock.py [--upgrade]

Without --upgrade what is pinned stays as long as it fits pyproject.toml. Needs `uv` on the PATH:
it is the one tool that resolves for several Pythons at once, and nothing but this script uses it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent

# The build tools of those packages that come as source.
BUILD_TOOLS = "setuptools>=75\nwheel\n"
# The compiler of applications is 411 MB: only who builds applications installs it.
APP_TOOLS = "ziglang==0.17.1\n"
# The second engine, where it exists: elsewhere its name is taken by an empty package.
WASMER = """\
wasmer==1.1.0; python_version < "3.11"
wasmer-compiler-cranelift==1.1.0; python_version < "3.11"
"""

_COMPILE = [
    "pip",
    "compile",
    "--universal",
    "--python-version=3.10",
    "--generate-hashes",
    "--no-header",  # A header would hold the command, and with it paths of this machine.
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
]


def main(arguments: list[str]) -> int:
    """Write the four locks; the exit code is 0, or 1 when uv is missing or cannot resolve."""
    parser = argparse.ArgumentParser(description="pin every dependency, with hashes")
    parser.add_argument("--upgrade", action="store_true", help="take the newest that fits")
    upgrade = ["--upgrade"] if parser.parse_args(arguments).upgrade else []
    uv = shutil.which("uv")
    if uv is None:
        print("lock: uv is not on the PATH; run: python3 -m pip install uv", file=sys.stderr)
        return 1
    command = [uv, *_COMPILE, *upgrade]
    done = (
        _compile([*command, "--group", "dev", "pyproject.toml"], "requirements.lock", None)
        and _compile([*command, "-"], "build.lock", BUILD_TOOLS)
        and _compile([*command, "-"], "apps.lock", APP_TOOLS)
        and _compile([*command, "-"], "wasmer.lock", WASMER)
    )
    return 0 if done else 1


def _compile(command: list[str], lock: str, requirements: str | None) -> bool:
    target = f"locks/{lock}"
    result = subprocess.run(
        [*command, "-o", target],
        input=requirements,
        stdout=subprocess.DEVNULL,  # uv prints the lock it writes.
        text=True,
        cwd=ROOT,
        check=False,
    )
    print(f"lock: {target} {'written' if result.returncode == 0 else 'FAILED'}")
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
