"""Every test here runs on every engine there is."""

from __future__ import annotations

import importlib.util

import pytest

from covey.runtime import ENGINES, BlockingExecutor, Engine, NewEngine, new_engine
from tests.contract.runtime.guests import Script


def _is_here(name: str) -> bool:
    """On newer Pythons a placeholder of that name installs, which cannot be imported."""
    try:
        return importlib.util.find_spec(name) is not None and bool(__import__(name))
    except ImportError:
        return False


NOT_STOPPABLE = ("wasmer",)  # from outside: it holds the interpreter's lock until its fuel ends
HERE = [name for name in ENGINES if _is_here(name)]


@pytest.fixture(scope="session", params=HERE)
def engine(request: pytest.FixtureRequest) -> Engine:
    """One engine for the session: tests must not be able to tell."""
    return new_engine(request.param)


@pytest.fixture(params=HERE)
def engine_factory(request: pytest.FixtureRequest) -> NewEngine:
    """Makes an engine on the thread that asks, whatever name it asks for."""
    return lambda _name: new_engine(request.param)


@pytest.fixture(params=[name for name in HERE if name not in NOT_STOPPABLE])
def stoppable_factory(request: pytest.FixtureRequest) -> NewEngine:
    """As `engine_factory`, for the engines that `Engine.interrupt` ends in the middle of code."""
    return lambda _name: new_engine(request.param)


@pytest.fixture
def executor(engine: Engine) -> BlockingExecutor:
    return BlockingExecutor(engine)


@pytest.fixture
def script() -> Script:
    return Script()
