"""Scenarios: how many nodes, which faults and what workload the seeds are drawn from.

A scenario is a TOML file. What is wrong in one is said in one line, with its place.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import msgspec

from covey.errors import ConfigError, NotFound, StoreError
from covey.model import limits
from covey.testkit.sim.application import ARENA
from covey.testkit.sim.faults import KINDS, MISDEEDS

__all__ = ["Range", "Scenario", "Workload", "builtin_names", "load_scenario", "parse_scenario"]

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=3_600.0)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=limits.SIM_CALLS_MAX)]
_Nodes = Annotated[int, msgspec.Meta(ge=1, le=limits.SIM_NODES_MAX)]

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


_BUILTIN: Final = "scenarios"


def builtin_names() -> tuple[str, ...]:
    """The scenarios that come with covey, by name."""
    folder = files("covey.testkit.sim") / _BUILTIN
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return tuple(sorted(name.removesuffix(".toml") for name in names))


def load_scenario(name: str) -> Scenario:
    """A scenario that comes with covey, or one in a file.

    Raises NotFound, StoreError, and ConfigError with the line of what is wrong.
    """
    if name in builtin_names():
        content = (files("covey.testkit.sim") / _BUILTIN / f"{name}.toml").read_bytes()
        return parse_scenario(content, f"{name}.toml")
    path = Path(name)
    try:
        with path.open("rb") as file:
            content = file.read(limits.SIM_SCENARIO_BYTES_MAX + 1)
    except FileNotFoundError as error:
        known = ", ".join(builtin_names())
        raise NotFound(f"there is no scenario {name}: name a file, or one of {known}") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    return parse_scenario(content, str(path))


def parse_scenario(content: bytes, source: str) -> Scenario:
    """The scenario in a file's content. Raises ConfigError: source, line and what is wrong."""
    if len(content) > limits.SIM_SCENARIO_BYTES_MAX:
        raise ConfigError(f"{source}: a scenario has {limits.SIM_SCENARIO_BYTES_MAX} bytes at most")
    try:
        text = content.decode()
        raw = msgspec.toml.decode(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{source}:{line}: this is no UTF-8 text") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"{source}:{_place_in(str(error), text)}") from error
    try:
        scenario = msgspec.convert(raw, Scenario)
    except msgspec.ValidationError as error:
        what, place = _split(str(error))
        raise _wrong(source, text, place, what) from error
    _check(scenario, source, text)
    return scenario


def _check(scenario: Scenario, source: str, text: str) -> None:
    """What the types do not say."""
    pairs: dict[str, tuple[float, float]] = {
        "nodes": scenario.nodes,
        "founders": scenario.founders,
        "lasts_s": scenario.lasts_s,
        "workload.calls": scenario.workload.calls,
        "workload.batch": scenario.workload.batch,
    }
    for place, (low, high) in pairs.items():
        if low > high:
            raise _wrong(source, text, place, f"{place} goes from {low} to {high}: turn them round")
    if scenario.founders[1] > scenario.nodes[0]:
        raise _wrong(source, text, "founders", "there would be more founders than nodes")
    if not scenario.delay_s or not scenario.workload.keys:
        place = "workload.keys" if scenario.delay_s else "delay_s"
        raise _wrong(source, text, place, f"{place} needs one number at least")
    for kind in scenario.faults:
        if kind not in (*KINDS, "default"):
            what = f"there is no fault {kind!r}; there are {', '.join(KINDS)} and default"
            raise _wrong(source, text, f"faults.{kind}", what)
    for deed in scenario.misdeeds:
        if deed not in MISDEEDS:
            what = f"there is no misdeed {deed!r}; there are {', '.join(MISDEEDS)}"
            raise _wrong(source, text, "misdeeds", what)
    if not scenario.misdeeds:
        raise _wrong(source, text, "misdeeds", "a doctored node needs one misdeed at least")


def _wrong(source: str, text: str, place: str, what: str) -> ConfigError:
    return ConfigError(f"{source}:{_line_of(text, place)}: {what}")


def _line_of(text: str, place: str) -> int:
    """The line that sets a value, found by its dotted name; of its table where it is not set."""
    table, _, key = place.rpartition(".")
    current, found = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header is not None:
            current = header[1].strip().strip("\"'")
            if current in (table, place):
                found = number
        name = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*[=.]", line)
        if name is not None and current == table and name[1] == key:
            return number
        if name is not None and current == "" and name[1] == table:
            found = number
    return found


def _split(message: str) -> tuple[str, str]:
    """What msgspec says, and the dotted name of the value it is about."""
    what, _, place = message.partition(" - at `$")
    place = re.sub(r"\[[^\]]*\]", "", place.rstrip("`")).strip(".")
    unknown = re.search(r"unknown field `([^`]*)`", what)
    if unknown is not None:
        place = f"{place}.{unknown[1]}".strip(".")
    missing = re.search(r"missing required field `([^`]*)`", what)
    if missing is not None:
        return f"`{missing[1]}` is missing", place
    plain = what.replace("Object contains unknown", "there is no such").replace("`", "")
    return (f"{place}: {plain}" if place else plain), place


def _place_in(message: str, text: str) -> str:
    """What the reader of TOML says, its place first."""
    what = re.sub(r"\s*\(at .*\)$", "", message)
    found = re.search(r"at line (\d+), column (\d+)", message)
    place = f"{found[1]}:{found[2]}" if found else str(text.count("\n") + 1)
    return f"{place}: this is no TOML: {what}"
