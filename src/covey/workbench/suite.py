"""An application's own tests, as TOML: calls, and what is to come of them.

```toml
module = "tally.wasm"            # left out: NAME.wasm, as the directory is called

[[test]]
name = "adds are summed"
state = { totals = { a = 1 } }   # before the first step; left out: empty

[[test.step]]
call = "add"                     # or: query = "read"
args = { name = "a", amount = 2 }
as = "bob"                       # a member; left out: alice
expect.result = { total = 3 }

[test.after]                     # the whole of each collection that is named
totals = { a = 3 }
```

Where any value may stand, a TOML string is read as JSON, which can say `null`.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from covey.errors import ConfigError
from covey.model import Failure
from covey.workbench.people import DEFAULT_MEMBER
from covey.workbench.rows import EffectRow, EventRow
from covey.workbench.text import json_bytes
from covey.workbench.trial import START_MS

__all__ = [
    "SUITE_FILE",
    "Conformance",
    "Expected",
    "Step",
    "Suite",
    "Test",
    "json_of",
    "read_suite",
]

SUITE_FILE = "tests.toml"

_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_ENTRY = re.compile(r"test\[(\d+)\](?:\.step\[(\d+)\])?")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_HEADER = re.compile(r"\s*\[\[\s*(test(?:\s*\.\s*step)?)\s*\]\]")
_FAILURES = tuple(failure.value for failure in Failure)


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the file."""


class Expected(_Table, frozen=True):
    """What is to come of a step; what is left out may be anything.

    failure: the code with which it fails; left out, it completes. message: part of the failure's.
    result: a value or, as a string, JSON. fuel_max: the step uses no more.
    """

    result: Any = msgspec.UNSET
    failure: str | None = None
    message: str | None = None
    effects: tuple[EffectRow, ...] | None = None
    events: tuple[EventRow, ...] | None = None
    log: tuple[str, ...] | None = None
    fuel_max: int | None = None


class Step(_Table, frozen=True):
    """One call or query; args: a value or, as a string, JSON."""

    call: str | None = None
    query: str | None = None
    args: Any = {}
    member: str = msgspec.field(default=DEFAULT_MEMBER, name="as")
    roles: tuple[str, ...] = ()
    time_ms: int = START_MS
    expect: Expected = Expected()

    @property
    def method(self) -> str:
        """What is called or asked."""
        return self.call or self.query or ""


class Test(_Table, frozen=True):
    """Steps on a state, one after the other."""

    __test__ = False  # no class of tests for a collector of them

    name: str
    step: tuple[Step, ...]
    state: dict[str, dict[str, str | int]] = {}
    after: dict[str, dict[str, str | int]] = {}


class Conformance(_Table, frozen=True):
    """What `covey app conformance` is to know. ignore: methods that it leaves out."""

    invariants: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


class Suite(_Table, frozen=True):
    """The whole file."""

    module: str | None = None
    test: tuple[Test, ...] = ()
    conformance: Conformance = Conformance()


def read_suite(content: bytes, source: str) -> Suite:
    """The tests in a file. Raises ConfigError naming the line, if it is known."""
    try:
        suite = msgspec.toml.decode(content, type=Suite)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(_located(str(error), content, source)) from error
    for number, test in enumerate(suite.test):
        for place, step in enumerate(test.step):
            fault = _fault(step)
            if fault:
                path = f"test[{number}].step[{place}]"
                raise ConfigError(_located(f"{fault} - at `$.{path}`", content, source))
    return suite


def json_of(value: object) -> bytes:
    """A value of the file as JSON. Raises ConfigError for a string that is none."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{value[:80]!r} is no JSON: {error}") from error
        return value.encode("utf-8")
    return json_bytes(value)


def _fault(step: Step) -> str:
    if (step.call is None) == (step.query is None):
        return "A step has either `call` or `query`"
    expect = step.expect
    if expect.failure is not None and expect.failure not in _FAILURES:
        return f"There is no failure `{expect.failure}`"
    if expect.failure is not None and expect.result is not msgspec.UNSET:
        return "A step that fails has no result"
    if expect.message is not None and expect.failure is None:
        return "A step that completes has no message"
    if not 0 <= step.time_ms < 2**48:
        return "The time is no Unix milliseconds"
    return ""


def _located(message: str, content: bytes, source: str) -> str:
    """The sentence with the place of the file that it is about."""
    found = _PLACE.search(message)
    if found is None:
        return f"{source}: {message}"
    what, path = message[: found.start()], found["path"]
    line = _line(content.decode("utf-8", "replace"), path, what)
    return f"{source}{f', line {line}' if line else ''}: {what} (at {path or 'the top'})"


def _line(text: str, path: str, what: str) -> int:
    """The line of the table that a path leads to, or of an unknown field in it; 0: not found."""
    entry = _ENTRY.match(path)
    first, last = _range(text.splitlines(), entry)
    unknown = _UNKNOWN.search(what)
    if unknown is not None:
        key = re.compile(rf"(?:^|[\s{{,.\[]){re.escape(unknown[1])}\s*[=\].]")
        for number, line in enumerate(text.splitlines()[first:last], start=first + 1):
            if key.search(line):
                return number
    return first + 1 if entry else 0


def _range(lines: list[str], entry: re.Match[str] | None) -> tuple[int, int]:
    """The lines of one `[[test]]` or `[[test.step]]`, as a slice; else all of them."""
    if entry is None:
        return 0, len(lines)
    test, step = int(entry[1]), entry[2]
    headers = [
        (number, "step" in header[1])
        for number, line in enumerate(lines)
        if (header := _HEADER.match(line))
    ]
    tests = [number for number, is_step in headers if not is_step]
    if test >= len(tests):
        return 0, len(lines)
    first = tests[test]
    last = tests[test + 1] if test + 1 < len(tests) else len(lines)
    steps = [number for number, is_step in headers if is_step and first < number < last]
    if step is not None and int(step) < len(steps):
        place = int(step)
        last = steps[place + 1] if place + 1 < len(steps) else last
        first = steps[place]
    return first, last
