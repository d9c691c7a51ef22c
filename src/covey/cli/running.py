"""Runs a node in this process, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import trio
import typer
from trio_typing import TaskStatus

from covey.api.server import serve
from covey.cli.exits import INTERRUPTED, OK
from covey.cli.output import emit, say
from covey.cli.results import RunResult
from covey.cli.tables import ready_page
from covey.errors import ConfigError
from covey.network import parse_listen_address, parse_pinned_address
from covey.node import NodeService
from covey.node.engines import EngineChoice
from covey.node.running import parse_api_address, run
from covey.runtime.engines import DEFAULT_ENGINE

__all__ = ["log_lines", "run_node"]


class _Lines(logging.Formatter):
    """Log lines with the facts that their writer gave as `extra`."""

    _USUAL = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - named by logging
        """The line: what happened, then each fact as name=value, quoted as others may name it."""
        facts = [f"{k}={v!r}" for k, v in vars(record).items() if k not in self._USUAL]
        return " ".join([super().formatMessage(record), *facts])


def log_lines() -> logging.Formatter:
    """How a node's log is written."""
    return _Lines("%(asctime)s %(levelname)s %(name)s: %(message)s")


class _Start(Protocol):
    """Runs a node and tells when it is ready."""

    def __call__(self, *, on_ready: Callable[[NodeService, str], None]) -> Awaitable[None]: ...


def run_node(
    home: Path,
    *,
    listen: Sequence[str],
    bootstrap: Sequence[str],
    api: str | None,
    engine: str,
    engine_for: Sequence[str],
    is_relay: bool,
    is_on_lan: bool,
    is_verbose: bool,
    as_json: bool,
) -> int:
    """Run the node of a home and return the exit code.

    engine, engine_for: as `EngineChoice.parse`; empty for the default engine.
    Ctrl-C or SIGTERM stop it in order, a second one at once.
    Raises BadParameter for addresses and a choice of engine that cannot be meant.
    """
    with _meant("--engine, --engine-for"):
        engines = EngineChoice.parse(engine or DEFAULT_ENGINE, engine_for)
    for text in listen:
        with _meant("--listen"):
            parse_listen_address(text)
    for text in bootstrap:
        with _meant("--bootstrap"):
            parse_pinned_address(text)
    if api is not None:
        with _meant("--api"):
            parse_api_address(api)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(log_lines())
    logging.basicConfig(level=logging.INFO if is_verbose else logging.WARNING, handlers=[handler])
    start = partial(
        run,
        home,
        listen=listen,
        bootstrap=bootstrap,
        api=api,
        engines=engines,
        is_relay=is_relay,
        is_on_lan=is_on_lan,
        serve=serve,
    )
    return trio.run(_Running(start, as_json=as_json).until_stopped)


@contextmanager
def _meant(option: str) -> Iterator[None]:
    """What is wrong with an option is usage, and is said with its name."""
    try:
        yield
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


class _Running:
    """A node and the signals that stop it."""

    def __init__(self, start: _Start, *, as_json: bool) -> None:
        self._start = start
        self._as_json = as_json
        self._service: NodeService | None = None
        self._is_stopping = False
        self._code = OK

    async def until_stopped(self) -> int:
        """Run until the node stops by itself or a signal stops it."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._obey_signals, nursery.cancel_scope)
            await self._start(on_ready=self._on_ready)
            nursery.cancel_scope.cancel()
        return self._code

    async def _obey_signals(
        self,
        scope: trio.CancelScope,
        *,
        task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                self._code = INTERRUPTED if number == signal.SIGINT else OK
                if self._service is not None and not self._is_stopping:
                    self._service.request_stop()
                else:
                    scope.cancel()
                self._is_stopping = True

    def _on_ready(self, service: NodeService, api: str) -> None:
        self._service = service
        result = RunResult(service.peer_id, service.addresses, api)
        emit(result, as_json=self._as_json, show=lambda: ready_page(result))
        sys.stdout.flush()
        if not self._as_json:
            say("running; Ctrl-C stops it")
