"""Strings of any origin as text of a page, and numbers as a person reads them."""

from __future__ import annotations

import html
import re
from typing import Final

__all__ = [
    "attributes",
    "counted",
    "cut",
    "escape",
    "ms",
    "px",
    "seconds",
    "spell",
    "title",
]

_LABEL_CHARS_MAX: Final = 600
"""Of one label; a batch of calls with large arguments is cut short, for it is shown many times."""

# Control characters, and those that hide text or turn its direction around; lone surrogates have no
# UTF-8. The ranges are spelled out: what a Python calls printable depends on its version.
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)


def escape(text: str) -> str:
    """A string that is safe as text and in a quoted attribute; what cannot be seen is spelled."""
    return html.escape(spell(text), quote=True)


def spell(text: str) -> str:
    """A string in which what cannot be seen is spelled: some are longer then."""
    return _UNSEEN.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    point = ord(found.group())
    if point < 0x20:
        return chr(0x2400 + point)
    return chr(0x2421) if point == 0x7F else f"<U+{point:04X}>"


def title(lines: list[str]) -> str:
    """What a thing of a picture says of itself; each line is escaped by itself."""
    told = "\n".join(map(escape, lines))
    return f"<title>{told}</title>"


def cut(text: str, most: int = _LABEL_CHARS_MAX) -> str:
    """The beginning of a text, and how much of it is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\u2026 ({len(text) - most:,} characters more)"


def attributes(**values: str | float) -> str:
    """Attributes of an element, escaped; `data_at` is `data-at`, `class_` is `class`."""
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for name, value in values.items()
    )


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else px(value)


def px(value: float) -> str:
    """A length in a picture, to a tenth."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def ms(value: float) -> str:
    """A time for the script: seconds, to a millisecond."""
    return f"{value:.3f}"


def seconds(value: float) -> str:
    """A time for a person."""
    return f"{value:.3f} s"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
