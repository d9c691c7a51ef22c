"""Break one rule of the oracle at a time: what notices?

    python -m covey.testkit.oracle.mutants [COUNT] [WORD]

Prints a table: of each mutant (those with the word in their name) the first of COUNT histories in
which something does not hold, and the attacks that come to something else.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType

from covey.errors import ProtocolViolation
from covey.testkit.oracle.mutation import Mutation
from covey.testkit.oracle.mutations import MUTATIONS

__all__ = ["Notice", "changed", "main", "notice", "planted"]

_PACKAGE = "covey.testkit.oracle"
_KEPT = ("history", "people", "mutants", "mutation", "mutations", "code_mutations")
# People's caches are dear; the others are no part of what is broken.
_CRASHES = (
    AssertionError,
    AttributeError,
    ProtocolViolation,
    LookupError,
    NameError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What noticed a mutant. history: how many had to be drawn, 0: none does. what: the faults."""

    history: int
    what: tuple[str, ...]
    attacks: tuple[str, ...]


def main() -> int:
    """Print the table; 1 where a mutant lives, or the oracle itself is found guilty."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    is_good = True
    sys.stdout.write("| rule broken | random histories | attacks |\n|---|---|---|\n")
    for mutation in (None, *MUTATIONS):
        name = "unchanged" if mutation is None else mutation.name
        if word not in name:
            continue
        found = notice(mutation, count)
        is_good &= bool(found.history or found.attacks) != (mutation is None)
        drawn = f"{found.history}: {', '.join(found.what)}" if found.history else f"none in {count}"
        shown = "; ".join(found.attacks[:4]) + f"; {len(found.attacks) - 4} more" * (
            len(found.attacks) > 4
        )
        sys.stdout.write(f"| {name} | {drawn} | {shown or '-'} |\n")
        sys.stdout.flush()
    return 0 if is_good else 1


def notice(mutation: Mutation | None, count: int) -> Notice:
    """Run the attacks and up to `count` histories against the oracle with one rule broken."""
    with planted(mutation) as check:
        try:
            attacks = tuple(each.partition(":")[0] for each in check.failed_attacks(0))
        except _CRASHES as error:
            attacks = (type(error).__name__,)
        for seed in range(count):
            try:
                faults = tuple(check.faults_of(check.draw(seed), seed))
            except _CRASHES as error:
                faults = (type(error).__name__,)
            if faults:
                return Notice(seed + 1, faults, attacks)
        return Notice(0, (), attacks)


@contextmanager
def planted(mutation: Mutation | None) -> Iterator[ModuleType]:
    """The module `check` over an oracle with one rule broken; afterwards all is as before."""
    prefix = f"{_PACKAGE}."
    kept = {f"{prefix}{name}" for name in _KEPT}
    before = {
        name: module
        for name, module in sys.modules.items()
        if name.startswith(prefix) and name not in kept
    }
    package = sys.modules[_PACKAGE]
    attributes = dict(vars(package))
    finder = _Finder(mutation)
    for name in before:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module(f"{prefix}check")
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n in sys.modules if n.startswith(prefix) and n not in kept]:
            del sys.modules[name]
        sys.modules.update(before)
        vars(package).update(attributes)


class _Finder:
    """Finds the module that a mutation is of, with its source changed."""

    def __init__(self, mutation: Mutation | None) -> None:
        self.mutation = mutation

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """As the import system asks; of any other module nothing is known."""
        del target
        mutation = self.mutation
        if mutation is None or name != f"{_PACKAGE}.{mutation.module}":
            return None
        found = PathFinder.find_spec(name, path)  # type: ignore[arg-type]  # a package's path
        assert found is not None
        assert found.origin is not None
        loader = _Loader(name, found.origin, mutation)
        return spec_from_file_location(name, found.origin, loader=loader)


class _Loader(SourceFileLoader):
    """Compiles the changed source, and leaves no trace of it on disk."""

    def __init__(self, name: str, path: str, mutation: Mutation) -> None:
        super().__init__(name, path)
        self._mutation = mutation

    def get_code(self, fullname: str) -> CodeType:
        """The code of the module, one place changed."""
        path = self.get_filename(fullname)
        return compile(changed(self._mutation, self.get_data(path).decode()), path, "exec")


def changed(mutation: Mutation, source: str) -> str:
    """The source of a mutation's module with one place changed."""
    parts = source.split(mutation.old)
    cut = mutation.which + 1
    assert len(parts) > cut, f"{mutation.name}: its place is gone"
    return mutation.old.join(parts[:cut]) + mutation.new + mutation.old.join(parts[cut:])


if __name__ == "__main__":
    raise SystemExit(main())
