"""A file of rules: what a founder chooses for a context, in TOML, each mistake with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from covey.api.rules_schema import ConstraintForm, RulesForm
from covey.errors import ConfigError
from covey.model import limits
from covey.workbench.reading import read_file, shown
from covey.workbench.toml_lines import deep_line_of, line_of, tables_of

if TYPE_CHECKING:
    from covey.model import Certificate

__all__ = ["RulesFile", "check_form", "parse_span", "read_rules"]

_SPAN: Final = re.compile(r"([0-9]{1,9})([smhd])")
_NAME: Final = re.compile(r"[A-Za-z_]+")
_INDEX: Final = re.compile(r"\.code\[(\d+)\]")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")
_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
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


@dataclass(frozen=True, slots=True)
class RulesFile:
    """What was read from a file of rules, and where it is said there."""

    source: str
    text: str
    form: RulesForm

    def check(self, founder: Certificate | None = None) -> None:
        """Whether a context can be founded with it. Raises ConfigError: file, line and why.

        founder: who founds it, where that is known.
        """
        from covey.node import WrongRule  # noqa: PLC0415 - as in `check_form`

        try:
            check_form(self.form, founder)
        except WrongRule as wrong:
            place = _Place(wrong.field, wrong.number, wrong.value)
            raise _told(self.source, self.text, place, str(wrong)) from wrong

    def place_of(self, field: str) -> str | None:
        """File and line of a field outside `[[code]]`, or None where it is not there."""
        line = line_of(self.text, (field,))
        return None if line is None else f"{self.source}, line {line}"

    def place_of_constraint(self, kind: str) -> str | None:
        """File and line of the first constraint of a kind, or None where there is none."""
        kinds = [each.constraint for each in self.form.code]
        if kind not in kinds:
            return None
        place = _Place("constraint", kinds.index(kind))
        return f"{self.source}, line {_line_of(self.text, place)}"


def check_form(form: RulesForm, founder: Certificate | None = None) -> None:
    """Whether a context can be founded with these rules. Raises WrongRule.

    founder: who founds it, where that is known.
    """
    # Imported here: it brings the checks of keys along, and most commands have none.
    from covey.node import ConstraintRow, Rulebook, check_rulebook  # noqa: PLC0415

    code = tuple(ConstraintRow(c.constraint, c.k, c.keys, c.notice_s) for c in form.code)
    check_rulebook(
        Rulebook(
            *(form.roles, code, form.admins, form.admin_quorum),
            *(form.verification, form.fuel_budget),
        ),
        founder,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """field: a key of the file, or of its `[[code]]` of this number from 0; value: a text there."""

    field: str
    number: int | None = None
    value: str = ""


def read_rules(path: Path) -> RulesFile:
    """The rules in a file, checked as far as it alone says. Raises as `check`, and NotFound."""
    content, source = read_file(path, limits.CHARTER_SIZE_BYTES_MAX), shown(path)
    try:
        text = content.decode()
        if (deep := deep_line_of(text, _DEPTH_MAX)) is not None:
            why = "this is nested too deeply: no rules need it"
            raise ConfigError(f"{source}, line {deep}: {why}")
        raw = msgspec.toml.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise _no_toml(source, content, error) from error
    try:
        rules = msgspec.convert(raw, _Rules)
    except msgspec.ValidationError as error:
        raise _misread(source, text, str(error)) from error
    code = []
    for number, each in enumerate(rules.code):
        try:
            span = parse_span(each.notice)
        except ConfigError as error:
            raise _told(source, text, _Place("notice", number), str(error)) from error
        code.append(ConstraintForm(each.constraint, each.k, each.keys, span))
    form = RulesForm(
        *(rules.roles, tuple(code), rules.admins, rules.admin_quorum),
        *(rules.verification, rules.fuel_budget),
    )
    file = RulesFile(source, text, form)
    file.check()
    return file


def _no_toml(source: str, content: bytes, error: Exception) -> ConfigError:
    """With the line that the reader names; the last one where it came to the end."""
    said, where = shown(error), source
    if isinstance(error, UnicodeDecodeError):
        said, where = "it is not UTF-8", f"{source}, line {_lines(content[: error.start])}"
    elif (place := _PLACE.search(said)) is not None:
        line = place[1] or _lines(content.rstrip())
        said, where = said[: place.start()], f"{source}, line {line}"
    return ConfigError(f"{where}: this is no TOML: {said}")


def _lines(content: bytes) -> int:
    return content.count(b"\n") + 1


def _misread(source: str, text: str, said: str) -> ConfigError:
    """From what the reader says of a value, such as "… - at `$.code[1].k`"."""
    what, _, path = said.partition(" - at `$")
    names, unknown = _NAME.findall(path), _UNKNOWN.search(what)
    index = _INDEX.match(path)
    number = None if index is None else int(index[1])
    if number is not None:
        names = names[1:]
    field = unknown[1] if unknown is not None else ".".join(names)
    told = f"{'.'.join(names)}: {what}" if names else what
    if path.startswith(".code`") and "got `object`" in what:
        told += ": did you mean `[[code]]`?"
    if unknown is not None:
        fields = (_Rules if number is None else _Constraint).__struct_fields__
        near = get_close_matches(field, fields, n=1)
        told += f": did you mean `{near[0]}`?" if near else f": one of {', '.join(fields)}"
    return _told(source, text, _Place(field, number), told)


def _told(source: str, text: str, place: _Place, why: str) -> ConfigError:
    return ConfigError(f"{source}, line {_line_of(text, place)}: {shown(why)}")


def _line_of(text: str, place: _Place) -> int:
    """Where a value stands; of a list with this text in it the line of the last such."""
    lines = text.split("\n")
    first, past, inside = 0, len(lines) + 1, text
    if place.number is not None:
        tables = tables_of(text, "code")
        if place.number >= len(tables):  # The list is written in one piece.
            return line_of(text, ("code",)) or 1
        first, past = tables[place.number]
        inside = "\n".join(lines[first : past - 1])
    within = line_of(inside, (place.field,))
    line = first or 1 if within is None else first + within
    if not place.value:
        return line
    quoted = [f"{mark}{place.value}{mark}" for mark in ("'", '"')]
    found = [n for n in range(line, past) if any(each in lines[n - 1] for each in quoted)]
    return found[-1] if found else line


def parse_span(text: str) -> int:
    """Seconds in a span such as 3d, 12h, 30m or 90s; an empty one is 0. Raises ConfigError."""
    if not text:
        return 0
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ConfigError(f"notice {text[:16]!r}: say 3d, 12h, 30m or 90s")
    return int(found[1]) * _UNITS[found[2]]
