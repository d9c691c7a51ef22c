"""The options that every subcommand takes, and the arguments that many do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covey.cli.completion import complete_context
from covey.cli.targets import target_given
from covey.errors import NotFound
from covey.model import limits

__all__ = [
    "AbandonOption",
    "ArgumentsArgument",
    "ContextArgument",
    "EngineForOption",
    "EngineOption",
    "HomeOption",
    "JsonOption",
    "MethodArgument",
    "NameOption",
    "TargetArgument",
    "context_given",
    "examples",
    "given",
    "path_given",
]


def _default_home() -> Path:
    return Path.home() / ".covey"


def given(text: str) -> str:
    """What an option names; an empty one is a slip, and never meant."""
    if not text:
        raise typer.BadParameter("it is empty")
    return text


def context_given(text: str) -> str:
    """What names a context; none has an empty name, which a path of HTTP could not hold."""
    if not text:
        raise NotFound("no context '': see `covey context list`")
    return text


def _local_name(text: str | None) -> str | None:
    """A name that a context may have here."""
    most = limits.LOCAL_NAME_BYTES_MAX
    if text is not None and not (0 < len(text.encode(errors="replace")) <= most):
        raise typer.BadParameter(f"a local name has 1 to {most} bytes")
    if text is not None and not text.isprintable():
        raise typer.BadParameter("a local name is printable")
    return text


HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="COVEY_HOME",
        default_factory=_default_home,
        show_default="~/.covey",
        metavar="DIR",
        help="The node's home: its keys, store, ports and token.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
AbandonOption = Annotated[
    bool,
    typer.Option("--abandon", help="Also as its last admin: nobody can govern it any more."),
]
ContextArgument = Annotated[
    str,
    typer.Argument(
        metavar="CONTEXT",
        help="A context: id, local name or unique prefix.",
        autocompletion=complete_context,
        callback=context_given,
    ),
]
MethodArgument = Annotated[
    str, typer.Argument(metavar="METHOD", help="A method of the context's application.")
]
ArgumentsArgument = Annotated[
    str,
    typer.Argument(
        metavar="JSON", help="The method's arguments; - reads them from standard input."
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="A local name; other members do not see it.",
        callback=_local_name,
    ),
]
TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TICKET_OR_TOPIC",
        help="A ticket, a context id or a topic.",
        callback=target_given,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        show_default="wasmtime",
        help="What runs the modules named by --engine-for: wasmer, on CPython 3.10.",
    ),
]
EngineForOption = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-for",
        metavar="CID_OR_PUBLISHER",
        help="A module, release or publisher (did:key) that --engine runs; repeatable.",
    ),
]


def path_given(text: str) -> Path:
    """As above, where it names a file: an empty one would be the current folder."""
    return Path(given(text))


def examples(*lines: str) -> str:
    """The end of a help text; each line stays a line, so that it can be copied."""
    return "\n".join(["\b", "Examples:", *(f"  $ covey {line}" for line in lines)])
