"""Bytes of applications as people read them: keys and values are any bytes, most are text."""

from __future__ import annotations

import base64

__all__ = ["BASE64_PREFIX", "readable"]

BASE64_PREFIX = "base64:"


def readable(content: bytes, *reserved: str) -> str:
    """The text that bytes are, where it is printable; else `base64:…`.

    reserved: beginnings that mean something else where it is shown.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    is_readable = text.isprintable() and not text.startswith((BASE64_PREFIX, *reserved))
    if is_readable and (text or not content):
        return text
    return BASE64_PREFIX + base64.b64encode(content).decode()
