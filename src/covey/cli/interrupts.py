"""Ctrl-C while modules load: Python would complain from inside its import machinery."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quitting_at_once"]

_INTERRUPTED = 130  # as `covey.cli.exits`


@contextmanager
def quitting_at_once() -> Iterator[None]:
    """In the block Ctrl-C ends the process without a word: nothing is open that could be lost.

    For the main thread only.
    """
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
