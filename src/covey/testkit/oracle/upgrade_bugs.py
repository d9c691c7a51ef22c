"""Plant bugs in what nodes run, one at a time: which upgrade schedule finds it?

    python -m covey.testkit.oracle.upgrade_bugs [COUNT] [WORD]

Prints a table: of each bug (those with the word in their name) the first of COUNT schedules in
which something does not hold. Exit code 1 if one is not found.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType

from covey.testkit.oracle.mutants import changed
from covey.testkit.oracle.mutation import Mutation
from covey.testkit.oracle.upgrades import tried

__all__ = ["BUGS", "first_found", "main", "planted_in_nodes"]

_RULE, _EFFECTS = "covey.governance.code_rule", "covey.governance.effects"
_WITNESSES = "covey.governance.witnesses"
_CONSTRAINTS = "tuple(dict.fromkeys((*charter.constraints, *(row.constraint for row in bound)))),"

_IN_RULE = [
    Mutation(name, _RULE, old, new)
    for name, old, new in (
        ("any approval will do", "set(given.values())) < quorum.k", "set(given.values())) < 1"),
        ("approvals by devices", "len(set(given.values())) < quorum.k", "len(given) < quorum.k"),
        ("approvals of anyone", "and row.member in quorum.keys", ""),
        ("approvals of any number", "(row.number, row.release) == wanted",
         "row.release == wanted[1]"),
        ("approvals of any release", "(row.number, row.release) == wanted",
         "row.number == wanted[0]"),
        ("void approvals", "and authority.holds(row.at)\n",
         "and authority.cut.holds(row.at.author, row.at.tip)\n"),
        ("approvals that are not in the cut", "and authority.holds(row.at)\n", ""),
        ("no notice", "if quorum.notice_ms == 0:", "if True:"),
        ("notice from the first approval", "if len(seen) < quorum.k or", "if not seen or"),
        ("notice from the approvals' own times", "- milliseconds(told.time)",
         "- min(milliseconds(authority.past.delta(row.id).core.time) for row in given)"),
        ("notice a moment short", "elapsed >= quorum.notice_ms",
         "elapsed + 1 >= quorum.notice_ms"),
        ("notice a moment long", "elapsed >= quorum.notice_ms", "elapsed > quorum.notice_ms"),
        ("notice by a witness with a key", "not in quorum.keys\n", "is not None\n"),
        ("notice by a void witness", " or not words.does_something(authority, at)", ""),
        ("the same version will do", "version_rank(then) > version_rank(now)",
         "version_rank(then) >= version_rank(now)"),
        ("versions as text", "version_rank(then) > version_rank(now)", "then > now"),
        ("newer than the first release will do", "words.rule(authority).release).version",
         "authority.charter.release).version"),
        ("never means now and then", 'return Denied("locked",', 'return None and Denied("",'),
        ("a tighten replaces the charter's rule", _CONSTRAINTS,
         "tuple(row.constraint for row in bound) or charter.constraints,"),
        ("a tighten replaces those of its kind", _CONSTRAINTS,
         "tuple({type(c): c for c in (*charter.constraints, *(r.constraint for r in bound))}"
         ".values()),"),
        ("tightens bind nobody", "*(row.constraint for row in bound)", ""),
        ("void tightens bind", "if authority.holds(row.at)]",
         "if authority.cut.holds(row.at.author, row.at.tip)]"),
        ("a tighten reaches nothing that missed it", "words.meets(row, tighten)\n", "True\n"),
        ("a tighten reaches what it followed",
         "if not any(cut.holds(row.at.author, row.at.tip) for cut in cuts)", ""),
        ("void upgrades stand", "if row.at.id not in authority.void", "if True"),
        ("the smallest number wins", "number, release = max(", "number, release = min("),
        ("the latest time wins",
         "max(((r.number, r.release) for r in standing), default=(0, charter.release))",
         "max(((r.time, r.number, r.release) for r in standing), "
         "default=(0, 0, charter.release))[1:]"),
    )
]  # fmt: skip
_IN_EFFECTS = [
    Mutation(name, _EFFECTS, old, new, which)
    for name, old, new, which in (
        ("an upgrade with other governance", "if is_alone and methods in", "if methods in", 0),
        ("any number of an upgrade", "effect.number != rule.number + 1", "False", 0),
        ("any number of an approval", "effect.number != rule.number + 1", "False", 1),
        ("approvals by who has no key", "if not any(isinstance(c, Quorum)", "if False and (c", 0),
        ("no admin is asked for", "not authority.may(author, ADMIN)", "False", 0),
        ("another publisher's release",
         "application_id(manifest.publisher, manifest.package) != charter.application", "False",
         0),
        ("another execution", "if (manifest.execution, manifest.abi) !=", "if False and 1 !=", 0),
        ("another abi", "(manifest.execution, manifest.abi) != (charter.execution, now.abi)",
         "manifest.execution != charter.execution", 0),
        ("collections may go", "in now.collections:", "in ():", 0),
        ("roles of collections may change",
         "(collection.name, collection.rule, collection.roles) not in kept",
         "(collection.name, collection.rule) not in {each[:2] for each in kept}", 0),
        ("rules of collections may change",
         "(collection.name, collection.rule, collection.roles) not in kept",
         "(collection.name, collection.roles) not in {each[::2] for each in kept}", 0),
        ("the first collections alone are kept", "in now.collections:",
         "in words.terms(charter.release).collections:", 0),
        ("witnesses from anywhere", "if not all(_is_in(authority, cut, witness)",
         "if False and (_is_in(authority, cut, witness)", 0),
        ("the charter's constraints alone", "for each in rule.constraints]",
         "for each in charter.constraints]", 0),
        ("the first constraint alone", "for each in rule.constraints]",
         "for each in rule.constraints[:1]]", 0),
        ("the last constraint alone", "for each in rule.constraints]",
         "for each in rule.constraints[-1:]]", 0),
    )
]  # fmt: skip
_IN_WITNESSES = [
    Mutation(name, _WITNESSES, old, new)
    for name, old, new in (
        ("own witness: at once", "time) - quorum.notice_ms", "time)"),
        ("own witness: a moment late", "time) - quorum.notice_ms", "time) - quorum.notice_ms - 1"),
        ("own witness: whoever came", "if is_witness(governor, authority, at, given, quorum):",
         "if True:"),
        ("own witness: of any release", "(row.number, row.release) == wanted",
         "row.number == wanted[0]"),
        ("own witness: from the last approval on", "after=min(arrivals)", "after=max(arrivals)"),
        ("own witness: one for all quorums", "            if witness is not None:",
         "            if witness is not None and not found:"),
    )
]  # fmt: skip
_ELSEWHERE = [
    Mutation("altered manifests", "covey.codec.manifest",
             " or not is_signed(publisher, message, signature)", ""),
    Mutation("altered deltas", "covey.codec.delta",
             "return is_signed(delta.core.author, message, delta.signature)",
             "return bool(message)"),
    Mutation("calls outlive their release", "covey.governance.silence",
             "if not self._fallen:\n            return False",
             "if True:\n            return False"),
    Mutation("a migration outlives its upgrade", "covey.governance.silence",
             "return any(row.at.id == at.id for row in self._fallen)", "return False"),
]  # fmt: skip

BUGS = (*_IN_RULE, *_IN_EFFECTS, *_IN_WITNESSES, *_ELSEWHERE)
"""All of them."""


def main() -> int:
    """Print the table; 1 where a bug is not found."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    sys.stdout.write(
        "| bug planted in nodes | schedule | what does not hold there |\n|---|---|---|\n"
    )
    is_good = True
    for bug in BUGS:
        if word not in bug.name:
            continue
        found = first_found(bug, range(count))
        is_good &= found is not None
        seed, what = found or ("none", f"in {count}")
        sys.stdout.write(f"| {bug.name} | {seed} | {what} |\n")
        sys.stdout.flush()
    return 0 if is_good else 1


def first_found(bug: Mutation, seeds: range) -> tuple[int, str] | None:
    """The first schedule in which something does not hold, and what."""
    with planted_in_nodes(bug):
        for seed in seeds:
            try:
                faults = tried(seed).faults
            except AssertionError as error:
                faults = [f"AssertionError: {error}"]
            if faults:
                return seed, next((what for what in faults if "authority" in what), faults[0])
    return None


@contextmanager
def planted_in_nodes(bug: Mutation) -> Iterator[None]:
    """Functions of nodes with one place changed; whoever imported them runs the changed ones."""
    module = importlib.import_module(bug.module)
    scratch = dict(vars(module))
    source = changed(bug, inspect.getsource(module))
    exec(compile(source, str(module.__file__), "exec"), scratch)  # noqa: S102 - our own source
    before = {function: function.__code__ for function in _functions(module, vars(module))}
    after = {f.__qualname__: f.__code__ for f in _functions(module, scratch)}
    try:
        for function in before:
            function.__code__ = after[function.__qualname__]
        yield
    finally:
        for function, code in before.items():
            function.__code__ = code


def _functions(module: ModuleType, names: dict[str, object]) -> Iterator[FunctionType]:
    """What a module defines, methods too."""
    for each in list(names.values()):
        if getattr(each, "__module__", "") != module.__name__:
            continue
        for one in vars(each).values() if isinstance(each, type) else (each,):
            if isinstance(one, FunctionType) and one.__module__ == module.__name__:
                yield one


if __name__ == "__main__":
    raise SystemExit(main())
