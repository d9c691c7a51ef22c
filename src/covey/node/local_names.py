"""What contexts and applications are called on this node: names that nobody else sees."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from covey.codec import cid_text, parse_cid, topic_text
from covey.errors import ConfigError, NotFound, Refused
from covey.model import limits
from covey.node.governing import Wish
from covey.node.held import Held
from covey.node.records import Application, Records

__all__ = ["application_named", "free_name", "held_named", "release_named"]


def held_named(everything: Sequence[Held], name: str) -> Held:
    """The context with this id, topic, local name or unique prefix. Raises NotFound."""
    exact = [
        h
        for h in everything
        if name in (cid_text(h.record.id), h.record.name, topic_text(h.record.id))
    ]
    matches = exact or [h for h in everything if name and cid_text(h.record.id).startswith(name)]
    if not matches:
        raise NotFound(f"no context {name!r}: see `covey context list`")
    if len(matches) > 1:
        raise NotFound(f"{name!r} names several contexts: see `covey context list`")
    return matches[0]


def free_name(everything: Sequence[Held], name: str | None, default: str) -> str:
    """The name that was asked for, or the first free one like the default.

    Raises ConfigError for what is no name, Refused for one that is taken.
    """
    taken = [h.record.name for h in everything]
    if name is None:
        number = 1
        while (chosen := default if number == 1 else f"{default}-{number}") in taken:
            number += 1
        return chosen
    if not name or len(name.encode()) > limits.LOCAL_NAME_BYTES_MAX or not name.isprintable():
        raise ConfigError("a local name is printable and has 1 to 128 bytes")
    if name in taken:
        raise Refused(f"a context named {name!r} is here already: choose another name")
    return name


def application_named(records: Records, name: str) -> Application:
    """The installed release with this id, package or unique prefix. Raises NotFound."""
    installed = records.applications()
    exact = [a for a in installed if name in (cid_text(a.release), a.manifest.package)]
    matches = exact or [
        a
        for a in installed
        if name
        and (
            cid_text(a.release).startswith(name)
            or a.manifest.package.startswith(name)
            or a.manifest.package.rpartition(".")[2] == name
        )
    ]
    if not matches:
        raise NotFound(f"no application {name!r}: see `covey app list`")
    if len({a.manifest.package for a in matches}) > 1 or (not exact and len(matches) > 1):
        raise NotFound(f"{name!r} names several applications: see `covey app list`")
    return matches[-1]


def release_named(records: Records, wish: Wish) -> str:
    """The id of the release that a wish names by id, package or prefix."""
    try:
        return cid_text(application_named(records, wish.release).release)
    except NotFound:
        with suppress(ConfigError):
            if wish.action == "approve":
                return cid_text(parse_cid(wish.release))
        raise
