"""Every test here runs on every engine there is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.runtime import BlockingExecutor, Engine, new_engine
from tests.contract.runtime.guests import Script

ENGINES: dict[str, Callable[[], Engine]] = {"wasmtime": new_engine}


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """One engine for the session: tests must not be able to tell."""
    return ENGINES[request.param]()


@pytest.fixture(params=ENGINES)
def engine_factory(request: pytest.FixtureRequest) -> Callable[[], Engine]:
    """Makes an engine on the thread that asks."""
    return ENGINES[request.param]


@pytest.fixture
def executor(engine: Engine) -> BlockingExecutor:
    return BlockingExecutor(engine)


@pytest.fixture
def script() -> Script:
    return Script()
