"""Every subcommand, and what becomes of its errors: a line and an exit code."""

from __future__ import annotations

import errno
import inspect
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Annotated

import typer

from covey import __version__
from covey.cli import app_commands, call_commands, context_commands, node_commands
from covey.cli.completion import completing_named_shell
from covey.cli.exits import FAILED, INTERRUPTED, OK, STORE, USAGE, exit_code
from covey.cli.options import examples
from covey.cli.output import flush_output, say, silence_output
from covey.errors import NodeError
from covey.workbench.reading import shown

__all__ = ["build", "perform", "report"]

_GROUP = "covey.commands"
_OWN = frozenset(
    {"init", "run", "status", "peers", "version", "call", "query", "join", "context", "app"}
)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EBADF)


def perform(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors of the command are raised."""
    given = list(arguments) or ["--help"]
    try:
        with completing_named_shell(given):
            code = build(given)(args=given, prog_name="covey", standalone_mode=False)
        flush_output()
    except typer.TyperException as error:
        message = shown(" ".join(error.format_message().split()))
        if message:  # A group without a subcommand has shown its help instead.
            say(f"{message} (see `{_path_of(error, given)} --help`)")
        return USAGE
    except BrokenPipeError:
        silence_output()
        return OK
    except SystemExit as error:
        # Typer and rich exit with 1 where the reader left, and 1 means that something was refused.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        silence_output()
        return OK
    except typer.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else OK


def report(error: BaseException) -> int:
    """Say what went wrong in one line, and return its exit code."""
    error = _innermost(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, NodeError):
        say(str(error))
        return exit_code(error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, OSError) and error.errno in _FULL:
        silence_output()
        say(f"{error.filename or 'standard output'} cannot be written: {error.strerror}")
        return STORE
    say(f"a defect of covey: {type(error).__name__}: {' '.join(str(error).split())}")
    return FAILED


def _innermost(error: BaseException) -> BaseException:
    """The first error of a group, as tasks that failed together raise it, or the error itself.

    By shape, because Python 3.10 knows no groups of errors by itself.
    """
    nested = getattr(error, "exceptions", None)
    while isinstance(nested, tuple) and nested:
        error = nested[0]
        nested = getattr(error, "exceptions", None)
    return error


def _path_of(error: typer.TyperException, given: Sequence[str]) -> str:
    """The command that an error is about, as far as it was known by then.

    An option without its value is found before there is a context to say so.
    """
    context = getattr(error, "ctx", None)
    if context is not None:
        return str(context.command_path)
    path = ["covey"]
    commands = getattr(typer.main.get_command(build(given)), "commands", {})
    for word in given:
        if word not in commands:
            break
        path.append(word)
        commands = getattr(commands[word], "commands", {})
    return " ".join(path)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"covey {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Options before any command."""


def build(given: Sequence[str] = ()) -> typer.Typer:
    """Every command; those of an entry point only where `given` is none of our own.

    Whatever stands above the command line, such as the simulator, adds its commands by the group
    `covey.commands`: a function that takes the application of typer.
    """
    app = typer.Typer(
        help="A peer-to-peer node for shared WebAssembly applications: signed changes, no server.",
        epilog=examples("init", "run", "app install kv.covey", "join TICKET"),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Else help is read as markup: `did:key:z6Mk…` comes out with a picture of a key in it.
        rich_markup_mode=None,
    )
    app.callback()(_options)
    node_commands.register(app)
    call_commands.register(app)
    context_commands.register_join(app)
    contexts = typer.Typer(help="Found, join, look at and leave contexts.", no_args_is_help=True)
    context_commands.register(contexts)
    call_commands.register(contexts)
    applications = typer.Typer(help="Write, pack and install applications.", no_args_is_help=True)
    app_commands.register(applications)
    app.add_typer(contexts, name="context")
    app.add_typer(applications, name="app")
    if next(iter(given), "") not in _OWN:
        for entry in sorted(entry_points(group=_GROUP), key=lambda entry: entry.name):
            entry.load()(app)
    for each in (app, contexts, applications):
        _summarise(each)
    return app


def _summarise(app: typer.Typer) -> None:
    """The list of commands has the first sentence of each, whole: by itself it is cut to a line."""
    for command in app.registered_commands:
        assert command.callback is not None
        first = (inspect.getdoc(command.callback) or "").partition("\n\n")[0]
        command.short_help = " ".join(first.split())
