"""The JavaScript side is put in place once; without it every test here is skipped."""

from __future__ import annotations

import pytest

from tests.interop.install import Unavailable, install


@pytest.fixture(scope="session", autouse=True)
def javascript() -> None:
    """js-libp2p and the decoder in build/interop."""
    try:
        install()
    except Unavailable as error:
        pytest.skip(f"no JavaScript peer: {error}")
