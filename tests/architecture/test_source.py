"""Every file keeps the rules of the house: size, purity, order, borders."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.architecture import borders, budgets, purity, set_order
from tests.architecture.source import PURE_PACKAGES, ROOT, Source, sources

Check = Callable[[Source], Iterable[str]]
EVERYTHING = ("src", "tests", "scripts", "bench")
PURE = tuple(module for module in sources("src") if module.is_pure)

CHECKS: list[tuple[Check, tuple[Source, ...]]] = [
    (budgets.long_files, sources(*EVERYTHING)),
    (budgets.long_lines, sources(*EVERYTHING)),
    (budgets.long_functions, sources(*EVERYTHING)),
    (budgets.without_docstring, sources(*EVERYTHING)),
    (budgets.star_imports, sources(*EVERYTHING)),
    (budgets.without_exports, sources("src", "scripts")),
    (budgets.unfinished, sources("src", "scripts", "bench")),
    (purity.impure, PURE),
    (set_order.set_order, PURE),
    (borders.strangers, sources("src")),
    (borders.catches_all, sources("src")),
    (borders.heavy_schema, sources("src")),
]


def _name(value: object) -> str:
    return value.__name__ if callable(value) else "files"


@pytest.mark.parametrize(("check", "modules"), CHECKS, ids=_name)
def test_every_file_keeps(check: Check, modules: tuple[Source, ...]) -> None:
    """A rule that is only written down is broken within a week."""
    findings = [finding for module in modules for finding in check(module)]
    assert not findings, "\n".join([str(check.__doc__), *findings])


def test_there_is_something_to_check() -> None:
    """A wrong path must not make every rule pass."""
    assert {"covey.errors", "covey.model.delta"} <= {module.module for module in PURE}
    assert any(module.path.startswith("tests/architecture/") for module in sources("tests"))


def test_every_pure_package_is_in_the_contract_of_the_core() -> None:
    """The import contract, which follows chains of imports, covers what these tests call pure."""
    contracts = (
        (ROOT / "pyproject.toml").read_text("utf-8").split("[[tool.importlinter.contracts]]")
    )
    (core,) = [contract for contract in contracts if 'id = "pure-core"' in contract]
    for package in PURE_PACKAGES:
        assert f'"covey.{package}' in core


def test_every_permission_to_catch_everything_is_used() -> None:
    """A permission that nobody needs is one that somebody will find."""
    used = {
        f"{module.module}.{function}"
        for module in sources("src")
        for function, node in borders.broad_handlers(module)
    }
    assert used >= set(borders.CATCH_ALL)
