"""Begin an application: copy a template into a new directory and put its name in.

A template is a folder of package data under `templates/`; in its files the word NAME stands for
the application's name. An application gets its own copy of the SDK of its language, so that it
builds the same when covey is updated.
"""

from __future__ import annotations

import re
from pathlib import Path

from covey.cli.app_build import SDK_DIR
from covey.errors import ConfigError

__all__ = ["LANGUAGES", "new_application"]

LANGUAGES = ("c", "zig", "rust", "assemblyscript", "wat")

_SDK_FILES = {"c": "*.h", "zig": "zig/*", "rust": "rust/*", "assemblyscript": "assemblyscript/*"}
_TEMPLATES_DIR = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")


def new_application(target: Path, language: str) -> tuple[Path, ...]:
    """Create the directory `target` with a small application and return the files written, sorted.

    The directory's name becomes the application's. Raises ConfigError if the language is unknown,
    the name is no name, or the directory exists and is not empty.
    """
    if language not in LANGUAGES:
        raise ConfigError(f"there is no template for {language}: take {', '.join(LANGUAGES)}")
    name = target.resolve().name
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot name an application: use up to 64 of a-z, 0-9 and -, a letter first"
        )
    contents = {
        path.name: path.read_text(encoding="utf-8").replace("NAME", name)
        for path in sorted((_TEMPLATES_DIR / language).iterdir())
    }
    if language in _SDK_FILES:
        sdk = SDK_DIR.glob(_SDK_FILES[language])
        contents |= {path.name: path.read_text(encoding="utf-8") for path in sdk}
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise ConfigError(f"{target} is not empty, and nothing in it is overwritten")
        for file_name, text in contents.items():
            (target / file_name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigError(f"{target} cannot be created: {error.strerror}") from error
    return tuple(target / file_name for file_name in sorted(contents))
