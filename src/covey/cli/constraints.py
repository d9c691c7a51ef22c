"""The options that name constraints on releases: for a new context, and for one that is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from covey.api.rules_schema import ConstraintForm
from covey.cli.rules_file import parse_span
from covey.errors import ConfigError

__all__ = [
    "KeyOption",
    "NeverOption",
    "NoticeOption",
    "PublisherOption",
    "QuorumOption",
    "constraint_given",
    "constraints_given",
    "keys_told",
]

NeverOption = Annotated[bool, typer.Option("--never", help="No release ever again: locked.")]
PublisherOption = Annotated[
    bool, typer.Option("--publisher", help="Only newer releases of the same publisher.")
]
QuorumOption = Annotated[
    int | None, typer.Option("--quorum", min=1, metavar="K", help="K of the keys must approve.")
]
KeyOption = Annotated[
    list[str] | None, typer.Option("--key", metavar="MEMBER", help="A key; repeatable.")
]
NoticeOption = Annotated[
    str, typer.Option("--notice", metavar="SPAN", help="Known so long before: 3d, 12h, 30m.")
]


def constraints_given(
    *, locked: bool, publisher: bool, quorum: int | None, keys: list[str] | None, notice: str
) -> tuple[ConstraintForm, ...]:
    """All constraints that options name, for a context that is founded. Raises BadParameter."""
    approved = _quorum_given(quorum, keys, notice)
    if locked and (publisher or approved is not None):
        why = "no release ever comes into force, so that --publisher and --quorum decide nothing"
        raise typer.BadParameter(why, param_hint="--locked")
    never = [ConstraintForm("never")] * locked
    newer = [ConstraintForm("publisher")] * publisher
    return (*never, *newer, *([] if approved is None else [approved]))


def constraint_given(
    *, never: bool, publisher: bool, quorum: int | None, keys: list[str] | None, notice: str
) -> ConstraintForm | None:
    """The one constraint that options name, or None. Raises BadParameter."""
    if never + publisher + (quorum is not None) > 1:
        raise typer.BadParameter("one constraint at a time: --never, --publisher or --quorum K")
    approved = _quorum_given(quorum, keys, notice)
    if never:
        return ConstraintForm("never")
    return ConstraintForm("publisher") if publisher else approved


@contextmanager
def keys_told(option: str) -> Iterator[None]:
    """What the node says of a quorum's keys is of this option: it knows devices. BadParameter."""
    try:
        yield
    except ConfigError as error:
        field, _, why = str(error).partition(": ")
        if field != "keys":
            raise
        raise typer.BadParameter(why, param_hint=option) from error


def _quorum_given(quorum: int | None, keys: list[str] | None, notice: str) -> ConstraintForm | None:
    if quorum is None and (keys or notice):
        raise typer.BadParameter("--key and --notice belong to --quorum K")
    if quorum is None:
        return None
    # Imported here: it brings the checks of keys along, and most commands have none.
    from covey.node import ConstraintRow, WrongRule, constraint_of_row  # noqa: PLC0415

    try:
        form = ConstraintForm("quorum", quorum, tuple(keys or ()), parse_span(notice))
        constraint_of_row(ConstraintRow("quorum", form.k, form.keys, form.notice_s))
    except WrongRule as wrong:
        option = {"k": "--quorum", "keys": "--key"}.get(wrong.field, "--notice")
        raise typer.BadParameter(wrong.why, param_hint=option) from wrong
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--notice") from error
    return form
