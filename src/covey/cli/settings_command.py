"""The command that shows and changes how this node takes part in a context's network."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from covey.cli.completion import complete_peer
from covey.cli.opened import open_client
from covey.cli.options import ContextArgument, HomeOption, JsonOption, examples
from covey.cli.output import emit_json, emit_shown
from covey.errors import ConfigError
from covey.model import PeerId, limits

if TYPE_CHECKING:
    from covey.api.schema import SettingsRequest

__all__ = ["register"]

_NONE = "none"  # empties a list


class _Role(str, Enum):
    FULL = "full"
    CARRIER = "carrier"


_DegreeOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=limits.GOSSIP_DEGREE_MAX, metavar="N", help="Peers in the gossip mesh."
    ),
]
_PeersOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=limits.CONTEXT_PEERS_MAX, metavar="N", help="Peers to sync with at most."
    ),
]
_AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PEER", help="Only these peers; repeatable.", autocompletion=complete_peer
    ),
]
_DenyOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PEER", help="Not these peers; repeatable.", autocompletion=complete_peer),
]
_StaticOption = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Peers that are always dialled; repeatable."),
]
_RoleOption = Annotated[
    _Role | None, typer.Option(help="A carrier holds and serves, but makes no calls.")
]
_AnnounceOption = Annotated[
    bool | None,
    typer.Option("--announce/--no-announce", help="Whether others can look this node up."),
]
_ResetOption = Annotated[
    bool, typer.Option("--reset", help="Forget all settings, before those given here.")
]


def register(app: typer.Typer) -> None:
    """Add `settings`."""
    app.command(
        epilog=examples(
            "context settings notes",
            "context settings notes --deny 12D3KooW… --max-peers 16",
            "context settings notes --static /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW… --no-announce",
            "context settings notes --deny none",
            "context settings notes --reset --role carrier",
        )
    )(settings)


def settings(
    home: HomeOption,
    context: ContextArgument,
    degree: _DegreeOption = None,
    max_peers: _PeersOption = None,
    allow: _AllowOption = None,
    deny: _DenyOption = None,
    static: _StaticOption = None,
    role: _RoleOption = None,
    announce: _AnnounceOption = None,
    reset: _ResetOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show how this node takes part in a context's network, and change it.

    A list that is given replaces the one before; none empties it. Changes hold at once, also for
    peers that are connected, and over restarts. Other members see nothing of them.
    """
    from covey.api.schema import SettingsRequest  # noqa: PLC0415 - a quick command imports little

    request = SettingsRequest(
        degree=degree,
        max_peers=max_peers,
        allow=_listed(allow, "--allow"),
        deny=_listed(deny, "--deny"),
        static=_listed(static, "--static"),
        role=None if role is None else role.value,
        announce=announce,
        reset=reset,
    )
    _require_sense(request)
    with open_client(home) as client:
        try:
            is_asked = request == SettingsRequest()
            row = client.settings(context) if is_asked else client.set_settings(context, request)
        except ConfigError as error:
            # Only the node knows itself, and what the lists hold already.
            raise typer.BadParameter(str(error)) from error
    if as_json:
        emit_json(row)
        return
    from covey.cli.tables import settings_page  # noqa: PLC0415 - scripts do without drawing

    emit_shown(settings_page(row))


def _listed(texts: list[str] | None, option: str) -> tuple[str, ...] | None:
    if not texts:
        return None
    if _NONE not in texts:
        return tuple(texts)
    if len(texts) > 1:
        raise typer.BadParameter(f"{_NONE} empties the list: it stands alone", param_hint=option)
    return ()


def _require_sense(request: SettingsRequest) -> None:
    """What is wrong with the words alone is found before a node is asked."""
    from covey.node import ContextSettings, changed  # noqa: PLC0415 - as above
    from covey.node.settings import SettingsChange  # noqa: PLC0415 - as above

    allow, deny, static = (
        SettingsChange(allow=request.allow),
        SettingsChange(deny=request.deny),
        SettingsChange(static=request.static),
    )
    together = SettingsChange(allow=request.allow, deny=request.deny, static=request.static)
    each = (("--allow", allow), ("--deny", deny), ("--static", static), (None, together))
    option = None
    try:
        for option, change in each:  # noqa: B007 - the one at fault is told below
            changed(ContextSettings(), change, PeerId(""))
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
