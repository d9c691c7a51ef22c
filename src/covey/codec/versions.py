"""The order of semantic versions (semver.org 2.0.0, section 11)."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["VersionRank", "version_rank"]

VersionRank: TypeAlias = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def version_rank(version: str) -> VersionRank:
    """What versions of manifests are compared by; `version` has the form of one.

    A version with a pre-release part comes before the one without it; of its identifiers numbers
    come before words, numbers by size and words bytewise, and fewer before more.
    """
    numbers, dash, rest = version.partition("-")
    major, minor, patch = (int(number) for number in numbers.split("."))
    identifiers = tuple(
        (False, int(part), "") if part.isascii() and part.isdigit() else (True, 0, part)
        for part in (rest.split(".") if dash else ())
    )
    return (major, minor, patch, not dash, identifiers)
