"""Scenarios: how many nodes, which faults and what workload the seeds are drawn from.

A scenario is a TOML file. What is wrong in one is said in one line, with its place.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import msgspec

from covey.errors import ConfigError, NotFound
from covey.testkit import bounds
from covey.testkit.sim.application import ARENA, name_of
from covey.testkit.sim.faults import KINDS, MISDEEDS
from covey.workbench.reading import read_file, shown
from covey.workbench.toml_lines import Place, deep_line_of, line_of

__all__ = [
    "Range",
    "Scenario",
    "Workload",
    "builtin_names",
    "load_scenario",
    "parse_scenario",
    "parse_seeds",
]

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=3_600.0)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=bounds.SIM_CALLS_MAX)]
_Nodes = Annotated[int, msgspec.Meta(ge=1, le=bounds.SIM_NODES_MAX)]

Range = tuple[float, float]
"""From and to, both included."""


class Workload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is called. calls: of a seed, from and to. batch: calls that come together.

    keys: how many different ones a seed has; few, so that calls meet. application: the arena, or a
    bundle or module beside the scenario's file.
    """

    calls: tuple[_Count, _Count] = (200, 260)
    batch: tuple[_Count, _Count] = (1, 9)
    keys: tuple[_Count, ...] = (2, 4, 12)
    application: str = ARENA


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family of worlds.

    seeds: which to run where none are asked for. nodes, founders: from and to. degree: how many
    neighbours a node has, 0 for all. lasts_s: how long faults last, from and to. delay_s: of
    messages, one of these. honesty_every: as in a plan. faults: by kind, the share of seeds that
    have it at all; `default` for those not named. misdeeds: what a doctored node may do.
    """

    name: str
    seeds: str = "1..200"
    nodes: tuple[_Nodes, _Nodes] = (3, 5)
    founders: tuple[_Nodes, _Nodes] = (1, 2)
    degree: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    lasts_s: tuple[_Seconds, _Seconds] = (12.0, 30.0)
    healing_s: _Seconds = 240.0
    delay_s: tuple[_Seconds, ...] = (0.02, 0.1, 0.5)
    honesty_every: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    faults: dict[str, _Share] = {}
    misdeeds: tuple[str, ...] = MISDEEDS
    workload: Workload = Workload()

    def share(self, kind: str) -> float:
        """Of how many seeds a kind of fault is part."""
        return self.faults.get(kind, self.faults.get("default", 0.0))


_QUOTED_CHARS: Final = 80
_BUILTIN: Final = "scenarios"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")  # it begins the names of files
_LISTS: Final[dict[Place, int]] = {
    **dict.fromkeys((("nodes",), ("founders",), ("lasts_s",)), 2),
    **dict.fromkeys((("workload", "calls"), ("workload", "batch")), 2),
    **dict.fromkeys((("delay_s",), ("workload", "keys")), 1),
}
"""Fields that take numbers, and how many where it is one and the same."""
_SEEDS: Final = re.compile(r"([0-9]{1,16})(?:\.\.([0-9]{1,16}))?")


def builtin_names() -> tuple[str, ...]:
    """The scenarios that come with covey, by name."""
    folder = files("covey.testkit.sim") / _BUILTIN
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return tuple(sorted(name.removesuffix(".toml") for name in names))


def load_scenario(name: str) -> Scenario:
    """A scenario that comes with covey, or one in a file; its application is looked for beside it.

    Raises NotFound, StoreError, and ConfigError with the line of what is wrong.
    """
    if name in builtin_names():
        content = (files("covey.testkit.sim") / _BUILTIN / f"{name}.toml").read_bytes()
        return parse_scenario(content, f"{name}.toml")
    path = Path(name)
    try:
        content = read_file(path, bounds.SIM_SCENARIO_BYTES_MAX)
    except NotFound as error:
        known = ", ".join(builtin_names())
        raise NotFound(
            f"there is no scenario {shown(name)}: name a file, or one of {known}"
        ) from error
    scenario = parse_scenario(content, str(path))
    if scenario.workload.application == ARENA:
        return scenario
    application = name_of(path.parent / scenario.workload.application)
    workload = msgspec.structs.replace(scenario.workload, application=application)
    return msgspec.structs.replace(scenario, workload=workload)


def parse_seeds(text: str) -> range:
    """A..B with both included, or a single seed. Raises ConfigError."""
    found = _SEEDS.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"the seeds are a range such as 1..1000, not {_quoted(text)}")
    first, last = int(found[1]), int(found[2] or found[1])
    if first > last:
        raise ConfigError(f"the seeds go from {first} down to {last}: turn them round")
    if last > bounds.SIM_SEED_MAX:
        raise ConfigError(f"seed {last} is greater than {bounds.SIM_SEED_MAX}")
    if last - first >= bounds.SIM_SEEDS_MAX:
        raise ConfigError(f"more than {bounds.SIM_SEEDS_MAX} seeds at once")
    return range(first, last + 1)


def parse_scenario(content: bytes, source: str) -> Scenario:
    """The scenario in a file's content. Raises ConfigError: source, line and what is wrong."""
    if len(content) > bounds.SIM_SCENARIO_BYTES_MAX:
        raise ConfigError(f"{source}: a scenario has {bounds.SIM_SCENARIO_BYTES_MAX} bytes at most")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{source}:{line}: this is no UTF-8 text") from error
    deep = deep_line_of(text, bounds.SIM_SCENARIO_DEPTH_MAX)
    if deep is not None:
        raise ConfigError(f"{source}:{deep}: this is nested too deeply: no scenario needs it")
    try:
        raw = msgspec.toml.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"{source}:{shown(_place_in(str(error), text))}") from error
    checks = _Checks(source, text)
    checks.shares(raw.get("faults"))
    try:
        scenario = msgspec.convert(raw, Scenario)
    except msgspec.ValidationError as error:
        what, place = _split(str(error))
        raise checks.wrong(f"{what}{_hint(raw, place)}", place) from error
    checks.whole(scenario)
    return scenario


class _Checks:
    """What the types do not say of the scenario in a text."""

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._text = text

    def wrong(self, what: str, *places: Place) -> ConfigError:
        """What is wrong, at the first of these places that the text sets; else at its begin."""
        lines = (line_of(self._text, place) for place in places)
        line = next((line for line in lines if line is not None), 1)
        return ConfigError(f"{self._source}:{line}: {shown(what)}")

    def shares(self, faults: object) -> None:
        """Kinds that there are, each with a share; of a fault msgspec would not say which."""
        for kind, share in faults.items() if isinstance(faults, dict) else ():
            place = ("faults", str(kind))
            if kind not in (*KINDS, "default"):
                what = (
                    f"there is no fault {_quoted(kind)}; there are {', '.join(KINDS)} and default"
                )
                raise self.wrong(what, place)
            is_number = isinstance(share, int | float) and not isinstance(share, bool)
            if not is_number or not 0 <= share <= 1:
                raise self.wrong(
                    f"faults.{kind} is a share from 0 to 1, not {_quoted(share)}", place
                )

    def whole(self, scenario: Scenario) -> None:
        """What fields mean, and how they fit together."""
        if _NAME.fullmatch(scenario.name) is None:
            what = "name has 1 to 64 letters, digits, '-', '_' and '.': files are named after it"
            raise self.wrong(what, ("name",))
        try:
            parse_seeds(scenario.seeds)
        except ConfigError as error:
            raise self.wrong(str(error), ("seeds",)) from error
        workload = scenario.workload
        if not workload.application:
            raise self.wrong("workload.application is empty", ("workload", "application"))
        pairs: dict[Place, tuple[float, float]] = {
            ("nodes",): scenario.nodes,
            ("founders",): scenario.founders,
            ("lasts_s",): scenario.lasts_s,
            ("workload", "calls"): workload.calls,
            ("workload", "batch"): workload.batch,
        }
        for place, (low, high) in pairs.items():
            if low > high:
                what = f"{'.'.join(place)} goes from {low} down to {high}: turn them round"
                raise self.wrong(what, place)
        if scenario.founders[1] > scenario.nodes[0]:
            nodes = "1 node" if scenario.nodes[0] == 1 else f"{scenario.nodes[0]} nodes"
            what = f"{scenario.founders[1]} founders are more than {nodes}"
            if line_of(self._text, ("founders",)) is None:
                low, high = scenario.founders
                what = f"{what}; founders is [{low}, {high}] where a file does not say it"
            raise self.wrong(what, ("founders",), ("nodes",))
        lists: dict[Place, tuple[object, ...]] = {
            ("delay_s",): scenario.delay_s,
            ("workload", "keys"): workload.keys,
            ("misdeeds",): scenario.misdeeds,
        }
        for place, items in lists.items():
            if not items:
                raise self.wrong(f"{'.'.join(place)} needs one item at least", place)
        for deed in scenario.misdeeds:
            if deed not in MISDEEDS:
                what = f"there is no misdeed {_quoted(deed)}; there are {', '.join(MISDEEDS)}"
                raise self.wrong(what, ("misdeeds",))


def _split(message: str) -> tuple[str, Place]:
    """What msgspec says, and the place it is about."""
    what, _, path = message.rpartition(" - at `$")
    place = tuple(key for key in re.sub(r"\[[^\]]*\]|`$", "", path).split(".") if key)
    if not what or (place and place[0] not in Scenario.__struct_fields__):
        what, place = message, ()  # It says no place: what looks like one is somebody's key.
    unknown = re.search(r"unknown field `(.*)`$", what, re.DOTALL)
    if unknown is not None:
        known = (Workload if place else Scenario).__struct_fields__
        what = f"there is no field {_quoted(unknown[1])} here; there are {', '.join(known)}"
        return what, (*place, unknown[1])
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing is not None:
        return f"{missing[1]} is missing", place
    plain = what.replace("Expected `object`", "Expected `table`").replace("`", "")
    return f"{'.'.join(place)}: {plain}", place


def _hint(raw: object, place: Place) -> str:
    """How to write a single number where a pair or a list of them belongs."""
    for key in place:
        raw = raw.get(key) if isinstance(raw, dict) else None
    if place not in _LISTS or isinstance(raw, bool) or not isinstance(raw, int | float):
        return ""
    return f"; write [{raw}]" if _LISTS[place] == 1 else f"; write [{raw}, {raw}]"


def _quoted(value: object) -> str:
    """What somebody wrote, as Python writes it, and not all of a page."""
    return shown(repr(value), _QUOTED_CHARS)


def _place_in(message: str, text: str) -> str:
    """What the reader of TOML says, its place first."""
    what = re.sub(r"\s*\(at .*\)$", "", message)
    found = re.search(r"at line (\d+), column (\d+)", message)
    lines = text.split("\n")
    place = f"{found[1]}:{found[2]}" if found else str(len(lines))
    if found is None and "end of document" not in message:
        # It says no place of what is nested too deeply or has too many digits: a long line.
        place = str(1 + max(range(len(lines)), key=lambda number: len(lines[number])))
    return f"{place}: this is no TOML: {what}"
