"""`covey context log`, `proof` and `audit`: what happened, and whether it holds."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from covey.api.history_schema import AuditLine, ProofReply
from covey.cli.bar import Bar
from covey.cli.exits import REFUSED
from covey.cli.opened import open_client
from covey.cli.options import ContextArgument, HomeOption, JsonOption, examples
from covey.cli.output import emit, emit_json, emit_shown, say
from covey.cli.progress import progress
from covey.cli.results import LogResult
from covey.cli.waits import reason_to_wait
from covey.model import limits

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=examples("context log notes --after 100 --limit 20"))(log)
    app.command(epilog=examples("context proof notes 3f0c…"))(proof)
    app.command(epilog=examples("context audit notes", "context audit notes --json"))(audit)


def log(
    home: HomeOption,
    context: ContextArgument,
    after: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="Go on after this arrival number.")
    ] = 0,
    limit: Annotated[
        int, typer.Option(min=1, max=limits.API_LOG_ROWS_MAX, metavar="COUNT", help="Rows at most.")
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """List applied deltas in the order they arrived here, and what was refused."""
    with open_client(home) as client:
        reply = client.log(context, after, limit)
        refused = client.refused(context)
    if as_json:
        emit_json(LogResult(reply.rows, reply.next, refused.rows))
        return
    from covey.cli.tables import log_table, refused_table  # noqa: PLC0415 - scripts do not draw

    emit_shown(log_table(reply))
    if reply.next is not None:
        say(f"there may be more: --after {reply.next}")
    if refused.rows:
        emit_shown(refused_table(refused))


def proof(
    home: HomeOption,
    context: ContextArgument,
    delta: Annotated[str, typer.Argument(metavar="DELTA", help="As `covey context log` has it.")],
    as_json: JsonOption = False,
) -> None:
    """Print a refused delta as its author signed it, in hex: the proof of what it did."""
    with open_client(home) as client:
        frame = client.proof(context, delta)
    emit(ProofReply(frame), as_json=as_json, show=lambda: frame)


def audit(home: HomeOption, context: ContextArgument, as_json: JsonOption = False) -> None:
    """Verify the whole history from the charter, believing nothing.

    Every signature is checked, every delta judged at its cut, and every call run again where the
    charter says so. Exit code 1 names the first delta that does not hold.
    """
    last: AuditLine | None = None
    with open_client(home) as client, ExitStack() as opened, Bar() as bar:
        with progress(f"auditing {context}", reason_to_wait(home, context)):
            course = opened.enter_context(client.audit(context))
        for line in course:
            last = line
            bar.show("verified", line.deltas, line.of, f"{line.calls} calls run again")
    assert last is not None, "an audit says how it ended"
    outcome = last
    emit(outcome, as_json=as_json, show=lambda: _told(outcome))
    if not outcome.holds:
        raise typer.Exit(REFUSED)


def _told(line: AuditLine) -> str:
    if line.holds:
        again = f", {line.calls} calls run again" if line.calls else ""
        return f"everything holds: {line.deltas} deltas{again}, state {line.digest}"
    if not line.delta:
        return f"it does not hold: {line.reason}"
    return (
        f"it does not hold from delta {line.delta} on, number {line.arrival} here, by "
        f"{line.author}: {line.code}, {line.reason}"
    )
