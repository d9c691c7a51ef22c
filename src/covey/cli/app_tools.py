"""Commands for authors of applications, none of which needs a node: check, run, test, conformance.

What they do is imported when one is called: the command line starts without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covey.cli.options import HomeOption, JsonOption, examples
from covey.workbench import bounds

__all__ = ["register"]

_SEED_MAX = 2**32 - 1
_TIME_MS_MAX = 2**48 - 1
_REPLICAS_MAX = 8

_File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A module (.wasm) or a bundle (.covey).")
]
_Engine = Annotated[
    str, typer.Option("--engine", metavar="NAME", help="wasmtime, or wasmer where it is installed.")
]

_CallsFile = Annotated[
    Path | None,
    typer.Option(
        "--calls-file",
        metavar="FILE",
        help='Draw from these calls instead: lines of {"method", "args"}.',
    ),
]
_Replay = Annotated[
    Path | None,
    typer.Option("--replay", metavar="FILE", help="Only play this counterexample again."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            "app check tally/tally.wasm",
            "app check tally.covey --json",
            "app check x.wasm --prices",
        )
    )(check)
    app.command(
        epilog=examples(
            """app run tally/tally.wasm add '{"name": "tea"}' --state tally.json --write""",
            """app run tally/tally.wasm read '{"name": "tea"}' --state tally.json""",
            'app run board.wasm set_profile \'{"name": "Bob"}\' --member bob',
        )
    )(run)
    app.command("test", epilog=examples("app test tally", "app test tally --json"))(try_tests)
    app.command(
        epilog=examples(
            "app conformance tally/tally.wasm",
            "app conformance tally.wasm --runs 1000 --seed 7 --save found.json",
            "app conformance tally.wasm --replay found.json",
        )
    )(conformance)


def check(
    home: HomeOption,  # noqa: ARG001 - every command takes it
    file: _File,
    prices: Annotated[bool, typer.Option("--prices", help="Also show what runs cost.")] = False,
    engine: _Engine = "wasmtime",
    as_json: JsonOption = False,
) -> None:
    """Say what a module is and costs, or by which rule it is refused, and where.

    It is validated, rewritten to meter itself and compiled, as every node does that installs it.
    """
    from covey.cli.app_check import check_file  # noqa: PLC0415 - rarely needed

    check_file(file, engine=engine, with_prices=prices, as_json=as_json)


def run(
    home: HomeOption,  # noqa: ARG001 - every command takes it
    file: _File,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="A call or a query.")],
    arguments: Annotated[
        str, typer.Argument(metavar="JSON", help="Its arguments; - reads them from standard input.")
    ] = "{}",
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help="The entries before, as JSON; else none."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the entries after back to the --state file.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write the entries after here.")
    ] = None,
    member: Annotated[
        str, typer.Option("--member", metavar="NAME", help="Who calls; each name has its own key.")
    ] = "alice",
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="NAME", help="A role of theirs.")
    ] = None,
    time_ms: Annotated[
        int | None,
        typer.Option("--time", min=0, max=_TIME_MS_MAX, metavar="MS", help="The time of the call."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=1, max=_SEED_MAX, help="Another one draws otherwise.")
    ] = 1,
    engine: _Engine = "wasmtime",
    as_json: JsonOption = False,
) -> None:
    """Run one call or query here, and show its result, effects, events, log and fuel.

    Everything that the code may know is given, so that the same command shows the same.
    """
    from covey.cli.app_run import RunOptions, run_method  # noqa: PLC0415 - rarely needed

    if write and state is None:
        raise typer.BadParameter("--write needs --state FILE")
    options = RunOptions(
        state=state,
        save=state if write and save is None else save,
        is_new_state_fine=write,
        member=member,
        roles=tuple(role or ()),
        time_ms=time_ms,
        seed=seed,
        engine=engine,
    )
    run_method(file, method, arguments, options, as_json=as_json)


def try_tests(
    home: HomeOption,  # noqa: ARG001 - every command takes it
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The application's directory, with tests.toml.")
    ],
    engine: _Engine = "wasmtime",
    as_json: JsonOption = False,
) -> None:
    """Run an application's own tests: calls, and what is to come of them, in DIR/tests.toml."""
    from covey.cli.app_tests import run_tests  # noqa: PLC0415 - rarely needed

    run_tests(directory, engine=engine, as_json=as_json)


def conformance(
    home: HomeOption,  # noqa: ARG001 - every command takes it
    file: _File,
    runs: Annotated[
        int, typer.Option("--runs", min=1, max=bounds.CONFORMANCE_RUNS_MAX, help="How many plans.")
    ] = 100,
    calls: Annotated[
        int,
        typer.Option("--calls", min=1, max=bounds.CONFORMANCE_CALLS_MAX, help="Calls of each run."),
    ] = 30,
    replicas: Annotated[
        int, typer.Option("--replicas", min=2, max=_REPLICAS_MAX, help="Members with a node.")
    ] = 3,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=_SEED_MAX, help="Another one makes other plans.")
    ] = 1,
    calls_file: _CallsFile = None,
    invariant: Annotated[
        list[str] | None,
        typer.Option("--invariant", metavar="QUERY", help="It must always answer true."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="METHOD", help="Leave a method out."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write a counterexample here."),
    ] = None,
    replay: _Replay = None,
    engine: _Engine = "wasmtime",
    as_json: JsonOption = False,
) -> None:
    """Make random calls on several replicas, deliver them in random orders, and compare.

    A run that shows something wrong is made as small as possible and shown.
    """
    from covey.cli.app_conformance import (  # noqa: PLC0415 - rarely needed
        ConformanceOptions,
        replay_file,
        try_application,
    )

    if replay is not None:
        replay_file(file, replay, engine=engine, as_json=as_json)
        return
    options = ConformanceOptions(
        runs=runs,
        calls=calls,
        replicas=replicas,
        seed=seed,
        calls_file=calls_file,
        invariants=tuple(invariant or ()),
        ignore=tuple(ignore or ()),
        save=save,
        engine=engine,
    )
    try_application(file, options, as_json=as_json)
