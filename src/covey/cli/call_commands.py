"""Commands that run methods: call, query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from covey.cli.arguments import read_arguments, read_batch
from covey.cli.exits import OK, exit_code
from covey.cli.opened import open_client
from covey.cli.options import (
    ArgumentsArgument,
    ContextArgument,
    HomeOption,
    JsonOption,
    MethodArgument,
    examples,
)
from covey.cli.output import emit, emit_raw, say
from covey.cli.progress import progress
from covey.cli.results import CallResult, QueryResult
from covey.cli.waits import reason_to_wait

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["register"]

_BatchOption = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="FILE",
        help='Make many calls: lines of {"method", "args"}; - is standard input.',
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            """call notes set '{"key": "a", "value": "1"}'""",
            "call notes --batch calls.jsonl --json",
        )
    )(call)
    app.command(
        epilog=examples(
            """query notes get '{"key": "a"}'""", "query notes entries --json | jq .result"
        )
    )(query)


def call(
    home: HomeOption,
    context: ContextArgument,
    method: Annotated[
        str | None, typer.Argument(metavar="METHOD", help="A method that may write.")
    ] = None,
    arguments: ArgumentsArgument = "{}",
    batch: _BatchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Call a method: all of it takes effect, or none.

    With --batch one line answers each call, in order, always as JSON.
    """
    if (batch is None) == (method is None):
        raise typer.BadParameter("give either a method or --batch FILE")
    if method is None:
        assert batch is not None
        _call_batch(home, context, batch)
        return
    content = read_arguments(arguments)
    with open_client(home) as client, progress(f"calling {method}", reason_to_wait(home, context)):
        reply = client.call(context, method, content)
    _say_log(reply.log)
    result = CallResult(reply.result, reply.delta, reply.fuel)
    emit(result, as_json=as_json, show=lambda: _pretty(reply.result))
    if not as_json:
        say(f"delta {reply.delta}, {reply.fuel} fuel")


def query(
    home: HomeOption,
    context: ContextArgument,
    method: MethodArgument,
    arguments: ArgumentsArgument = "{}",
    as_json: JsonOption = False,
) -> None:
    """Ask a method that only reads; nothing is written."""
    content = read_arguments(arguments)
    with open_client(home) as client, progress(f"asking {method}", reason_to_wait(home, context)):
        reply = client.query(context, method, content)
    _say_log(reply.log)
    emit(QueryResult(reply.result), as_json=as_json, show=lambda: _pretty(reply.result))


def _call_batch(home: Path, context: str, source: str) -> None:
    """Answer each line; the exit code is that of the first call that failed."""
    from covey.client import first_error  # noqa: PLC0415 - as `open_client`

    code = OK
    reason = reason_to_wait(home, context)
    with open_client(home) as client, progress("calling", reason, prints=True):
        for line in client.batch_lines(context, read_batch(source)):
            emit_raw(line)
            if code == OK and (error := first_error(line)) is not None:
                code = exit_code(error)
    if code != OK:
        raise typer.Exit(code)


def _say_log(lines: tuple[str, ...]) -> None:
    for line in lines:
        say(f"the application says: {line}")


def _pretty(result: msgspec.Raw) -> RenderableType:
    from rich.text import Text  # noqa: PLC0415 - draws only what is asked for

    return Text(msgspec.json.format(bytes(result), indent=2).decode(errors="replace"))
