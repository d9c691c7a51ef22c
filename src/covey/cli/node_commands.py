"""Commands about the node: init, run, status, peers, version."""

from __future__ import annotations

import platform
import shlex
from typing import Annotated

import typer

from covey import __version__
from covey.cli.interrupts import quitting_at_once
from covey.cli.opened import open_client
from covey.cli.options import EngineForOption, EngineOption, HomeOption, JsonOption, examples
from covey.cli.output import emit, emit_json, emit_shown, say
from covey.cli.results import InitResult, VersionResult

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=examples("init", "init --home ~/second --json"))(init)
    app.command(
        epilog=examples(
            "run",
            "run --listen /ip4/0.0.0.0/tcp/4001 --bootstrap /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…",
            "run --home ~/second --api 127.0.0.1:4040 --json",
            "run --engine wasmer --engine-for bafkrei…",
        )
    )(run)
    app.command(epilog=examples("status", "status --json"))(status)
    app.command(epilog=examples("peers", "peers --json"))(peers)
    app.command(epilog=examples("version", "version --json"))(version)


def init(home: HomeOption, as_json: JsonOption = False) -> None:
    """Make a home: the keys of a node, of its member and of a publisher.

    Keys that exist are kept.
    """
    # Imported here: no other quick command needs the keys.
    from covey.node import init_home  # noqa: PLC0415

    peer_id, member = init_home(home)
    result = InitResult(peer_id, member)
    emit(result, as_json=as_json, show=lambda: f"peer id  {peer_id}\nmember   {member}")
    if not as_json:
        say(f"{home} is ready; its keys are yours alone: keep a copy")
        say(f"next: `covey run --home {shlex.quote(str(home))}`")


def run(
    home: HomeOption,
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="MULTIADDR", help="Where other nodes reach this one; repeatable."),
    ] = None,
    bootstrap: Annotated[
        list[str] | None,
        typer.Option(metavar="MULTIADDR", help="A node to find others through; repeatable."),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where it is commanded, on this machine only."),
    ] = None,
    engine: EngineOption = "",
    engine_for: EngineForOption = None,
    serve_relay: Annotated[
        bool,
        typer.Option(
            "--serve-relay",
            help="Carry, within limits, the traffic of peers that cannot reach each other.",
        ),
    ] = False,
    mdns: Annotated[
        bool,
        typer.Option(
            "--mdns",
            help="Announce the node on the local network, and connect with those announced there.",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log what the node does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the node until Ctrl-C.

    Ports are chosen at the first start and used again. Prints a line when it is ready.
    """
    # Imported here: the network, the engine and the server take two seconds to load.
    with quitting_at_once():
        from covey.cli.running import run_node  # noqa: PLC0415

    code = run_node(
        home,
        listen=listen or [],
        bootstrap=bootstrap or [],
        api=api,
        engine=engine,
        engine_for=engine_for or [],
        is_relay=serve_relay,
        is_on_lan=mdns,
        is_verbose=verbose,
        as_json=as_json,
    )
    if code:
        raise typer.Exit(code)


def status(home: HomeOption, as_json: JsonOption = False) -> None:
    """Show the node and its contexts: what is in sync, and what is known to be missing."""
    with open_client(home) as client:
        reply = client.status()
    if as_json:
        emit_json(reply)
        return
    from covey.cli.tables import status_table  # noqa: PLC0415 - scripts do without drawing

    emit_shown(status_table(reply))


def peers(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the connected peers: who, how, since when, and what they serve.

    Who shares most comes first, then the best score, then the oldest connection.
    """
    with open_client(home) as client:
        reply = client.peers()
        names = {} if as_json else {row.id: row.name for row in client.contexts().contexts}
    if as_json:
        emit_json(reply)
        return
    from covey.cli.tables import peers_page  # noqa: PLC0415 - scripts do without drawing

    emit_shown(peers_page(reply, names))


def version(home: HomeOption, as_json: JsonOption = False) -> None:  # noqa: ARG001 - every command
    """Show the versions of covey and of its Python."""
    result = VersionResult(__version__, platform.python_version())
    emit(result, as_json=as_json, show=lambda: f"covey {result.version}, Python {result.python}")
