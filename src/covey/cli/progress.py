"""What takes longer than a second says on standard error what it waits for.

On a terminal that is a line that is drawn anew, with the seconds; elsewhere one plain line.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from covey.cli.output import plain, say

__all__ = ["progress"]

PATIENCE_S = 1.0  # what takes longer says so
_ERASE_LINE = "\r\x1b[K"
_LAST_ANSWER_S = 1.0  # for a reason that was asked for when the command ended


def _no_reason() -> str:
    return ""


@contextmanager
def progress(
    what: str, reason: Callable[[], str] = _no_reason, *, prints: bool = False
) -> Iterator[None]:
    """Say what takes longer, and why where that is known.

    reason: asked each second, in a thread of its own; may block. prints: whether results are
    printed meanwhile: no line is drawn between them, and nothing said without a reason.
    """
    is_done = threading.Event()
    show = _draw if sys.stderr.isatty() and not prints else _say_once
    thread = threading.Thread(target=show, args=(what, reason, is_done, prints), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join(_LAST_ANSWER_S)


def _draw(what: str, reason: Callable[[], str], is_done: threading.Event, _: bool) -> None:
    start = time.monotonic()
    while not is_done.wait(PATIENCE_S):
        why = reason()
        if is_done.is_set():
            break
        line = f"{what} … {time.monotonic() - start:.0f} s{why and f': {why}'}"
        room = max(20, shutil.get_terminal_size().columns - 1)  # only one line can be erased
        sys.stderr.write(_ERASE_LINE + plain(line)[:room])
        sys.stderr.flush()
    if time.monotonic() - start > PATIENCE_S:
        sys.stderr.write(_ERASE_LINE)
        sys.stderr.flush()


def _say_once(
    what: str, reason: Callable[[], str], is_done: threading.Event, wants_reason: bool
) -> None:
    while not is_done.wait(PATIENCE_S):
        why = reason()
        if is_done.is_set():
            return
        if why or not wants_reason:
            say(f"{what} …{why and f' {why}'}")
            return
