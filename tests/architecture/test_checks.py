"""Each check of the house finds what it is there to find: a check that cannot fail is no check."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.architecture import borders, budgets, purity, set_order
from tests.architecture.source import Source, source

Check = Callable[[Source], Iterable[str]]

BAD: list[tuple[Check, str]] = [
    (budgets.long_files, "x = 1\n" * 401),
    (budgets.long_lines, f"x = {'1' * 97}\n"),
    (budgets.long_functions, "def f():\n" + "    x = 1\n" * 60),
    (budgets.long_functions, "async def f():\n" + "    x = 1\n" * 60),
    (budgets.without_docstring, "__all__ = []\n"),
    (budgets.without_exports, '"""A module."""\nexports = []\n'),
    (budgets.star_imports, "from covey.model import *\n"),
    (budgets.unfinished, "x = 1  # TODO: later\n"),
    (budgets.unfinished, "def f():\n    raise NotImplementedError\n"),
    (purity.impure, "import time\n"),
    (purity.impure, "import os.path\n"),
    (purity.impure, "from random import Random\n"),
    (purity.impure, "import random\nx = random.random()\n"),
    (purity.impure, "import random\nrng = random.Random(1)\n"),
    (purity.impure, "import random\ndraw = random.choice\n"),
    (purity.impure, "def f():\n    import logging\n"),
    (purity.impure, "async def f(): ...\n"),
    (purity.impure, "def f(x):\n    return hash(x)\n"),
    (purity.impure, "def f(path):\n    return open(path)\n"),
    (set_order.set_order, "for x in {1, 2}:\n    f(x)\n"),
    (set_order.set_order, "for x in set(xs):\n    f(x)\n"),
    (set_order.set_order, "ys = tuple(set(xs))\n"),
    (set_order.set_order, "ys = [f(x) for x in frozenset(xs)]\n"),
    (set_order.set_order, "ys = {x: 1 for x in {y for y in xs}}\n"),
    (set_order.set_order, "ys = [*set(xs)]\n"),
    (set_order.set_order, "def f(xs: set[int]):\n    return list(xs)\n"),
    (set_order.set_order, "def f(xs):\n    seen = set(xs)\n    for x in seen:\n        g(x)\n"),
    (set_order.set_order, "def f(xs, ys):\n    for x in xs.keys() - ys.keys():\n        g(x)\n"),
    (set_order.set_order, "def f(xs):\n    seen = set(xs)\n    return seen.pop()\n"),
    (set_order.set_order, "def f(xs):\n    return b''.join(set(xs))\n"),
    (
        set_order.set_order,
        "class A:\n    known: frozenset[int]\n    def f(self):\n        return tuple(self.known)\n",
    ),
    (
        set_order.set_order,
        "class A:\n    def __init__(self):\n        self.known = set()\n"
        "    def f(self):\n        for x in self.known:\n            g(x)\n",
    ),
    (borders.strangers, "import libp2p.host\n"),
    (borders.strangers, "def f():\n    from plyvel import DB\n"),
    (borders.strangers, "import numpy\n"),
    (borders.catches_all, "try:\n    f()\nexcept Exception:\n    pass\n"),
    (borders.catches_all, "try:\n    f()\nexcept:\n    pass\n"),
    (borders.catches_all, "try:\n    f()\nexcept (OSError, BaseException):\n    pass\n"),
    (borders.catches_all, "with contextlib.suppress(Exception):\n    f()\n"),
]

GOOD: list[tuple[Check, str]] = [
    (budgets.long_files, "x = 1\n" * 400),
    (budgets.long_lines, f"x = {'1' * 96}\n"),
    (budgets.long_functions, "def f():\n" + "    x = 1\n" * 59),
    (budgets.without_exports, "__all__: list[str] = []\n"),
    (purity.impure, "import hashlib\nfrom covey.model import time\nx = view.open()\n"),
    (purity.impure, "import random\ndef f(rng: random.Random):\n    return rng.random()\n"),
    (set_order.set_order, "for x in sorted({1, 2}):\n    f(x)\n"),
    (set_order.set_order, "y = any(x > 1 for x in {1, 2})\n"),
    (set_order.set_order, "ys = {f(x) for x in set(xs)}\n"),
    (set_order.set_order, "def f(xs):\n    seen = dict.fromkeys(xs)\n    return tuple(seen)\n"),
    (set_order.set_order, "def f(xs, y):\n    seen = set(xs)\n    return y in seen\n"),
    (set_order.set_order, "def f():\n    return xs.pop()\n"),
    (borders.strangers, "import hashlib\nimport covey.model\n"),
    (borders.catches_all, "try:\n    f()\nexcept (OSError, ValueError):\n    g()\n"),
    (borders.catches_all, "try:\n    f()\nexcept BaseException:\n    undo()\n    raise\n"),
]


@pytest.mark.parametrize(("check", "text"), BAD)
def test_check_finds_what_is_wrong(check: Check, text: str) -> None:
    """Without this, a check that silently stopped working would look like a tidy house."""
    assert list(check(source(text)))


@pytest.mark.parametrize(("check", "text"), GOOD)
def test_check_leaves_good_code_alone(check: Check, text: str) -> None:
    """A check that cries wolf is switched off."""
    assert list(check(source(text))) == []


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [
        ("src/covey/network/host.py", True),
        ("src/covey/network/__init__.py", True),
        ("src/covey/networking.py", False),
        ("src/covey/node/run.py", False),
    ],
)
def test_dependency_is_at_home_in_its_package_alone(path: str, is_allowed: bool) -> None:
    """A package whose name merely begins alike is another package."""
    assert (list(borders.strangers(source("import libp2p\n", path))) == []) is is_allowed


@pytest.mark.parametrize("name", ["litestar", "covey.node", "covey.api.routes"])
def test_shared_schema_may_not_bring_the_server(name: str) -> None:
    """Every command imports the schema; a command must start in a blink."""
    assert list(borders.heavy_schema(source(f"import {name}\n", "src/covey/api/schema.py")))
    assert not list(borders.heavy_schema(source(f"import {name}\n", "src/covey/api/routes.py")))


def test_shared_schema_may_use_the_nouns() -> None:
    """Ids have types on both sides of the interface."""
    text = "import msgspec\nfrom covey.model import ContextId\n"
    assert not list(borders.heavy_schema(source(text, "src/covey/api/schema.py")))


def test_relative_imports_do_not_confuse() -> None:
    """`from . import x` names no dependency."""
    assert list(borders.strangers(source("from . import numpy\n"))) == []
