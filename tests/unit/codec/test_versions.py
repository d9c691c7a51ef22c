"""Which texts are versions: every reader has to say the same, or nodes disagree about a release."""

from __future__ import annotations

import pytest

from covey.codec.manifest import _VERSION

__all__: list[str] = []


@pytest.mark.parametrize("text", ["0.0.0", "1.2.0", "1.2.0-beta.1", "999999999.0.10"])
def test_version_is_taken(text: str) -> None:
    """As semver.org has them, within a length."""
    assert _VERSION.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2",
        "1.2.3.4",
        "01.2.0",
        "1.2.0-",
        "1.2.0 ",
        "1.2.0\n",
        "1000000000.0.0",
        "1.2\u0663.0",
    ],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    """Digits of other scripts look like numbers to some readers and not to others."""
    assert not _VERSION.fullmatch(text)
