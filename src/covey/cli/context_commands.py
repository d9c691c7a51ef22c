"""Commands about contexts: ticket, list, show, settings, log, watch, leave, join."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from typing import Annotated

import msgspec
import typer

from covey.api.context_schema import ContextReply
from covey.api.schema import JoinReply, TicketReply
from covey.cli import founding, history_commands, rules_commands, settings_command
from covey.cli.founders import founder_elsewhere
from covey.cli.opened import open_client
from covey.cli.options import (
    AbandonOption,
    ContextArgument,
    HomeOption,
    JsonOption,
    NameOption,
    TargetArgument,
    examples,
)
from covey.cli.output import emit, emit_json, emit_line, emit_raw, emit_shown, say
from covey.cli.progress import progress
from covey.cli.results import LeaveResult, WatchLine
from covey.cli.waits import reason_to_join, reason_to_wait

__all__ = ["register", "register_join"]


def register(app: typer.Typer) -> None:
    """Add the commands of `covey context`."""
    founding.register(app)
    app.command(epilog=examples("context ticket notes"))(ticket)
    app.command("list", epilog=examples("context list --json"))(list_contexts)
    app.command(epilog=examples("context show notes"))(show)
    settings_command.register(app)
    rules_commands.register(app)
    history_commands.register(app)
    app.command(epilog=examples("context watch notes --json", "context watch notes --after 0"))(
        watch
    )
    app.command(epilog=examples("context leave notes", "context leave notes --forget"))(leave)
    register_join(app)


def register_join(app: typer.Typer) -> None:
    """Add `join`, which has a short form."""
    app.command(epilog=examples("join TICKET", "join bafkrei… --name notes --json"))(join)


def ticket(home: HomeOption, context: ContextArgument, as_json: JsonOption = False) -> None:
    """Print what another node needs to join."""
    with open_client(home) as client:
        text = client.ticket(context)
    if as_json:
        emit(TicketReply(ticket=text), as_json=True, show=lambda: text)
    else:
        emit_line(text)  # Never wrapped: people paste it.


def list_contexts(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the contexts of this node."""
    with open_client(home) as client:
        reply = client.contexts()
    if as_json:
        emit_json(reply)
        return
    from covey.cli.tables import contexts_table  # noqa: PLC0415 - scripts do without drawing

    emit_shown(contexts_table(reply))


def show(home: HomeOption, context: ContextArgument, as_json: JsonOption = False) -> None:
    """Show a context: its application, what is in force, its terms and its members."""
    with open_client(home) as client:
        row = client.context(context)
        hint = founder_elsewhere(row, client.status().member)
    if hint:
        say(hint)
    if as_json:
        emit_json(row)
        return
    from covey.cli.tables import context_page  # noqa: PLC0415 - scripts do without drawing

    emit_shown(context_page(row))


def watch(
    home: HomeOption,
    context: ContextArgument,
    after: Annotated[
        int | None,
        typer.Option(min=0, metavar="NUMBER", help="Begin after this arrival number, not now."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print each delta as it is applied, until Ctrl-C."""
    from covey.cli.tables import row_text  # noqa: PLC0415 - as above

    with open_client(home) as client, ExitStack() as opened:
        with progress(f"watching {context}", reason_to_wait(home, context)):
            rows = opened.enter_context(client.watch(context, after))
        if not as_json:
            say(f"watching {context}; Ctrl-C ends it")
        for row in rows:
            if as_json:
                line = WatchLine(row.delta, row.author, row.sequence, row.calls, row.governance)
                emit_raw(msgspec.json.encode(line))
            else:
                emit_line(row_text(row))


def leave(
    home: HomeOption,
    context: ContextArgument,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Only forget it here: this device stays a member there."),
    ] = False,
    abandon: AbandonOption = False,
    as_json: JsonOption = False,
) -> None:
    """Leave a context for good: close this device there, then forget it on this node.

    Nobody can ever write with this device there again. You can come back: with another device,
    which is made when you join, without the roles of this one. The other members keep the context.
    With --forget it is the same for you, but this device stays a member until an admin removes it.
    """
    with (
        open_client(home) as client,
        progress("forgetting" if forget else "leaving: the others get some seconds to learn of it"),
    ):
        row = client.context(context)
        if forget:
            client.forget(row.id, abandon=abandon)
            result = LeaveResult(row.id, True, False, "", _left_behind(row))
        else:
            reply = client.leave(row.id, abandon=abandon)
            result = LeaveResult(row.id, True, reply.closed, reply.delta, reply.undone)
    text = f"forgot {row.name}" if forget else f"left {row.name}"
    if result.closed:
        text += f"\nthis device is closed there: delta {result.delta}"
    emit(result, as_json=as_json, show=lambda: text)
    if result.undone and not as_json:
        say(result.undone)


def _left_behind(row: ContextReply) -> str:
    """What becomes of a device whose context was only forgotten here, in a sentence."""
    if row.phase != "member":
        return ""
    return (
        "this device stays a member there, and this node never has it back: to join again takes "
        "another device, without the roles of this one; an admin there can remove this one "
        f"(covey context remove CONTEXT {row.device})"
    )


def join(
    home: HomeOption,
    target: TargetArgument,
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Join a context by ticket, context id or topic.

    Answers once this node is admitted, or after 30 s; the node keeps trying then. A context whose
    device was removed is joined with another device, without its roles.
    """
    with open_client(home) as client, progress("joining", reason_to_join(home, target)):
        reply = client.join(target, name)
        row = client.context(reply.id)
        hint = founder_elsewhere(row, client.status().member)
    emit(reply, as_json=as_json, show=lambda: _joined(reply))
    if not as_json:
        say(f"its name here is {row.name}: see `covey context show {shlex.quote(row.name)}`")
    if not reply.admitted:
        say(f"{reply.why}: see `covey status`")
    if hint:
        say(hint)


def _joined(reply: JoinReply) -> str:
    return f"{reply.id}\n{'admitted' if reply.admitted else 'not admitted yet'}"
