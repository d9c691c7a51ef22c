"""A file of rules: what a founder chooses for a context, in TOML, each mistake with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from covey.api.rules_schema import ConstraintForm, RulesForm
from covey.errors import ConfigError
from covey.model import limits
from covey.workbench.reading import read_file, shown
from covey.workbench.toml_lines import deep_line_of, line_of

__all__ = ["parse_span", "read_rules"]

_SPAN: Final = re.compile(r"(\d{1,9})([smhd])")
_NAME: Final = re.compile(r"[A-Za-z_]+")
_DEPTH_MAX: Final = 4
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class _Constraint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[code]]`; notice: such as 3d, 12h, 30m, 90s."""

    constraint: str
    k: int = 0
    keys: tuple[str, ...] = ()
    notice: str = ""


class _Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    roles: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    admin_quorum: int = 0
    verification: str = "replay"
    fuel_budget: int = 0
    code: tuple[_Constraint, ...] = ()


def read_rules(path: Path) -> RulesForm:
    """The rules in a file. Raises ConfigError: file, line and what is wrong; NotFound."""
    content, source = read_file(path, limits.CHARTER_SIZE_BYTES_MAX), shown(path)
    try:
        text = content.decode()
        if (deep := deep_line_of(text, _DEPTH_MAX)) is not None:
            raise ConfigError(f"{source}:{deep}: this is nested too deeply: no rules need it")
        raw = msgspec.toml.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"{source}: this is no TOML: {shown(error)}") from error
    try:
        rules = msgspec.convert(raw, _Rules)
    except msgspec.ValidationError as error:
        what, _, path_text = str(error).partition(" - at `$.")
        line = line_of(text, tuple(_NAME.findall(path_text))) or 1
        raise ConfigError(f"{source}:{line}: {shown(_told(what, path_text))}") from error
    code = []
    for number, each in enumerate(rules.code):
        try:
            span = parse_span(each.notice)
        except ConfigError as error:
            raise ConfigError(f"{source}: code {number + 1}: {error}") from error
        code.append(ConstraintForm(each.constraint, each.k, each.keys, span))
    return RulesForm(
        rules.roles,
        tuple(code),
        rules.admins,
        rules.admin_quorum,
        rules.verification,
        rules.fuel_budget,
    )


def _told(what: str, path_text: str) -> str:
    name = path_text.rstrip("`")
    return f"{name}: {what}" if name else what


def parse_span(text: str) -> int:
    """Seconds in a span such as 3d, 12h, 30m or 90s; an empty one is 0. Raises ConfigError."""
    if not text:
        return 0
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ConfigError(f"notice {text[:16]!r}: say 3d, 12h, 30m or 90s")
    return int(found[1]) * _UNITS[found[2]]
