"""What can be joined: checked as far as its words go, before a node is asked."""

from __future__ import annotations

import typer

from covey.errors import ConfigError

__all__ = ["is_target", "target_given"]


def target_given(text: str) -> str:
    """A ticket, context id or topic; BadParameter if it is none of them."""
    # Imported here: few commands need it.
    from covey.codec import TICKET_PREFIX, decode_ticket, parse_cid, parse_topic  # noqa: PLC0415

    try:
        if text.startswith(TICKET_PREFIX):
            decode_ticket(text)
        elif text.startswith("/covey/"):
            parse_topic(text)
        else:
            parse_cid(text)
    except ConfigError as error:
        if text.startswith((TICKET_PREFIX, "/covey/")):
            raise typer.BadParameter(str(error)) from error
        raise typer.BadParameter(
            f"{text[:60]!r} is no ticket (covey1…), context id (bafkrei…) or topic (/covey/1/…)"
        ) from error
    return text


def is_target(text: str) -> bool:
    """Whether it is a ticket, context id or topic. BadParameter for a damaged ticket or topic."""
    from covey.codec import TICKET_PREFIX, parse_cid  # noqa: PLC0415 - as above

    if text.startswith((TICKET_PREFIX, "/covey/")):
        target_given(text)
        return True
    try:
        parse_cid(text)
    except ConfigError:
        return False
    return True
